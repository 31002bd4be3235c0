"""What was asked about is not there."""

from __future__ import annotations

from collections.abc import Sequence

from cards import labels
from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.parts import assemble, heading, line


def unknown_agent(said: str, nearest: Sequence[str], question_about: str = "agent {agent}") -> Card:
    """No agent is called so; the nearest names as buttons.

    Args:
        said: The name as the person typed it.
        nearest: Names of agents that there are, nearest first.
        question_about: What a button asks, ``{agent}`` standing for the name; by default the agent
            itself, else the person's own question with the right name in it.
    """
    title = f"There is no agent called “{plain(said, 80)}”"
    names = [plain(name, 80) for name in nearest[:5]]
    hint = "Did you mean one of these?" if names else "The list of agents has every name."
    return assemble(
        [
            heading(title),
            line(hint),
            *buttons(
                *(question(plain(n, 40), question_about.replace("{agent}", n)) for n in names),
                question("All agents", "agents"),
            ),
        ],
        summary=f"{title}. {hint} {', '.join(names)}",
    )


def unknown_run(run_id: str) -> Card:
    """No run has this id."""
    return _unknown(
        f"There is no run {plain(run_id, 80)}",
        "It may belong to another tenant, or the id is cut short. The latest runs have theirs.",
        {"Latest runs": "runs", "Failed runs": "failed runs"},
    )


def unknown_approval(approval_id: str) -> Card:
    """No approval has this number; it may be a ticket's."""
    number = plain(approval_id, 80)
    ticket = {f"Approvals on {labels.ticket(number)}": f"approvals on #{number}"}
    return _unknown(
        f"There is no approval {number}",
        "It may belong to another tenant, it is too old to be listed, or it is a ticket's number.",
        {**(ticket if number.isdecimal() else {}), "Pending approvals": "pending approvals"},
    )


def _unknown(title: str, hint: str, questions: dict[str, str]) -> Card:
    return assemble(
        [heading(title), line(hint), *buttons(*(question(t, q) for t, q in questions.items()))],
        summary=f"{title}. {hint}",
    )
