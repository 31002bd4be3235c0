"""Runs of agents, their steps, and what they decided about each field."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from bot.neo.models.base import Id, Items, Moment, NeoModel, Number, Text, Truth, plain


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
    """One execution of an agent. Source: Executions / List executions.

    ``entity_id`` and ``entity_number`` are the PSA's; ``seconds_spent`` is in seconds.
    """

    id: Id = Field(alias="execution_id")
    agent_id: Text = None
    agent_name: Text = None
    entity_id: Text = None
    entity_number: Text = None
    entity_type: Text = None
    instructions: Text = Field(default=None, alias="additional_custom_instructions")
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


class FieldOption(NeoModel):
    """A value that an agent could have chosen for a field."""

    id: Text = None
    name: Text = None
    description: Text = None


class FieldUpdate(NeoModel):
    """What a run decided about one field of a ticket. Source: Executions / Field update audit.

    Prompts are the words "N/A" where the agent chose its tools itself.
    """

    agent_id: Text = None
    agent_name: Text = None
    entity_id: Text = None
    field_name: Text = None
    is_custom_field: Truth = None
    custom_field_name: Text = None
    current_value: Text = None
    predicted_value: Text = None
    predicted_value_id: Text = None
    should_update: Truth = Field(default=None, alias="should_update_field")
    justification: Text = Field(default=None, alias="ai_justification")
    system_prompt: Text = None
    user_prompt: Text = None
    gpt_response: Text = None
    options: Items[FieldOption] = Field(default=(), alias="options_to_choose_from")
    created_at: Moment = None
