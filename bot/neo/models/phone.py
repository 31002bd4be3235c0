"""Telephone numbers that an agent answers."""

from __future__ import annotations

from bot.neo.models.base import NeoModel, Open


class PhoneNumber(NeoModel):
    """A number; what else Neo says of it is not published and is in ``model_extra``."""

    psa_settings: Open = None
    agent_settings: Open = None
