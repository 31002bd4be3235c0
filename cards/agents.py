"""The agents, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from bot.neo.models import Agent
from cards import labels
from cards.buttons import question, select
from cards.card import Card
from cards.listing import Listing, listing
from cards.parts import (
    Room,
    dotted,
    line,
    row,
    run,
)
from cards.words import Reader, counted

_ADJECTIVE = {"enabled": " switched on", "disabled": " switched off", None: ""}
_QUESTION = {"enabled": "enabled agents", "disabled": "disabled agents", None: "agents"}


def agents(
    listed: Sequence[Agent],
    reader: Reader,
    *,
    status: Literal["enabled", "disabled"] | None = None,
    total: int | None = None,
) -> Card:
    """A line for each agent; a tap shows it.

    Args:
        listed: The agents to show, in order.
        reader: Who reads.
        status: Which agents were asked for; None for all.
        total: How many there are, where ``listed`` is only the first of them.
    """
    there = max(total or 0, len(listed))

    switched_on = question("Switched on", _QUESTION["enabled"], in_place=True)
    switched_off = question("Switched off", _QUESTION["disabled"], in_place=True)
    shown: Listing[Agent] = Listing(
        title=f"{counted(there, 'agent') if there else 'No agents'}{_ADJECTIVE[status]}",
        items=listed,
        there=there,
        row=lambda one, _: _row(one),
        words=_words,
        nexts=[
            question("All", _QUESTION[None], in_place=True) if status else None,
            None if status == "enabled" else switched_on,
            None if status == "disabled" else switched_off,
        ],
        again=_QUESTION[status],
    )
    return listing(shown, reader, Room(rows=20))


def switch(agent: Agent) -> labels.Mark:
    """Whether an agent is on, as shape, word and colour."""
    if agent.enabled is None:
        return labels.Mark(labels.UNKNOWN, labels.said(agent.state) or "State not known", None)
    if agent.enabled:
        return labels.Mark(labels.BUSY, "On", "Good")
    return labels.Mark(labels.SKIPPED, "Off", None)


def does(agent: Agent) -> str:
    """When it acts and on what: "Ticket · New ticket · Autonomous"."""
    kinds = (agent.entity_type, agent.trigger_type, agent.autonomy_type)
    return dotted(*(labels.said(kind) for kind in kinds if (kind or "").upper() != "NONE"))


def _row(agent: Agent) -> Any:
    mark, name = switch(agent), labels.agent(agent.name, agent.id)
    return row(
        line(run(f"{mark.shape} ", color=mark.color), run(name, weight="Bolder")),
        line(dotted(mark.word, does(agent)), subtle=True, spacing="None"),
        tap=select(f"Show {name}", f"agent {name}"),
    )


def _words(agent: Agent) -> str:
    mark = switch(agent)
    return dotted(f"{mark.shape} {labels.agent(agent.name, agent.id)}", mark.word, does(agent))
