"""Credits."""

from __future__ import annotations

from bot.neo.models.base import NeoModel, Number, Text


class Usage(NeoModel):
    """Credits of one month; limits are None for past months. Source: Billing / Monthly usage."""

    month: Text = None
    credits_used: Number = None
    forecasted_credits: Number = None
    credits_limit: Number = None
    credits_remaining: Number = None
    reserve_balance: Number = None
