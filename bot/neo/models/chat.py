"""Chats with an agent: the session, what is said in it, and the parts of an answer."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PrivateAttr

from bot.neo.models.base import Count, Moment, NeoModel, NeoRequest, Text, Truth


class ChatSession(NeoModel):
    """A conversation with one agent. Source: Chat / Create a chat session."""

    id: Text = None
    agent_id: Text = None
    client_id: Text = None
    channel: Text = None
    title: Text = None
    archived_at: Moment = None
    created_at: Moment = None
    updated_at: Moment = None
    show_agent_progress_steps: Truth = None


class ChatMessage(NeoModel):
    """A message of a session. Its shape is not published: all of it is in ``model_extra``."""


class Attachment(NeoRequest):
    """A file that goes with a message; it was put where `UploadUrl` said."""

    blob_path: str
    mime: str
    alt: str | None = None
    filename: str | None = None


class PostedMessage(NeoModel):
    """A message that Neo took; its answer follows ``since_cursor`` in the stream."""

    id: Text = Field(default=None, alias="user_message_id")
    turn_id: Text = Field(default=None, alias="chat_turn_id")
    since_cursor: Text = None
    show_agent_progress_steps: Truth = None


class UploadUrl(NeoModel):
    """Where a file can be put before a message names it; the address itself is the permission."""

    upload_url: Text = Field(default=None, repr=False)
    blob_path: Text = None
    mime: Text = None
    max_image_bytes: Count = None


class StreamPart(NeoModel):
    """A part of an answer as it comes: a UI message stream part of the Vercel AI SDK, version 6.

    Which fields a part has depends on its ``type``:

    - ``start`` and ``finish`` (the whole answer), ``start-step`` and ``finish-step``;
      ``abort`` with ``reason``, ``error`` with ``error_text``, ``message-metadata``;
    - ``text-start``, ``text-delta``, ``text-end``, and ``reasoning-`` alike: ``id``, ``delta``;
    - ``tool-input-start``, ``-delta``, ``-available``, ``-error``, ``tool-approval-request``,
      ``tool-output-available``, ``-error``, ``-denied``: ``tool_call_id`` and what came of it;
    - ``source-url``, ``source-document``, ``file``: ``url``, ``title``, ``media_type``;
    - ``data-…``: ``data``, anything.
    """

    type: Text = None
    id: Text = None
    delta: Text = None
    message_id: Text = Field(default=None, alias="messageId")
    message_metadata: Any = Field(default=None, alias="messageMetadata")
    finish_reason: Text = Field(default=None, alias="finishReason")
    reason: Text = None
    error_text: Text = Field(default=None, alias="errorText")
    tool_call_id: Text = Field(default=None, alias="toolCallId")
    tool_name: Text = Field(default=None, alias="toolName")
    input_text_delta: Text = Field(default=None, alias="inputTextDelta")
    input: Any = None
    output: Any = None
    preliminary: Truth = None
    approval_id: Text = Field(default=None, alias="approvalId")
    source_id: Text = Field(default=None, alias="sourceId")
    url: Text = None
    title: Text = None
    media_type: Text = Field(default=None, alias="mediaType")
    filename: Text = None
    data: Any = None
    transient: Truth = None

    _event_id: str | None = PrivateAttr(default=None)

    @property
    def event_id(self) -> str | None:
        """Its place in the stream, from which a reader can go on; no field of the part."""
        return self._event_id

    @property
    def ends_turn(self) -> bool:
        """Whether the answer is over with it."""
        return self.type in {"finish", "abort"}

    @classmethod
    def at(cls, event_id: str | None, content: bytes) -> StreamPart:
        """The part whose JSON came with that event.

        Raises:
            pydantic.ValidationError: it is no JSON object.
        """
        part = cls.model_validate_json(content)
        part._event_id = event_id  # noqa: SLF001 -- its own
        return part
