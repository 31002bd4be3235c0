"""A short answer: something was done, was refused, or cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.parts import Room, assemble, fitted, heading, line, small_print
from cards.words import Reader, ended


def notice(
    title: str, text: str, reader: Reader | None = None, *, questions: Sequence[str] = ()
) -> Card:
    """Say ``text`` under ``title``; ``questions`` become buttons that ask them."""

    def draw(room: Room) -> Card:
        said, more = plain(title, 160), plain(text, room.text)
        return assemble(
            [
                heading(said),
                line(more),
                *buttons(*(question(_caption(q), q) for q in questions)),
                small_print(reader.as_of()) if reader else None,
            ],
            summary=f"{ended(said)} {more}",
        )

    return fitted(draw)


def _caption(text: str) -> str:
    short = plain(text, 40)
    return short[:1].upper() + short[1:]
