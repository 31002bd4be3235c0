"""One run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bot.neo.models import Approval, ApprovalState, Outcome, Run, Step
from cards import labels
from cards.buttons import buttons, question, select
from cards.card import Card, plain
from cards.parts import Room, assemble, dotted, fitted, folded, heading, line, row, small_print
from cards.parts import run as piece
from cards.steps import Shown, numbered, step_detail, step_row, step_words
from cards.words import Reader, counted, duration, ended

_TOLD: Final = 300
_VERBS: Final = {
    Outcome.FAILED: "failed",
    Outcome.SUCCEEDED: "succeeded",
    Outcome.SKIPPED: "was skipped",
    Outcome.RUNNING: "is running",
    Outcome.WAITING: "is waiting",
}


def run(
    shown: Run,
    steps: Sequence[Step],
    reader: Reader,
    *,
    approvals: Sequence[Approval] = (),
    why: bool = False,
) -> Card:
    """How a run went, step by step, and the next questions.

    Args:
        shown: The run.
        steps: Its steps, in order.
        reader: Who reads.
        approvals: The approvals it asked for.
        why: Asked why it failed: the step that failed comes first.
    """
    mark, title = labels.outcome(shown), headline(shown)
    why = why and shown.outcome is Outcome.FAILED
    listed = numbered(steps, shown)
    culprit = next((one for one in reversed(listed) if one.failed), None) if why else None

    def draw(room: Room) -> Card:
        kept, asked = _kept(listed, room.rows), approvals[: min(room.rows, 5)]
        return assemble(
            [
                heading(f"{mark.shape} {'Why ' if why else ''}{title}", mark.ground),
                line(_where(shown, reader), subtle=True, spacing="Small"),
                *_told(shown, room),
                *_culprit(culprit, room),
                *_steps(listed, kept, culprit, room),
                *(_approval(one) for one in asked),
                *buttons(*_next(shown, why=why)),
                small_print(
                    dotted(f"Run {plain(shown.id, 60)}", reader.as_of()),
                    refresh=f"run {plain(shown.id, 128)}",
                ),
            ],
            summary="\n".join(
                [
                    _twin(shown, title, reader, room),
                    *map(step_words, kept),
                    *map(_approval_words, asked),
                ]
            ),
        )

    return fitted(draw, Room(rows=15, text=500))


def headline(shown: Run) -> str:
    """What happened in a few words: "Onboarding L1 failed on #48190"."""
    number = labels.ticket(shown.entity_number)
    verb = _VERBS.get(shown.outcome) or f"({labels.outcome(shown).word})"
    return f"{labels.agent(shown.agent_name, shown.agent_id)} {verb}" + (
        f" on {number}" if number else ""
    )


def _where(shown: Run, reader: Reader) -> str:
    return dotted(
        labels.client(shown),
        reader.ago(shown.created_at) if shown.created_at else "",
        f"took {duration(shown.seconds_spent)}" if duration(shown.seconds_spent) else "",
    )


def _told(shown: Run, room: Room) -> list[Any]:
    """The error, then what the agent wrote for people, each shortened with the rest folded."""
    parts: list[Any] = []
    for name, text in (("error", shown.error), ("message", shown.message)):
        short, whole = plain(text, min(room.text, _TOLD)), plain(text, room.text * 4)
        parts.append(line(short, spacing="Small"))
        if len(whole) > len(short):
            parts += folded("Show all", [line(whole)], name=f"whole-{name}")
    return parts


def _culprit(failed: Shown | None, room: Room) -> list[Any]:
    """The step that failed, opened."""
    if failed is None:
        return []
    title = line(piece(f"Step {failed.number}: {failed.name}", weight="Bolder"), spacing="Medium")
    return [title, *step_detail(failed, room)]


def _steps(
    listed: Sequence[Shown], kept: Sequence[Shown], opened: Shown | None, room: Room
) -> list[Any]:
    """A line for each step, and what is in them folded."""
    if not listed:
        return []
    left = len(listed) - len(kept)
    details = [
        part for one in kept if one is not opened for part in step_detail(one, room, titled=True)
    ]
    return [
        line(piece(counted(len(listed), "step"), weight="Bolder"), spacing="Medium"),
        *(step_row(one) for one in kept),
        line(f"{counted(left, 'step')} left out", subtle=True) if left else None,
        *folded("Show what it thought and read", details, name="steps"),
    ]


def _kept(steps: Sequence[Shown], rows: int) -> list[Shown]:
    """As many steps as there is room for: those that failed, then the last, then the first."""
    if len(steps) <= rows:
        return list(steps)
    order = sorted(steps, key=lambda one: (not one.failed, one.number != len(steps), one.number))
    return sorted(order[:rows], key=lambda one: one.number)


def _approval(one: Approval) -> Any:
    mark = labels.state(one)
    return row(
        line(
            piece(f"{mark.shape} ", color=mark.color),
            f"Approval {plain(one.id, 40)}: {mark.word.lower()}",
        ),
        tap=select(f"Show approval {plain(one.id, 40)}", f"approval {plain(one.id, 60)}"),
    )


def _next(shown: Run, *, why: bool) -> Iterator[Any]:
    run_id, name = plain(shown.id, 128), plain(shown.agent_name, 80)
    number = labels.ticket(shown.entity_number)
    if shown.outcome is Outcome.FAILED and not why:
        yield question("Why?", f"why did run {run_id} fail")
    if why:
        yield question("The run", f"run {run_id}")
    if name and shown.outcome is Outcome.FAILED:
        yield question("Other failures", f"failed runs for {name}")
    if number:
        yield question(f"All on {plain(number, 16)}", f"runs on {number}")
    if name:
        yield question("The agent", f"agent {name}")


def _twin(shown: Run, title: str, reader: Reader, room: Room) -> str:
    limit = min(room.text, _TOLD)
    told = " ".join(ended(plain(text, limit)) for text in (shown.error, shown.message) if text)
    place = dotted(_where(shown, reader), f"run {plain(shown.id, 60)}")
    return f"{labels.outcome(shown).shape} {title}. {place}. {told}"


def _approval_words(one: Approval) -> str:
    waits = one.state is ApprovalState.PENDING
    return f"{labels.state(one)}: approval {plain(one.id, 40)}" + (" is open" if waits else "")
