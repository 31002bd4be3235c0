"""Scheduled work: runs that are to begin at a moment."""

from __future__ import annotations

from pydantic import Field

from bot.neo.models.base import Id, Moment, NeoModel, Text


class ScheduledRun(NeoModel):
    """A run that begins at a moment. Source: Scheduled work.

    ``status`` is PENDING, PROCESSING, COMPLETED, FAILED or CANCELLED; ``run_id`` is that of the run
    once it has begun.
    """

    id: Id
    client_id: Text = None
    agent_id: Text = Field(default=None, alias="workflow_id")
    agent_name: Text = Field(default=None, alias="workflow_name")
    ticket_id: Text = None
    ticket_number: Text = None
    instructions: Text = Field(default=None, alias="additional_custom_instructions")
    status: Text = None
    scheduled_for: Moment = None
    executed_at: Moment = None
    message: Text = Field(default=None, alias="execution_message")
    run_id: Text = Field(default=None, alias="execution_temporal_run_id")
    created_by: Text = None
    created_at: Moment = None
    updated_at: Moment = None
