"""What helps to decide: the steps of the run that asks, and how such requests ended before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.neo.models import ApprovalState, Outcome, Run, Step
from cards import elements as el
from cards import labels
from cards.buttons import select
from cards.card import plain
from cards.fields import told
from cards.parts import Room, dotted, folded, line, row
from cards.parts import run as piece
from cards.steps import Shown, numbered, step_detail
from cards.words import Reader, counted

DAYS: Final = 90
"""How far back earlier decisions are looked for."""
MOST_EARLIER: Final = 10
"""Most earlier decisions that are shown."""

RUN: Final = "which run asks"
STEPS: Final = "the steps of that run"
EARLIER: Final = "earlier decisions"
ENDS: Final = "how the runs of earlier decisions ended"
"""Names of the parts that may be missing."""

_MOST_BYTES: Final = 15_000  # the card around it needs the rest of what a card may have
_BYTES_FOR_TEXT: Final = 13  # a card drawn with less room for texts has less for this as well
_SHORT: Final = 240
_SEEN: Final = 8  # steps that are seen at once: the buttons come below
_ERROR: Final = 200
_ERRORS: Final = ("error", "message", "detail", "reason", "error_description", "code")
# Details go first, then what is long ago: most characters of each detail, steps, decisions.
_LEVELS: Final = (
    (1200, 20, 10), (600, 20, 10), (600, 20, 5), (240, 20, 5), (240, 10, 3), (0, 20, 5),
    (0, 10, 3), (0, 5, 3), (0, 2, 1), (0, 0, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier decision on a request of the same kind by the same agent.

    Attributes:
        id: Of the approval.
        state: Approved or rejected.
        by: Who decided; empty if nobody knows.
        at: When it was decided, aware UTC.
        ticket: Its ticket's number.
        client: Its client; empty if none is named.
        ended: How the run ended that had asked; None if that could not be found out.
    """

    id: str
    state: ApprovalState
    by: str
    at: datetime | None
    ticket: str | None = None
    client: str = ""
    ended: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was gathered.

    Attributes:
        run: The run that asks; None if it was not found.
        steps: Its steps, in order.
        earlier: Earlier decisions, newest first, at most `MOST_EARLIER`.
        missing: What could not be read: `RUN`, `STEPS`, `EARLIER`, `ENDS`.
    """

    run: Run | None = None
    steps: Sequence[Step] = ()
    earlier: Sequence[Earlier] = ()
    missing: Sequence[str] = ()

    @property
    def tally(self) -> str:
        """The earlier decisions in one sentence; empty if there are none."""
        if not self.earlier:
            return ""
        total = len(self.earlier)
        approved = [one for one in self.earlier if one.state is ApprovalState.APPROVED]
        if total == 1:
            said = "The last one was " + ("approved" if approved else "rejected")
        else:
            said = f"{len(approved) or 'None'} of the last {total} approved"
        return f"{said}{_ends(approved, alone=total == 1)}"


def _ends(approved: Sequence[Earlier], *, alone: bool) -> str:
    """How the runs of the approved ones ended."""
    if not approved:
        return ""
    failed = sum(one.ended is Outcome.FAILED for one in approved)
    unknown = sum(one.ended is None for one in approved)
    if alone:
        return ", and its run failed" if failed else ", how it ended is not known" * unknown
    told = "" if unknown == len(approved) else f", {failed or 'none'} of those failed"
    return told + (f", how {unknown} ended is not known" if unknown else "")


@dataclass(frozen=True, slots=True)
class _Level:
    """How much is drawn."""

    text: int
    steps: int
    earlier: int


def parts(evidence: Evidence, reader: Reader, room: Room) -> list[Any]:
    """The evidence drawn: steps whose data opens with a tap, then earlier decisions.

    It keeps to its share of a card: what makes it too large is left out, details first, and the
    card says so. Ids of what opens begin with ``evidence-``.
    """
    listed = numbered(evidence.steps, evidence.run) if evidence.run else []
    most = min(_MOST_BYTES, room.text * _BYTES_FOR_TEXT)
    drawn: list[Any] = []
    for text, steps, earlier in _LEVELS:
        level = _Level(min(text, room.text), min(steps, room.rows), min(earlier, room.rows))
        drawn = [one for one in _drawn(evidence, listed, reader, level) if one is not None]
        if len(json.dumps(el.rendered(drawn))) <= most:
            break
    return drawn


def words(evidence: Evidence, reader: Reader) -> str:
    """The same as lines of text."""
    listed = numbered(evidence.steps, evidence.run) if evidence.run else []
    lines = [_steps_title(evidence, listed)]
    for one in listed[-_LEVELS[0][1] :]:
        lines.append(dotted(f"{one.number} {one.mark.shape} {one.name}", _tool(one), one.took))
        lines.append(_error(one))
    lines.append(_earlier_title(evidence))
    lines += [_earlier_words(one, reader) for one in evidence.earlier]
    lines.append(_unread(evidence))
    return "\n".join(filter(None, lines))


def _drawn(
    evidence: Evidence, listed: Sequence[Shown], reader: Reader, level: _Level
) -> Iterator[Any]:
    yield line(piece(_steps_title(evidence, listed), weight="Bolder"), spacing="Medium")
    if evidence.run is not None:
        # The latest steps led to the question.
        kept = listed[max(len(listed) - level.steps, 0) :]
        before, last = kept[:-_SEEN], kept[-_SEEN:]
        rows = [part for one in before for part in _step(one, level.text)]
        yield from folded(f"Show the {len(before)} before", rows, name="evidence-before")
        for one in last:
            yield from _step(one, level.text)
        yield line(_left_out(listed, level), subtle=True, spacing="Small")
        shown = plain(evidence.run.id, 128)
        tap = select("Show the whole run", f"run {shown}")
        if tap is not None and level.steps:
            yield row(line(piece("The whole run", color="Accent")), tap=tap, separator=False)
    yield line(piece(_earlier_title(evidence), weight="Bolder"), spacing="Medium")
    rows = [_earlier_row(one, reader) for one in evidence.earlier[: level.earlier]]
    total = len(evidence.earlier)
    title = f"Show the {total}" if len(rows) == total > 1 else f"Show the newest {len(rows)}"
    title = "Show it" if total == 1 else title
    yield from folded(title, rows, name="evidence-earlier")
    unread = _unread(evidence)
    yield line(piece(unread), spacing="Small") if unread else None


def _steps_title(evidence: Evidence, listed: Sequence[Shown]) -> str:
    if evidence.run is None:
        return "" if RUN in evidence.missing else "Which run asks was not found in Neo"
    if not listed:
        return "" if STEPS in evidence.missing else "The run that asks has no steps yet"
    return f"What it did so far: {counted(len(listed), 'step')}"


def _earlier_title(evidence: Evidence) -> str:
    if evidence.earlier:
        return f"Such requests before: {_lowered(evidence.tally)}"
    return (
        ""
        if EARLIER in evidence.missing
        else f"No such request was decided in the last {DAYS} days"
    )


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _unread(evidence: Evidence) -> str:
    """What is not here, in words that nobody takes for good news."""
    if not evidence.missing:
        return ""
    *others, last = (plain(one, 80) for one in evidence.missing)
    named = f"{', '.join(others)} and {last}" if others else last
    return f"{labels.WARNING} Neo did not say: {named}. Look in Neo, or ask again in a moment."


# Steps


def _step(one: Shown, text: int) -> Iterator[Any]:
    """A line for the step; tapping it opens what the agent thought, sent and read."""
    name = f"evidence-step-{one.number}"
    detail = _opened(one, text, name) if text else []
    subtle = dotted(_tool(one), one.took)
    error = _error(one)
    said = [
        line(one.name, narrow=True),
        line(piece(subtle, size="Small", isSubtle=True), spacing="None") if subtle else None,
        line(piece(error, size="Small"), spacing="None") if error else None,
    ]
    mark = line(f"{one.number} ", piece(one.mark.shape, color=one.mark.color))
    columns = [
        el.Column(width="auto", items=[mark]),
        el.Column(width="stretch", items=[part for part in said if part is not None]),
    ]
    if not detail:
        yield el.Columns(spacing="Small", columns=columns)
        return
    shut, open_ = f"{name}-shut", f"{name}-open"
    columns.append(
        el.Column(
            width="auto",
            items=[
                el.RichText(id=shut, inlines=[piece("▸", color="Accent")]),
                el.RichText(id=open_, inlines=[piece("▾", color="Accent")], visible=False),
            ],
        )
    )
    toggle = el.ToggleVisibility(title=f"Step {one.number} in detail", targets=[name, shut, open_])
    yield el.Columns(spacing="Small", columns=columns, select_action=toggle)
    yield el.Container(id=name, visible=False, style="emphasis", spacing="Small", items=detail)


def _opened(one: Shown, text: int, name: str) -> list[Any]:
    """Its details in short; where that is not all, the whole of it folded again."""
    short = step_detail(one, Room(text=min(text, _SHORT)))
    if text <= _SHORT:
        return short
    whole = step_detail(one, Room(text=text))
    if el.rendered(whole) == el.rendered(short):
        return short
    return [*short, *folded("Show all", whole, name=f"{name}-all")]


def _tool(one: Shown) -> str:
    said = labels.words(one.parts[0].tool)
    return "" if said == one.name else said


def _error(one: Shown) -> str:
    """What went wrong at a step that failed."""
    wrong = next((part for part in reversed(one.parts) if part.is_error), None)
    if wrong is None:
        return ""
    said = told(wrong.message, _ERROR)
    return said if said and said != one.name else told(_error_in(wrong.data), _ERROR)


def _error_in(data: Any) -> str:
    """What a tool's answer calls its error."""
    for _ in range(3):
        if isinstance(data, str):
            return data
        named = (data.get(name) for name in _ERRORS) if isinstance(data, dict) else ()
        data = next(filter(None, named), None)
    return data if isinstance(data, str) else ""


def _left_out(listed: Sequence[Shown], level: _Level) -> str:
    """What the card has no room for."""
    left = len(listed) - level.steps
    first = f"The first {counted(left, 'step')}" if left > 0 else ""
    if level.text or not listed:
        return f"Left out here: {first.lower()}" if first else ""
    if first:
        return f"{first} and what all of them read are left out here"
    return "What they read is left out here: it is too much"


# Earlier decisions


def _mark(one: Earlier) -> labels.Mark:
    if one.state is ApprovalState.APPROVED:
        return labels.Mark(labels.GOOD, "Approved", "Good")
    return labels.Mark(labels.BAD, "Rejected", "Attention")


def _ended(one: Earlier) -> str:
    if one.state is not ApprovalState.APPROVED:
        return ""
    known = {
        Outcome.FAILED: f"{labels.BAD} its run failed",
        Outcome.SUCCEEDED: f"{labels.GOOD} its run succeeded",
        Outcome.SKIPPED: f"{labels.SKIPPED} its run was skipped",
        Outcome.RUNNING: f"{labels.BUSY} its run goes on",
        Outcome.WAITING: f"{labels.WAITING} its run waits",
    }
    unknown = "how its run ended is not known"
    return known.get(one.ended, unknown) if one.ended else unknown


def _earlier_title_of(one: Earlier, reader: Reader) -> str:
    by = f" by {plain(one.by, 60)}" if one.by else ""
    return f"{_mark(one).word}{by}" + (f", {reader.exact(one.at)}" if one.at else "")


def _earlier_place(one: Earlier) -> str:
    return dotted(labels.ticket(one.ticket), plain(one.client, 60), _ended(one))


def _earlier_row(one: Earlier, reader: Reader) -> el.Container:
    mark = _mark(one)
    place = dotted(_earlier_place(one), f"approval {plain(one.id, 40)}")
    return el.Container(
        spacing="Small",
        items=[
            line(piece(f"{mark.shape} ", color=mark.color), _earlier_title_of(one, reader)),
            line(piece(place, size="Small", isSubtle=True), spacing="None"),
        ],
    )


def _earlier_words(one: Earlier, reader: Reader) -> str:
    return dotted(f"{_mark(one).shape} {_earlier_title_of(one, reader)}", _earlier_place(one))
