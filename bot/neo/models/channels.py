"""Channels: the places, such as a Teams bot, in which people meet an agent."""

from __future__ import annotations

from typing import Literal

from bot.neo.models.base import Moment, NeoModel, NeoRequest, Text, Truth


class Channel(NeoModel):
    """A place in which people meet an agent, and how the agent looks there."""

    id: Text = None
    internal_name: Text = None
    agent_id: Text = None
    display_name: Text = None
    description: Text = None
    welcome_message: Text = None
    color_icon_url: Text = None
    outline_icon_url: Text = None
    relay_prefix: Text = None
    show_agent_progress_steps: Truth = None
    audience: Text = None
    status: Text = None
    transport: Text = None
    created_at: Moment = None
    updated_at: Moment = None


class ChannelChange(NeoRequest):
    """What to change of a channel; what is left out stays as it is."""

    internal_name: str | None = None
    agent_id: int | None = None
    display_name: str | None = None
    description: str | None = None
    welcome_message: str | None = None
    color_icon_url: str | None = None
    outline_icon_url: str | None = None
    relay_prefix: str | None = None
    show_agent_progress_steps: bool | None = None
    audience: Literal["MSP", "END_USER"] | None = None
    status: Literal["ACTIVE", "DISCONNECTED"] | None = None
    transport: Literal["TEAMS", "SLACK", "PORTAL", "EMAIL"] | None = None


class NewChannel(ChannelChange):
    """A channel to add."""

    internal_name: str
    audience: Literal["MSP", "END_USER"]


class InstallBranding(NeoModel):
    """How a bot greets a company that installed it; nothing but ``matched`` for a stranger."""

    matched: Truth = None
    display_name: Text = None
    welcome_message: Text = None
