"""Scheduled work as it happens: due work becomes a run, and the run says what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from bot.sandbox.records.schedule import ScheduledWork
from bot.sandbox.runs import stamp

if TYPE_CHECKING:
    from bot.sandbox.runs import Run
    from bot.sandbox.world import World

MOST_WORK = 500
"""Pieces of work that are remembered."""

_DONE_AT_START = 3
_WAITING_AT_START = (timedelta(minutes=6), timedelta(hours=20))
_LOOKED_THROUGH = 60
_OUTCOMES: dict[str, Literal["COMPLETED", "FAILED"]] = {
    "SUCCESS": "COMPLETED",
    "SKIPPED": "COMPLETED",
    "FAILURE": "FAILED",
}


class DueWork:
    """Lets scheduled work begin when it is due.

    Args:
        world: Whose work it is.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def next_at(self) -> datetime | None:
        """When the next piece is due; None while nothing waits."""
        schedule = self._world.records.schedule
        work = schedule.next_due()
        return schedule.due_at(work) if work else None

    def happen(self, at: datetime) -> None:
        """Begin the next piece; an agent that is gone or switched off leaves a problem instead."""
        work = self._world.records.schedule.next_due()
        if work is None:
            return
        work.executed_at = at
        agent = self._world.agents.get(work.workflow_id)
        if agent is None:
            work.problem = "The agent is no longer there."
        elif agent.state != "ENABLED":
            work.problem = f"{agent.name} is switched off."
        else:
            run = self._world.start_for(
                agent, ticket=work.ticket_id, at=at, instructions=work.instructions
            )
            work.run_id = run.id
        self._world.changes += 1


def begin_schedule(world: World) -> None:
    """Leave some work from the past and, in a world that moves by itself, some that waits."""
    history, person = world.history, world.people[0][1]
    done: list[Run] = []
    for index in range(history.count - 1, max(history.count - _LOOKED_THROUGH, 0) - 1, -1):
        run = history.run_at(index)
        if run.script.ticket is not None and len(done) < _DONE_AT_START:
            done.append(run)
    for run in reversed(done):
        work = world.records.schedule.add(
            workflow_id=run.script.agent_id,
            ticket_id=run.script.ticket.id if run.script.ticket else None,
            instructions="Look at it again in the afternoon, when the contact is back.",
            scheduled_for=run.started_at,
            created_by=person,
            now=run.started_at - timedelta(hours=3),
            most=MOST_WORK,
        )
        work.executed_at, work.run_id = run.started_at, run.id
    if world.pace_seconds is None:
        return
    for run, wait in zip(done, _WAITING_AT_START, strict=False):
        world.records.schedule.add(
            workflow_id=run.script.agent_id,
            ticket_id=run.script.ticket.id if run.script.ticket else None,
            instructions="Check whether the client is content, then close the ticket.",
            scheduled_for=history.anchor + wait,
            created_by=person,
            now=history.anchor - timedelta(minutes=30),
            most=MOST_WORK,
        )


def work_status(world: World, work: ScheduledWork) -> str:
    """PENDING, PROCESSING, COMPLETED or FAILED, as the run stands."""
    if work.executed_at is None:
        return "PENDING"
    if work.run_id is None:
        return "FAILED"
    run = world.run(work.run_id)
    if run is None:  # it was forgotten, or its agent with it
        return work.outcome or "COMPLETED"
    return _OUTCOMES.get(run.status(world.now), "PROCESSING")


def keep_outcome(world: World, run: Run) -> None:
    """Write down what came of a run that has ended, for the work it came from; then it may go."""
    for work in world.records.schedule.work:
        if work.run_id == run.id:
            work.outcome = _OUTCOMES[run.status(world.now)]
            work.message = run.script.message
            work.ended_at = run.last_step_at(world.now)


def ticket_number(world: World, work: ScheduledWork) -> str | None:
    """The number of the work's ticket, as the PSA writes it; None for work on no ticket."""
    if work.ticket_id is None:
        return None
    ticket = world.ticket(work.ticket_id)
    return ticket.number if ticket else work.ticket_id


def work_body(world: World, work: ScheduledWork, tenant: str) -> dict[str, Any]:
    """A piece of work as `GET /scheduled-work` shows it; fields without a value are left out."""
    run = world.run(work.run_id) if work.run_id else None
    agent = world.agents.get(work.workflow_id)
    has_ended = run is not None and run.has_ended(world.now)
    changed_at = work.executed_at or work.created_at
    if run is not None and has_ended:
        changed_at = max(changed_at, run.last_step_at(world.now))
    elif work.ended_at is not None:
        changed_at = max(changed_at, work.ended_at)
    message = run.script.message if run is not None and has_ended else work.message
    body: dict[str, Any] = {
        "id": work.id,
        "client_id": tenant,
        "workflow_id": work.workflow_id,
        "workflow_name": agent.name if agent else None,
        "ticket_id": work.ticket_id,
        "ticket_number": ticket_number(world, work),
        "additional_custom_instructions": work.instructions or None,
        "scheduled_for": stamp(work.scheduled_for),
        "executed_at": stamp(work.executed_at) if work.executed_at else None,
        "execution_message": work.problem or message or None,
        "execution_temporal_run_id": work.run_id,
        "created_by": work.created_by,
        "created_at": stamp(work.created_at),
        "updated_at": stamp(changed_at),
        "status": work_status(world, work),
    }
    return {name: value for name, value in body.items() if value is not None}
