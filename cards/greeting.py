"""The first thing the bot says in a conversation."""

from __future__ import annotations

from typing import Literal

from cards.actions import Follow
from cards.buttons import buttons, following, question
from cards.card import Card
from cards.parts import assemble, heading, line

_FIRST = {
    "Pending approvals": "pending approvals",
    "Failed runs": "failed runs",
    "Agents": "agents",
    "Status": "status",
}


def greeting(scope: Literal["personal", "group", "channel"]) -> Card:
    """What the bot is, in two lines, and the four things to try first."""
    alone = scope == "personal"
    title = "Neo's agents, here in Teams"
    what = (
        "See what the agents do, decide what they ask, and hear when something breaks."
        if alone
        else "Anyone here can see what the agents do. The people an agent asks decide, "
        "each with their own card."
    )
    how = (
        "Type a question in your own words, or press one of these. “help” shows more."
        if alone
        else f"Mention me with a question, for example “@Neo failed runs since yesterday”. "
        f"Press a button and this {scope} hears by itself."
    )
    follow = [
        following("Follow failures here", Follow(topic="failures", on=True)),
        following("Follow approvals here", Follow(topic="approvals", on=True)),
    ]
    return assemble(
        [
            heading(title),
            line(what),
            line(how, subtle=True, spacing="Small"),
            *buttons(*(question(t, text) for t, text in _FIRST.items()), primary=len(_FIRST)),
            *([] if alone else buttons(*follow)),
        ],
        summary=f"{title}. {what} {how} To start: {', '.join(_FIRST.values())}.",
    )
