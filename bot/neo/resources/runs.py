"""Runs of agents and what is known of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypedDict, Unpack

from bot.neo.models.approvals import Approval
from bot.neo.models.callbacks import CallbackDetail
from bot.neo.models.runs import FieldUpdate, Run, Step
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource

# Inside the class, `list` is its method.
Steps = list[Step]
FieldUpdates = list[FieldUpdate]
ApprovalsAsked = list[Approval]


class Wanted(TypedDict, total=False):
    """Which runs; without a word, all."""

    agent: str | None
    """Of this agent alone (its id)."""
    ticket: str | None
    """On this ticket alone, by the number that people see."""
    entity: str | None
    """The same by the PSA's own id, of a ticket or of another thing."""
    statuses: Sequence[str] | None
    """Standing so, in Neo's words; those are not published, see `bot.neo.vocabulary`."""


class Runs(Resource):
    """Runs of agents. Source: Neo API reference, Executions.

    Every read of one run raises NeoNotFound where there is no run with its id.
    """

    LIST = Operation("runs.list", "GET", "/public-api/executions", Run, many=True)
    GET = Operation("runs.get", "GET", "/public-api/executions/{execution_id}", Run)
    STEPS = Operation(
        "runs.steps", "GET", "/public-api/executions/{execution_id}/steps", Step, many=True
    )
    FIELD_UPDATES = Operation(
        "runs.field_updates",
        "GET",
        "/public-api/executions/{execution_id}/field-update-audit",
        FieldUpdate,
        many=True,
    )
    APPROVALS = Operation(
        "runs.approvals",
        "GET",
        "/public-api/executions/{execution_id}/til-requests",
        Approval,
        many=True,
    )
    CALLBACK = Operation(
        "runs.callback", "GET", "/public-api/executions/{execution_id}/callback", CallbackDetail
    )

    async def page(
        self, *, cursor: str | None = None, page_size: int = 50, **wanted: Unpack[Wanted]
    ) -> Page[Run]:
        """One page of runs, newest first as far as Neo keeps to it (verify, do not trust).

        Shape: ``GET /public-api/executions?agent_id=&entity_number=&entity_id=&status=`` -> runs.

        Args:
            cursor: From the page before.
            page_size: 1-200.
            **wanted: Which; see `Wanted`.
        """
        query = _query(**wanted)
        return await self._page(self.LIST, query=query, cursor=cursor, page_size=page_size)

    def list(
        self, *, page_size: int = LARGEST_PAGE, **wanted: Unpack[Wanted]
    ) -> AsyncIterator[Run]:
        """Every run that fits, page by page as it is read; the words are those of `page`.

        No operation narrows runs to a time: stop reading when one is too old.
        """
        return self._each(self.LIST, query=_query(**wanted), page_size=page_size)

    async def get(self, run: str) -> Run:
        """One run. Shape: ``GET /public-api/executions/{execution_id}`` -> run.

        Raises:
            NeoNotFound: no run with this id.
        """
        return await self._one(self.GET, execution_id=run)

    async def steps(
        self,
        run: str,
        *,
        types: Sequence[str] | None = None,
        tool: str | None = None,
        step: str | None = None,
        data: bool = False,
    ) -> Steps:
        """The steps of a run, or of a chat session, in order; not paged.

        Shape: ``GET /public-api/executions/{execution_id}/steps?type=&tool_type_name=&step_id=
        &include_data=`` -> steps.

        Args:
            run: The run's id; a chat session's serves as well.
            types: Such steps alone, e.g. TOOL_CALL, TOOL_RESULT, THOUGHT, FINAL_MESSAGE.
            tool: Those of one tool alone, in capitals or not.
            step: This one alone; Neo gives its data in any case.
            data: Whether to have what went into each tool and what came out.
        """
        query = {
            "type": ",".join(types or ()) or None,
            "tool_type_name": tool,
            "step_id": step,
            "include_data": "true" if data else "false",
        }
        return await self._all(self.STEPS, query=query, execution_id=run)

    async def field_updates(self, run: str) -> FieldUpdates:
        """What the run decided about each field of its ticket, and why; not paged.

        Shape: ``GET /public-api/executions/{execution_id}/field-update-audit`` -> entries.
        """
        return await self._all(self.FIELD_UPDATES, execution_id=run)

    async def approvals(self, run: str) -> ApprovalsAsked:
        """The approvals that the run asked for; not paged.

        Shape: ``GET /public-api/executions/{execution_id}/til-requests`` -> approvals.
        """
        return await self._all(self.APPROVALS, execution_id=run)

    async def callback(self, run: str) -> CallbackDetail:
        """The PSA's callback that started the run.

        Shape: ``GET /public-api/executions/{execution_id}/callback`` -> callback.

        Raises:
            NeoNotFound: no run with this id, or no callback started it.
        """
        return await self._one(self.CALLBACK, execution_id=run)


def _query(
    *,
    agent: str | None = None,
    ticket: str | None = None,
    entity: str | None = None,
    statuses: Sequence[str] | None = None,
) -> dict[str, str | None]:
    return {
        "agent_id": agent,
        "entity_id": entity,
        "entity_number": ticket,
        "status": ",".join(statuses or ()) or None,
    }
