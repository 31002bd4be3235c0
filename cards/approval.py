"""One approval: waiting, being decided, decided, gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from bot.neo.models import Approval, ApprovalState
from cards import elements as el
from cards import labels
from cards.actions import COMMENT_INPUT, COMMENT_LIMIT
from cards.buttons import buttons, question, showing, verdicts
from cards.card import Card, plain
from cards.fields import CUT
from cards.parts import (
    Room,
    assemble,
    dotted,
    facts,
    fitted,
    folded,
    heading,
    line,
    quoted,
    remarked,
    small_print,
)
from cards.parts import run as piece
from cards.request import Field, asked, known_facts, note, whole_wish, wish
from cards.words import Reader

NOBODY: Final = "Neo names nobody who may decide this here. Decide it in Neo."


def pending(
    approval: Approval,
    reader: Reader,
    *,
    shown: str,
    may_press: bool = True,
    remark: str | None = None,
    comment: str = "",
) -> Card:
    """An open approval.

    Args:
        approval: As Neo has it now.
        reader: Who reads.
        shown: Signed digest of what this card shows; travels in its buttons.
        may_press: With a comment field and buttons; else who it waits for.
        remark: Why it was redrawn: "This changed since you saw it: look again."
        comment: What the person had typed already, kept in the field.
    """
    title = wish(approval)
    who = asked(approval, reader)
    first, rest = known_facts(approval)
    press = may_press and bool(who)
    if press:
        todo = "Approve or reject it, with a comment if you like."
    else:
        todo = f"Waiting for {asked(approval, reader, last='or')}." if who else NOBODY

    def draw(room: Room) -> Card:
        known = [(one.label, plain(one.value, min(room.text, 300))) for one in first]
        if press:
            known.append(("Asked", who))
        folds, complete = _rest(approval, rest, room)
        return assemble(
            [
                remarked(remark),
                heading(title),
                _where(approval, reader),
                facts(known, spacing="Medium"),
                *folds,
                None
                if complete
                else line(piece(f"{labels.WARNING} {_INCOMPLETE}", weight="Bolder")),
                *(
                    _decision(approval, shown, plain(comment, min(COMMENT_LIMIT, room.text * 2)))
                    if press
                    else [line(todo, spacing="Medium")]
                ),
                small_print(_source(approval, reader), showing(approval.id) if press else None),
            ],
            summary=_joined(
                plain(remark, 200),
                f"{title} ({_belongs(approval, reader)}). {todo}",
                "; ".join(f"{label}: {value}" for label, value in known),
                "" if complete else _INCOMPLETE,
                _source(approval, reader),
            ),
            approval=approval.id,
        )

    return fitted(draw, Room(rows=30, text=1200))


_INCOMPLETE: Final = (
    "This is more than a card holds. Read the whole of it in Neo before you decide."
)


def _joined(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _belongs(approval: Approval, reader: Reader) -> str:
    return dotted(
        labels.ticket(approval.ticket_number),
        labels.client(approval, approval.requested_for),
        f"{labels.WAITING} waiting {reader.age(approval.created_at)}"
        if approval.created_at
        else f"{labels.WAITING} waiting",
    )


def _where(approval: Approval, reader: Reader) -> Any:
    return line(_belongs(approval, reader), subtle=True, spacing="Small")


def _source(approval: Approval, reader: Reader) -> str:
    at = f"asked {reader.exact(approval.created_at)}" if approval.created_at else ""
    return dotted(f"Approval {plain(approval.id, 40)}", at, reader.as_of())


def _rest(approval: Approval, rest: Sequence[Field], room: Room) -> tuple[list[Any], bool]:
    """What is folded away, and whether that is all of it."""
    text = whole_wish(approval, room.text * 4)
    values = [(plain(one.label, 60), plain(one.value, room.text)) for one in rest[: room.rows]]
    complete = len(values) == len(rest) and not any(
        value.endswith("…") or value == CUT for _, value in [*values, ("", text)]
    )
    count = len(values) + bool(text)
    title = f"Show all ({count} more)" if count else ""
    return folded(title, [line(text), facts(values)], name="rest"), complete


def _decision(approval: Approval, shown: str, comment: str) -> list[Any]:
    return [
        el.TextInput(
            id=COMMENT_INPUT,
            label="Comment (optional)",
            placeholder="Why, for whoever looks at this later",
            multiline=True,
            value=comment or None,
            max_length=COMMENT_LIMIT,
        ),
        *buttons(*verdicts(approval.id, shown)),
    ]


def deciding(approval: Approval, reader: Reader, *, by: str) -> Card:
    """Somebody's decision is on its way to Neo: nobody else can press now."""
    title = f"{labels.BUSY} {plain(by, 80)} is deciding"
    return assemble(
        [
            heading(title, "accent"),
            *_about(approval, reader),
            small_print(_source(approval, reader), showing(approval.id)),
        ],
        summary=f"{title}: {wish(approval)} ({_belongs(approval, reader)}).",
        approval=approval.id,
    )


def decided(
    approval: Approval,
    reader: Reader,
    *,
    by: str | None,
    at: datetime | None = None,
    comment: str | None = None,
    remark: str | None = None,
    run: str | None = None,
    verdict: Literal["approve", "reject"] | None = None,
) -> Card:
    """A decided approval: which way, who, when, with what comment. No buttons to decide.

    Args:
        approval: As Neo has it now.
        reader: Who reads.
        by: Who decided; None: as Neo names them, if it does.
        at: When.
        comment: What they wrote.
        remark: Why it was redrawn: "Alex Wilber was faster."
        run: Id of the run it belongs to, if that is known.
        verdict: What was decided, where Neo's list does not say it yet.
    """
    mark = _verdict(approval, verdict)
    name = plain(by or (approval.decided_by.name if approval.decided_by else None), 80)
    title = f"{mark} by {name}" if name else str(mark)
    when = reader.ago(at) if at else ""

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
                line(wish(approval), spacing="Small"),
                line(place, subtle=True, spacing="Small"),
                quoted(wrote) if wrote else None,
                line(noted and f"Comment in Neo: {noted}"),
                *buttons(question("Show the run", f"run {run}" if run else None)),
                small_print(_source(approval, reader)),
            ],
            summary=_joined(
                plain(remark, 200),
                f"{title}: {wish(approval)} ({place})." + (f" Comment: “{wrote}”" if wrote else ""),
                noted and f"Comment in Neo: {noted}",
                _source(approval, reader),
            ),
            approval=approval.id,
        )

    return fitted(draw, Room(text=COMMENT_LIMIT))


def _verdict(approval: Approval, verdict: str | None) -> labels.Mark:
    if verdict == "approve":
        return labels.Mark(labels.GOOD, "Approved", "Good")
    if verdict == "reject":
        return labels.Mark(labels.BAD, "Rejected", "Attention")
    if approval.state is ApprovalState.PENDING:
        return labels.Mark(labels.SKIPPED, "Decided", None)
    return labels.state(approval)


def _about(approval: Approval, reader: Reader) -> list[Any]:
    return [line(wish(approval), spacing="Small"), _where(approval, reader)]


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
