"""Runs, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.neo.models import Outcome, Run
from cards import labels
from cards.buttons import question, select
from cards.card import Card, plain
from cards.listing import Listing, listing
from cards.parts import (
    Room,
    dotted,
    line,
    row,
    run,
)
from cards.periods import period
from cards.words import Reader, counted, duration

_ADJECTIVES: Final = {
    "failed": "failed ",
    "succeeded": "succeeded ",
    "skipped": "skipped ",
    "running": "running ",
    "waiting": "waiting ",
}


@dataclass(frozen=True, slots=True)
class RunsView:
    """A list of runs and what was asked for.

    Attributes:
        runs: The runs to show, newest first.
        agent: Only this agent's, by its name.
        status: Only these: failed, succeeded, skipped, running, waiting.
        ticket: Only those on this ticket, its number.
        since: Not before; aware UTC.
        until: Before; aware UTC.
        limit: How many were asked for, if a number was named.
        more: There are more in Neo than were read.
        total_known: How many are known to fit, those not shown included.
        question: The question that this list answers, to ask it again; None: no refresh.
        unread: Words of the question that did not narrow the list.
    """

    runs: Sequence[Run]
    agent: str | None = None
    status: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    more: bool = False
    total_known: int = 0
    question: str | None = None
    unread: Sequence[str] = ()


def runs(view: RunsView, reader: Reader) -> Card:
    """A line for each run; a tap shows it."""
    there, any_agent = max(view.total_known, len(view.runs)), view.agent is None
    shown: Listing[Run] = Listing(
        title=_title(view, reader, there),
        items=view.runs,
        there=there,
        row=lambda one, room: run_row(one, reader, room, agent=any_agent),
        words=lambda one: run_words(one, reader, agent=any_agent),
        nexts=[question(*each) for each in _next(view)],
        more=view.more,
        limit=view.limit,
        again=view.question,
        unread=view.unread,
    )
    return listing(shown, reader)


def _title(view: RunsView, reader: Reader, there: int) -> str:
    kind = _ADJECTIVES.get(view.status or "", "")
    of = f" of {plain(view.agent, 80)}" if view.agent else ""
    on = f" on {labels.ticket(view.ticket)}" if view.ticket else ""
    when = period(view.since, view.until, reader)
    rest = f"{of}{on}{f' {when}' if when else ''}"
    if not there:
        return f"No {kind}runs{rest}"
    if view.limit is not None and len(view.runs) == view.limit:
        newest = f"newest {kind}run" if there == 1 else f"{len(view.runs):,} newest {kind}runs"
        return f"The {newest}{rest}"
    least = "At least " if view.more else ""
    return f"{least}{counted(there, f'{kind}run')}{rest}"


def _next(view: RunsView) -> list[tuple[str, str | None]]:
    """The next questions: narrower where there is much, wider where there is nothing."""
    kind = _ADJECTIVES.get(view.status or "", "")
    if not view.runs:
        return [
            ("This week", f"{kind}runs this week") if view.since else ("Latest runs", "runs"),
            ("All runs", "runs") if view.since or view.status else ("Agents", "agents"),
            ("Status", "status"),
        ]
    asked: list[tuple[str, str | None]] = []
    names = {one.agent_name for one in view.runs if one.agent_name}
    first = view.runs[0]
    if view.agent is None and len(names) > 1 and first.agent_name:
        name = plain(first.agent_name, 80)
        asked.append((f"Only {plain(name, 28)}", f"{kind}runs for {name}"))
    if view.status is None and any(one.outcome is Outcome.FAILED for one in view.runs):
        of = f" for {plain(view.agent, 80)}" if view.agent else ""
        asked.append(("Only failed", f"failed runs{of}"))
    if view.agent is not None:
        asked.append((plain(view.agent, 28), f"agent {plain(view.agent, 80)}"))
    if len(view.runs) > 1:
        asked.append(("Newest run", f"run {plain(first.id, 128)}"))
    asked.append(("This week", f"{kind}runs this week"))
    return asked


def run_row(one: Run, reader: Reader, room: Room, *, agent: bool = True) -> Any:
    """A run as a line of a list; without ``agent`` its name is left out, being in the heading."""
    mark = labels.outcome(one)
    name = labels.agent(one.agent_name, one.agent_id) if agent else mark.word
    told = plain(one.error or one.message, min(room.text, 140))
    return row(
        line(run(f"{mark.shape} ", color=mark.color), run(name, weight="Bolder"), _where(one)),
        line(_when(one, reader, mark, named=agent), subtle=True, spacing="None"),
        line(told, spacing="None"),
        tap=select(f"Show run {plain(one.id, 40)}", f"run {plain(one.id, 128)}"),
    )


def run_words(one: Run, reader: Reader, *, agent: bool = True) -> str:
    """A run as a line of text."""
    mark = labels.outcome(one)
    name = labels.agent(one.agent_name, one.agent_id) if agent else ""
    return dotted(
        f"{mark} {name}".strip() + _where(one),
        _when(one, reader, mark, named=False),
        plain(one.error or one.message, 140),
        f"run {plain(one.id, 60)}",
    )


def _where(one: Run) -> str:
    number = labels.ticket(one.entity_number)
    return f" {number}" if number else ""


def _when(one: Run, reader: Reader, mark: labels.Mark, *, named: bool) -> str:
    return dotted(
        mark.word if named else "",
        labels.client(one),
        reader.exact(one.created_at) if one.created_at else "",
        duration(one.seconds_spent),
    )
