"""Technicians and their Microsoft accounts, by which Neo knows who is free."""

from __future__ import annotations

from bot.neo.models.availability import MappedTechnicians
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Availability(Resource):
    """Who is free, as Teams knows it. Source: Neo API reference, Integrations."""

    # Safe to repeat: it finds the same people again and leaves what was mapped by hand.
    AUTO_MAP = Operation(
        "availability.auto_map",
        "POST",
        "/public-api/teams-availability/auto-map",
        MappedTechnicians,
        repeatable=True,
    )

    async def auto_map(self) -> MappedTechnicians:
        """Find each technician's Microsoft account; those mapped by hand stay as they are.

        Shape: ``POST /public-api/teams-availability/auto-map`` -> open object.
        """
        return await self._one(self.AUTO_MAP)
