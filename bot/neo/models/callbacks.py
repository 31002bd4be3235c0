"""Callbacks: what the PSA told Neo, and which agents that concerned."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bot.neo.models.base import Id, Items, Moment, NeoModel, Text, Texts, Truth


class FieldComparison(NeoModel):
    """One condition of an agent beside what the ticket said: ``value`` against ``expected``."""

    field: Text = Field(default=None, alias="field_name")
    value: Any = Field(default=None, alias="field_value")
    operator: Text = None
    expected: Any = Field(default=None, alias="rule_value")
    matches: Truth = Field(default=None, alias="is_match")


class MatchDetails(NeoModel):
    """Why an agent was started or was not."""

    event_type: Text = None
    comparisons: Items[FieldComparison] = Field(default=(), alias="field_comparisons")


class WorkflowMatch(NeoModel):
    """Whether a callback concerned one agent; ``error`` says that this could not be found out."""

    agent_id: Text = Field(default=None, alias="workflow_id")
    agent_name: Text = Field(default=None, alias="workflow_name")
    matched: Truth = None
    reason: Text = Field(default=None, alias="match_reason")
    error: Truth = None
    details: MatchDetails | None = Field(default=None, alias="match_details")


class Callback(NeoModel):
    """A change in the PSA of which Neo was told. Source: Callbacks / List callbacks.

    ``matcher_run_id`` is the run that looked for agents, not a run of one.
    """

    id: Id = Field(alias="callback_id")
    entity_type: Text = None
    entity_id: Text = None
    entity_number: Text = None
    change_type: Text = None
    error_message: Text = None
    created_in_psa_at: Moment = None
    finished_processing_at: Moment = None
    matcher_run_id: Text = None
    started_agent_ids: Texts = Field(default=(), alias="started_workflow_ids")
    unmatched_agent_ids: Texts = Field(default=(), alias="failed_to_match_workflow_ids")
    matches: Items[WorkflowMatch] = Field(default=(), alias="workflow_matches")


class CallbackDetail(Callback):
    """A callback with everything that was done about it. Source: Callbacks / Get a callback."""

    audit_trail: Any = Field(default=None, alias="processed_audit_trail")
