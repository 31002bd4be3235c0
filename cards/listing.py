"""A list: a title, a line for each item that opens it at a tap, how many more there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cards import elements as el
from cards.buttons import buttons
from cards.card import Card, plain
from cards.parts import Room, and_more, assemble, fitted, heading, line, remarked, small_print
from cards.words import Reader

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What a list shows.

    Attributes:
        title: What is listed, in the person's words.
        items: In order; as many are shown as there is room for.
        there: How many there are, those not shown included.
        more: There are more in Neo than were read.
        limit: How many were asked for, if a number was named.
        row: Draws one.
        words: Says one.
        nexts: Buttons with the next questions.
        remark: Why it was redrawn.
        form: What people fill in, drawn from the items that are shown.
        again: The question that this list answers; None: no refresh.
        unread: Words of the question that did not narrow the list.
    """

    title: str
    items: Sequence[T]
    there: int
    row: Callable[[T, Room], Any]
    words: Callable[[T], str]
    nexts: Sequence[el.Execute | None] = ()
    more: bool = False
    limit: int | None = None
    remark: str | None = None
    form: Callable[[Sequence[T], Room], Form[T]] | None = None
    again: str | None = None
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What people fill in on a list.

    Attributes:
        above: Stands before the rows.
        rows: The items that keep a row of their own.
        below: Stands after the rows.
        pressed: Its buttons, in place of those with the next questions.
    """

    above: Sequence[Any]
    rows: Sequence[T]
    below: Sequence[Any]
    pressed: Sequence[el.Execute | None]


def listing(of: Listing[T], reader: Reader, room: Room | None = None) -> Card:
    """The card of a list."""

    def draw(room: Room) -> Card:
        shown = of.items[: room.rows]
        form = of.form(shown, room) if of.form else Form((), shown, (), ())
        capped = of.limit is not None and len(shown) >= of.limit
        left = "" if capped else and_more(len(shown), of.there, at_least=of.more)
        words = ", ".join(f"“{plain(word, 30)}”" for word in of.unread[:3])
        wider = f"Not narrowed by {words}: not understood." if words else ""
        said = f"{of.title}, {reader.as_of()}" + (":" if shown else ".")
        return assemble(
            [
                remarked(of.remark),
                heading(of.title),
                line(wider, subtle=True),
                *form.above,
                *(of.row(one, room) for one in form.rows),
                line(left, subtle=True),
                *form.below,
                *buttons(*(form.pressed or of.nexts)),
                small_print(reader.as_of(), refresh=of.again),
            ],
            summary="\n".join(
                filter(
                    None,
                    [plain(of.remark, 200), said, wider, *map(of.words, shown), left],
                )
            ),
        )

    return fitted(draw, room) if room else fitted(draw)
