"""Technicians and their Microsoft accounts, by which Neo knows who is free."""

from __future__ import annotations

from bot.neo.models.base import NeoModel


class MappedTechnicians(NeoModel):
    """What came of the mapping. Its shape is not published: all of it is in ``model_extra``."""
