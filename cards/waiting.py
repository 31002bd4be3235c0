"""An approval that waits: for everybody, and for each of those who may decide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from bot.neo.models import Approval
from cards import circumstances as around
from cards import elements as el
from cards import evidence as gathered
from cards import labels
from cards.actions import COMMENT_INPUT, COMMENT_LIMIT, ShowApproval
from cards.asking import asking, belongs, joined, number_to_type, source
from cards.buttons import buttons, evidence_of, showing, snoozing, verdicts
from cards.card import Card, plain
from cards.changes import changed_parts, changed_words, changes
from cards.circumstances import Approved, Away, PutOff
from cards.evidence import Evidence
from cards.parts import (
    Room,
    assemble,
    facts,
    fitted,
    heading,
    line,
    remarked,
    small_print,
)
from cards.parts import run as piece
from cards.request import asked
from cards.words import Reader, ended

NOBODY: Final = "Neo names nobody who may decide this here. Decide it in Neo."
MOST_REFRESHING: Final = 60
"""Teams draws own views for at most so many people (its documentation of `refresh`)."""
_MINE_COUNTS: Final = "You have approved it. Somebody else has to, too; you may still reject it."
_ALL_APPROVED: Final = "Everybody who was asked has approved it. One more person has to."
_TOO_FEW: Final = (
    "Fewer people may approve this than have to: as things stand it cannot go through here. "
    "Decide it in Neo, or ask your administrator for a second group."
)
_EVIDENCE: Final = "What it did so far, and earlier decisions"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An approval that waits, for one reader or for all.

    Attributes:
        approval: As Neo has it now.
        shown: Signed digest of what this card shows; travels in its buttons.
        may_press: With a comment field and buttons; else who it waits for.
        may_approve: Whether Approve is among the buttons: nobody approves the same twice.
        why_not: Why the one reader may not decide it.
        stands_in_for: The colleague or group in whose name the reader decides.
        before: What an earlier card showed: what differs now is marked.
        remark: Why it was redrawn.
        comment: What the person had typed already, kept in the field.
        comment_to_reject: A rejection needs a comment.
        confirm: Why the ticket's number will be asked before it is approved; None: it will not.
        people: How many have to approve it.
        too_few: Whether fewer than that may ever approve it here, as things stand.
        approved: Who did already, oldest first.
        away: Who decides for whom of those who were asked.
        snoozed: Who put it off.
        second_group: The name of the second group, once it has heard of it.
        group_may_decide: Whether its people may decide it now.
        refresh_for: Accounts in Teams of those whose clients draw their own view.
        evidence: What the reader asked to see under it.
    """

    approval: Approval
    shown: str = ""
    may_press: bool = False
    may_approve: bool = True
    why_not: str | None = None
    stands_in_for: str | None = None
    before: Approval | None = None
    remark: str | None = None
    comment: str = ""
    comment_to_reject: bool = False
    confirm: str | None = None
    people: int = 1
    too_few: bool = False
    approved: Sequence[Approved] = ()
    away: Sequence[Away] = ()
    snoozed: Sequence[PutOff] = ()
    second_group: str | None = None
    group_may_decide: bool = False
    refresh_for: Sequence[str] = ()
    evidence: Evidence | None = None


def waiting(view: Waiting, reader: Reader) -> Card:
    """What is asked, where, since when and how it stands; with buttons for who may press them."""
    approval, decide = view.approval, _decides(view)
    todo = _todo(view, reader, decide=decide)
    wanted = asking(approval)
    changed = changes(view.before, approval) if view.before else []
    stuck = _TOO_FEW if view.too_few else ""

    def draw(room: Room) -> Card:
        wish, near = wanted(room), _around(view, reader, min(room.text, around.NAME), decide=decide)
        remark = plain(view.remark, min(room.text, 200))
        return assemble(
            [
                remarked(remark),
                heading(wish.title),
                line(belongs(approval, reader), subtle=True, spacing="Small"),
                *(changed_parts(changed, room) if view.before else ()),
                *wish.parts,
                facts(near, spacing="Medium"),
                line(stuck and piece(f"{labels.WARNING} {stuck}", weight="Bolder")),
                *(gathered.parts(view.evidence, reader, room) if view.evidence else ()),
                *_decision(view, room, decide=decide),
                *(() if decide else _waits(view, todo)),
                small_print(source(approval, reader), _again(view, decide=decide)),
            ],
            summary=joined(
                remark,
                f"{wish.title} ({belongs(approval, reader)}). {todo}",
                "" if decide else _why_not(view),
                stuck,
                changed_words(changed, room) if view.before else "",
                wish.words,
                "; ".join(f"{label}: {value}" for label, value in near if value),
                _asks_first(view) if decide else "",
                _evidence_words(view.evidence, reader, room),
                source(approval, reader),
            ),
            approval=approval.id,
            refresh=_refresh(view),
        )

    return fitted(draw, Room(rows=30, text=1200))


def _decides(view: Waiting) -> bool:
    """Whether it has buttons: nobody can press them where nobody may decide."""
    somebody = view.approval.approvers or view.stands_in_for or view.second_group
    return view.may_press and bool(somebody)


def _todo(view: Waiting, reader: Reader, *, decide: bool) -> str:
    if decide:
        reject = " Say why where you reject it." if view.comment_to_reject else ""
        if not view.may_approve:
            return f"{_MINE_COUNTS}{reject}"
        return f"Approve or reject it, with a comment if you like.{reject}"
    who = _still_asked(view, reader)
    if not who:
        return _ALL_APPROVED if view.approval.approvers else NOBODY
    return f"Waiting for {who}."


def _still_asked(view: Waiting, reader: Reader) -> str:
    """Whom it waits for: those who were asked and have not approved it, and the second group."""
    done = {one.person.lower() for one in view.approved}
    left = [one for one in view.approval.approvers if (one.user_id or "").lower() not in done]
    who = asked(view.approval.model_copy(update={"approvers": left}), reader, last="or")
    group = plain(view.second_group, 60) if view.group_may_decide else ""
    return f"{who} or {group}" if who and group else who or group


def _around(view: Waiting, reader: Reader, most: int, *, decide: bool) -> list[tuple[str, str]]:
    """Who was asked and what they did about it, as facts; names of ``most`` characters."""
    mine = view.stands_in_for if decide else None
    group = plain(view.second_group, min(most, 60))
    as_group = f"You decide as one of {group}" if mine and mine == view.second_group else ""
    found = [
        ("Asked", asked(view.approval, reader) if decide else ""),
        ("Approved", around.votes(view.people, view.approved, reader, most)),
        ("Stand-in", as_group),
        ("Away", around.away(view.away, reader, you_for=None if as_group else mine, most=most)),
        ("Put off", around.put_off(view.snoozed, reader, most)),
        ("Also told", "" if as_group else group),
    ]
    return [(label, plain(value, 4 * most)) for label, value in found]


def _decision(view: Waiting, room: Room, *, decide: bool) -> list[Any]:
    """The way to more, the comment and the buttons."""
    if not decide:
        return []
    number, first = view.approval.id, _asks_first(view)
    pressed = verdicts(number, view.shown, asks_first=bool(view.confirm))
    if not view.may_approve:
        pressed = pressed[1:]
    return [
        None if view.evidence else _to_evidence(number),
        None if view.may_approve else line(_MINE_COUNTS, spacing="Medium"),
        line(first and f"{labels.WARNING} {first}"),
        comment_field(view.comment, room, to_reject=view.comment_to_reject),
        *buttons(*pressed, snoozing(number), primary=2),
    ]


def comment_field(typed: str, room: Room, *, to_reject: bool = False) -> el.TextInput:
    """The field for a comment; ``to_reject``: a rejection needs one."""
    return el.TextInput(
        id=COMMENT_INPUT,
        label="Comment (needed to reject)" if to_reject else "Comment (optional)",
        placeholder="Why, for whoever looks at this later",
        multiline=True,
        value=plain(typed, min(COMMENT_LIMIT, room.text * 2)) or None,
        max_length=COMMENT_LIMIT,
    )


def _to_evidence(approval: str) -> el.Container | None:
    tap = evidence_of(approval, _EVIDENCE)
    if tap is None:
        return None
    said = line(piece(f"▸ {_EVIDENCE}", color="Accent"))
    return el.Container(spacing="Small", select_action=tap, items=[said])


def _asks_first(view: Waiting) -> str:
    said = ended(plain(view.confirm, 200)) if view.may_approve else ""
    return f"{said} To approve it, you type {number_to_type(view.approval)}." if said else ""


def _waits(view: Waiting, todo: str) -> list[Any]:
    why = _why_not(view)
    return [line(why, spacing="Medium"), line(todo, spacing="Small" if why else "Medium")]


def _why_not(view: Waiting) -> str:
    """Why the reader may not decide it, unless the first line says so already."""
    why = plain(view.why_not, 200)
    return "" if why in plain(view.remark, 400) else why


def _evidence_words(found: Evidence | None, reader: Reader, room: Room) -> str:
    """As much of it in words as there is room for."""
    lines = gathered.words(found, reader).split("\n") if found else []
    return "\n".join(plain(one, room.text) for one in lines[: room.rows])


def _again(view: Waiting, *, decide: bool) -> ShowApproval | None:
    """The tap that draws it anew: also for those who were asked and whose client did not."""
    return showing(view.approval.id) if decide or (view.refresh_for and not view.why_not) else None


def _refresh(view: Waiting) -> el.Refresh | None:
    """What makes each approver's client draw their own view; None where there are too many."""
    if view.evidence:
        return None  # their own view is drawn without it: what somebody asked for would vanish
    if not 0 < len(view.refresh_for) <= MOST_REFRESHING:
        return None
    try:
        payload = ShowApproval(approval=view.approval.id)
    except ValidationError:
        return None
    action = el.Execute(title="Refresh", verb=payload.verb, data=payload.pack())
    return el.Refresh(action=action, users=list(view.refresh_for))
