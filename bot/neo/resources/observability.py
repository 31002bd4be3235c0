"""How Neo's own machinery does."""

from __future__ import annotations

from datetime import datetime

from bot.neo.models.observability import CallbackFunnel, Performance
from bot.neo.operation import Operation
from bot.neo.resource import Resource, iso


class Observability(Resource):
    """Figures of Neo's machinery. Source: Neo API reference, Observability."""

    CALLBACK_FUNNEL = Operation(
        "observability.callback_funnel",
        "GET",
        "/public-api/observability/callback-funnel",
        CallbackFunnel,
    )
    AGENTS = Operation(
        "observability.agents",
        "GET",
        "/public-api/observability/workflow-performance",
        Performance,
    )

    async def callback_funnel(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> CallbackFunnel:
        """What became of callbacks on their way; the last 24 hours unless told, 7 days at most.

        Shape: ``GET /public-api/observability/callback-funnel?since=&until=`` -> open object.
        """
        query = {"since": iso(since), "until": iso(until)}
        return await self._one(self.CALLBACK_FUNNEL, query=query)

    async def agents(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        agent: str | None = None,
    ) -> Performance:
        """Each agent's runs, failures and times; the last 24 hours unless told.

        Shape: ``GET /public-api/observability/workflow-performance?since=&until=&agent_id=`` ->
        rows, window. Units: seconds.
        """
        query = {"since": iso(since), "until": iso(until), "agent_id": agent}
        return await self._one(self.AGENTS, query=query)
