"""What people use the agents' chats for. How the agents do is in `bot.neo.models.observability`."""

from __future__ import annotations

from bot.neo.models.base import Count, NeoModel, Number, Text


class ChatUser(NeoModel):
    """One person's use of the chats in a window; credits as they are billed."""

    user_key: Text = None
    display_name: Text = None
    email: Text = None
    credits_consumed: Number = None
    total_turns: Count = None
    total_sessions: Count = None
