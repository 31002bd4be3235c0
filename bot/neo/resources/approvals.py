"""Technician-in-the-loop requests, which this bot calls approvals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypedDict, Unpack

from bot.errors import NeoInvalid
from bot.neo.models.approvals import Approval
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso

_ABOUT = timedelta(seconds=1)


class Wanted(TypedDict, total=False):
    """Which approvals; without a word, all."""

    agent: str | None
    """Asked for by this agent alone (its id)."""
    approver: str | None
    """Sent to this person alone (Entra object id)."""
    text: str | None
    """Found in the ticket's id or number or in the request's text, in capitals or not."""
    statuses: Sequence[str] | None
    """Standing so, in Neo's words; those are not published, see `bot.neo.vocabulary`."""
    created_after: datetime | None
    """Asked for then or later."""
    created_before: datetime | None
    """Asked for then or earlier."""


class Approvals(Resource):
    """Technician-in-the-loop requests. Source: Neo API reference, TIL requests."""

    LIST = Operation("approvals.list", "GET", "/public-api/til-requests", Approval, many=True)
    # Not repeatable: the second of two would be told that somebody was faster.
    DECIDE = Operation(
        "approvals.decide",
        "POST",
        "/public-api/til-requests/{request_id}/decision",
        Approval,
        sends=("action", "note"),
    )

    async def page(
        self,
        *,
        cursor: str | None = None,
        page_size: int = LARGEST_PAGE,
        **wanted: Unpack[Wanted],
    ) -> Page[Approval]:
        """One page of approvals.

        Shape: ``GET /public-api/til-requests?agent_id=&approver=&q=&status=&created_after=
        &created_before=`` -> approvals.

        Args:
            cursor: From the page before.
            page_size: 1-200.
            **wanted: Which; see `Wanted`.
        """
        query = _query(**wanted)
        return await self._page(self.LIST, query=query, cursor=cursor, page_size=page_size)

    def list(
        self, *, page_size: int = LARGEST_PAGE, **wanted: Unpack[Wanted]
    ) -> AsyncIterator[Approval]:
        """Every approval that fits, page by page as it is read; the words are those of `page`."""
        return self._each(self.LIST, query=_query(**wanted), page_size=page_size)

    async def reread(self, approval: Approval) -> Approval | None:
        """The approval as it stands now, None if Neo no longer has it.

        No operation reads one approval, so the list is narrowed to its agent and its moment; a
        little wider, for Neo may keep the moment more exactly than it says it. To its moment alone
        where Neo does not take what it calls the agent.
        """
        try:
            return await self._found(approval, agent=approval.agent_id)
        except NeoInvalid:
            if approval.agent_id is None:
                raise
            return await self._found(approval, agent=None)

    async def _found(self, approval: Approval, *, agent: str | None) -> Approval | None:
        at = approval.created_at
        same_moment = self.list(
            agent=agent,
            created_after=at - _ABOUT if at else None,
            created_before=at + _ABOUT if at else None,
        )
        async for found in same_moment:
            if found.id == approval.id:
                return found
        return None

    async def decide(
        self,
        approval: str,
        action: Literal["approve", "reject"],
        *,
        note: str | None = None,
        technician: str | None = None,
        technician_name: str | None = None,
        client: str | None = None,
    ) -> Approval:
        """Send a decision, once; the answer is the approval as it then stands.

        Shape: ``POST /public-api/til-requests/{request_id}/decision`` {action, note,
        acting_end_user, acting_end_user_name, client_id} -> approval.

        Args:
            approval: Its id.
            action: Which way.
            note: What to keep with it; the place to name the person, see below.
            technician: Who decides (Entra object id). Believed of Neo's own service accounts
                alone; of a tenant's key it is ignored, and the key is named as the decider.
            technician_name: Their name, likewise.
            client: The tenant, for Neo's own service accounts alone.

        Raises:
            NeoConflict: somebody was faster.
            NeoForbidden: a tenant's key named a client.
            NeoNotFound: no approval with this id.
            NeoUnavailable: nobody knows whether it was taken: read it again.
        """
        told = {
            "note": note,
            "acting_end_user": technician,
            "acting_end_user_name": technician_name,
            "client_id": client,
        }
        body = {"action": action} | {name: one for name, one in told.items() if one is not None}
        return await self._one(self.DECIDE, body=body, request_id=approval)


def _query(
    *,
    agent: str | None = None,
    approver: str | None = None,
    text: str | None = None,
    statuses: Sequence[str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> dict[str, str | None]:
    return {
        "agent_id": agent,
        "approver": approver,
        "q": text,
        "status": ",".join(statuses or ()) or None,
        "created_after": iso(created_after),
        "created_before": iso(created_before),
    }
