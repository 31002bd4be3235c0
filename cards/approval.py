"""One approval: waiting, being decided, decided, gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.neo.models import Approval, ApprovalState
from cards import labels
from cards.actions import COMMENT_LIMIT
from cards.asking import belongs, joined, source
from cards.buttons import Verdict, buttons, question, showing
from cards.card import Card, plain
from cards.circumstances import Approved, Away, PutOff, named
from cards.parts import (
    Room,
    assemble,
    dotted,
    fitted,
    heading,
    line,
    quoted,
    remarked,
    small_print,
)
from cards.request import note, wish
from cards.waiting import Waiting, waiting
from cards.words import Reader

__all__ = ["Approved", "Away", "PutOff", "Waiting", "decided", "deciding", "gone", "waiting"]


def deciding(approval: Approval, reader: Reader, *, by: str) -> Card:
    """Somebody's decision is on its way to Neo: nobody else can press now."""
    title = f"{labels.BUSY} {plain(by, 80)} is deciding"
    return assemble(
        [
            heading(title, "accent"),
            *_about(approval, reader),
            small_print(source(approval, reader), showing(approval.id)),
        ],
        summary=f"{title}: {wish(approval)} ({belongs(approval, reader)}).",
        approval=approval.id,
    )


def decided(
    approval: Approval,
    reader: Reader,
    *,
    by: str | None,
    for_name: str | None = None,
    with_name: str | None = None,
    at: datetime | None = None,
    comment: str | None = None,
    remark: str | None = None,
    run: str | None = None,
    verdict: Verdict | None = None,
) -> Card:
    """A decided approval: which way, who, when, with what comment. No buttons to decide.

    Args:
        approval: As Neo has it now.
        reader: Who reads.
        by: Who decided; None: as Neo names them, if it does.
        for_name: The colleague or group in whose name they did.
        with_name: Who had approved it before them, where two had to.
        at: When.
        comment: What they wrote.
        remark: Why it was redrawn: "Alex Wilber was faster."
        run: Id of the run it belongs to, if that is known.
        verdict: What was decided, where Neo's list does not say it yet.
    """
    mark = _verdict(approval, verdict)
    name = plain(by or (approval.decided_by.name if approval.decided_by else None), 80)
    who, before = _who(mark, named(name, for_name) if name else "", plain(with_name, 80))
    title = f"{mark} by {who}" if who else str(mark)
    when = reader.ago(at) if at else ""
    wanted, origin = wish(approval), source(approval, reader)

    def draw(room: Room) -> Card:
        wrote = plain(comment, room.text)
        noted = "" if wrote else note(approval, room.text)
        place = dotted(
            labels.ticket(approval.ticket_number),
            labels.client(approval, approval.requested_for),
            when,
        )
        return assemble(
            [
                remarked(remark),
                heading(title, mark.ground),
                line(wanted, spacing="Small"),
                line(place, subtle=True, spacing="Small"),
                line(before, spacing="Small"),
                quoted(wrote) if wrote else None,
                line(noted and f"Comment in Neo: {noted}"),
                *buttons(question("Show the run", f"run {run}" if run else None)),
                small_print(origin),
            ],
            summary=joined(
                plain(remark, 200),
                f"{title}: {wanted} ({place})." + (f" Comment: “{wrote}”" if wrote else ""),
                before,
                noted and f"Comment in Neo: {noted}",
                origin,
            ),
            approval=approval.id,
        )

    return fitted(draw, Room(text=COMMENT_LIMIT))


def _who(mark: labels.Mark, by: str, first: str) -> tuple[str, str]:
    """Who decided, in the title, and a line about who had approved what was then not approved."""
    if not first:
        return by, ""
    if mark.shape == labels.GOOD:
        return " and ".join(filter(None, (first, by))), ""
    return by, f"{first} had approved it."


def _verdict(approval: Approval, verdict: str | None) -> labels.Mark:
    if verdict == "approve":
        return labels.Mark(labels.GOOD, "Approved", "Good")
    if verdict == "reject":
        return labels.Mark(labels.BAD, "Rejected", "Attention")
    if approval.state is ApprovalState.PENDING:
        return labels.Mark(labels.SKIPPED, "Decided", None)
    return labels.state(approval)


def _about(approval: Approval, reader: Reader) -> list[Any]:
    where = line(belongs(approval, reader), subtle=True, spacing="Small")
    return [line(wish(approval), spacing="Small"), where]


def gone(approval_id: str, reader: Reader) -> Card:
    """An approval that Neo no longer has."""
    number = plain(approval_id, 40)
    title = f"{labels.SKIPPED} Approval {number} is no longer in Neo"
    told = "Nothing can be decided here any more."
    return assemble(
        [
            heading(title),
            line(told),
            *buttons(question("Pending approvals", "pending approvals")),
            small_print(reader.as_of()),
        ],
        summary=f"{title}, {reader.as_of()}. {told}",
        approval=approval_id,
    )
