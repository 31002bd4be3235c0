"""Scheduled work: runs that are to begin at a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from bot.neo.models import Envelope
from bot.neo.models.scheduled_work import ScheduledRun
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso

_PATH = "/public-api/scheduled-work"


class ScheduledWork(Resource):
    """Runs that are to begin at a moment. Source: Neo API reference, Scheduled work."""

    LIST = Operation("scheduled_work.list", "GET", _PATH, ScheduledRun, many=True)
    # Not repeatable: scheduled twice it runs twice.
    SCHEDULE = Operation(
        "scheduled_work.schedule",
        "POST",
        _PATH,
        ScheduledRun,
        sends=("scheduled_for", "workflow_id"),
    )

    async def page(
        self,
        *,
        status: str | None = None,
        ticket: str | None = None,
        text: str | None = None,
        cursor: str | None = None,
        page_size: int = 50,
    ) -> Page[ScheduledRun]:
        """One page of scheduled runs. Neo counts these pages: ``cursor`` is a page's number.

        Shape: ``GET /public-api/scheduled-work?status=&ticket_id=&search=&page=&page_size=``
        -> scheduled runs.

        Args:
            status: PENDING, PROCESSING, COMPLETED, FAILED or CANCELLED.
            ticket: On the ticket with exactly this id (the PSA's own).
            text: Found in the ticket's id or number. Neo's name of this parameter is not certain:
                where it is another, nothing is left out, so look at what comes.
            cursor: From the page before; the first page without.
            page_size: 1-200.
        """
        number = int(cursor or 1)
        query = _query(status, ticket, text) | {"page": number, "page_size": page_size}
        envelope = await self._ask(self.LIST, query, None, {})
        items = self._items(self.LIST, envelope)
        after = str(number + 1) if _more(envelope, page_size) else None
        return Page(items, after, envelope.meta.request_id)

    async def list(
        self,
        *,
        status: str | None = None,
        ticket: str | None = None,
        text: str | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> AsyncIterator[ScheduledRun]:
        """Every scheduled run that fits, page by page as it is read; see `page`."""
        cursor: str | None = None
        while True:
            page = await self.page(
                status=status, ticket=ticket, text=text, cursor=cursor, page_size=page_size
            )
            for one in page.items:
                yield one
            if (cursor := page.cursor) is None:
                return

    async def schedule(
        self,
        agent: str,
        at: datetime,
        *,
        ticket: str | None = None,
        instructions: str | None = None,
    ) -> ScheduledRun:
        """Have an agent run at a moment, once.

        Shape: ``POST /public-api/scheduled-work`` {scheduled_for, workflow_id, ticket_id,
        additional_custom_instructions} -> scheduled run.

        Args:
            agent: Its id.
            at: When; still to come.
            ticket: The PSA's own id of the ticket to work on.
            instructions: What the agent is told besides its own instructions.

        Raises:
            NeoInvalid: the moment is past, or there is no such agent.
            NeoUnavailable: nobody knows whether it was taken: read the list before asking again.
        """
        body: dict[str, Any] = {
            "scheduled_for": iso(at),
            # A number here, though agents themselves have it as text.
            "workflow_id": int(agent) if agent.isdecimal() else agent,
        }
        told = {"ticket_id": ticket, "additional_custom_instructions": instructions}
        body |= {name: one for name, one in told.items() if one is not None}
        return await self._one(self.SCHEDULE, body=body)


def _query(status: str | None, ticket: str | None, text: str | None) -> dict[str, Any]:
    return {"status": status, "ticket_id": ticket, "search": text}


def _more(envelope: Envelope[Any], page_size: int) -> bool:
    """Whether a page follows: as Neo says, else if this one is full; none follows an empty one."""
    if not envelope.data:
        return False
    where = envelope.meta.pagination
    if where is not None and where.has_more is not None:
        return where.has_more
    return len(envelope.data) >= page_size
