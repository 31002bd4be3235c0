"""What the PSA calls back: changes of tickets, and which agents they started.

Each run of a triggered agent on a ticket came from a callback of its own; further callbacks in
between started nothing. A callback's place is twice its run's index, or that plus one for what
came after the run on the same ticket. As with runs, the past is told from a deck of cards.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from heapq import merge
from typing import TYPE_CHECKING, Literal

from bot.sandbox.chance import callback_id, callback_place, number, pick, unit
from bot.sandbox.deck import DECK, newest_first
from bot.sandbox.library import Agent
from bot.sandbox.planner import Outline
from bot.sandbox.runs import Run
from bot.sandbox.scripts import Ticket

if TYPE_CHECKING:
    from bot.sandbox.world import World

LEAD = timedelta(seconds=4)
"""From a change in the PSA to the run that it starts: the same for all, so both keep one order.

A callback shows this long after its change: they show in order, and no run begins before its own.
"""

PERIOD = 2 * DECK
"""Places of callbacks in a deck."""

_IDLE_PERCENT = 35
_AFTER_SECONDS = (20, 90)
_LATEST = timedelta(seconds=_AFTER_SECONDS[1]) - LEAD
"""The most that lies between a living run's start and its last callback."""
_UNREADABLE = (
    "The PSA answered 503 when the ticket was read; three tries failed.",
    "The PSA answered 404: the ticket was merged into another one before it could be read.",
)
Outcome = Literal["started", "ignored", "deleted", "unreadable"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of a callback that follows from its card: what changed, whom it started."""

    outcome: Outcome
    change: str
    agent: Agent


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback; `finished_at` may lie ahead.

    `agent` is the one it started, or for the other outcomes the one that works on such tickets.
    """

    place: int
    id: str
    plan: Plan
    ticket: Ticket
    created_at: datetime
    finished_at: datetime

    @property
    def card(self) -> int:
        """Its place in the deck."""
        return self.place % PERIOD

    @property
    def error(self) -> str:
        """Why it could not be worked on; empty for nearly all."""
        unreadable = self.plan.outcome == "unreadable"
        return _UNREADABLE[self.place // 2 % len(_UNREADABLE)] if unreadable else ""


@dataclass(frozen=True, slots=True)
class CallbackFilter:
    """What `GET /callbacks` can narrow by; `since` is included, `until` is not."""

    entity_type: str | None = None
    entity_id: str | None = None
    entity_number: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    change_types: frozenset[str] | None = None
    agent_id: int | None = None

    def takes_plan(self, plan: Plan) -> bool:
        """Whether a callback of this plan can be wanted; an agent wants those that started it."""
        return (self.change_types is None or plan.change in self.change_types) and (
            self.agent_id is None or (plan.outcome == "started" and plan.agent.id == self.agent_id)
        )

    def takes(self, callback: Callback, now: datetime) -> bool:
        """Whether a callback is wanted, and shows by now."""
        return (
            callback.created_at + LEAD <= now
            and self.takes_plan(callback.plan)
            and (self.since is None or self.since <= callback.created_at)
            and (self.until is None or callback.created_at < self.until)
            and self.takes_ticket(callback.ticket)
        )

    def takes_ticket(self, ticket: Ticket | None) -> bool:
        """Whether callbacks of a ticket can be wanted."""
        if ticket is None:
            return False
        return (self.entity_id is None or self.entity_id == ticket.id) and (
            self.entity_number is None or self.entity_number == ticket.number
        )


def callback_key(callback: Callback) -> tuple[datetime, int]:
    """By what callbacks are in order."""
    return callback.created_at, callback.place


class Callbacks:
    """The callbacks of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._history = world.history
        self._seed = world.seed
        # What follows from cards and agents is worked out once: a long life has many runs of each.
        self._after: dict[tuple[int, int], Plan | None] = {}
        self._starts: dict[int, Plan] = {}
        self._later: dict[int, timedelta] = {}
        self._took: dict[int, timedelta] = {}

    # One of them

    def of_run(self, run: Run) -> Callback | None:
        """What started a run; None for one that no ticket started."""
        if run.index < self._history.count:
            outline = self._history.planner.outline(run.index)
            plan = self._plan(outline, is_after=False)
        else:
            plan = self._living_plan(run)
        return self._told(2 * run.index, plan, run) if plan else None

    def find(self, identifier: str) -> Callback | None:
        """One callback by its id, once it shows."""
        place = callback_place(self._seed, identifier)
        if place is None:
            return None
        if place < 2 * self._history.count:
            found = self._past(place)
        else:
            run = self._world.living_run(place // 2)
            plans = self._living_plans(run) if run else ()
            plan = next((plan for at, plan in plans if at == place), None)
            found = self._told(place, plan, run) if run and plan else None
        return found if found and found.created_at + LEAD <= self._world.now else None

    # Many of them

    def newest_first(
        self, wanted: CallbackFilter, seen: tuple[datetime, int] | None = None
    ) -> Iterator[Callback]:
        """Callbacks newest first; `seen` is the (created, place) of the last one already seen."""
        if (wanted.entity_type or "TICKET").upper() != "TICKET":
            return iter(())
        now = self._world.now
        living = self._living(wanted, seen)
        past = (self._past(place) for place in self._past_places(wanted, seen))
        wanted_past = (callback for callback in past if callback and wanted.takes(callback, now))
        return merge(living, wanted_past, key=callback_key, reverse=True)

    def _past_places(
        self, wanted: CallbackFilter, seen: tuple[datetime, int] | None
    ) -> Iterator[int]:
        low, top = self.places_between(wanted.since, wanted.until)
        if seen is not None:
            last = seen
            top = min(top, self._first_place(lambda place: (self.made_at(place), place) >= last))
        planner = self._history.planner
        if wanted.entity_number is not None:
            named = planner.index_of_number(wanted.entity_number)
        elif wanted.entity_id is not None:
            named = planner.index_of_id(wanted.entity_id)
        else:
            return newest_first(self._places(wanted), low, top, period=PERIOD)
        # A ticket's own run and the other try after it, each with what came behind.
        places = range(2 * named + 3, 2 * named - 1, -1) if named is not None else range(0)
        return (place for place in places if low <= place < top)

    def _places(self, wanted: CallbackFilter) -> Sequence[int]:
        if wanted.change_types is None and wanted.agent_id is None:
            return list(self.cards)
        return [place for place, plan in self.cards.items() if wanted.takes_plan(plan)]

    def places_between(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        """The past places from an instant up to, not including, another."""
        low, top = 0, 2 * self._history.count
        if since is not None:
            begin = since
            low = self._first_place(lambda place: self.made_at(place) >= begin)
        if until is not None:
            end = until
            top = self._first_place(lambda place: self.made_at(place) >= end)
        return low, top

    def living_between(self, since: datetime, until: datetime) -> list[tuple[Outcome, timedelta]]:
        """Outcome and time of work of what the living part made from an instant up to another."""
        living, now = self._world.living, self._world.now
        return [
            (plan.outcome, self.processing(place))
            for at in range(*self._living_reach(since, until))
            for place, plan in self._living_plans(living[at])
            if since <= (made_at := self._living_made_at(living[at], place)) < until
            and made_at + LEAD <= now
        ]

    def _first_place(self, reached: Callable[[int], bool]) -> int:
        return bisect_left(range(2 * self._history.count), True, key=reached)  # noqa: FBT003 -- a value

    # The past

    @cached_property
    def cards(self) -> dict[int, Plan]:
        """The places of a deck that hold a callback, ascending, each with its plan."""
        found = (
            (2 * outline.index + is_after, self._plan(outline, is_after=bool(is_after)))
            for outline in self._history.cards
            for is_after in (0, 1)
        )
        return {place: plan for place, plan in found if plan}

    def made_at(self, place: int) -> datetime:
        """When the callback of a past place was made, or would have been: later for each place."""
        history, (index, is_after) = self._history, divmod(place, 2)
        begins = history.started_at(index)
        if is_after:
            ends = history.started_at(index + 1) if index + 1 < history.count else history.anchor
            begins += (ends - begins) / 2
        return begins - LEAD

    @cached_property
    def card_seconds(self) -> dict[int, float]:
        """How long Neo worked on the callback of each card."""
        return {place: self.processing(place).total_seconds() for place in self.cards}

    def processing(self, place: int) -> timedelta:
        """How long Neo worked on the callback of a place: shorter than `LEAD`."""
        card = place % PERIOD
        if card not in self._took:
            share = unit(self._seed, 92, card)
            self._took[card] = timedelta(milliseconds=round(400 + 2_200 * share))
        return self._took[card]

    def _past(self, place: int) -> Callback | None:
        index, is_after = divmod(place, 2)
        if not 0 <= index < self._history.count:
            return None
        plan = self._plan(self._history.planner.outline(index), is_after=bool(is_after))
        return self._told(place, plan, self._history.run_at(index)) if plan else None

    def _plan(self, outline: Outline, *, is_after: bool) -> Plan | None:
        agent = outline.agent
        if not agent.on_tickets:
            return None
        if is_after:
            return self._plan_after(agent, outline.card)
        if agent.trigger_type != "TRIGGERED":
            return None
        return Plan("started", "UPDATED" if outline.is_rerun else agent.events[0], agent)

    def _plan_after(self, agent: Agent, card: int) -> Plan | None:
        if number(self._seed, 90, card) % 100 >= _IDLE_PERCENT:
            return None
        outcomes: tuple[Outcome, ...] = (*("ignored",) * 16, "deleted", "unreadable", "unreadable")
        outcome = pick(outcomes, self._seed, 91, card)
        return Plan(outcome, "DELETED" if outcome == "deleted" else "UPDATED", agent)

    # The living part

    def _living(
        self, wanted: CallbackFilter, seen: tuple[datetime, int] | None
    ) -> Iterator[Callback]:
        """Those of the living part newest first, worked out as far as they are taken."""
        living, now = self._world.living, self._world.now
        low, top = self._living_reach(wanted.since, wanted.until)
        if seen is not None:
            top = min(top, bisect_right(living, seen[0], key=lambda run: run.started_at - LEAD))
        names_one = wanted.entity_id is not None or wanted.entity_number is not None
        waiting: list[tuple[datetime, int, Callback]] = []
        for at in range(top - 1, low - 1, -1):
            run = living[at]
            # Nothing of this run, or of one before it, is later than this.
            while waiting and waiting[-1][0] > run.started_at + _LATEST:
                yield waiting.pop()[-1]
            if names_one and not wanted.takes_ticket(run.script.ticket):
                continue
            for place, plan in self._living_plans(run):
                if wanted.takes_plan(plan):
                    told = self._told(place, plan, run)
                    key = callback_key(told)
                    if wanted.takes(told, now) and (seen is None or key < seen):
                        insort(waiting, (*key, told))
        yield from (told for _at, _place, told in reversed(waiting))

    def _living_reach(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        """From which up to which living run callbacks can come from this window."""
        # Instants from outside are compared, never shifted: they can lie at the end of all time.
        living = self._world.living
        low, top = 0, len(living)
        if since is not None:
            low = bisect_left(living, since, key=lambda run: run.started_at + _LATEST)
        if until is not None:
            top = bisect_left(living, until, key=lambda run: run.started_at - LEAD)
        return low, top

    def _living_made_at(self, run: Run, place: int) -> datetime:
        if place % 2 == 0:
            return run.started_at - LEAD
        card = place % PERIOD
        if card not in self._later:
            least, most = _AFTER_SECONDS
            seconds = least + (most - least) * unit(self._seed, 93, card)
            self._later[card] = timedelta(seconds=seconds) - LEAD
        return run.started_at + self._later[card]

    def _living_plan(self, run: Run) -> Plan | None:
        world = self._world
        agent = world.agents.get(run.script.agent_id)
        if agent is None or run.script.ticket is None or run.order is not None:
            return None
        if agent.trigger_type != "TRIGGERED":
            return None
        known = self._starts.get(agent.id)
        if known is None or known.agent is not agent:  # it can have been changed meanwhile
            known = self._starts[agent.id] = Plan("started", agent.events[0], agent)
        return known

    def _living_plans(self, run: Run) -> Iterator[tuple[int, Plan]]:
        """The places of a living run's callbacks, each with its plan."""
        plan = self._living_plan(run)
        if plan is None:
            return
        yield 2 * run.index, plan
        if not run.part:  # a run that a test put there brings nothing else along
            return
        key = plan.agent.id, run.index % DECK
        if key not in self._after or (
            (after := self._after[key]) and after.agent is not plan.agent
        ):
            self._after[key] = self._plan_after(plan.agent, key[1])
        if after := self._after[key]:
            yield 2 * run.index + 1, after

    def _told(self, place: int, plan: Plan, run: Run) -> Callback:
        ticket = run.script.ticket
        if ticket is None:
            raise ValueError(f"Run {run.id} is on no ticket.")
        if place < 2 * self._history.count:
            created_at = self.made_at(place)
        else:
            created_at = self._living_made_at(run, place)
        finished_at = created_at + self.processing(place)
        identifier = callback_id(self._seed, place)
        return Callback(place, identifier, plan, ticket, created_at, finished_at)
