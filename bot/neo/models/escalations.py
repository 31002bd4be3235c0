"""Escalations to the people who make Neo."""

from __future__ import annotations

from bot.neo.models.base import NeoModel, Text


class Escalation(NeoModel):
    """The ticket at Neo's own desk. Source: Escalation / Escalate to the Neo team."""

    ticket_id: Text = None
    ticket_url: Text = None
