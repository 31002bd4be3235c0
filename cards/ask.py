"""A text that fits no question."""

from __future__ import annotations

from collections.abc import Sequence

from cards.buttons import select
from cards.card import Card, plain
from cards.parts import Room, assemble, fitted, heading, line, row


def closest(text: str, questions: Sequence[str]) -> Card:
    """The questions that come closest to ``text``; a tap asks one."""
    title = "I did not understand that"

    def draw(room: Room) -> Card:
        typed = f"You wrote: “{plain(text, min(room.text, 160))}”"
        shown = [plain(one, 120) for one in questions[: min(room.rows, 6)]]
        hint = "These come closest:" if shown else "“help” shows what can be asked."
        rows = [row(line(one), tap=select(f"Ask: {one}", one)) for one in [*shown, "help"]]
        return assemble(
            [heading(title), line(typed, subtle=True), line(hint), *rows],
            summary="\n".join([f"{title}. {typed}. {hint}", *shown]),
        )

    return fitted(draw)
