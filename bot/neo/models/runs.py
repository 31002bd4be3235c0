"""Runs of agents and their steps."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from bot.neo.models.base import Id, Moment, NeoModel, Number, Text, Truth, plain


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
        said = plain(self.status or "")
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
