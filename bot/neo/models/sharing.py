"""Agents that their makers show to others."""

from __future__ import annotations

from bot.neo.models.base import NeoModel, Open, Texts, Values


class SharedAgent(NeoModel):
    """An agent as strangers see it. Source: Sharing / Public view of a shared agent.

    ``view`` is what to show (name, prompt, tools, triggers …), ``agent`` what to make a copy from;
    the rest explains the words that both use.
    """

    view: Open = None
    agent: Open = None
    action_schemas: Values = ()
    tool_schemas: Values = ()
    integration_schemas: Open = None
    integration_statuses: Open = None
    ticket_schema: Open = None
    time_entry_schema: Open = None
    callback_change_options: Texts = ()
