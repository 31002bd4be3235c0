"""What every resource of the client can do: one thing, a whole list, a page, page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from pydantic import ValidationError

from bot.errors import NeoUnintelligible
from bot.neo.http import NeoHttp
from bot.neo.models import Envelope, NeoModel
from bot.neo.operation import Operation, Request
from bot.neo.options import Options

M = TypeVar("M", bound=NeoModel)
Values = Mapping[str, Any]

log = structlog.get_logger()

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of a list; ``cursor`` is None on the last."""

    items: list[M]
    cursor: str | None
    request_id: str | None


class Resource:
    """A group of operations; its methods name an operation and say what goes into it."""

    def __init__(self, http: NeoHttp, options: Options) -> None:
        self._http = http
        self._options = options

    async def _one(
        self,
        operation: Operation[M],
        *,
        query: Values | None = None,
        body: Values | None = None,
        **segments: str,
    ) -> M:
        """What an operation answers that is not a list."""
        envelope = await self._ask(operation, query, body, segments)
        try:
            return self._read(operation, envelope.data)
        except ValidationError:
            pass
        # Raised here, not above: pydantic's error holds the answer, which may be people's data.
        raise _odd(operation, envelope)

    async def _all(
        self, operation: Operation[M], *, query: Values | None = None, **segments: str
    ) -> list[M]:
        """A list that has no pages."""
        return self._items(operation, await self._ask(operation, query, None, segments))

    async def _page(
        self,
        operation: Operation[M],
        *,
        cursor: str | None,
        page_size: int,
        query: Values | None = None,
        **segments: str,
    ) -> Page[M]:
        """One page of a list."""
        paging = {"cursor": cursor, "page_size": page_size}
        envelope = await self._ask(operation, {**(query or {}), **paging}, None, segments)
        where = envelope.meta.pagination
        # Only a clear "no more" ends a list that names where it goes on.
        more = where is not None and where.has_more is not False and bool(where.next_cursor)
        after = where.next_cursor if where and more else None
        return Page(self._items(operation, envelope), after, envelope.meta.request_id)

    async def _each(
        self,
        operation: Operation[M],
        *,
        query: Values | None = None,
        page_size: int = LARGEST_PAGE,
        **segments: str,
    ) -> AsyncIterator[M]:
        """A list item by item; a page is asked for when the one before it has been read."""
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            page = await self._page(
                operation, cursor=cursor, page_size=page_size, query=query, **segments
            )
            for item in page.items:
                yield item
            if (cursor := page.cursor) is None:
                return
            if cursor in seen:
                raise NeoUnintelligible(
                    "Neo's list leads back to a page that was read already.",
                    operation=operation.name,
                    request_id=page.request_id,
                )
            seen.add(cursor)

    async def _ask(
        self,
        operation: Operation[M],
        query: Values | None,
        body: Values | None,
        segments: Mapping[str, str],
    ) -> Envelope[Any]:
        request = Request(operation, segments, query or {}, body)
        return await self._http.call(request, self._options)

    def _read(self, operation: Operation[M], data: Any) -> M:
        """One object of an answer, its status in words that are known here where that is sure."""
        model = operation.answers
        return model.model_validate(self._http.vocabulary.translated(model, data))

    def _items(self, operation: Operation[M], envelope: Envelope[Any]) -> list[M]:
        """What can be read of a list: one odd item must not hide the others."""
        if not isinstance(envelope.data, list):
            raise _odd(operation, envelope)
        items: list[M] = []
        for one in envelope.data:
            try:
                items.append(self._read(operation, one))
            except ValidationError as error:
                log.warning(
                    "neo.item_skipped",
                    kind=operation.answers.__name__,
                    # Names of our own models' fields; what lies deeper, Neo may have named.
                    faults=sorted({str(at) for one in error.errors() for at in one["loc"][:1]}),
                    request_id=envelope.meta.request_id,
                )
        return items


def _odd(operation: Operation[Any], envelope: Envelope[Any]) -> NeoUnintelligible:
    return NeoUnintelligible(
        "Neo's answer could not be understood.",
        operation=operation.name,
        status=200,
        request_id=envelope.meta.request_id,
    )


def iso(moment: datetime | None) -> str | None:
    """A moment as Neo takes it."""
    return moment.isoformat() if moment else None
