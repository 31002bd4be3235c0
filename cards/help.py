"""What can be asked, and what can be ordered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cards.buttons import select
from cards.card import Card, plain
from cards.parts import Room, assemble, fitted, heading, line, row, run, small_print

_NOTE = (
    "Your own words do as well, for questions. An order is asked back: no text decides by itself."
)


def help_card(examples: Sequence[tuple[str, str]], orders: Sequence[tuple[str, str]] = ()) -> Card:
    """Questions that can be asked; a tap asks one. Orders are typed: each is about one thing.

    Args:
        examples: Each question as it may be typed, and what it shows.
        orders: Each order as it may be typed, and what it does.
    """

    def draw(room: Room) -> Card:
        title, second = "What you can ask", "What you can tell me to do"
        shown, told = examples[: room.rows], orders[: room.rows]
        return assemble(
            [
                heading(title),
                *(_row(text, does, tap=True) for text, does in shown),
                line(run(second, weight="Bolder", size="Medium"), spacing="Large")
                if told
                else None,
                *(_row(text, does, tap=False) for text, does in told),
                small_print(_NOTE),
            ],
            summary="\n".join(
                [
                    f"{title}, and what it shows:",
                    *map(_words, shown),
                    *([f"{second}:", *map(_words, told)] if told else []),
                    _NOTE,
                ]
            ),
        )

    return fitted(draw, Room(rows=24))


def _row(text: str, does: str, *, tap: bool) -> Any:
    return row(
        line(run(plain(text, 120), weight="Bolder")),
        line(plain(does, 160), subtle=True, spacing="None"),
        tap=select(f"Ask: {plain(text, 120)}", text) if tap else None,
    )


def _words(one: tuple[str, str]) -> str:
    return f"{plain(one[0], 120)}: {plain(one[1], 160)}"
