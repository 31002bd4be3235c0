"""Technician-in-the-loop requests, which this bot calls approvals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Literal

from bot.neo.models import Approval
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso

_ABOUT = timedelta(seconds=1)


class Approvals(Resource):
    """Technician-in-the-loop requests. Source: Neo API reference, TIL requests."""

    LIST = Operation("approvals.list", "GET", "/public-api/til-requests", Approval, many=True)
    DECIDE = Operation(
        "approvals.decide", "POST", "/public-api/til-requests/{request_id}/decision", Approval
    )

    async def page(
        self,
        *,
        agent: str | None = None,
        text: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        cursor: str | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Page[Approval]:
        """One page of approvals; both moments are inclusive.

        Shape: ``GET /public-api/til-requests?agent_id=&q=&created_after=&created_before=``
        -> approvals. ``text`` searches ticket id, ticket number and the request's text.
        """
        query = _query(agent, text, created_after, created_before)
        return await self._page(self.LIST, query=query, cursor=cursor, page_size=page_size)

    def list(
        self,
        *,
        agent: str | None = None,
        text: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> AsyncIterator[Approval]:
        """Every approval that fits, page by page as it is read."""
        return self._each(self.LIST, query=_query(agent, text, created_after, created_before))

    async def reread(self, approval: Approval) -> Approval | None:
        """The approval as it stands now, None if Neo no longer has it.

        No operation reads one approval, so the list is narrowed to its agent and its moment; a
        little wider, for Neo may keep the moment more exactly than it says it.
        """
        at = approval.created_at
        same_moment = self.list(
            agent=approval.agent_id,
            created_after=at - _ABOUT if at else None,
            created_before=at + _ABOUT if at else None,
        )
        async for found in same_moment:
            if found.id == approval.id:
                return found
        return None

    async def decide(
        self, approval: str, action: Literal["approve", "reject"], *, note: str
    ) -> Approval:
        """Send a decision, once; the answer is the approval as it then stands.

        Shape: ``POST /public-api/til-requests/{request_id}/decision`` {action, note} -> approval.

        Raises:
            NeoConflict: somebody was faster.
            NeoUnavailable: nobody knows whether it was taken: read it again.
        """
        body = {"action": action, "note": note}
        return await self._one(self.DECIDE, body=body, request_id=approval)


def _query(
    agent: str | None,
    text: str | None,
    created_after: datetime | None,
    created_before: datetime | None,
) -> dict[str, str | None]:
    return {
        "agent_id": agent,
        "q": text,
        "created_after": iso(created_after),
        "created_before": iso(created_before),
    }
