"""Agents; the dashboard says workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.neo.models import Agent
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource


class Agents(Resource):
    """Agents. Source: Neo API reference, Agents."""

    LIST = Operation("agents.list", "GET", "/public-api/agents", Agent, many=True)
    GET = Operation("agents.get", "GET", "/public-api/agents/{agent_id}", Agent)

    async def page(
        self, *, cursor: str | None = None, page_size: int = LARGEST_PAGE
    ) -> Page[Agent]:
        """One page of agents. Shape: ``GET /public-api/agents`` -> agents."""
        return await self._page(self.LIST, cursor=cursor, page_size=page_size)

    def list(self) -> AsyncIterator[Agent]:
        """Every agent, page by page as it is read."""
        return self._each(self.LIST)

    async def get(self, agent: str) -> Agent:
        """One agent. Shape: ``GET /public-api/agents/{agent_id}`` -> agent.

        Raises:
            NeoNotFound: no agent with this id.
        """
        return await self._one(self.GET, agent_id=agent)
