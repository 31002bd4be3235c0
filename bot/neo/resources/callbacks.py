"""Callbacks: what the PSA told Neo, and which agents that concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TypedDict, Unpack

from bot.neo.models.callbacks import Callback, CallbackDetail
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso


class Wanted(TypedDict, total=False):
    """Which callbacks: of one entity, of one ticket, or since a moment."""

    entity_type: str | None
    """Together with `entity`: what it is, e.g. ``ticket``, in capitals or not."""
    entity: str | None
    """Together with `entity_type`: the PSA's own id of it."""
    ticket: str | None
    """The number that people see."""
    since: datetime | None
    """Arrived then or later; at most seven days ago."""
    until: datetime | None
    """Arrived then or earlier."""
    change_types: Sequence[str] | None
    """Such changes alone, e.g. TICKET_CREATED."""
    agent: str | None
    """Those that concerned this agent alone (its id)."""


class Callbacks(Resource):
    """Callbacks of the PSA. Source: Neo API reference, Callbacks."""

    LIST = Operation("callbacks.list", "GET", "/public-api/callbacks", Callback, many=True)
    GET = Operation("callbacks.get", "GET", "/public-api/callbacks/{callback_id}", CallbackDetail)

    async def page(
        self, *, cursor: str | None = None, page_size: int = 20, **wanted: Unpack[Wanted]
    ) -> Page[Callback]:
        """One page of callbacks.

        Shape: ``GET /public-api/callbacks?entity_type=&entity_id=&entity_number=&since=&until=
        &change_type=&agent_id=`` -> callbacks.

        Args:
            cursor: From the page before.
            page_size: 1-200.
            **wanted: Which; see `Wanted`.

        Raises:
            NeoInvalid: narrowed neither to an entity nor to a ticket nor by ``since``, or ``since``
                is too long ago.
        """
        query = _query(**wanted)
        return await self._page(self.LIST, query=query, cursor=cursor, page_size=page_size)

    def list(
        self, *, page_size: int = LARGEST_PAGE, **wanted: Unpack[Wanted]
    ) -> AsyncIterator[Callback]:
        """Every callback that fits, page by page as it is read; the words are those of `page`."""
        return self._each(self.LIST, query=_query(**wanted), page_size=page_size)

    async def get(self, callback: str) -> CallbackDetail:
        """One callback, with everything that was done about it.

        Shape: ``GET /public-api/callbacks/{callback_id}`` -> callback.

        Raises:
            NeoNotFound: no callback with this id.
        """
        return await self._one(self.GET, callback_id=callback)


def _query(
    *,
    entity_type: str | None = None,
    entity: str | None = None,
    ticket: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    change_types: Sequence[str] | None = None,
    agent: str | None = None,
) -> dict[str, str | None]:
    return {
        # Answers have it in capitals; so one of them can be passed back.
        "entity_type": entity_type.lower() if entity_type else None,
        "entity_id": entity,
        "entity_number": ticket,
        "since": iso(since),
        "until": iso(until),
        "change_type": ",".join(change_types or ()) or None,
        "agent_id": agent,
    }
