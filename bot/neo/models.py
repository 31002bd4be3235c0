"""The shapes Neo answers with.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

T = TypeVar("T")


def _text(value: object) -> object:
    """Text, whatever came: ids are numbers in one place and text in another."""
    if value is None:
        return None
    return value.replace("\0", "") if isinstance(value, str) else json.dumps(value)


def _moment(value: object) -> object:
    """A moment without a zone is UTC; what is none at all is not known."""
    try:
        moment = _MOMENT.validate_python(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = aware.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _number(value: object) -> object:
    """A number, or not known."""
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _count(value: object) -> object:
    number = _number(value)
    return int(number) if isinstance(number, float) else None


def _truth(value: object) -> object:
    return value if isinstance(value, bool) else None


def _people(value: object) -> object:
    """Those of a list that are described at all."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else ()


def _person(value: object) -> object:
    """A person by name alone is a person."""
    return {"name": value} if isinstance(value, str) else value if isinstance(value, dict) else None


def _request(value: object) -> object:
    """An open object; whatever else came is kept in one."""
    return value if value is None or isinstance(value, dict) else {"request": value}


_MOMENT = TypeAdapter(datetime)
# Beyond these, a zone or a second more is no date any longer.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

Id = Annotated[str, BeforeValidator(_text)]
Text = Annotated[str | None, BeforeValidator(_text)]
Moment = Annotated[AwareDatetime | None, BeforeValidator(_moment)]
Number = Annotated[float | None, BeforeValidator(_number)]
Count = Annotated[int | None, BeforeValidator(_count)]
Truth = Annotated[bool | None, BeforeValidator(_truth)]


class NeoModel(BaseModel):
    """Base of every shape: immutable, unknown fields kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Outcome(StrEnum):
    """How a run stands, in the words people use."""

    FAILED = "failed"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    RUNNING = "running"
    WAITING = "waiting"
    UNKNOWN = "unknown"


# The API's own document lists the values; these are the ones a tenant may meet without it.
RUN_STATUSES: dict[Outcome, frozenset[str]] = {
    Outcome.FAILED: frozenset({"failure", "failed", "error", "errored", "timed_out", "terminated"}),
    Outcome.SUCCEEDED: frozenset({"success", "succeeded", "completed", "complete", "done"}),
    Outcome.SKIPPED: frozenset({"skipped", "canceled", "cancelled", "not_applicable"}),
    Outcome.RUNNING: frozenset({"running", "queued", "in_progress", "started", "pending"}),
    Outcome.WAITING: frozenset(
        {"waiting", "waiting_for_approval", "paused", "awaiting_approval", "til_pending"}
    ),
}


class ApprovalState(StrEnum):
    """How an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"
    UNKNOWN = "unknown"


APPROVAL_STATUSES: dict[ApprovalState, frozenset[str]] = {
    ApprovalState.PENDING: frozenset(
        {"pending", "open", "waiting", "requested", "new", "awaiting_approval", "in_review"}
    ),
    ApprovalState.APPROVED: frozenset({"approved", "approve", "accepted"}),
    ApprovalState.REJECTED: frozenset({"rejected", "reject", "declined", "denied"}),
    ApprovalState.CLOSED: frozenset({"expired", "canceled", "cancelled", "closed", "timed_out"}),
}


def _known(status: str) -> str:
    return status.strip().lower().replace(" ", "_").replace("-", "_")


class Agent(NeoModel):
    """An agent; the dashboard says workflow. Source: Agents / List agents."""

    id: Id
    name: Text = None
    state: Text = None
    autonomy_type: Text = None
    trigger_type: Text = None
    entity_type: Text = None
    audience: Text = None
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def enabled(self) -> bool | None:
        """Whether it is switched on; None where Neo's word for it is not known."""
        return {"enabled": True, "disabled": False}.get(_known(self.state or ""))


class Run(NeoModel):
    """One execution of an agent. Source: Executions / List executions."""

    id: Id = Field(alias="execution_id")
    agent_id: Text = None
    agent_name: Text = None
    entity_id: Text = None
    entity_number: Text = None
    message: Text = Field(default=None, alias="message_for_dashboard")
    error: Text = None
    seconds_spent: Number = None
    status: Text = None
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def outcome(self) -> Outcome:
        """A run with an error has failed, whatever its status says."""
        if self.error and self.error.strip():
            return Outcome.FAILED
        said = _known(self.status or "")
        return next((o for o, words in RUN_STATUSES.items() if said in words), Outcome.UNKNOWN)


class Step(NeoModel):
    """One step of a run, in order. Source: Executions / List execution steps."""

    id: Text = Field(default=None, alias="step_id")
    tool_call_id: Text = None
    tool: Text = Field(default=None, alias="tool_type_name")
    message: Text = None
    is_error: Truth = None
    type: Text = None
    data: Any = None
    created_at: Moment = None


class Approver(NeoModel):
    """Somebody the approval was sent to; ``user_id`` is the Entra object id."""

    user_id: Text = None
    user_name: Text = None


class Decider(NeoModel):
    """Who decided, as Neo recorded it: with a tenant key, Neo's name for that key."""

    id: Text = None
    name: Text = None


class Approval(NeoModel):
    """A technician-in-the-loop request. Source: TIL requests / List TIL requests."""

    id: Id
    agent_id: Text = None
    agent_name: Text = None
    session_id: Text = None
    ticket_id: Text = None
    ticket_number: Text = None
    requested_for: Annotated[dict[str, Any] | None, BeforeValidator(_request)] = None
    comment: Text = None
    approvers: Annotated[tuple[Approver, ...], BeforeValidator(_people)] = ()
    decided_by: Annotated[Decider | None, BeforeValidator(_person)] = None
    status: Text = None
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def state(self) -> ApprovalState:
        """How it stands. Without a status, a named decider means closed, none means pending."""
        decided = self.decided_by is not None and bool(self.decided_by.id or self.decided_by.name)
        if not self.status:
            return ApprovalState.CLOSED if decided else ApprovalState.PENDING
        said = _known(self.status)
        state = next((s for s, w in APPROVAL_STATUSES.items() if said in w), ApprovalState.UNKNOWN)
        undecided = state in {ApprovalState.PENDING, ApprovalState.UNKNOWN}
        return ApprovalState.CLOSED if decided and undecided else state

    @property
    def is_open(self) -> bool:
        """Whether it may still be decided in Neo, as far as its status can be read."""
        return self.state in {ApprovalState.PENDING, ApprovalState.UNKNOWN}

    @property
    def digest(self) -> str:
        """Fingerprint of everything a person is asked about, over all fields as Neo sent them.

        How it stands and who decided are left out: those are compared by themselves.
        """
        asked = self.model_dump(mode="json", exclude={"status", "decided_by"})
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class InboxMessage(NeoModel):
    """A notice of Neo's own, de-duplicated: ``occurrences`` rises. Source: Inbox."""

    message: Text = None
    read: Truth = None
    occurrences: Count = Field(default=None, alias="number_of_occurrences")
    id: Text = Field(default=None, alias="deduplication_message_id")
    created_at: Moment = None
    updated_at: Moment = None


class Usage(NeoModel):
    """Credits of one month; limits are None for past months. Source: Billing / Monthly usage."""

    month: Text = None
    credits_used: Number = None
    forecasted_credits: Number = None
    credits_limit: Number = None
    credits_remaining: Number = None
    reserve_balance: Number = None


class Pagination(NeoModel):
    """Where the next page starts."""

    has_more: Truth = None
    next_cursor: Text = None


class Meta(NeoModel):
    """What comes beside the data of every answer."""

    request_id: Text = None
    pagination: Pagination | None = None


class Envelope(NeoModel, Generic[T]):
    """A success: the data, and what comes beside it."""

    data: T
    meta: Meta = Meta()
