"""What is counted over many runs: credits, repeated errors, durations, callbacks.

Every figure is what adding up the listed runs gives. Past runs are counted by the card (see
`deck`), so a long past costs no more than a short one; the living part is gone through.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.sandbox.callbacks import LEAD, PERIOD
from bot.sandbox.deck import counts
from bot.sandbox.library import Agent
from bot.sandbox.measures import Measure, Tally, measure, percentile
from bot.sandbox.planner import Outline
from bot.sandbox.reports import PastErrors
from bot.sandbox.runs import Run, stamp

if TYPE_CHECKING:
    from bot.sandbox.world import World


class Figures:
    """Sums over the runs and callbacks of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._history = world.history
        self._ended: dict[int, tuple[Run, Measure]] = {}

    def living(self, since: datetime, until: datetime | None = None) -> Sequence[Run]:
        """Living runs that began from an instant up to, not including, another one."""
        living = self._world.living
        low = bisect_left(living, since, key=_start)
        return living[low : None if until is None else bisect_left(living, until, key=_start)]

    @cached_property
    def past_errors(self) -> PastErrors:
        """The errors of the past."""
        return PastErrors(self._history)

    def _past(self, since: datetime, until: datetime) -> tuple[int, int]:
        return self._history.first_since(since), self._history.first_since(until)

    # Credits

    def credits(self, since: datetime, until: datetime) -> dict[int, int]:
        """Credits by agent, of the runs that began from `since` up to `until`, not included."""
        spent: Counter[int] = Counter()
        times = counts(*self._past(since, until))
        for outline, often in zip(self._history.cards, times, strict=False):
            spent[outline.agent.id] += outline.credits * often
        for run in self.living(since, until):
            spent[run.script.agent_id] += run.credits
        return {agent: credits_ for agent, credits_ in spent.items() if credits_}

    def tickets(self, since: datetime, until: datetime) -> dict[int, int]:
        """Different tickets by agent, of the runs that began from `since` up to `until`."""
        low, top = self._past(since, until)
        found: Counter[int] = Counter()
        for outline, often in zip(self._history.cards, counts(low, top), strict=False):
            if outline.agent.on_tickets and not outline.is_rerun:
                found[outline.agent.id] += often
        # Another try counts only where the first one began before.
        first = self._history.planner.outline(low)
        if low < top and first.is_rerun:
            found[first.agent.id] += 1
        living = {
            (run.script.agent_id, run.script.ticket.number)
            for run in self.living(since, until)
            if run.script.ticket
        }
        for agent_id, number in living:
            found[agent_id] += not self._is_past_ticket(agent_id, number, low, top)
        return dict(found)

    def _is_past_ticket(self, agent_id: int, number: str, low: int, top: int) -> bool:
        """Whether a past run of the agent, from index `low` up to `top`, was on this ticket."""
        history = self._history
        named = history.planner.index_of_number(number)
        if named is None or not 0 <= named < history.count:
            return False
        outlines = [history.planner.outline(index) for index in (named, named + 1)]
        return history.ticket_number(named) == number and any(
            outline.ticket_index == named
            and outline.agent.on_tickets
            and outline.agent.id == agent_id
            and low <= outline.index < top
            for outline in outlines
        )

    # Performance

    def performance(
        self, since: datetime, until: datetime, agents: Iterable[Agent]
    ) -> dict[str, Any]:
        """A row for each agent, of the runs that began from `since` up to `until`, not included."""
        tallies = {agent.id: Tally() for agent in agents}
        alike: Counter[int] = Counter()
        times = counts(*self._past(since, until))
        for place, often in zip(self._places, times, strict=False):
            alike[place] += often
        for place, often in alike.items():
            agent_id = self._history.cards[place].agent.id
            if often and agent_id in tallies:
                tallies[agent_id].add(self._measures[place], often)
        for run in self.living(since, until):
            if run.script.agent_id in tallies:
                tallies[run.script.agent_id].add(self._measure(run))
        names = {agent.id: agent.name for agent in self._world.agents.values()}
        return {
            "rows": [tally.row(id_, names[id_]) for id_, tally in sorted(tallies.items())],
            "window": window_body(since, until),
        }

    def _measure(self, run: Run) -> Measure:
        """What a living run adds; kept once it has ended, as nothing happens to it any more."""
        if not run.part or run.set_fields:  # what a test put there or changed can change again
            return measure(run, self._world.now)
        known = self._ended.get(run.index)
        if known is not None and known[0] is run:
            return known[1]
        found = measure(run, self._world.now)
        if found.total is not None:
            if len(self._ended) > 2 * len(self._world.living):  # most have been forgotten
                self._ended.clear()
            self._ended[run.index] = run, found
        return found

    @cached_property
    def _places(self) -> tuple[int, ...]:
        """For each card the first one of the same agent with the same measure."""
        first: dict[tuple[int, Measure], int] = {}
        return tuple(
            first.setdefault((outline.agent.id, self._measures[place]), place)
            for place, outline in enumerate(self._history.cards)
        )

    @cached_property
    def _measures(self) -> tuple[Measure, ...]:
        """What each card's run adds: one of a kind is written out, the others take its shape."""
        history = self._history
        samples: dict[tuple[int, str, int, str], tuple[Outline, Measure]] = {}
        found = []
        for outline, outcome in zip(history.cards, history.outcomes, strict=True):
            key = (outline.agent.id, outline.kind, outline.story, outcome)
            if key not in samples:
                samples[key] = outline, measure(history.run(outline), history.anchor)
            found.append(self._shaped(outline, *samples[key]))
        return tuple(found)

    def _shaped(self, outline: Outline, like: Outline, sample: Measure) -> Measure:
        """The measure of a run from that of another of its kind: only paces and waits differ."""
        history = self._history
        if outline.kind == "asks":
            longer = history.wait_seconds(outline.index) - history.wait_seconds(like.index)
            return replace(sample, total=(sample.total or 0) + longer)
        seconds = history.planner.seconds(outline, brisk=False)
        pace = seconds / history.planner.seconds(like, brisk=False)
        thinking = tuple((purpose, gap * pace) for purpose, gap in sample.thinking)
        return replace(sample, total=float(seconds), work=float(seconds), thinking=thinking)

    # Callbacks

    def funnel(self, since: datetime, until: datetime) -> dict[str, Any]:
        """What became of the callbacks made from `since` up to `until`, not included."""
        callbacks = self._world.callbacks
        stages: Counter[str] = Counter()
        processing: Counter[float] = Counter()
        waiting: Counter[float] = Counter()
        times = counts(*callbacks.places_between(since, until), period=PERIOD)
        made: list[tuple[str, float, int]] = [
            (plan.outcome, callbacks.card_seconds[place], times[place])
            for place, plan in callbacks.cards.items()
            if times[place]
        ]
        alike = Counter(callbacks.living_between(since, until))
        made += [(stage, took.total_seconds(), often) for (stage, took), often in alike.items()]
        for stage, took, often in made:
            stages[stage] += often
            if stage != "unreadable":
                processing[took] += often
            if stage == "started":
                waiting[LEAD.total_seconds() - took] += often
        received, processed, started = stages.total(), processing.total(), stages["started"]
        return {
            "window": window_body(since, until),
            "counts": {
                "received": received,
                "processed": processed,
                "failed": stages["unreadable"],
                "matched": started,
                "unmatched": processed - started,
                "workflow_starts": started,
            },
            "ratios": {
                "processed_of_received": _share(processed, received),
                "matched_of_processed": _share(started, processed),
            },
            "durations_seconds": {
                "created_to_processed": _spread(processing),
                "processed_to_started": _spread(waiting),
            },
        }


def _start(run: Run) -> datetime:
    return run.started_at


def window_body(since: datetime, until: datetime) -> dict[str, str]:
    """A window as the API names it back."""
    return {"since": stamp(since), "until": stamp(until), "timezone": "UTC"}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _spread(values: Counter[float]) -> dict[str, float | None]:
    return {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95)}
