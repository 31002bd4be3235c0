"""Chats with an agent: sessions, messages, and an answer part by part while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final, Literal

import httpx

from bot.errors import NeoConflict
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
from bot.neo.stream import Tail

# Where a refused repeat says which message it repeats; the published pages do not name the field.
_ORIGINAL: Final = ("user_message_id", "message_id", "original_message_id")


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
            NeoUnintelligible: what came is no stream of parts, or differs from what was read when
                it came again.
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
            NeoConflict: Neo had the message already, perhaps because its first reply was lost, and
                does not say where the answer begins. No part of a stream says which message it
                answers, so none is guessed at: ``details`` has ``user_message_id`` and
                ``chat_turn_id``, and `messages` what was said.
        """
        deadline = self._deadline()
        posted = await self.post(
            session, message, message_id=message_id, attachments=attachments, tier=tier
        )
        if posted.since_cursor is None:
            raise NeoConflict(
                "Neo does not say where the answer begins: read the session's messages.",
                operation=self.POST.name,
                details={"user_message_id": posted.id, "chat_turn_id": posted.turn_id},
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

        tail = Tail(self.EVENTS.name, connect)
        try:
            while (part := await tail.next(deadline)) is not None:
                yield part
        finally:
            await tail.close()
