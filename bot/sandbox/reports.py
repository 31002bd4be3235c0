"""What is counted over many runs: a month's credits, and the inbox of repeating errors."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bot.sandbox.chance import number
from bot.sandbox.runs import Run, stamp
from bot.sandbox.world import World

_CREDITS_PER_400_RUNS = 5_000
_RESERVE = 500
_INBOX_SPAN = timedelta(days=7)
_UNREAD_FOR = timedelta(days=2)
_MOST_ENTITIES = 50
_MOST_PAST_RUNS = 20_000  # of a very long past, the inbox counts the newest runs


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first instant of a month and of the next one (UTC); ``month`` is YYYY-MM.

    Raises:
        ValueError: it is no month.
    """
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin + timedelta(days=monthrange(begin.year, begin.month)[1])


class Reports:
    """Sums over the past are kept: the past does not change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._past_credits: dict[str, int] = {}
        self._past_errors: dict[tuple[str, str], _Repeats] | None = None

    def usage(self, month: str) -> dict[str, Any]:
        """Credits of a month: the sum of `credits_consumed` over the runs that began in it."""
        world = self._world
        begin, end = month_bounds(month)
        used = self._credits_of_the_past(month, begin, end) + sum(
            run.script.credits for run in world.living if begin <= run.started_at < end
        )
        if not begin <= world.now < end:
            nothing = dict.fromkeys(("credits_limit", "credits_remaining", "reserve_balance"))
            return {"month": month, "credits_used": used, "forecasted_credits": used, **nothing}
        limit = _CREDITS_PER_400_RUNS * max(1, -(-world.history.count // 400))
        gone = max((world.now - begin) / (end - begin), 0.01)
        return {
            "month": month,
            "credits_used": used,
            "forecasted_credits": round(used / gone),
            "credits_limit": limit,
            "credits_remaining": max(limit - used, 0),
            "reserve_balance": _RESERVE,
        }

    def _credits_of_the_past(self, month: str, begin: datetime, end: datetime) -> int:
        history = self._world.history
        if month not in self._past_credits:
            indexes = range(history.first_since(begin), history.first_since(end))
            self._past_credits[month] = sum(
                history.planner.outline(index).credits for index in indexes
            )
        return self._past_credits[month]

    def inbox(self) -> list[dict[str, Any]]:
        """One message for each error of an agent in the last week, most recent first."""
        world = self._world
        failed = [
            run
            for run in world.living
            if run.started_at >= world.now - _INBOX_SPAN and run.status(world.now) == "FAILURE"
        ]
        groups = {key: repeats.copy() for key, repeats in self._errors_of_the_past().items()}
        _group(groups, failed, world.now)
        ordered = sorted(groups.items(), key=lambda item: item[1].last_at, reverse=True)
        return [self._message(key, repeats) for key, repeats in ordered]

    def _errors_of_the_past(self) -> dict[tuple[str, str], "_Repeats"]:
        if self._past_errors is None:
            history = self._world.history
            week = history.first_since(history.anchor - _INBOX_SPAN)
            since = max(week, history.count - _MOST_PAST_RUNS)
            outlines = (
                history.newest_first(
                    lambda outline: outline.kind == "fails", since=history.started_at(since)
                )
                if history.count
                else iter(())
            )
            self._past_errors = {}
            runs = reversed([history.run(outline) for outline in outlines])
            _group(self._past_errors, runs, self._world.now)
        return self._past_errors

    def _message(self, key: tuple[str, str], repeats: "_Repeats") -> dict[str, Any]:
        agent, error = key
        is_read = repeats.last_at < self._world.now - _UNREAD_FOR
        return {
            "message": f"{agent}: {error}",
            "read": is_read,
            "number_of_occurrences": repeats.count,
            "affected_workflow_ids": [repeats.agent_id],
            "affected_entity_numbers": list(repeats.tickets)[-_MOST_ENTITIES:],
            "deduplication_message_id": _stable_id(self._world.seed, f"{agent}\n{error}"),
            "client_id": _stable_id(self._world.seed, "tenant"),
            "last_email_sent_at": stamp(repeats.first_at),
            "created_at": stamp(repeats.first_at),
            "updated_at": stamp(repeats.last_at),
        }


@dataclass(slots=True)
class _Repeats:
    agent_id: int
    first_at: datetime
    last_at: datetime
    count: int = 0
    tickets: dict[str, None] = field(default_factory=dict)

    def copy(self) -> "_Repeats":
        return _Repeats(self.agent_id, self.first_at, self.last_at, self.count, dict(self.tickets))


def _group(groups: dict[tuple[str, str], _Repeats], runs: Iterable[Run], now: datetime) -> None:
    for run in runs:
        script, at = run.script, run.steps(now)[-1][0]
        error = str(run.set_fields.get("error", script.error))
        repeats = groups.setdefault((script.agent_name, error), _Repeats(script.agent_id, at, at))
        repeats.count += 1
        repeats.last_at = max(repeats.last_at, at)
        if script.ticket:
            repeats.tickets[script.ticket.number] = None


def _stable_id(seed: int, text: str) -> str:
    halves = (number(seed, half, *text.encode()) for half in (80, 81))
    return str(UUID(bytes=b"".join(half.to_bytes(8) for half in halves), version=4))
