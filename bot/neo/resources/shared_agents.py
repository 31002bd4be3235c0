"""Agents that their makers show to others."""

from __future__ import annotations

from bot.neo.models.sharing import SharedAgent
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class SharedAgents(Resource):
    """Agents that their makers show to others. Source: Neo API reference, Sharing."""

    GET = Operation(
        "shared_agents.get", "GET", "/public-api/shared-agents/{share_token}", SharedAgent
    )

    async def get(self, token: str) -> SharedAgent:
        """An agent as strangers see it. Whoever has the token may read it, so it is not logged.

        Shape: ``GET /public-api/shared-agents/{share_token}`` -> view, agent, schemas.

        Raises:
            NeoNotFound: no such token, or its maker shows the agent no longer.
        """
        return await self._one(self.GET, share_token=token)
