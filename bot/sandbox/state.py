"""What lives in a world and what callers changed, on disk: the demo starts where it was."""

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from bot.sandbox.records import Records
from bot.sandbox.runs import Approval, Decision, Run
from bot.sandbox.versions import agent_at, settle
from bot.sandbox.world import Part, World

_VERSION: Literal[3] = 3
_RESUMES_AFTER = timedelta(seconds=2)


class StateError(Exception):
    """The state file cannot be used; the message says why and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Row(_Strict):
    """Written as a list of its values: there can be very many."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, told: Any) -> Any:
        if not isinstance(told, list):
            return told
        return dict(zip(cls.model_fields, told, strict=True))


class _SavedDecision(_Row):
    action: Literal["approve", "reject"]
    by_id: str
    by_name: str
    at: AwareDatetime
    note: str


class _SavedApproval(_Row):
    approvers: list[tuple[str, str]]
    colleague_at: AwareDatetime | None
    decision: _SavedDecision | None


class _SavedOrder(_Row):
    agent_id: int
    ticket: str | None
    instructions: str


class _SavedRun(_Row):
    index: int
    part: Part
    started_at: AwareDatetime
    approval: _SavedApproval | None
    order: _SavedOrder | None = None


class _Saved(_Strict):
    version: Literal[1, 2, 3]  # the first one knew no records, the second one no rows
    seed: int
    runs: int
    anchor: AwareDatetime
    next_start: AwareDatetime
    started: int
    round_place: int
    living: list[_SavedRun]
    records: Records | None = None


def anchor_of(path: Path) -> datetime | None:
    """When the saved world began; None if there is no file yet.

    Raises:
        StateError: there is a file, but it is not readable as a state.
    """
    saved = _read(path)
    return saved.anchor.astimezone(UTC) if saved else None


def restore(path: Path, world: World, now: datetime) -> bool:
    """Put what was saved into a new world; False if there is no file yet.

    Nothing happened while the world was not running: new runs, and scheduled work that came due
    meanwhile, begin after `now`.

    Raises:
        StateError: the file is unreadable, or belongs to another seed or number of runs.
    """
    saved = _read(path)
    if saved is None:
        return False
    for name, there, here in (
        ("seed", saved.seed, world.seed),
        ("runs", saved.runs, world.history.count),
    ):
        if there != here:
            raise StateError(
                f"The state file {path} was written with --{name} {there}, now it is {here}. "
                f"Start with --{name} {there}, or delete the file to begin anew."
            )
    if saved.records is not None:
        world.records = saved.records
        settle(world)
    world.records.schedule.resume(now + _RESUMES_AFTER)
    world.empty_living()
    for entry in saved.living:
        run = _told_again(world, entry)
        if run is not None:
            _fill_in(run.approval, entry.approval)
    world.started = saved.started
    world.round_place = saved.round_place
    world.next_start = max(saved.next_start.astimezone(UTC), now + _RESUMES_AFTER)
    return True


def save(path: Path, world: World) -> None:
    """Write what lives and what callers changed, at once: a reader never sees half of a file.

    Runs that a test put in by hand are left out: only a script's own runs can be told again.

    Raises:
        OSError: the folder cannot be written.
    """
    saved = {
        "version": _VERSION,
        "seed": world.seed,
        "runs": world.history.count,
        "anchor": world.history.anchor,
        "next_start": world.next_start,
        "started": world.started,
        "round_place": world.round_place,
        "living": [_row(run) for run in world.living if run.part],
        "records": world.records.model_dump(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            # Not pydantic's own JSON: callers can send half of a surrogate pair, which it refuses.
            file.write(json.dumps(saved, default=datetime.isoformat))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path: Path) -> _Saved | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path) from error
    try:
        return _Saved.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> StateError:
    return StateError(
        f"The state file {path} cannot be read: it is damaged or of another version. "
        "Delete it to begin with a new world."
    )


def _told_again(world: World, entry: _SavedRun) -> Run | None:
    """The run as it was; None for one whose agent is no longer there."""
    at = entry.started_at.astimezone(UTC)
    if entry.order is None:
        usual = world.agent_for(entry.index, entry.part)
        then = agent_at(world, usual.id, at)
        return world.start_run(entry.index, entry.part, at, agent=then)
    agent = agent_at(world, entry.order.agent_id, at)
    if agent is None:
        return None
    return world.start_for(
        agent,
        ticket=entry.order.ticket,
        at=at,
        instructions=entry.order.instructions,
        index=entry.index,
    )


def _row(run: Run) -> list[Any]:
    """The values of a `_SavedRun`, in its order."""
    approval, order = run.approval, run.order
    decision = approval.decision if approval else None
    decided = decision and [
        "approve" if decision.action == "approve" else "reject",
        decision.by_id,
        decision.by_name,
        decision.at,
        decision.note,
    ]
    return [
        run.index,
        run.part,
        run.started_at,
        approval and [approval.approvers, approval.colleague_at, decided],
        order and [order.agent_id, order.ticket, order.instructions],
    ]


def _fill_in(approval: Approval | None, saved: _SavedApproval | None) -> None:
    if approval is None or saved is None:
        return
    approval.approvers = list(saved.approvers)
    approval.colleague_at = saved.colleague_at and saved.colleague_at.astimezone(UTC)
    if saved.decision:
        told = saved.decision
        approval.decision = Decision(
            told.action, told.by_id, told.by_name, told.at.astimezone(UTC), told.note
        )
