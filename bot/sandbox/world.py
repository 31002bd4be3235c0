"""The world behind the API: a lazy past and a living part that only moves when told the time."""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, Protocol

from bot.sandbox import lists
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.chance import between, run_id, run_index, unit
from bot.sandbox.figures import Figures
from bot.sandbox.history import History, approval_id, approval_index, approvers_for, decides
from bot.sandbox.library import Agent, Kind, Library, fill
from bot.sandbox.lists import ApprovalFilter, RunFilter, approval_key, run_key
from bot.sandbox.planner import Outline, Person, Planner
from bot.sandbox.records import Records
from bot.sandbox.runs import Approval, Decision, Order, Run
from bot.sandbox.scheduling import keep_outcome
from bot.sandbox.scripts import ASK_AFTER_SECONDS, Ticket

__all__ = [
    "MOST_PENDING",
    "MOST_RUNS",
    "PLAYGROUND_PEOPLE",
    "AlreadyDecidedError",
    "ApprovalFilter",
    "Part",
    "RunFilter",
    "Source",
    "World",
]

PLAYGROUND_PEOPLE: tuple[Person, ...] = (
    # As the Playground sends them: its ids are a digit longer than Entra's.
    ("00000000-0000-0000-0000-0000000000020", "Alex Wilber"),
    ("00000000-0000-0000-0000-0000000000021", "Megan Bowen"),
    ("00000000-0000-0000-0000-0000000000022", "Adele Vance"),
    ("00000000-0000-0000-0000-0000000000023", "Isaiah Langer"),
    ("00000000-0000-0000-0000-0000000000024", "Patti Fernandez"),
)
MOST_PENDING = 8
MOST_RUNS = 200_000
"""Runs that live at most: five weeks at the usual pace, so a month's numbers stay whole."""
_FIRST_START = timedelta(seconds=2)
_MOST_AT_ONCE = 10_000

Part = Literal["mine", "others", "does", "fails", "skips", "ordered"]
# One round of twelve runs: with 15 s between runs the first person is asked about once a minute,
# and a run fails about every 90 s.
_ROUND: tuple[Part, ...] = (
    *("mine", "fails", "does", "does"),
    *("mine", "skips", "does", "fails"),
    *("mine", "others", "does", "does"),
)
_WAITING_AT_START = ((7_800, 600), (2_300, 1_500))  # asked so many seconds ago, decided in so many
_KINDS: dict[Part, Kind] = {
    "mine": "asks",
    "others": "asks",
    "does": "does",
    "fails": "fails",
    "skips": "skips",
}


class Source(Protocol):
    """Something else that happens when it is due, such as scheduled work."""

    def next_at(self) -> datetime | None:
        """When it next wants to happen (UTC); None while nothing is planned."""

    def happen(self, at: datetime) -> None:
        """Let it happen; what is still planned then lies later, or is another thing due now."""


class AlreadyDecidedError(Exception):
    """The approval was decided before.

    Attributes:
        run: The run whose approval it is.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("The approval was decided before.")
        self.run = run


class World:
    """Agents, runs and approvals of one invented MSP.

    The same arguments and the same instants give the same world.

    Args:
        library: Agents and clients.
        seed: Chooses everything that chance would.
        runs: How many runs lie in the past.
        anchor: When the world began (UTC); the past is told from here.
        people: Entra object id and name of all who can be asked; the first sits at the keyboard.
        pace_seconds: Between new runs, on average; None when nothing is to happen by itself.
        most_runs: How many runs live; of more, the oldest that has ended is forgotten.

    Attributes:
        callbacks: What the PSA called back.
        figures: What is counted over many runs.
        records: What callers made or changed that is no run.
        sources: Further things that happen when they are due.
        living: Runs of the living part, in order of their start.
    """

    def __init__(
        self,
        *,
        library: Library,
        seed: int,
        runs: int,
        anchor: datetime,
        people: Sequence[Person] = PLAYGROUND_PEOPLE,
        pace_seconds: float | None = None,
        most_runs: int = MOST_RUNS,
    ) -> None:
        self.seed = seed
        self.most_runs = most_runs
        self.people = tuple(people)
        self.pace_seconds = pace_seconds
        self.agents: dict[int, Agent] = {agent.id: agent for agent in library.agents}
        self.planner = Planner(library, seed, max(48_213 - runs, 10_000))
        self.history = History(self.planner, runs, anchor, self.people)
        self.now = anchor
        self.next_start = anchor + _FIRST_START
        self.started = 0
        self.round_place = 0
        self.changes = 0
        self.living: list[Run] = []
        self.records = Records()
        self.sources: list[Source] = []
        self._asked: list[Run] = []
        self._by_index: dict[int, Run] = {}
        self._by_approval: dict[int, Run] = {}
        self.callbacks = Callbacks(self)
        self.figures = Figures(self)
        if pace_seconds is not None and runs:
            self._leave_waiting(anchor)
        self.records.begin(self)

    # What happens

    def advance(self, to: datetime) -> None:
        """Let everything happen that is due by `to`, in order; going back in time does nothing.

        Of things due at the same instant, decisions come first, then the rhythm, then `sources`
        in their order.

        Raises:
            RuntimeError: a source does not get on.
        """
        repeats, last = 0, None
        while (due := self._next_due()) is not None and due[0] <= to:
            at, happen = due
            repeats = repeats + 1 if at == last else 0
            if repeats > _MOST_AT_ONCE:
                raise RuntimeError(f"More than {_MOST_AT_ONCE} things are due at {at}.")
            last = at
            self.now = max(self.now, at)
            happen(at)
        self.now = max(self.now, to)

    def _next_due(self) -> tuple[datetime, Callable[[datetime], None]] | None:
        due: list[tuple[datetime, Callable[[datetime], None]]] = [
            (run.approval.colleague_at, partial(self._colleague_decides, run.approval))
            for run in self._asked
            if run.approval and run.approval.colleague_at and not run.approval.decision
        ]
        if self.pace_seconds is not None:
            due.append((self.next_start, self._start_next))
        planned = [(source.next_at(), source.happen) for source in self.sources]
        due += [(at, happen) for at, happen in planned if at is not None]
        return min(due, key=lambda event: event[0], default=None)

    def _colleague_decides(self, approval: Approval, at: datetime) -> None:
        wait = round((at - approval.created_at).total_seconds())
        decides(self.seed, approval_index(approval.id), approval, wait)
        self.changes += 1

    def _start_next(self, at: datetime) -> None:
        part = _ROUND[self.round_place]
        self.round_place = (self.round_place + 1) % len(_ROUND)
        pending = sum(1 for r in self._asked if r.approval and not r.approval.decision)
        if _KINDS[part] == "asks" and pending >= MOST_PENDING:
            part = "does"
        index = self.history.count + self.started
        if self.agent_for(index, part).state == "ENABLED":
            self.start_run(index, part, at)
        else:  # it was switched off: what it would have done does not happen
            self.started += 1
            self.changes += 1
        pace = self.pace_seconds or 0
        gap = pace * (0.8 + 0.4 * unit(self.seed, 70, self.started))
        self.next_start = at + timedelta(seconds=gap)

    def agent_for(self, index: int, part: Part) -> Agent:
        """Whose turn it is in the rhythm, as it is set up now."""
        agent = self.planner.outline(index, _KINDS[part]).agent
        return self.agents.get(agent.id, agent)

    def start_run(self, index: int, part: Part, at: datetime, *, agent: Agent | None = None) -> Run:
        """Begin the run of a living index; how it goes follows from index, part and instant.

        Args:
            index: Its place among the living.
            part: Its place in the rhythm.
            at: When it begins (UTC).
            agent: Its agent as it was set up then, where a saved run is told again.
        """
        agent = agent or self.agent_for(index, part)
        outline = replace(self.planner.outline(index, _KINDS[part]), agent=agent)
        script = self.planner.script(outline, at, brisk=True)
        run = Run(index, run_id(self.seed, index), script, at, part=part)
        return self._begin(run, outline, first=part == "mine")

    def start_for(
        self,
        agent: Agent,
        *,
        ticket: str | None = None,
        at: datetime,
        instructions: str = "",
        index: int | None = None,
    ) -> Run:
        """Begin a run that somebody asked for, outside the rhythm.

        Args:
            agent: Who runs, as it is set up now.
            ticket: The PSA's id of the ticket to work on; `ticket` tells whether there is one.
            at: When it begins (UTC).
            instructions: What it is told on top of the agent's own instructions.
            index: Its place among the living, where a saved run is told again.
        """
        if index is None:
            index = self.history.count + self.started
        outline = self.planner.outline_for(agent, index)
        about, words = None, self.planner.words_for(index)
        if ticket is not None:
            about, words = self._known_ticket(ticket, outline)
        script = self.planner.script_on(outline, about, words, brisk=True)
        run = Run(index, run_id(self.seed, index), script, at, part="ordered")
        run.order = Order(agent.id, ticket, instructions)
        return self._begin(run, outline)

    def _known_ticket(self, ticket: str, outline: Outline) -> tuple[Ticket, dict[str, Any]]:
        """A ticket by its PSA id, with its people; one that no run has met is named by its id."""
        told = self._told_on(ticket)
        named = self.planner.index_of_id(ticket)
        company = told.script.company if told else ""
        words = self.planner.words_for(outline.index if named is None else named, ticket, company)
        about = told.script.ticket if told else None
        if about is None:
            about = Ticket(ticket, ticket, str(fill(outline.told.subject, words)))
        return about, words | {"ticket": about.number, "subject": about.subject}

    def _begin(self, run: Run, outline: Outline, *, first: bool | None = None) -> Run:
        if outline.kind == "asks":
            run.approval = Approval(
                id=approval_id(run.index),
                approvers=approvers_for(self.seed, run.index, self.people, first=first),
                created_at=run.started_at + timedelta(seconds=ASK_AFTER_SECONDS),
            )
            if self.people[0] not in run.approval.approvers:
                wait = between(90, 240, self.seed, 52, run.index)
                run.approval.colleague_at = run.approval.created_at + timedelta(seconds=wait)
        self.started += 1
        self.add(run)
        return run

    def _leave_waiting(self, anchor: datetime) -> None:
        for ago, decided_in in _WAITING_AT_START:
            at = anchor - timedelta(seconds=ago)
            run = self.start_run(self.history.count + self.started, "others", at)
            if run.approval:
                run.approval.colleague_at = anchor + timedelta(seconds=decided_in)

    def add(self, run: Run) -> None:
        """Put a run into the living part."""
        insort(self.living, run, key=run_key)
        self._by_index[run.index] = run
        if run.approval:
            insort(self._asked, run, key=approval_key)
            self._by_approval[run.approval.id] = run
        if len(self.living) > self.most_runs:
            self._forget_oldest()
        self.changes += 1

    def _forget_oldest(self) -> None:
        """Let the oldest run go that has ended; what still waits for somebody stays."""
        run = next((run for run in self.living if run.has_ended(self.now)), None)
        if run is None:
            return
        keep_outcome(self, run)
        self.living.remove(run)
        del self._by_index[run.index]
        if run.approval:
            self._asked.remove(run)
            del self._by_approval[run.approval.id]

    def empty_living(self) -> None:
        """Forget the living part, before a saved one takes its place."""
        self.living.clear()
        self._asked.clear()
        self._by_index.clear()
        self._by_approval.clear()
        self.started = 0

    def remove_approval(self, run: Run) -> None:
        """Forget a run's approval, as if it had never been asked."""
        if run.approval is None:
            raise ValueError(f"Run {run.id} asks nobody.")
        self._asked.remove(run)
        del self._by_approval[run.approval.id]
        run.approval = None
        self.changes += 1

    def decide(self, run: Run, action: str, by: Person, note: str) -> None:
        """Record a decision as of now; what the run does next follows from it.

        Raises:
            AlreadyDecidedError: somebody was faster.
        """
        if run.approval is None:
            raise ValueError(f"Run {run.id} asks nobody.")
        if run.approval.decision:
            raise AlreadyDecidedError(run)
        run.approval.decision = Decision(action, *by, self.now, note)
        self.changes += 1

    # What there is

    def run(self, identifier: str) -> Run | None:
        """One run by its id."""
        index = run_index(self.seed, identifier)
        if index is None:
            return None
        if index < self.history.count:
            return self.history.run_at(index)
        return self._by_index.get(index)

    def living_run(self, index: int) -> Run | None:
        """The run of an index, if it is one of the living part."""
        return self._by_index.get(index)

    def approval(self, identifier: int) -> Run | None:
        """The run that raised an approval, once it was raised."""
        if identifier in self._by_approval:
            run = self._by_approval[identifier]
            return run if run.approval and run.approval.created_at <= self.now else None
        index = approval_index(identifier)
        if 0 <= index < self.history.count:
            run = self.history.run_at(index)
            return run if run.approval else None
        return None

    def ticket(self, identifier: str) -> Ticket | None:
        """The ticket with this PSA id, if a run worked on it."""
        told = self._told_on(identifier)
        return told.script.ticket if told else None

    def _told_on(self, ticket_id: str) -> Run | None:
        """The newest run on a ticket."""
        return next(self.runs(RunFilter(entity_id=ticket_id)), None)

    def runs(self, wanted: RunFilter, until: tuple[datetime, int] | None = None) -> Iterator[Run]:
        """Runs newest first; `until` is the (start, index) of the last one already seen."""
        return lists.runs(self.history, self.living, self.now, wanted, until)

    def approvals(
        self, wanted: ApprovalFilter, until: tuple[datetime, int] | None = None
    ) -> Iterator[Run]:
        """Runs with an approval, newest question first; `until` is the last (created, id) seen."""
        return lists.approvals(self.history, self._asked, self.now, wanted, until)
