"""Templates: agents to begin from."""

from __future__ import annotations

from bot.neo.models.base import Count, Id, Moment, NeoModel, Open, Text, Texts, Truth, Values


class Template(NeoModel):
    """An agent to begin from. Source: Templates / Get a template.

    What it would do is left open: a template may say less than an agent, and in other words.
    """

    id: Id
    name: Text = None
    tagline: Text = None
    description: Text = None
    category: Text = None
    popular: Truth = None
    scope: Count = None
    required_integrations: Texts = ()
    supported_psas: Texts = ()
    actions: Values = ()
    toolbox: Open = None
    agent_settings: Open = None
    integrations: Open = None
    schedule: Open = None
    callback_settings: Open = None
    process_entities_sequentially: Truth = None
    created_at: Moment = None
    updated_at: Moment = None
