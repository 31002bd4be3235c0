"""What one approval asks, drawn: the part that a waiting one and one to be confirmed share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.neo.models import Approval
from cards import labels
from cards.card import plain
from cards.external_request import external_request, request_parts, request_words
from cards.fields import CUT
from cards.parts import Room, dotted, facts, folded, line
from cards.parts import run as piece
from cards.request import Field, known_facts, whole_wish, wish
from cards.words import NBSP, Reader

LONGEST_TO_TYPE: Final = 60
"""Most characters of a ticket's number that anybody has to type."""
INCOMPLETE: Final = "This is more than a card holds. Read the whole of it in Neo before you decide."


@dataclass(frozen=True, slots=True)
class Asking:
    """What it asks.

    Attributes:
        title: Who wants what.
        parts: Everything else that the request holds, the less needed folded.
        words: The same as lines of text.
    """

    title: str
    parts: Sequence[Any]
    words: str


def asking(approval: Approval) -> Callable[[Room], Asking]:
    """Draws everything that an approval asks, as far as there is room; says if that is not all.

    What is drawn again and again, with less and less room, is read once.
    """
    outside = external_request(approval)
    first, rest = known_facts(approval, without=outside.fields if outside else ())

    def draw(room: Room) -> Asking:
        known = [(one.label, plain(one.value, min(room.text, 300))) for one in first]
        sent, complete = request_parts(outside, room) if outside else ([], True)
        folds, all_folded = _rest(approval, rest, room)
        complete = complete and all_folded
        warning = line(piece(f"{labels.WARNING} {INCOMPLETE}", weight="Bolder"))
        return Asking(
            title=wish(approval, min(max(room.text, 60), 200)),
            parts=[facts(known, spacing="Medium"), *sent, *folds, None if complete else warning],
            words=joined(
                "; ".join(f"{label}: {value}" for label, value in known),
                request_words(outside, room) if outside else "",
                "" if complete else INCOMPLETE,
            ),
        )

    return draw


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


def belongs(approval: Approval, reader: Reader) -> str:
    """Where an open approval belongs and how long it has waited."""
    return dotted(
        labels.ticket(approval.ticket_number),
        labels.client(approval, approval.requested_for),
        f"{labels.WAITING}{NBSP}waiting"
        + (f"{NBSP}{reader.age(approval.created_at)}" if approval.created_at else ""),
    )


def asks_for_ticket(approval: Approval) -> bool:
    """Whether the ticket's number is typed to approve it, and not the approval's own.

    It is if there is one and cards show all of it.
    """
    whole = plain(approval.ticket_number, 240)
    return bool(whole.strip("# ")) and len(whole) <= LONGEST_TO_TYPE


def number_to_type(approval: Approval) -> str:
    """What the number is called that is typed to approve it."""
    return "the ticket's number" if asks_for_ticket(approval) else "the approval's number"


def source(approval: Approval, reader: Reader) -> str:
    """The small print: its number, when it was asked, as of when."""
    at = f"asked {reader.exact(approval.created_at)}" if approval.created_at else ""
    return dotted(f"Approval {plain(approval.id, 40)}", at, reader.as_of())


def joined(*lines: str) -> str:
    """Lines of text, the empty ones left out."""
    return "\n".join(filter(None, lines))
