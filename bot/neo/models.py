"""The shapes Neo answers with.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


def _text(value: object) -> object:
    """Ids come as numbers in one place and as strings in another: here they are text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    """A list that is null holds nothing."""
    return () if value is None else value


Id = Annotated[str, BeforeValidator(_text)]


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
    name: str | None = None
    state: str | None = None
    autonomy_type: str | None = None
    trigger_type: str | None = None
    entity_type: str | None = None
    audience: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def enabled(self) -> bool | None:
        """Whether it is switched on; None where Neo's word for it is not known."""
        return {"enabled": True, "disabled": False}.get(_known(self.state or ""))


class Run(NeoModel):
    """One execution of an agent. Source: Executions / List executions."""

    id: Id = Field(alias="execution_id")
    agent_id: Id | None = None
    agent_name: str | None = None
    entity_id: Id | None = None
    entity_number: Id | None = None
    message: str | None = Field(default=None, alias="message_for_dashboard")
    error: str | None = None
    seconds_spent: float | None = None
    status: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def outcome(self) -> Outcome:
        """A run with an error has failed, whatever its status says."""
        if self.error and self.error.strip():
            return Outcome.FAILED
        said = _known(self.status or "")
        return next((o for o, words in RUN_STATUSES.items() if said in words), Outcome.UNKNOWN)


class Step(NeoModel):
    """One step of a run, in order. Source: Executions / List execution steps."""

    id: Id | None = Field(default=None, alias="step_id")
    tool_call_id: Id | None = None
    tool: str | None = Field(default=None, alias="tool_type_name")
    message: str | None = None
    is_error: bool | None = None
    type: str | None = None
    data: Any = None
    created_at: AwareDatetime | None = None


class Approver(NeoModel):
    """Somebody the approval was sent to; ``user_id`` is the Entra object id."""

    user_id: Id | None = None
    user_name: str | None = None


class Decider(NeoModel):
    """Who decided, as Neo recorded it: with a tenant key, Neo's name for that key."""

    id: Id | None = None
    name: str | None = None


class Approval(NeoModel):
    """A technician-in-the-loop request. Source: TIL requests / List TIL requests."""

    id: Id
    agent_id: Id | None = None
    agent_name: str | None = None
    session_id: Id | None = None
    ticket_id: Id | None = None
    ticket_number: Id | None = None
    requested_for: dict[str, Any] | None = None
    comment: str | None = None
    approvers: Annotated[tuple[Approver, ...], BeforeValidator(_listed)] = ()
    decided_by: Decider | None = None
    status: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def state(self) -> ApprovalState:
        """How it stands. Without a status, a named decider means closed, none means pending."""
        decided = self.decided_by is not None and bool(self.decided_by.id or self.decided_by.name)
        if not self.status:
            return ApprovalState.CLOSED if decided else ApprovalState.PENDING
        said = _known(self.status)
        state = next((s for s, w in APPROVAL_STATUSES.items() if said in w), ApprovalState.UNKNOWN)
        return ApprovalState.CLOSED if decided and state is ApprovalState.PENDING else state

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

    message: str | None = None
    read: bool | None = None
    occurrences: int | None = Field(default=None, alias="number_of_occurrences")
    id: Id | None = Field(default=None, alias="deduplication_message_id")
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class Usage(NeoModel):
    """Credits of one month; limits are None for past months. Source: Billing / Monthly usage."""

    month: str | None = None
    credits_used: float | None = None
    forecasted_credits: float | None = None
    credits_limit: float | None = None
    credits_remaining: float | None = None
    reserve_balance: float | None = None


class Pagination(NeoModel):
    """Where the next page starts."""

    has_more: bool | None = None
    next_cursor: str | None = None


class Meta(NeoModel):
    """What comes beside the data of every answer."""

    request_id: Id | None = None
    pagination: Pagination | None = None


class Envelope(NeoModel, Generic[T]):
    """A success: the data, and what comes beside it."""

    data: T
    meta: Meta = Meta()
