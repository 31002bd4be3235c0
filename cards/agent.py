"""One agent."""

from __future__ import annotations

from collections.abc import Sequence

from bot.neo.models import Agent, Outcome, Run
from cards import labels
from cards.agents import does, switch
from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.parts import Room, assemble, dotted, facts, fitted, heading, line, run, small_print
from cards.runs import run_row, run_words
from cards.words import Reader, counted


def agent(shown: Agent, runs: Sequence[Run], reader: Reader, *, waiting: int | None = None) -> Card:
    """What it is, whether it is on, its latest runs.

    Args:
        shown: The agent.
        runs: Its latest runs, newest first.
        reader: Who reads.
        waiting: How many of its approvals are open; None if that is not known.
    """
    mark, name = switch(shown), labels.agent(shown.name, shown.id)
    failed = sum(one.outcome is Outcome.FAILED for one in runs)
    known = {
        "State": f"{mark.shape} {mark.word}",
        "Acts on": labels.said(shown.entity_type),
        "Starts": labels.said(shown.trigger_type),
        "Autonomy": labels.said(shown.autonomy_type),
        "Approvals": f"{labels.WAITING} {waiting:,} waiting" if waiting else "",
        "Changed": reader.exact(shown.updated_at) if shown.updated_at else "",
    }
    record = f"{failed:,} of the last {counted(len(runs), 'run')} failed" if runs else "No runs yet"

    def draw(room: Room) -> Card:
        latest = runs[: min(room.rows, 5)]
        return assemble(
            [
                heading(name),
                line(
                    run(str(mark), color=mark.color),
                    run(f" · {does(shown)}", isSubtle=True) if does(shown) else None,
                ),
                facts((k, v) for k, v in known.items() if k in {"Approvals", "Changed"}),
                line(run(record, weight="Bolder"), spacing="Medium"),
                *(run_row(one, reader, room, agent=False) for one in latest),
                *buttons(
                    question("Failed runs", f"failed runs for {name}") if failed else None,
                    question("All its runs", f"runs for {name}") if runs else None,
                    question("Its approvals", f"pending approvals for {name}") if waiting else None,
                ),
                small_print(
                    dotted(f"Agent {plain(shown.id, 40)}", reader.as_of()),
                    refresh=f"agent {name}",
                ),
            ],
            summary="\n".join(
                [
                    dotted(f"Agent {name}", mark.word, does(shown), known["Approvals"])
                    + f". {record}.",
                    *(run_words(one, reader, agent=False) for one in latest),
                ]
            ),
        )

    return fitted(draw)
