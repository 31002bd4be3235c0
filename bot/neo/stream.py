"""Neo's answer while it is written: a stream of events that outlives broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

import httpx
import stamina
from httpx_sse import EventSource, ServerSentEvent, SSEError
from pydantic import ValidationError

from bot.errors import NeoRateLimited, NeoUnavailable, NeoUnintelligible, NeoUnreachable
from bot.neo.models.chat import StreamPart

_DONE: Final = "[DONE]"
_SHORTEST_WAIT_SECONDS: Final = 0.1


class Tail:
    """A reader's place in a stream, kept while connections come and go.

    Args:
        operation: Stands in errors.
        connect: Opens the stream after the event with that id, or where it was asked to begin.
    """

    def __init__(
        self,
        operation: str,
        connect: Callable[[str | None], AbstractAsyncContextManager[httpx.Response]],
    ) -> None:
        self._operation = operation
        self._connect = connect
        self._connection = AsyncExitStack()
        self._events: AsyncGenerator[ServerSentEvent, None] | None = None
        self._last: str | None = None
        self._seen: set[tuple[str, str]] = set()
        self._unnumbered = self._position = 0
        self._may_end = False

    async def next(self, deadline: float) -> StreamPart | None:
        """The next part that was not read before; None at the end of the stream.

        Args:
            deadline: On the loop's own clock. Until then a connection that breaks is replaced.

        Raises:
            NeoUnreachable: it did not come in time.
            NeoUnintelligible: what came is no stream of parts.
        """
        try:
            # Around one step, never around a `yield`: it would cancel what the reader does
            # meanwhile.
            async with asyncio.timeout_at(deadline):
                async for attempt in stamina.retry_context(
                    on=_worth_resuming,
                    attempts=None,
                    timeout=None,
                    wait_initial=0.1,
                    wait_max=2.0,
                    wait_jitter=0.2,
                ):
                    with attempt:
                        return await self._next()
        except TimeoutError:
            pass
        raise NeoUnreachable("Neo's answer was not finished in time.", operation=self._operation)

    async def close(self) -> None:
        """Leave the connection, if there is one."""
        events, self._events = self._events, None
        if events is not None:
            await events.aclose()
        await self._connection.aclose()

    async def _next(self) -> StreamPart | None:
        while (event := await self._event()) is not None and event.data != _DONE:
            if self._is_new(event):
                return self._part(event)
        return None

    async def _event(self) -> ServerSentEvent | None:
        broken = False
        try:
            if self._events is None:
                response = await self._connection.enter_async_context(self._connect(self._last))
                self._events = EventSource(response).aiter_sse()
                self._position = 0
            async for event in self._events:
                if event.data:  # an event without any keeps the connection open
                    return event
        except SSEError:
            raise self._odd() from None
        except httpx.HTTPError:
            broken = True  # and raised below: an error of httpx holds the request, and its key
        await self.close()
        if self._may_end and not broken:
            return None
        raise NeoUnreachable("Neo's answer broke off.", operation=self._operation)

    def _is_new(self, event: ServerSentEvent) -> bool:
        """Whether it was not read before, from this connection or an earlier one."""
        if event.id:
            # An event without an id of its own has that of the one before it.
            mark = (event.id, event.data)
            if mark in self._seen:
                return False
            self._seen.add(mark)
            self._last = event.id
            return True
        # Without any ids a stream comes again from its beginning.
        self._position += 1
        if self._last is None and self._position <= self._unnumbered:
            return False
        self._unnumbered = self._position
        return True

    def _part(self, event: ServerSentEvent) -> StreamPart:
        try:
            part = StreamPart.at(event.id or None, event.data)
        except ValidationError:
            # `from None`: pydantic's message quotes the answer, which may hold people's data.
            raise self._odd() from None
        self._may_end = part.ends_turn or part.type == "error"
        return part

    def _odd(self) -> NeoUnintelligible:
        return NeoUnintelligible(
            "Neo's answer is no stream of parts.", operation=self._operation, status=200
        )


def _worth_resuming(error: Exception) -> bool | float:
    """Whether to open the stream again, and after how long where Neo said so."""
    if isinstance(error, NeoRateLimited):
        return max(error.retry_after_seconds, _SHORTEST_WAIT_SECONDS)
    return isinstance(error, NeoUnavailable) and (
        error.status is None or error.status >= httpx.codes.INTERNAL_SERVER_ERROR
    )
