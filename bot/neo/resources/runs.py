"""Runs of agents and what is known of each."""

from __future__ import annotations

from bot.neo.models import Approval, Run, Step
from bot.neo.operation import Operation
from bot.neo.resource import Page, Resource


class Runs(Resource):
    """Runs of agents and their steps. Source: Neo API reference, Executions."""

    LIST = Operation("runs.list", "GET", "/public-api/executions", Run, many=True)
    GET = Operation("runs.get", "GET", "/public-api/executions/{execution_id}", Run)
    STEPS = Operation(
        "runs.steps", "GET", "/public-api/executions/{execution_id}/steps", Step, many=True
    )
    APPROVALS = Operation(
        "runs.approvals",
        "GET",
        "/public-api/executions/{execution_id}/til-requests",
        Approval,
        many=True,
    )

    async def page(
        self,
        *,
        agent: str | None = None,
        ticket: str | None = None,
        cursor: str | None = None,
        page_size: int = 50,
    ) -> Page[Run]:
        """One page of runs, newest first as far as Neo keeps to it (verify, do not trust).

        Shape: ``GET /public-api/executions?agent_id=&entity_number=`` -> runs.
        Not narrowed by status: the values that filter takes are not published.
        """
        query = {"agent_id": agent, "entity_number": ticket}
        return await self._page(self.LIST, query=query, cursor=cursor, page_size=page_size)

    async def get(self, run: str) -> Run:
        """One run. Shape: ``GET /public-api/executions/{execution_id}`` -> run.

        Raises:
            NeoNotFound: no run with this id.
        """
        return await self._one(self.GET, execution_id=run)

    async def steps(self, run: str, *, data: bool = False) -> list[Step]:
        """The run's steps in order; ``data`` adds each tool's input and output.

        Shape: ``GET /public-api/executions/{execution_id}/steps?include_data=`` -> steps.
        """
        query = {"include_data": "true" if data else "false"}
        return await self._all(self.STEPS, query=query, execution_id=run)

    async def approvals(self, run: str) -> list[Approval]:
        """The approvals that the run asked for.

        Shape: ``GET /public-api/executions/{execution_id}/til-requests`` -> approvals.
        """
        return await self._all(self.APPROVALS, execution_id=run)
