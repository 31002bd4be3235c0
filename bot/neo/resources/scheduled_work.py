"""Scheduled work: runs that are to begin at a moment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from bot.errors import NeoInvalid, NeoUnintelligible
from bot.neo.models import Envelope
from bot.neo.models.scheduled_work import ScheduledRun
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso

_PATH = "/public-api/scheduled-work"
_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")


class Wanted(TypedDict, total=False):
    """Which scheduled runs; without a word, all."""

    status: str | None
    """PENDING, PROCESSING, COMPLETED, FAILED or CANCELLED."""
    ticket: str | None
    """On the ticket with exactly this id (the PSA's own)."""
    text: str | None
    """Found in the ticket's id or number. Neo's name of this parameter is not certain: where it
    is another, nothing is left out, so look at what comes.
    """


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
        self, *, cursor: str | None = None, page_size: int = 50, **wanted: Unpack[Wanted]
    ) -> Page[ScheduledRun]:
        """One page of scheduled runs. Neo counts these pages: ``cursor`` is a page's number.

        Shape: ``GET /public-api/scheduled-work?status=&ticket_id=&search=&page=&page_size=``
        -> scheduled runs.

        Args:
            cursor: From the page before; the first page without.
            page_size: 1-200.
            **wanted: Which; see `Wanted`.

        Raises:
            NeoInvalid: ``cursor`` is no page's number; Neo is not asked.
        """
        if cursor is not None and not _NUMBER.fullmatch(cursor):
            raise NeoInvalid(
                "The cursor is not from a page of scheduled work: begin without one.",
                operation=self.LIST.name,
                details={"field": "cursor"},
            )
        number = int(cursor or 1)
        query = _query(**wanted) | {"page": number, "page_size": page_size}
        envelope = await self._ask(self.LIST, query, None, {})
        items = self._items(self.LIST, envelope)
        after = str(number + 1) if _more(envelope, page_size) else None
        return Page(items, after, envelope.meta.request_id)

    async def list(
        self, *, page_size: int = LARGEST_PAGE, **wanted: Unpack[Wanted]
    ) -> AsyncIterator[ScheduledRun]:
        """Every scheduled run that fits, page by page as it is read; see `page`.

        Raises:
            NeoUnintelligible: a page is the one before it again, as if Neo did not count.
        """
        cursor: str | None = None
        before: set[str] | None = None
        while True:
            page = await self.page(cursor=cursor, page_size=page_size, **wanted)
            ids = {one.id for one in page.items}
            # Two pages of which nothing can be read are no better, if a third is to follow.
            if ids == before and (ids or page.cursor):
                raise NeoUnintelligible(
                    "Neo's list leads from a page to the same page again.",
                    operation=self.LIST.name,
                    request_id=page.request_id,
                )
            for one in page.items:
                yield one
            if (cursor := page.cursor) is None:
                return
            before = ids

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


def _query(
    *, status: str | None = None, ticket: str | None = None, text: str | None = None
) -> dict[str, Any]:
    return {"status": status, "ticket_id": ticket, "search": text}


def _more(envelope: Envelope[Any], page_size: int) -> bool:
    """Whether a page follows: as Neo says, else if this one is full; none follows an empty one."""
    if not envelope.data:
        return False
    where = envelope.meta.pagination
    if where is not None and where.has_more is not None:
        return where.has_more
    return len(envelope.data) >= page_size
