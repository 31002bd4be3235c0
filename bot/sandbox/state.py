"""The living part of a world on disk, so that the demo starts where it was."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from bot.sandbox.runs import Approval, Decision, Run
from bot.sandbox.world import Part, World

_RESUMES_AFTER = timedelta(seconds=2)


class StateError(Exception):
    """The state file cannot be used; the message says why and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _SavedDecision(_Strict):
    action: Literal["approve", "reject"]
    by_id: str
    by_name: str
    at: AwareDatetime
    note: str


class _SavedApproval(_Strict):
    approvers: list[tuple[str, str]]
    colleague_at: AwareDatetime | None
    decision: _SavedDecision | None


class _SavedRun(_Strict):
    index: int
    part: Part
    started_at: AwareDatetime
    approval: _SavedApproval | None


class _Saved(_Strict):
    version: Literal[1]
    seed: int
    runs: int
    anchor: AwareDatetime
    next_start: AwareDatetime
    started: int
    round_place: int
    living: list[_SavedRun]


def anchor_of(path: Path) -> datetime | None:
    """When the saved world began; None if there is no file yet.

    Raises:
        StateError: there is a file, but it is not readable as a state.
    """
    saved = _read(path)
    return saved.anchor.astimezone(UTC) if saved else None


def restore(path: Path, world: World, now: datetime) -> bool:
    """Put the saved living part into a new world; False if there is no file yet.

    Nothing happened while the world was not running: new runs begin again after `now`.

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
    world.empty_living()
    for entry in saved.living:
        run = world.start_run(entry.index, entry.part, entry.started_at.astimezone(UTC))
        _fill_in(run.approval, entry.approval)
    world.started = saved.started
    world.round_place = saved.round_place
    world.next_start = max(saved.next_start.astimezone(UTC), now + _RESUMES_AFTER)
    return True


def save(path: Path, world: World) -> None:
    """Write the living part; a reader sees the old file or the new one, never half of one.

    Runs that a test put in by hand are left out: only a script's own runs can be told again.

    Raises:
        OSError: the folder cannot be written.
    """
    saved = _Saved(
        version=1,
        seed=world.seed,
        runs=world.history.count,
        anchor=world.history.anchor,
        next_start=world.next_start,
        started=world.started,
        round_place=world.round_place,
        living=[_saved_run(run) for run in world.living if run.part],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(saved.model_dump_json())
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
        return _Saved.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> StateError:
    return StateError(
        f"The state file {path} cannot be read: it is damaged or of another version. "
        "Delete it to begin with a new world."
    )


def _saved_run(run: Run) -> _SavedRun:
    approval = run.approval
    return _SavedRun.model_validate(
        {
            "index": run.index,
            "part": run.part,
            "started_at": run.started_at,
            "approval": approval
            and {
                "approvers": approval.approvers,
                "colleague_at": approval.colleague_at,
                "decision": approval.decision and _saved_decision(approval.decision),
            },
        }
    )


def _saved_decision(decision: Decision) -> _SavedDecision:
    return _SavedDecision(
        action="approve" if decision.action == "approve" else "reject",
        by_id=decision.by_id,
        by_name=decision.by_name,
        at=decision.at,
        note=decision.note,
    )


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
