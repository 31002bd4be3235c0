"""Handovers: a chat that a technician takes over."""

from __future__ import annotations

from bot.neo.models.base import NeoModel, Text


class HandoverAnswer(NeoModel):
    """How accepting a handover went. Source: Handover / Accept a handover.

    ``status`` is accepted, already_taken, expired or not_found; ``accepted_by`` names who has it.
    """

    status: Text = None
    accepted_by: Text = None
    message: Text = None

    @property
    def accepted(self) -> bool:
        """Whether it went to the technician who asked."""
        return self.status == "accepted"
