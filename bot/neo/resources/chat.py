"""Chats with an agent: sessions, messages, and an answer part by part while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any, Final, Literal

import httpx
import stamina
from httpx_sse import EventSource, ServerSentEvent, SSEError
from pydantic import ValidationError

from bot.errors import (
    NeoConflict,
    NeoRateLimited,
    NeoUnavailable,
    NeoUnintelligible,
    NeoUnreachable,
)
from bot.neo.models.chat import (
    Attachment,
    ChatMessage,
    ChatSession,
    PostedMessage,
    StreamPart,
    UploadUrl,
)
from bot.neo.operation import Operation, Request
from bot.neo.resource import Resource

# Where a refused repeat says which message it repeats; the published pages do not name the field.
_ORIGINAL: Final = ("user_message_id", "message_id", "original_message_id")
_DONE: Final = "[DONE]"
_SHORTEST_WAIT_SECONDS: Final = 0.1


class Chat(Resource):
    """Chats. Source: Neo API reference, Chat."""

    CREATE = Operation("chat.create", "POST", "/public-api/chat/sessions", ChatSession)
    # Safe to repeat: the message's own id makes Neo refuse the second copy.
    POST = Operation(
        "chat.post",
        "POST",
        "/public-api/chat/sessions/{session_id}/messages",
        PostedMessage,
        repeatable=True,
        sends=("client_message_id", "message"),
    )
    MESSAGES = Operation(
        "chat.messages",
        "GET",
        "/public-api/chat/sessions/{session_id}/messages",
        ChatMessage,
        many=True,
    )
    EVENTS = Operation(
        "chat.events", "GET", "/public-api/chat/sessions/{session_id}/events", StreamPart, many=True
    )
    # Safe to repeat: an address that nobody uses expires.
    UPLOAD_URL = Operation(
        "chat.upload_url",
        "POST",
        "/public-api/chat/sessions/{session_id}/attachments/upload-url",
        UploadUrl,
        repeatable=True,
        sends=("content_type",),
    )

    async def create(
        self,
        *,
        agent: str | None = None,
        managed: str | None = None,
        title: str | None = None,
        bot: str | None = None,
        client: str | None = None,
        inbound_tenant: str | None = None,
    ) -> ChatSession:
        """Begin a chat with a conversational agent, or with one that Neo manages.

        Shape: ``POST /public-api/chat/sessions`` {agent_id | managed_agent_key, title, …} ->
        session. ``managed`` is a key such as ``NEO_SUPPORT``; exactly one of the two is given.
        ``bot``, ``client`` and ``inbound_tenant`` are for Neo's own relay.

        Raises:
            NeoForbidden: ``client`` from a tenant's key.
            NeoConflict: the company is not mapped (code ``end_company_not_mapped``).
        """
        body = {
            "agent_id": int(agent) if agent and agent.isdecimal() else agent,
            "managed_agent_key": managed,
            "title": title,
            "bot_id": bot,
            "client_id": client,
            "inbound_tenant_id": inbound_tenant,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return await self._one(self.CREATE, body=given)

    async def post(
        self,
        session: str,
        message: str,
        *,
        message_id: str,
        attachments: Sequence[Attachment] = (),
        tier: Literal["FAST", "SMART"] | None = None,
    ) -> PostedMessage:
        """Say something; the agent's answer comes as events. Safe to repeat with the same id.

        Shape: ``POST /public-api/chat/sessions/{session_id}/messages``
        {message, client_message_id, attachments, model_tier} -> what Neo took.

        Args:
            session: Id of the session.
            message: What is said; may be empty where files are attached.
            message_id: The caller's own id of the message, one for each message.
            attachments: At most six.
            tier: How much thought the answer is worth; Neo's own default is FAST.
        """
        body: dict[str, Any] = {"message": message, "client_message_id": message_id}
        if attachments:
            body["attachments"] = [attachment.body() for attachment in attachments]
        if tier:
            body["model_tier"] = tier
        try:
            return await self._one(self.POST, body=body, session_id=session)
        except NeoConflict as conflict:
            # Neo has this message already, and says which it is.
            original = next((conflict.details[n] for n in _ORIGINAL if n in conflict.details), None)
            if original is None:
                raise
            return PostedMessage.model_validate({**conflict.details, "user_message_id": original})

    async def messages(self, session: str) -> list[ChatMessage]:
        """What was said in a session. Shape: ``GET …/{session_id}/messages`` -> messages."""
        return await self._all(self.MESSAGES, session_id=session)

    async def upload_url(
        self, session: str, *, content_type: str, filename: str | None = None
    ) -> UploadUrl:
        """Where to put a file, with ``PUT`` and ``x-ms-blob-type: BlockBlob``, for a short while.

        Shape: ``POST …/{session_id}/attachments/upload-url`` {content_type, filename} -> address.
        """
        body = {"content_type": content_type} | ({"filename": filename} if filename else {})
        return await self._one(self.UPLOAD_URL, body=body, session_id=session)

    def events(self, session: str, *, since: str | None = None) -> AsyncGenerator[StreamPart, None]:
        """Parts as they are written, each once, until Neo ends the stream.

        Shape: ``GET …/{session_id}/events?since=`` -> server-sent events. A connection that breaks
        is opened again after the last part read, for as long as the deadline allows.

        Raises:
            NeoUnreachable: the stream did not end within the deadline.
            NeoUnintelligible: what came is no stream of parts.
        """
        return self._parts(session, since, self._deadline())

    async def turn(
        self,
        session: str,
        message: str,
        *,
        message_id: str,
        attachments: Sequence[Attachment] = (),
        tier: Literal["FAST", "SMART"] | None = None,
    ) -> AsyncGenerator[StreamPart, None]:
        """Say something and read the answer, part by part, to its end.

        An answer takes longer than other calls: the caller says how long it may take in all, as in
        ``neo.with_options(within_seconds=120).chat.turn(…)``.

        Raises:
            NeoUnreachable: the answer did not end within the deadline.
            NeoUnintelligible: what came is no stream of parts.
            NeoConflict: Neo had the message already and does not say where its answer begins;
                `messages` has what was said.
        """
        deadline = self._deadline()
        posted = await self.post(
            session, message, message_id=message_id, attachments=attachments, tier=tier
        )
        if posted.since_cursor is None:
            raise NeoConflict(
                "Neo does not say where the answer begins: read the session's messages.",
                operation=self.POST.name,
            )
        async with aclosing(self._parts(session, posted.since_cursor, deadline)) as parts:
            async for part in parts:
                yield part
                if part.ends_turn:
                    return

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._options.within_seconds

    async def _parts(
        self, session: str, since: str | None, deadline: float
    ) -> AsyncGenerator[StreamPart, None]:
        def connect(last: str | None) -> AbstractAsyncContextManager[httpx.Response]:
            query = {"since": since if last is None else None}
            resuming = {"Last-Event-Id": last} if last is not None else {}
            return self._http.streaming(
                Request(self.EVENTS, {"session_id": session}, query),
                self._options,
                headers={"Accept": "text/event-stream", "Cache-Control": "no-store", **resuming},
            )

        tail = _Tail(self.EVENTS.name, connect)
        try:
            while (part := await _within(deadline, tail)) is not None:
                yield part
        finally:
            await tail.close()


class _Tail:
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

    async def next(self) -> StreamPart | None:
        """The next part that was not read before; None at the end of the stream.

        Raises:
            NeoUnreachable: the connection broke; the next call opens another.
        """
        while (event := await self._event()) is not None and event.data != _DONE:
            if self._is_new(event):
                return self._part(event)
        return None

    async def close(self) -> None:
        """Leave the connection, if there is one."""
        events, self._events = self._events, None
        if events is not None:
            await events.aclose()
        await self._connection.aclose()

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


async def _within(deadline: float, tail: _Tail) -> StreamPart | None:
    """The next part, over as many connections as it takes."""
    try:
        # Around one step, never around a `yield`: it would cancel what the reader does meanwhile.
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
                    return await tail.next()
    except TimeoutError:
        pass
    raise NeoUnreachable("Neo's answer was not finished in time.", operation=Chat.EVENTS.name)


def _worth_resuming(error: Exception) -> bool | float:
    """Whether to open the stream again, and after how long where Neo said so."""
    if isinstance(error, NeoRateLimited):
        return max(error.retry_after_seconds, _SHORTEST_WAIT_SECONDS)
    return isinstance(error, NeoUnavailable) and (
        error.status is None or error.status >= httpx.codes.INTERNAL_SERVER_ERROR
    )
