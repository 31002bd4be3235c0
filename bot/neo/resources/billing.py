"""Credits."""

from __future__ import annotations

from bot.neo.models import Usage
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Billing(Resource):
    """Credits. Source: Neo API reference, Billing."""

    USAGE = Operation("billing.usage", "GET", "/public-api/billing/usage", Usage)

    async def usage(self, month: str | None = None) -> Usage:
        """Credits of one month, ``YYYY-MM``; the running month if none is given.

        Shape: ``GET /public-api/billing/usage?month=`` -> used, forecast, limit, remaining,
        reserve. Units: credits. Limit, remaining and reserve are None for past months.
        """
        return await self._one(self.USAGE, query={"month": month})
