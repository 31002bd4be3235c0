"""The world behind the API: a lazy past and a living part that only moves when told the time."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from typing import Literal

from bot.sandbox.chance import between, run_id, run_index, unit
from bot.sandbox.history import (
    History,
    approval_id,
    approval_index,
    approvers_for,
    decides,
)
from bot.sandbox.library import Agent, Kind, Library
from bot.sandbox.planner import Outline, Person, Planner
from bot.sandbox.runs import Approval, Decision, Run
from bot.sandbox.scripts import ASK_AFTER_SECONDS

PLAYGROUND_PEOPLE: tuple[Person, ...] = (
    # As the Playground sends them: its ids are a digit longer than Entra's.
    ("00000000-0000-0000-0000-0000000000020", "Alex Wilber"),
    ("00000000-0000-0000-0000-0000000000021", "Megan Bowen"),
    ("00000000-0000-0000-0000-0000000000022", "Adele Vance"),
    ("00000000-0000-0000-0000-0000000000023", "Isaiah Langer"),
    ("00000000-0000-0000-0000-0000000000024", "Patti Fernandez"),
)
MOST_PENDING = 8
_FIRST_START = timedelta(seconds=2)

Part = Literal["mine", "others", "does", "fails", "skips"]
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


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What `GET /executions` can narrow by; None leaves a field open."""

    agent_id: int | None = None
    entity_id: str | None = None
    entity_number: str | None = None
    statuses: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What `GET /til-requests` can narrow by; both instants are included."""

    agent_id: int | None = None
    statuses: frozenset[str] | None = None
    approver: str | None = None
    text: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


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
    ) -> None:
        self.seed = seed
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
        self._asked: list[Run] = []
        self._by_index: dict[int, Run] = {}
        self._by_approval: dict[int, Run] = {}
        if pace_seconds is not None and runs:
            self._leave_waiting(anchor)

    # What happens

    def advance(self, to: datetime) -> None:
        """Let everything happen that is due by `to`; going back in time does nothing."""
        while (due := self._next_event()) is not None and due[0] <= to:
            at, approval = due
            if approval is None:
                self._start_next(at)
            else:
                wait = round((at - approval.created_at).total_seconds())
                decides(self.seed, approval_index(approval.id), approval, wait)
                self.changes += 1
        self.now = max(self.now, to)

    def _next_event(self) -> tuple[datetime, Approval | None] | None:
        events: list[tuple[datetime, Approval | None]] = [
            (run.approval.colleague_at, run.approval)
            for run in self._asked
            if run.approval and run.approval.colleague_at and not run.approval.decision
        ]
        if self.pace_seconds is not None:
            events.append((self.next_start, None))
        return min(events, key=lambda event: event[0], default=None)

    def _start_next(self, at: datetime) -> None:
        part = _ROUND[self.round_place]
        self.round_place = (self.round_place + 1) % len(_ROUND)
        pending = sum(1 for r in self._asked if r.approval and not r.approval.decision)
        if _KINDS[part] == "asks" and pending >= MOST_PENDING:
            part = "does"
        self.start_run(self.history.count + self.started, part, at)
        pace = self.pace_seconds or 0
        gap = pace * (0.8 + 0.4 * unit(self.seed, 70, self.started))
        self.next_start = at + timedelta(seconds=gap)

    def start_run(self, index: int, part: Part, at: datetime) -> Run:
        """Begin the run of a living index; everything about it follows from these three."""
        kind = _KINDS[part]
        outline = self.planner.outline(index, kind)
        script = self.planner.script(outline, at, brisk=True)
        run = Run(index, run_id(self.seed, index), script, at, part=part)
        if kind == "asks":
            run.approval = Approval(
                id=approval_id(index),
                approvers=approvers_for(self.seed, index, self.people, first=part == "mine"),
                created_at=at + timedelta(seconds=ASK_AFTER_SECONDS),
            )
            if part == "others":
                wait = between(90, 240, self.seed, 52, index)
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
        insort(self.living, run, key=_run_key)
        self._by_index[run.index] = run
        if run.approval:
            insort(self._asked, run, key=_approval_key)
            self._by_approval[run.approval.id] = run
        self.changes += 1

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
            return self.history.run(self.planner.outline(index))
        return self._by_index.get(index)

    def approval(self, identifier: int) -> Run | None:
        """The run that raised an approval, once it was raised."""
        if identifier in self._by_approval:
            run = self._by_approval[identifier]
            return run if run.approval and run.approval.created_at <= self.now else None
        index = approval_index(identifier)
        if 0 <= index < self.history.count:
            outline = self.planner.outline(index)
            return self.history.run(outline) if outline.kind == "asks" else None
        return None

    def runs(self, wanted: RunFilter, until: tuple[datetime, int] | None = None) -> Iterator[Run]:
        """Runs newest first; `until` is the (start, index) of the last one already seen."""
        top = bisect_left(self.living, until, key=_run_key) if until else len(self.living)
        living = (r for r in reversed(self.living[:top]) if self._is_wanted(r, wanted))
        return merge(living, self._past_runs(wanted, until), key=_run_key, reverse=True)

    def _is_wanted(self, run: Run, wanted: RunFilter) -> bool:
        ticket = run.script.ticket
        return (
            (wanted.agent_id is None or run.script.agent_id == wanted.agent_id)
            and (wanted.statuses is None or run.status(self.now) in wanted.statuses)
            and (
                wanted.entity_number is None
                or (ticket is not None and ticket.number == wanted.entity_number)
            )
            and (wanted.entity_id is None or (ticket is not None and ticket.id == wanted.entity_id))
        )

    def _past_runs(self, wanted: RunFilter, until: tuple[datetime, int] | None) -> Iterator[Run]:
        history = self.history
        if wanted.entity_number is not None or wanted.entity_id is not None:
            runs = (history.run(self.planner.outline(i)) for i in self._past_indexes(wanted))
            return (
                run
                for run in runs
                if self._is_wanted(run, wanted) and (until is None or _run_key(run) < until)
            )
        if wanted.statuses is not None and not wanted.statuses & {"SUCCESS", "FAILURE", "SKIPPED"}:
            return iter(())

        def match(outline: Outline) -> bool:
            if wanted.agent_id is not None and outline.agent.id != wanted.agent_id:
                return False
            return wanted.statuses is None or history.outcome(outline) in wanted.statuses

        return map(history.run, history.newest_first(match, until=until))

    def _past_indexes(self, wanted: RunFilter) -> list[int]:
        """Where runs on a ticket can stand, newest first: its own and another try after it."""
        count = self.history.count
        if wanted.entity_number is not None:
            tickets = self.planner.ticket_indexes(wanted.entity_number, count)
        else:
            tickets = self.planner.ticket_indexes_by_id(wanted.entity_id or "", count)
        return sorted({i + n for i in tickets for n in (0, 1) if i + n < count}, reverse=True)

    def approvals(
        self, wanted: ApprovalFilter, until: tuple[datetime, int] | None = None
    ) -> Iterator[Run]:
        """Runs with an approval, newest question first; `until` is the last (created, id) seen."""
        top = bisect_left(self._asked, until, key=_approval_key) if until else len(self._asked)
        living = (run for run in reversed(self._asked[:top]) if self._is_asked(run, wanted))
        return merge(living, self._past_approvals(wanted, until), key=_approval_key, reverse=True)

    def _is_asked(self, run: Run, wanted: ApprovalFilter) -> bool:
        approval = run.approval
        if approval is None or not (
            (wanted.created_after or approval.created_at)
            <= approval.created_at
            <= min(self.now, wanted.created_before or self.now)
        ):
            return False
        return (
            (wanted.agent_id is None or run.script.agent_id == wanted.agent_id)
            and (wanted.statuses is None or approval.status in wanted.statuses)
            and (wanted.approver is None or wanted.approver in dict(approval.approvers))
            and (wanted.text is None or wanted.text.casefold() in _searchable(run))
        )

    def _past_approvals(
        self, wanted: ApprovalFilter, until: tuple[datetime, int] | None
    ) -> Iterator[Run]:
        # Nothing in the past still waits.
        if wanted.statuses is not None and not wanted.statuses & {"APPROVED", "REJECTED"}:
            return iter(())
        asked_after = timedelta(seconds=ASK_AFTER_SECONDS)
        ends = [(at - asked_after, approval_index(id_)) for at, id_ in ([until] if until else [])]
        if wanted.created_before:
            ends.append((wanted.created_before - asked_after, self.history.count))
        outlines = self.history.newest_first(
            _asks(wanted.agent_id),
            until=min(ends, default=None),
            since=wanted.created_after - asked_after if wanted.created_after else None,
        )
        return (r for r in map(self.history.run, outlines) if self._is_asked(r, wanted))


def _asks(agent_id: int | None) -> Callable[[Outline], bool]:
    return lambda outline: outline.kind == "asks" and agent_id in (None, outline.agent.id)


def _run_key(run: Run) -> tuple[datetime, int]:
    return run.started_at, run.index


def _approval_key(run: Run) -> tuple[datetime, int]:
    if run.approval is None:
        raise ValueError(f"Run {run.id} asks nobody.")
    return run.approval.created_at, run.approval.id


def _searchable(run: Run) -> str:
    ticket, asked = run.script.ticket, run.script.requested_for or {}
    if run.approval and "requested_for" in run.approval.changes:
        asked = run.approval.changes["requested_for"]
    places = [ticket.id, ticket.number] if ticket else []
    return " ".join([*places, *(str(value) for value in asked.values())]).casefold()
