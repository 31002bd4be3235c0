"""Technician-in-the-loop requests, which this bot calls approvals."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from bot.neo.models.base import Id, Items, Moment, NeoModel, Open, Text, plain


def _person(value: object) -> object:
    """A person by name alone is a person."""
    return {"name": value} if isinstance(value, str) else value


def _request(value: object) -> object:
    """An open object; whatever else came is kept in one."""
    return value if value is None or isinstance(value, dict) else {"request": value}


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
    requested_for: Annotated[Open, BeforeValidator(_request)] = None
    comment: Text = None
    approvers: Items[Approver] = ()
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
        said = plain(self.status)
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
