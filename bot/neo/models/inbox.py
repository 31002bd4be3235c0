"""Neo's own notices."""

from __future__ import annotations

from pydantic import Field

from bot.neo.models.base import Count, Moment, NeoModel, Text, Texts, Truth


class InboxMessage(NeoModel):
    """A notice of Neo's own, de-duplicated: ``occurrences`` rises. Source: Inbox."""

    message: Text = None
    read: Truth = None
    occurrences: Count = Field(default=None, alias="number_of_occurrences")
    id: Text = Field(default=None, alias="deduplication_message_id")
    agent_ids: Texts = Field(default=(), alias="affected_workflow_ids")
    tickets: Texts = Field(default=(), alias="affected_entity_numbers")
    client_id: Text = None
    emailed_at: Moment = Field(default=None, alias="last_email_sent_at")
    created_at: Moment = None
    updated_at: Moment = None
