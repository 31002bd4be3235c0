"""Neo's answer while it is written: a stream of events that outlives broken connections."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

import httpx
import stamina
from httpx_sse import EventSource, ServerSentEvent, SSEError

from bot.errors import NeoRateLimited, NeoUnavailable, NeoUnintelligible, NeoUnreachable
from bot.neo.models.chat import StreamPart

_DONE: Final = "[DONE]"
_SHORTEST_WAIT_SECONDS: Final = 0.1
_SENDABLE = re.compile(r"[!-~]([ -~]*[!-~])?")  # as a header's value
_UTF_16 = "utf-16-le"


class Tail:
    """A reader's place in a stream, kept while connections come and go.

    Nothing is taken for a repeat within one connection, however alike two parts are. After a
    resume a server sends again what followed the id it was told, or all from where the stream
    began: that is known by its place, and left out. A server that goes on instead, with parts that
    have no ids, is known by the first of them; should it equal the one read at that place, it
    counts as sent again.

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
        self._may_end = False
        self._last = ""  # the id to resume after; "" for where the stream was asked to begin
        self._read: list[tuple[str, str]] = []  # id and data of each part, over all connections
        self._first: dict[str, int] = {}  # the place in it of the first part of each id
        # Of this connection: how much was read before it, where what follows `_last` begins, which
        # place comes next if parts are sent again, and the id that holds at the moment.
        self._before = self._start = self._place = 0
        self._id = ""
        self._texts = defaultdict[str, codecs.IncrementalDecoder](
            lambda: codecs.getincrementaldecoder(_UTF_16)("replace")
        )

    async def next(self, deadline: float) -> StreamPart | None:
        """The next part that was not read before; None at the end of the stream.

        Args:
            deadline: On the loop's own clock. Until then a connection that breaks is replaced.

        Raises:
            NeoUnreachable: it did not come in time.
            NeoUnintelligible: what came is no stream of parts, or differs from what was read when
                it came again.
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
                response = await self._connection.enter_async_context(
                    self._connect(self._last or None)
                )
                self._events = EventSource(response).aiter_sse()
                self._before, self._id = len(self._read), ""
                self._start = self._place = self._first.get(self._last, -1) + 1
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
        """Whether it was not read before this connection."""
        # An event without an id of its own has that of the one before it.
        if event.id != self._id:
            self._id = event.id
            self._place = self._first.get(event.id, self._before)
        mark = (event.id or self._last, event.data)
        if self._place < self._before:
            if self._read[self._place] == mark:
                self._place += 1
                return False
            if self._place != self._start:
                raise NeoUnintelligible(
                    "Neo's answer broke off, and came again with other words: ask again.",
                    operation=self._operation,
                    status=200,
                )
            self._place = self._before
        if event.id:
            self._first.setdefault(event.id, len(self._read))
            if _SENDABLE.fullmatch(event.id):
                self._last = event.id
        self._read.append(mark)
        return True

    def _part(self, event: ServerSentEvent) -> StreamPart:
        try:
            part = StreamPart.at(event.id or None, self._whole(event.data))
        except (ValueError, RecursionError):
            # `from None`: pydantic's message quotes the answer, which may hold people's data.
            raise self._odd() from None
        self._may_end = part.ends_turn or part.type == "error"
        return part

    def _whole(self, content: str) -> bytes:
        """A part's JSON without halves of characters, which no text can hold.

        Writers that count in UTF-16 cut some characters in two: the first half waits for the text's
        next piece. A half that stays alone becomes "?" or U+FFFD.
        """
        part = json.loads(content)
        if isinstance(part, dict) and isinstance(delta := part.get("delta"), str):
            text = self._texts[f"{part.get('type')} {part.get('id')}"]
            part["delta"] = text.decode(delta.encode(_UTF_16, "surrogatepass"))
        return json.dumps(part, ensure_ascii=False).encode(errors="replace")

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
