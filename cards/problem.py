"""Something did not work."""

from __future__ import annotations

from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.labels import WARNING
from cards.parts import Room, assemble, fitted, heading, line, small_print


def problem(
    title: str,
    text: str,
    *,
    again: str | None = None,
    request_id: str | None = None,
    changed_nothing: bool = True,
) -> Card:
    """What happened, whether anything was changed, and what to do.

    Args:
        title: What happened: "Neo did not answer".
        text: What to do.
        again: The question that "Try again" asks, redrawing this card; None if it cannot help.
        request_id: Neo's id of the request, to quote to support.
        changed_nothing: Say that nothing was changed.
    """

    def draw(room: Room) -> Card:
        happened = plain(title, 160).rstrip(".")
        told = " ".join(
            filter(
                None, ("Nothing was changed." if changed_nothing else "", plain(text, room.text))
            )
        )
        quote = f"Neo's request id: {plain(request_id, 80)}" if request_id else ""
        return assemble(
            [
                heading(f"{WARNING} {happened}", "warning"),
                line(told),
                *buttons(question("Try again", again, in_place=True)),
                small_print(quote) if quote else None,
            ],
            summary=f"{WARNING} {happened}. {told}" + (f"\n{quote}" if quote else ""),
        )

    return fitted(draw)
