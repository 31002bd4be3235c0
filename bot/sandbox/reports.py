"""A month's credits, and the inbox of repeating errors."""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.sandbox.chance import number
from bot.sandbox.deck import DECK, counts, last_index, newest_first
from bot.sandbox.runs import Run, stamp

if TYPE_CHECKING:
    from bot.sandbox.history import History
    from bot.sandbox.world import World

_CREDITS_PER_400_RUNS = 5_000
_RESERVE = 500
_INBOX_SPAN = timedelta(days=7)
_UNREAD_FOR = timedelta(days=2)
_MOST_ENTITIES = 50


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first instant of a month and of the next one (UTC); ``month`` is YYYY-MM.

    Raises:
        ValueError: it is no month.
        OverflowError: it is the last one of all time.
    """
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin + timedelta(days=monthrange(begin.year, begin.month)[1])


def usage(world: "World", month: str) -> dict[str, Any]:
    """Credits of a month: the sum of `credits_consumed` over the runs that began in it."""
    begin, end = month_bounds(month)
    used = sum(world.figures.credits(begin, end).values())
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


def usage_by_agent(world: "World", month: str) -> dict[str, Any]:
    """The same credits by agent, most first, with the number of different tickets."""
    begin, end = month_bounds(month)
    spent, tickets = world.figures.credits(begin, end), world.figures.tickets(begin, end)
    ordered = sorted(spent.items(), key=lambda item: (-item[1], item[0]))
    return {
        "month": month,
        "agents": [
            {
                "agent_id": agent_id,
                "agent_name": world.agents[agent_id].name,
                "credits_consumed": credits_,
                "unique_tickets": tickets.get(agent_id, 0),
            }
            for agent_id, credits_ in ordered
        ],
    }


def inbox(world: "World") -> list[dict[str, Any]]:
    """One message for each error of an agent in the last week, most recent first."""
    since = world.now - _INBOX_SPAN
    groups = world.figures.past_errors.since(since)
    for run in world.figures.living(since):
        can_fail = run.script.outcome == "FAILURE" or run.set_fields
        if can_fail and run.status(world.now) == "FAILURE":
            ended_at = _ended_at(run, world.now)
            key = (run.script.agent_id, run.error)
            repeats = groups.setdefault(key, _Repeats(ended_at, ended_at))
            repeats.add(1, ended_at, ended_at)
            if run.script.ticket:
                repeats.tickets.append((run.started_at, run.script.ticket.number))
    ordered = sorted(groups.items(), key=lambda item: item[1].last_at, reverse=True)
    return [_message(world, *key, repeats) for key, repeats in ordered]


@dataclass(slots=True)
class _Repeats:
    """The runs of an agent that ended with one error; `tickets` with the start of their run."""

    first_at: datetime
    last_at: datetime
    count: int = 0
    places: list[int] = field(default_factory=list)
    tickets: list[tuple[datetime, str]] = field(default_factory=list)

    def add(self, times: int, first_at: datetime, last_at: datetime) -> None:
        """Count runs of which the first and the last ended at these instants."""
        self.count += times
        self.first_at = min(self.first_at, first_at)
        self.last_at = max(self.last_at, last_at)


class PastErrors:
    """The errors of past runs; what does not hang on the window is worked out once.

    Args:
        history: The past.
    """

    def __init__(self, history: "History") -> None:
        self._history = history
        self._firsts: dict[int, tuple[int, datetime]] = {}

    def since(self, instant: datetime) -> dict[tuple[int, str], _Repeats]:
        """By agent and error, the runs that began at or after an instant."""
        history = self._history
        low = history.first_since(instant)
        times = counts(low, history.count)
        groups: dict[tuple[int, str], _Repeats] = {}
        for key, places in self._places.items():
            for place in places:
                if times[place]:
                    last, last_at = self._lasts[place]
                    first_at = self._first_at(place, last - (times[place] - 1) * DECK)
                    repeats = groups.setdefault(key, _Repeats(first_at, last_at))
                    repeats.add(times[place], first_at, last_at)
            if key in groups:
                newest = self._newest[key]
                groups[key].tickets = [(at, number_) for i, at, number_ in newest if i >= low]
        return groups

    @cached_property
    def _places(self) -> dict[tuple[int, str], list[int]]:
        """The cards of each error of an agent."""
        found: dict[tuple[int, str], list[int]] = {}
        for place, error in self._history.errors.items():
            found.setdefault((self._history.cards[place].agent.id, error), []).append(place)
        return found

    @cached_property
    def _lasts(self) -> dict[int, tuple[int, datetime]]:
        """The last run of each card, and when it ended."""
        lasts = {p: last_index(p, self._history.count) for p in self._history.errors}
        return {place: (last, self._ended_at(place, last)) for place, last in lasts.items()}

    @cached_property
    def _newest(self) -> dict[tuple[int, str], list[tuple[int, datetime, str]]]:
        """Index, start and ticket of the newest runs on tickets with each error."""
        history = self._history
        return {
            key: [
                (index, history.started_at(index), history.ticket_number(index))
                for index in islice(newest_first(places, 0, history.count), _MOST_ENTITIES)
            ]
            for (key, all_places) in self._places.items()
            for places in [[p for p in all_places if history.cards[p].agent.on_tickets]]
        }

    def _first_at(self, place: int, first: int) -> datetime:
        """When a card's first run in the window ended; most stay the same from look to look."""
        known = self._firsts.get(place)
        if known is None or known[0] != first:
            known = self._firsts[place] = first, self._ended_at(place, first)
        return known[1]

    def _ended_at(self, place: int, index: int) -> datetime:
        # All runs of a card take as long, so its first and last run end first and last.
        outline = self._history.cards[place]
        seconds = self._history.planner.seconds(outline, brisk=False)
        return self._history.started_at(index) + timedelta(seconds=seconds)


def _ended_at(run: Run, now: datetime) -> datetime:
    if run.approval is None and not run.set_fields:  # then its last beat is its last step
        return run.started_at + timedelta(seconds=run.script.beats[-1].at_seconds)
    return run.last_step_at(now)


def _message(world: "World", agent_id: int, error: str, repeats: _Repeats) -> dict[str, Any]:
    name = world.agents[agent_id].name
    numbers = list(dict.fromkeys(number_ for _at, number_ in sorted(repeats.tickets)))
    return {
        "message": f"{name}: {error}",
        "read": repeats.last_at < world.now - _UNREAD_FOR,
        "number_of_occurrences": repeats.count,
        "affected_workflow_ids": [agent_id],
        "affected_entity_numbers": numbers[-_MOST_ENTITIES:],
        "deduplication_message_id": _stable_id(world.seed, f"{agent_id}\n{error}"),
        "client_id": _stable_id(world.seed, "tenant"),
        "last_email_sent_at": stamp(repeats.first_at),
        "created_at": stamp(repeats.first_at),
        "updated_at": stamp(repeats.last_at),
    }


def _stable_id(seed: int, text: str) -> str:
    halves = (number(seed, half, *text.encode()) for half in (80, 81))
    return str(UUID(bytes=b"".join(half.to_bytes(8) for half in halves), version=4))
