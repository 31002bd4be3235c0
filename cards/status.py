"""How everything stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.neo.models import InboxMessage, Usage
from cards.buttons import select
from cards.card import Card, plain
from cards.labels import BAD, GOOD, WAITING, WARNING
from cards.parts import (
    Room,
    and_more,
    assemble,
    dotted,
    fitted,
    heading,
    line,
    row,
    run,
    small_print,
)
from cards.words import Reader, amount, counted


@dataclass(frozen=True, slots=True)
class StatusView:
    """What the status card shows; None where it could not be read.

    Attributes:
        approvals_waiting: Open approvals.
        oldest_waiting_at: When the oldest of them was asked.
        failed_today: Runs that failed since the reader's midnight.
        runs_today: Runs since the reader's midnight.
        succeeded_share: Of those that ended, how many succeeded, 0 to 1.
        agents_on: Agents that are enabled.
        agents_total: All agents.
        usage: Credits of the running month.
        notices: Neo's unread notices, newest first.
        problems: What could not be read, each a short sentence.
        all_counted: False where there are more than were counted: numbers say "at least".
    """

    approvals_waiting: int | None = None
    oldest_waiting_at: datetime | None = None
    failed_today: int | None = None
    runs_today: int | None = None
    succeeded_share: float | None = None
    agents_on: int | None = None
    agents_total: int | None = None
    usage: Usage | None = None
    notices: Sequence[InboxMessage] = ()
    problems: Sequence[str] = ()
    all_counted: bool = True


def status(view: StatusView, reader: Reader) -> Card:
    """What needs somebody, then the figures of the day."""

    def draw(room: Room) -> Card:
        title, color = _title(view)
        waiting, failed = _waiting(view, reader), _failed(view)
        figures = _figures(view)
        rows: list[Any] = [
            _thing(waiting, None, "Show the approvals", "pending approvals"),
            _thing(failed, "Attention", "Show the failed runs", "failed runs today"),
        ]
        notices = [_notice(one, reader, room) for one in view.notices[: min(room.rows, 5)]]
        left = and_more(len(notices), len(view.notices))
        problems = [f"{WARNING} {plain(one, 200)}" for one in view.problems[:5]]
        return assemble(
            [
                heading(title, color),
                *rows,
                *(row(line(f"{WARNING} {n}"), tap=None) for n in notices),
                line(left, subtle=True),
                *(line(one) for one in problems),
                *(line(text, subtle=True, spacing="Small") for text in figures),
                small_print(reader.as_of(), refresh="status"),
            ],
            summary="\n".join(
                [
                    f"{title}, {reader.as_of()}.",
                    waiting,
                    failed,
                    *notices,
                    left,
                    *problems,
                    *figures,
                ]
            ),
        )

    return fitted(draw)


def _title(view: StatusView) -> tuple[str, str | None]:
    needs = sum(map(bool, (view.approvals_waiting, view.failed_today)))
    if needs:
        noun = counted(needs, "thing needs attention", "things need attention")
        return f"{WARNING} {noun}", "warning"
    if view.notices:
        return f"{WARNING} {counted(len(view.notices), 'notice')} of Neo", "warning"
    if view.problems or view.approvals_waiting is None or view.failed_today is None:
        return f"{WARNING} Not everything could be read", "warning"
    return f"{GOOD} All quiet", "good"


def _least(view: StatusView) -> str:
    return "" if view.all_counted else "at least "


def _waiting(view: StatusView, reader: Reader) -> str:
    if not view.approvals_waiting:
        return ""
    oldest = view.oldest_waiting_at
    age = f", oldest {reader.age(oldest)}" if oldest else ""
    return f"{WAITING} {counted(view.approvals_waiting, 'approval')} waiting{age}"


def _failed(view: StatusView) -> str:
    if not view.failed_today:
        return ""
    return f"{BAD} {_least(view)}{counted(view.failed_today, 'failed run')} today"


def _thing(text: str, color: str | None, title: str, question: str) -> Any:
    if not text:
        return None
    return row(line(run(text, color=color, weight="Bolder")), tap=select(title, question))


def _notice(one: InboxMessage, reader: Reader, room: Room) -> str:
    times = f"{one.occurrences:,} times" if (one.occurrences or 0) > 1 else ""
    at = one.updated_at or one.created_at
    said = plain(one.message, min(room.text, 200)) or "A notice without text"
    return dotted(said, times, reader.ago(at) if at else "")


def _figures(view: StatusView) -> list[str]:
    runs = share = agents = ""
    if view.runs_today is not None:
        runs = f"{_least(view)}{counted(view.runs_today, 'run')} today"
        runs = runs[:1].upper() + runs[1:]
    if view.succeeded_share is not None:
        share = f"{_percent(view.succeeded_share)} succeeded"
    if view.agents_on is not None:
        total = f" of {view.agents_total:,}" if view.agents_total is not None else ""
        agents = f"{view.agents_on:,}{total} agents on"
    return [text for text in (dotted(runs, share, agents), _credits(view.usage)) if text]


def _percent(share: float) -> str:
    """Never 100 % while one failed, never 0 % while one succeeded."""
    if 0 < share < 1:
        return f"{min(max(round(share * 100), 1), 99)} %"
    return f"{share * 100:.0f} %"


def _credits(usage: Usage | None) -> str:
    if usage is None or usage.credits_used is None:
        return ""
    limit = f" of {amount(usage.credits_limit)}" if usage.credits_limit is not None else ""
    forecast = amount(usage.forecasted_credits)
    return dotted(
        f"{amount(usage.credits_used)}{limit} credits used this month",
        f"{forecast} expected by its end" if forecast else "",
    )
