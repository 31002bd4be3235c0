"""Telephone numbers that an agent answers."""

from __future__ import annotations

from bot.neo.models.phone import PhoneNumber
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Phone(Resource):
    """Telephone numbers. Source: Neo API reference, Phone agent."""

    NUMBERS = Operation("phone.numbers", "GET", "/public-api/phone/numbers", PhoneNumber, many=True)

    async def numbers(self) -> list[PhoneNumber]:
        """All numbers; not paged. Shape: ``GET /public-api/phone/numbers`` -> numbers."""
        return await self._all(self.NUMBERS)
