"""The agents, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from bot.neo.models import Agent
from cards import labels
from cards.buttons import buttons, question, select
from cards.card import Card
from cards.parts import (
    Room,
    and_more,
    assemble,
    dotted,
    fitted,
    heading,
    line,
    row,
    run,
    small_print,
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

    def draw(room: Room) -> Card:
        title = (
            f"{counted(there, 'agent')}{_ADJECTIVE[status]}"
            if there
            else f"No agents{_ADJECTIVE[status]}"
        )
        shown = listed[: room.rows]
        left = and_more(len(shown), there)
        return assemble(
            [
                heading(title),
                *(_row(one) for one in shown),
                line(left, subtle=True),
                *buttons(
                    question("All", _QUESTION[None], in_place=True) if status else None,
                    None
                    if status == "enabled"
                    else question("Switched on", _QUESTION["enabled"], in_place=True),
                    None
                    if status == "disabled"
                    else question("Switched off", _QUESTION["disabled"], in_place=True),
                ),
                small_print(reader.as_of(), refresh=_QUESTION[status]),
            ],
            summary="\n".join([f"{title}, {reader.as_of()}:", *map(_words, shown), left]),
        )

    return fitted(draw, Room(rows=20))


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
