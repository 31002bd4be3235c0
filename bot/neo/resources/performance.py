"""What the agents and their chats did in a window of time."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bot.neo.models.observability import Performance
from bot.neo.models.performance import ChatUser
from bot.neo.operation import Operation
from bot.neo.resource import Resource, iso


class PerformanceFigures(Resource):
    """Figures of a window. Source: Neo API reference, Performance."""

    AGENTS = Operation(
        "performance.agents",
        "GET",
        "/public-api/performance/workflows",
        Performance,
        many=True,
        sends=("from", "to"),
    )
    CHAT_BY_USER = Operation(
        "performance.chat_by_user",
        "GET",
        "/public-api/performance/chat/by-user",
        ChatUser,
        many=True,
        sends=("from", "to"),
    )

    async def agents(
        self,
        since: datetime,
        until: datetime,
        *,
        autonomy: Literal["AGENTIC", "CHAINED_ACTIONS"] | None = None,
    ) -> list[Performance]:
        """The agents' figures from ``since`` until just before ``until``.

        Shape: ``GET /public-api/performance/workflows?from=&to=&autonomy_type=`` -> a list, each
        item with rows and a window of its own. Units: seconds.
        """
        query = {"from": iso(since), "to": iso(until), "autonomy_type": autonomy}
        return await self._all(self.AGENTS, query=query)

    async def chat_by_user(
        self,
        since: datetime,
        until: datetime,
        *,
        audience: Literal["msp", "end-user"] | None = None,
    ) -> list[ChatUser]:
        """Who used the chats from ``since`` until just before ``until``; technicians unless told.

        Shape: ``GET /public-api/performance/chat/by-user?from=&to=&audience=`` -> people.
        Units: credits.
        """
        query = {"from": iso(since), "to": iso(until), "audience": audience}
        return await self._all(self.CHAT_BY_USER, query=query)
