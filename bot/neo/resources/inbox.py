"""Neo's own notices."""

from __future__ import annotations

from bot.neo.models.inbox import InboxMessage
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Inbox(Resource):
    """Neo's own notices. Source: Neo API reference, Inbox."""

    LIST = Operation("inbox.list", "GET", "/public-api/inbox", InboxMessage, many=True)

    async def list(self) -> list[InboxMessage]:
        """All messages; not paged. Shape: ``GET /public-api/inbox`` -> messages."""
        return await self._all(self.LIST)
