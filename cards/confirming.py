"""One approval on the brink: a press on a high-risk one, or an order in text, is confirmed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.neo.models import Approval
from cards import circumstances as around
from cards import elements as el
from cards import labels
from cards.actions import TYPED_INPUT
from cards.asking import asking, belongs, joined, number_to_type, source
from cards.buttons import Verdict, button, buttons, confirmed, showing
from cards.card import Card, plain
from cards.circumstances import Approved
from cards.parts import Room, assemble, facts, fitted, heading, line, remarked, small_print
from cards.parts import run as piece
from cards.waiting import comment_field
from cards.words import Reader, ended

_MOST_TYPED = 200


@dataclass(frozen=True, slots=True)
class Confirming:
    """A decision that is to be confirmed.

    Attributes:
        approval: As Neo has it now.
        shown: Signed digest of what this card shows.
        verdict: Which way.
        comment: What the person had typed already, kept in the field.
        ticket: The number to type; None: none is asked for.
        why: Why it is asked for: "It deletes something."
        remark: What was wrong with what they typed before.
        people: How many have to approve it.
        approved: Who did already, oldest first.
        comment_to_reject: A rejection needs a comment.
    """

    approval: Approval
    shown: str
    verdict: Verdict
    comment: str = ""
    ticket: str | None = None
    why: str = ""
    remark: str | None = None
    people: int = 1
    approved: Sequence[Approved] = ()
    comment_to_reject: bool = False


def confirming(view: Confirming, reader: Reader) -> Card:
    """What is about to be decided, whole, the number to type where one is asked for, one button."""
    approval = view.approval
    title = "Approve this?" if view.verdict == "approve" else "Reject this?"
    asked, needed = asking(approval), _needed(view, reader)

    def draw(room: Room) -> Card:
        wish = asked(room)
        number = _number(view)
        return assemble(
            [
                remarked(view.remark),
                heading(title, "accent"),
                line(piece(wish.title, weight="Bolder")),
                line(belongs(approval, reader), subtle=True, spacing="Small"),
                *wish.parts,
                facts([("Approved", needed)], spacing="Medium"),
                *_typing(view, number),
                comment_field(view.comment, room, to_reject=_to_reject(view)),
                *buttons(
                    confirmed(approval.id, view.shown, view.verdict),
                    button("Back", showing(approval.id)),
                ),
                small_print(source(approval, reader)),
            ],
            summary=joined(
                plain(view.remark, 200),
                f"{title} {wish.title} ({belongs(approval, reader)}). Nothing is decided yet.",
                wish.words,
                needed,
                plain(view.why, 200),
                _typed_already(view, room),
                f"To approve it, type {number_to_type(approval)}: {number}" if number else "",
                source(approval, reader),
            ),
            approval=approval.id,
        )

    return fitted(draw, Room(rows=30, text=1200))


def _needed(view: Confirming, reader: Reader) -> str:
    """How many approvals it has; said where it is about to get one."""
    return around.votes(view.people, view.approved, reader) if view.verdict == "approve" else ""


def _typed_already(view: Confirming, room: Room) -> str:
    """The comment that stands in the field, for whoever reads the words alone."""
    typed = plain(view.comment, min(room.text, _MOST_TYPED))
    return f"Comment: “{typed}”" if typed else ""


def _number(view: Confirming) -> str:
    return plain(view.ticket, 128) if view.verdict == "approve" else ""


def _to_reject(view: Confirming) -> bool:
    return view.comment_to_reject and view.verdict == "reject"


def _typing(view: Confirming, number: str) -> list[Any]:
    """Why, the number, and the field to type it into."""
    why = line(f"{labels.WARNING} {ended(plain(view.why, 200))}") if plain(view.why, 10) else None
    if not number:
        return [why]
    named = number_to_type(view.approval)
    return [
        why,
        line(f"To approve it, type {named}: ", piece(number, weight="Bolder")),
        el.TextInput(
            id=TYPED_INPUT,
            label="Number",
            required=True,
            error_message="Type the number that stands above.",
            max_length=_MOST_TYPED,
        ),
    ]
