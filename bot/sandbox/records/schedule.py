"""Work that callers put on the clock."""

from datetime import datetime
from typing import Literal

from pydantic import Field, PrivateAttr

from bot.sandbox.records.base import Instant, Record


class ScheduledWork(Record):
    """One piece of work; what became of it follows from its run.

    Attributes:
        id: Its number.
        workflow_id: The agent that is to run.
        ticket_id: The ticket's id in the PSA.
        instructions: What the agent is told on top.
        scheduled_for: When it is due.
        created_by: Who asked.
        created_at: When they asked.
        executed_at: When it was taken up.
        run_id: The run it became.
        problem: Why it could not begin.
        outcome: How its run ended; None until that run is forgotten, which tells it meanwhile.
        message: What the run said at its end.
        ended_at: When the run took its last step.
    """

    id: int
    workflow_id: int
    ticket_id: str | None = None
    instructions: str = ""
    scheduled_for: Instant
    created_by: str
    created_at: Instant
    executed_at: Instant | None = None
    run_id: str | None = None
    problem: str = ""
    outcome: Literal["COMPLETED", "FAILED"] | None = None
    message: str = ""
    ended_at: Instant | None = None


class ScheduleRecords(Record):
    """All scheduled work, oldest first.

    Attributes:
        work: What there is.
        last_id: The number given out last.
    """

    work: list[ScheduledWork] = Field(default_factory=list)
    last_id: int = 0
    _resumes_at: datetime | None = PrivateAttr(default=None)

    def resume(self, at: datetime) -> None:
        """Let nothing begin before `at`: what was due while nobody was there comes then."""
        self._resumes_at = at

    def due_at(self, work: ScheduledWork) -> datetime:
        """When a piece of work that waits begins."""
        return max(work.scheduled_for, self._resumes_at or work.scheduled_for)

    def next_due(self) -> ScheduledWork | None:
        """What comes next; of two at the same instant the one asked for first."""
        waiting = [work for work in self.work if work.executed_at is None]
        return min(waiting, key=lambda work: (work.scheduled_for, work.id), default=None)

    def add(
        self,
        *,
        workflow_id: int,
        ticket_id: str | None,
        instructions: str,
        scheduled_for: datetime,
        created_by: str,
        now: datetime,
        most: int,
    ) -> ScheduledWork:
        """Keep new work; of more than `most` the oldest that was taken up is forgotten."""
        self.last_id += 1
        work = ScheduledWork(
            id=self.last_id,
            workflow_id=workflow_id,
            ticket_id=ticket_id,
            instructions=instructions,
            scheduled_for=scheduled_for,
            created_by=created_by,
            created_at=now,
        )
        self.work.append(work)
        if len(self.work) > most:
            done = next((old for old in self.work if old.executed_at is not None), None)
            if done is not None:
                self.work.remove(done)
        return work
