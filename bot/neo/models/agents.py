"""Agents; the dashboard says workflows."""

from __future__ import annotations

from bot.neo.models.base import Id, Moment, NeoModel, Text, plain


class Agent(NeoModel):
    """An agent; the dashboard says workflow. Source: Agents / List agents."""

    id: Id
    name: Text = None
    state: Text = None
    autonomy_type: Text = None
    trigger_type: Text = None
    entity_type: Text = None
    audience: Text = None
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def enabled(self) -> bool | None:
        """Whether it is switched on; None where Neo's word for it is not known."""
        return {"enabled": True, "disabled": False}.get(plain(self.state or ""))
