"""What became of several decisions made at once: each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.neo.models import Approval
from cards import labels
from cards.buttons import Verdict, buttons, question, select
from cards.card import Card, plain
from cards.circumstances import HALF
from cards.parts import (
    Room,
    and_more,
    assemble,
    dotted,
    fitted,
    heading,
    line,
    quoted,
    row,
    run,
    small_print,
)
from cards.request import wish
from cards.words import Reader

_COUNTED: Final = "Counted"
_DONE: Final = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of them.

    Attributes:
        approval: As Neo has it now; None if it is not known.
        number: Its id.
        went: The decision was taken.
        text: What became of it; where it was not taken, why, and what to do.
    """

    approval: Approval | None
    number: str
    went: bool
    text: str


def results(
    verdict: Verdict, found: Sequence[Result], reader: Reader, comment: str, *, by: str = ""
) -> Card:
    """How many went through, then a line for each, those that did not first; a tap shows it.

    ``by``: who decided, where others read it too.
    """
    mark, title = _headline(verdict, found)
    who = plain(by, 60)
    title = f"{who}: {title}" if who else title
    ordered = sorted(found, key=lambda one: one.went)

    def draw(room: Room) -> Card:
        shown, wrote = ordered[: room.rows], plain(comment, room.text)
        left = and_more(len(shown), len(ordered))
        return assemble(
            [
                heading(f"{mark.shape} {title}", mark.ground),
                quoted(wrote) if wrote else None,
                *(_row(one, verdict, room) for one in shown),
                line(left, subtle=True),
                *buttons(question("Pending approvals", "pending approvals")),
                small_print(reader.as_of()),
            ],
            summary="\n".join(
                [
                    f"{mark.shape} {title}, {reader.as_of()}.",
                    f"Comment: “{wrote}”" if wrote else "",
                    *(_words(one, verdict, room) for one in shown),
                    left,
                ]
            ),
        )

    return fitted(draw, Room(rows=30, text=400))


def _headline(verdict: Verdict, found: Sequence[Result]) -> tuple[labels.Mark, str]:
    """How many went and how many did not, with its mark."""
    words = [_mark(one, verdict).word for one in found]
    done = _DONE[verdict]
    went = words.count(done.capitalize())
    counts = (
        (went, done),
        (words.count(_COUNTED), "counted"),
        (sum(not r.went for r in found), "not"),
    )
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    if all(one.went for one in found):
        return labels.Mark(labels.GOOD, "", "Good"), told or f"None {done}"
    if not any(one.went for one in found):
        told = f"None of {len(found)} {done}" if len(found) > 1 else f"Not {done}"
        return labels.Mark(labels.BAD, "", "Attention"), told
    return labels.Mark(labels.WARNING, "", "Warning"), told


def _mark(one: Result, verdict: Verdict) -> labels.Mark:
    """How one went; a decision that was taken and settles nothing yet only counts."""
    done = _DONE[verdict]
    if not one.went:
        return labels.Mark(labels.BAD, f"Not {done}", "Attention")
    if one.text and not one.text.lower().startswith(done):
        return labels.Mark(HALF, _COUNTED, "Accent")
    return labels.Mark(labels.GOOD, done.capitalize(), "Good")


def _told(one: Result, mark: labels.Mark, room: Room) -> str:
    """What became of it, where that is more than the mark's word."""
    said = plain(one.text, min(room.text, 240))
    more = "" if said.rstrip(".").lower() == mark.word.lower() else said
    return f"{more[:1].upper()}{more[1:]}"


def _row(one: Result, verdict: Verdict, room: Room) -> Any:
    mark = _mark(one, verdict)
    number = plain(one.number, 60)
    return row(
        line(run(f"{mark.shape} ", color=mark.color), run(_title(one), weight="Bolder")),
        line(dotted(mark.word, _place(one)), subtle=True, spacing="None"),
        line(_told(one, mark, room), spacing="None"),
        tap=select(f"Show approval {plain(one.number, 40)}", f"approval {number}"),
    )


def _title(one: Result) -> str:
    return wish(one.approval, 140) if one.approval else f"Approval {plain(one.number, 40)}"


def _place(one: Result) -> str:
    if one.approval is None:
        return ""
    return dotted(
        labels.ticket(one.approval.ticket_number),
        labels.client(one.approval, one.approval.requested_for),
        f"approval {plain(one.number, 40)}",
    )


def _words(one: Result, verdict: Verdict, room: Room) -> str:
    mark = _mark(one, verdict)
    told = _told(one, mark, room)
    return dotted(f"{mark.shape} {_title(one)}", mark.word, _place(one), told)
