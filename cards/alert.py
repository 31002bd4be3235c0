"""What a conversation hears by itself."""

from __future__ import annotations

from bot.neo.models import Run
from cards import labels
from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.parts import Room, assemble, dotted, fitted, heading, line, small_print
from cards.run import headline
from cards.words import Reader, duration, ended


def failed_run(run: Run, reader: Reader) -> Card:
    """A run has failed: which agent, on what, why, and where to look."""
    title = f"{labels.BAD} {headline(run)}"
    number, name = labels.ticket(run.entity_number), plain(run.agent_name, 80)
    took = duration(run.seconds_spent)
    where = dotted(
        labels.client(run),
        reader.exact(run.created_at) if run.created_at else "",
        f"took {took}" if took else "",
    )

    def draw(room: Room) -> Card:
        error = plain(run.error or run.message, min(room.text, 400)) or "Neo gives no reason."
        return assemble(
            [
                heading(title, "attention"),
                line(where, subtle=True, spacing="Small"),
                line(error),
                *buttons(
                    question("Show the run", f"run {plain(run.id, 128)}"),
                    question("Other failures", f"failed runs for {name}") if name else None,
                    question(f"All on {plain(number, 16)}", f"runs on {number}")
                    if number
                    else None,
                ),
                small_print(f"Run {plain(run.id, 60)}"),
            ],
            summary=f"{title}. {ended(error)} {where}, run {plain(run.id, 60)}.",
        )

    return fitted(draw)
