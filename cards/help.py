"""What can be asked."""

from __future__ import annotations

from collections.abc import Sequence

from cards.buttons import select
from cards.card import Card, plain
from cards.parts import Room, assemble, fitted, heading, line, row, run, small_print


def help_card(examples: Sequence[tuple[str, str]]) -> Card:
    """Questions that can be asked; a tap asks one.

    Args:
        examples: Each question as it may be typed, and what it shows.
    """

    def draw(room: Room) -> Card:
        title = "What you can ask"
        shown = examples[: room.rows]
        rows = [
            row(
                line(run(plain(text, 120), weight="Bolder")),
                line(plain(shows, 160), subtle=True, spacing="None"),
                tap=select(f"Ask: {plain(text, 120)}", text),
            )
            for text, shows in shown
        ]
        note = "Your own words do as well. No text is ever taken for a decision."
        return assemble(
            [heading(title), *rows, small_print(note)],
            summary="\n".join(
                [
                    f"{title}, and what it shows:",
                    *(f"{plain(t, 120)}: {plain(s, 160)}" for t, s in shown),
                    note,
                ]
            ),
        )

    return fitted(draw, Room(rows=24))
