"""A run and its approval as they stand at an instant: pure functions from the script to the API."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.scripts import Beat, Script

RUN_STATUSES = ("SUCCESS", "FAILURE", "SKIPPED", "RUNNING", "WAITING_FOR_APPROVAL")
APPROVAL_STATUSES = ("PENDING", "APPROVED", "REJECTED")
VERDICTS = {"approve": "APPROVED", "reject": "REJECTED"}


@dataclass(slots=True)
class Decision:
    """Who decided what, when (UTC), with which note."""

    action: str
    by_id: str
    by_name: str
    at: datetime
    note: str


@dataclass(slots=True)
class Approval:
    """A question to people. `colleague_at` is when one of them decides without being told to."""

    id: int
    approvers: list[tuple[str, str]]
    created_at: datetime
    decision: Decision | None = None
    colleague_at: datetime | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    changed_at: datetime | None = None

    @property
    def status(self) -> str:
        """PENDING, APPROVED or REJECTED."""
        return VERDICTS[self.decision.action] if self.decision else "PENDING"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked an agent to do outside the rhythm; `ticket` is the PSA's id of it."""

    agent_id: int
    ticket: str | None = None
    instructions: str = ""


@dataclass(slots=True)
class Run:
    """One run: a script and when it began.

    `part` is its place in the living rhythm ("" in the past, "ordered" with an `order`);
    `set_fields` overrule what the API would show.
    """

    index: int
    id: str
    script: Script
    started_at: datetime
    approval: Approval | None = None
    part: str = ""
    order: Order | None = None
    set_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def credits(self) -> int:
        """What it costs, as the API shows it."""
        return int(self.set_fields.get("credits_consumed", self.script.credits))

    @property
    def error(self) -> str:
        """What went wrong, as the API shows it; it counts only for a run that failed."""
        return str(self.set_fields.get("error", self.script.error))

    def has_ended(self, now: datetime) -> bool:
        """Whether nothing more will happen to it."""
        return self.status(now) not in {"RUNNING", "WAITING_FOR_APPROVAL"}

    def status(self, now: datetime) -> str:
        """One of RUN_STATUSES."""
        if "status" in self.set_fields:
            return str(self.set_fields["status"])
        if self.approval is None or now < self.approval.created_at:
            ended = self.approval is None and now >= self._after(self.script.seconds)
            return self.script.outcome if ended else "RUNNING"
        decision = self.approval.decision
        if decision is None:
            return "WAITING_FOR_APPROVAL"
        if now < decision.at + timedelta(seconds=self._tail()[-1].at_seconds):
            return "RUNNING"
        return self.script.outcome if decision.action == "approve" else "SKIPPED"

    def _after(self, seconds: float) -> datetime:
        return self.started_at + timedelta(seconds=seconds)

    def _tail(self) -> tuple[Beat, ...]:
        if self.approval is None or self.approval.decision is None:
            return ()
        approved = self.approval.decision.action == "approve"
        return self.script.tail_approved if approved else self.script.tail_rejected

    def steps(self, now: datetime) -> list[tuple[datetime, Beat]]:
        """The steps taken by now, oldest first, each with its instant."""
        told = [(self._after(beat.at_seconds), beat) for beat in self.script.beats]
        decision = self.approval.decision if self.approval else None
        if decision:
            verdict = Beat(
                0,
                "TOOL_RESULT",
                f"{VERDICTS[decision.action].capitalize()} by {decision.by_name}",
                "REQUEST_TECHNICIAN_APPROVAL",
                self.script.beats[-1].call,
                data={"decision": decision.action, "note": decision.note},
            )
            told += [
                (decision.at + timedelta(seconds=beat.at_seconds), beat)
                for beat in (verdict, *self._tail())
            ]
        return [(at, beat) for at, beat in told if at <= now]

    def last_step_at(self, now: datetime) -> datetime:
        """When it last did something: its start, or the latest step."""
        steps = self.steps(now)
        return steps[-1][0] if steps else self.started_at

    def seconds_spent(self, now: datetime) -> int:
        """Working time until now, without the wait for people."""
        last = min(now, self._after(self.script.seconds)) - self.started_at
        decision = self.approval.decision if self.approval else None
        if decision:
            tail = timedelta(seconds=self._tail()[-1].at_seconds)
            last += max(min(now - decision.at, tail), timedelta())
        return round(max(last, timedelta()).total_seconds())


def stamp(instant: datetime) -> str:
    """An instant as Neo writes it: microseconds and Z."""
    # Not strftime: it writes early years with fewer than four digits.
    return f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def run_body(run: Run, now: datetime) -> dict[str, Any]:
    """The run as `GET /executions` shows it; fields without a value are left out."""
    script, status = run.script, run.status(now)
    body: dict[str, Any] = {
        "execution_id": run.id,
        "agent_id": script.agent_id,
        "agent_name": script.agent_name,
        "status": status,
        "company_name": script.company,
        "credits_consumed": script.credits,
        "seconds_spent": run.seconds_spent(now),
        "created_at": stamp(run.started_at),
        "updated_at": stamp(run.last_step_at(now)),
        "entity_type": "TICKET" if script.ticket else "NONE",
    }
    if script.ticket:
        body |= {
            "entity_id": script.ticket.id,
            "entity_number": script.ticket.number,
            "entity_summary": script.ticket.subject,
        }
    if run.order and run.order.instructions:
        body["additional_custom_instructions"] = run.order.instructions
    if message := _message(run, status):
        body["message_for_dashboard"] = message
    if status == "FAILURE":
        body["error"] = script.error
    return {key: value for key, value in (body | run.set_fields).items() if value is not None}


def _message(run: Run, status: str) -> str:
    approval, script = run.approval, run.script
    if status == "RUNNING":
        return ""
    if approval is None or "status" in run.set_fields:
        return script.message
    if approval.decision is None:
        return f"Waiting for {' or '.join(name for _id, name in approval.approvers)}."
    if approval.decision.action == "reject":
        note = f' ("{approval.decision.note}")' if approval.decision.note else ""
        told = f"Stopped: {approval.decision.by_name} rejected it{note}."
        return f"{told} {script.message_rejected}".strip()
    return script.message


def step_bodies(run: Run, now: datetime) -> list[dict[str, Any]]:
    """The run's trace as `GET /executions/{id}/steps` shows it."""
    bodies = []
    for place, (at, beat) in enumerate(run.steps(now), start=1):
        body: dict[str, Any] = {
            "step_id": f"{run.id[:8]}-{place:03d}",
            "type": beat.type,
            "message": beat.message,
            "is_error": beat.is_error,
            "created_at": stamp(at),
        }
        if beat.tool:
            body["tool_type_name"] = beat.tool
            body["tool_call_id"] = f"call_{run.id[:8]}_{beat.call}"
        if beat.data is not None:
            body["data"] = beat.data
        bodies.append(body)
    return bodies


def approval_body(run: Run) -> dict[str, Any]:
    """The run's approval as `GET /til-requests` shows it: without the run's id, as Neo does."""
    approval, script = run.approval, run.script
    if approval is None:
        raise ValueError(f"Run {run.id} asks nobody.")
    decision = approval.decision
    updated = [approval.created_at, approval.changed_at, decision.at if decision else None]
    body: dict[str, Any] = {
        "id": approval.id,
        "agent_id": script.agent_id,
        "agent_name": script.agent_name,
        "status": approval.status,
        "requested_for": script.requested_for or {},
        "approvers": [{"user_id": id_, "user_name": name} for id_, name in approval.approvers],
        "created_at": stamp(approval.created_at),
        "updated_at": stamp(max(at for at in updated if at)),
    }
    if script.ticket:
        body |= {"ticket_id": script.ticket.id, "ticket_number": script.ticket.number}
    if decision:
        body["decided_by"] = {"id": decision.by_id, "name": decision.by_name}
        if decision.note:
            body["comment"] = decision.note
    return body | approval.changes
