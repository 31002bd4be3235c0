"""Chats with a conversational agent: the session, what is said, the answer as it is written."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from bot.sandbox.calls import Answer, Call
from bot.sandbox.companies import company_of_tenant
from bot.sandbox.conversation import reply
from bot.sandbox.envelope import ApiError, invalid, not_found
from bot.sandbox.library import Agent
from bot.sandbox.operations.settings import settings_of
from bot.sandbox.profiles import stable_id, tenant_id
from bot.sandbox.records import Session, Turn
from bot.sandbox.refusals import check_length, check_platform_fields
from bot.sandbox.runs import stamp
from bot.sandbox.troubles import TROUBLE, Trouble, changed
from bot.sandbox.world import World

NEO_SUPPORT = "NEO_SUPPORT"

_LONGEST_MESSAGE = 20_000
_LONGEST_NAME = 200
_MAX_IMAGE_BYTES = 10_000_000
_EVENT_ID = re.compile(r"[0-9]{1,15}-([0-9]{1,15})")
_CONTENT_TYPES = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
        *("application/pdf", "text/plain", "text/csv", "application/msword"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)


async def create_chat_session(world: World, call: Call) -> Answer:
    """Open a chat with an agent, or with Neo's own support."""
    check_platform_fields(call, "bot_id", "inbound_tenant_id")
    agent = _agent(world, call)
    tenant = call.body.get("inbound_tenant_id")
    if tenant is not None and company_of_tenant(world, tenant) is None:
        message = "No end-company is mapped to this Microsoft 365 tenant."
        raise ApiError(409, "end_company_not_mapped", message, {"inbound_tenant_id": tenant})
    title = (call.body.get("title") or "").strip()
    check_length(title, "title", _LONGEST_NAME)
    session = Session(
        id=str(call.new_id()),
        agent_id=agent.id if agent else None,
        managed_agent_key=None if agent else NEO_SUPPORT,
        title=title or f"Chat with {agent.name if agent else 'Neo Support'}",
        channel="TEAMS" if tenant else "API",
        inbound_tenant_id=tenant,
        created_at=call.now,
        updated_at=call.now,
    )
    world.records.chat.open(session)
    world.changes += 1
    body = {
        "id": session.id,
        "agent_id": session.agent_id,
        "managed_agent_key": session.managed_agent_key,
        "client_id": tenant_id(world.seed),
        "channel": session.channel,
        "title": session.title,
        "created_at": stamp(session.created_at),
        "updated_at": stamp(session.updated_at),
        "show_agent_progress_steps": True,
    }
    return Answer({name: value for name, value in body.items() if value is not None})


async def post_chat_message(world: World, call: Call) -> Answer:
    """Take a message and begin to answer it; the answer is read from the events."""
    session = _session(world, call)
    message = str(call.body.get("message", ""))
    attachments = list(call.body.get("attachments") or [])
    check_length(message, "message", _LONGEST_MESSAGE)
    if not message.strip() and not attachments:
        raise invalid("message", "A message without attachments needs a text.")
    key = call.body.get("client_message_id")
    check_length(key or "", "client_message_id", _LONGEST_NAME)
    for turn in session.turns:
        if key is not None and turn.client_message_id == key:
            details = {"user_message_id": turn.user_message_id, "chat_turn_id": turn.id}
            told = "A message with this client_message_id was taken before."
            raise ApiError(409, "duplicate_client_message", told, details)
    since_cursor = _event_id(session, session.next_part - 1)
    turn = _answered(world, session, call, message, attachments)
    session.add(turn)
    world.changes += 1
    return Answer(
        {
            "chat_turn_id": turn.id,
            "user_message_id": turn.user_message_id,
            "since_cursor": since_cursor,
            "show_agent_progress_steps": True,
        },
        status=202,
    )


async def list_chat_messages(world: World, call: Call) -> Answer:
    """What was said, oldest first; an answer is there once it is complete."""
    told: list[dict[str, Any]] = []
    for turn in _session(world, call).turns:
        files = [
            {
                "type": "file",
                "mediaType": file.get("mime"),
                "filename": file.get("filename"),
                "url": file.get("blob_path"),
            }
            for file in turn.attachments
        ]
        written = {"type": "text", "text": turn.message}
        told.append(
            {
                "id": turn.user_message_id,
                "role": "user",
                "chat_turn_id": turn.id,
                "client_message_id": turn.client_message_id,
                "parts": [written, *files] if turn.message else files,
                "created_at": stamp(turn.asked_at),
            }
        )
        if turn.is_over(call.now):
            told.append(
                {
                    "id": turn.message_id,
                    "role": "assistant",
                    "chat_turn_id": turn.id,
                    "parts": [{"type": "text", "text": turn.text}],
                    "created_at": stamp(turn.ends_at),
                }
            )
    return Answer(told)


async def tail_chat_events(world: World, call: Call) -> web.StreamResponse:
    """The parts of answers as server-sent events, each when it is due.

    Begins after ``Last-Event-Id``, else after ``since``, else with the oldest part there is; ends
    as soon as no turn is under way.
    """
    session = _session(world, call)
    after = _part_of(call, session)
    trouble = call.request.get(TROUBLE, Trouble())
    if trouble.takes_effect:
        if trouble.replaces_answer:  # a stream that has begun could not be replaced
            return web.Response()
        await trouble.delays()
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
            "x-vercel-ai-ui-message-stream": "v1",
        }
    )
    await response.prepare(call.request)
    try:
        is_whole = await _write(session, call, after, response)
    except ConnectionError:  # the reader went away; it can come back with the last id it saw
        return response
    if is_whole:
        await response.write_eof()
    return response


async def _write(session: Session, call: Call, after: int, response: web.StreamResponse) -> bool:
    """Write the parts that follow; False when a trouble broke the connection half way."""
    trouble = call.request.get(TROUBLE, Trouble())
    cut_at = (after + session.next_part) // 2 if trouble.cut else None
    clock = asyncio.get_running_loop()
    began = clock.time()
    while (turn := session.turn_after(after)) is not None:
        for place, content in enumerate(turn.parts()):
            part = turn.first_part + place
            if part <= after:
                continue
            wait = (turn.due(place) - call.now).total_seconds() - (clock.time() - began)
            if wait > 0 and not turn.is_delivered:
                await asyncio.sleep(wait)
            event = _event(_event_id(session, part), changed(content, trouble))
            if part == cut_at:
                await response.write(event[: len(event) // 2])
                _breaks(call.request)
                return False
            await response.write(event)
            after = part
        turn.is_delivered = True
    return True


def _breaks(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def create_attachment_upload_url(world: World, call: Call) -> Answer:
    """Where a file could be put before a message names it."""
    session = _session(world, call)
    kind = call.body["content_type"].strip().lower()
    if kind not in _CONTENT_TYPES:
        known = ", ".join(sorted(_CONTENT_TYPES))
        raise invalid("content_type", f"content_type must be one of {known}.")
    check_length(call.body.get("filename") or "", "filename", _LONGEST_NAME)
    path = f"{tenant_id(world.seed)}/{session.id}/{call.new_id()}"
    signature = stable_id(world.seed, path).replace("-", "")
    return Answer(
        {
            "upload_url": f"https://attachments.example/{path}?sig={signature}",
            "blob_path": path,
            "mime": kind,
            "max_image_bytes": _MAX_IMAGE_BYTES,
        }
    )


def _agent(world: World, call: Call) -> Agent | None:
    """The agent to talk to; None for Neo's own support."""
    wanted, managed = call.body.get("agent_id"), call.body.get("managed_agent_key")
    if (wanted is None) == (managed is None):
        raise invalid("agent_id", "Give either agent_id or managed_agent_key.")
    if managed is not None:
        if managed != NEO_SUPPORT:
            raise invalid("managed_agent_key", f"The only managed agent is {NEO_SUPPORT}.")
        return None
    agent = world.agents.get(wanted) if wanted is not None else None
    if agent is None:
        raise not_found("There is no agent with this id.")
    if agent.autonomy_type != "CONVERSATIONAL":
        raise invalid("agent_id", "Only a conversational agent can chat.")
    if agent.state != "ENABLED":
        raise ApiError(409, "agent_disabled", "The agent is switched off. Switch it on first.")
    return agent


def _session(world: World, call: Call) -> Session:
    session = world.records.chat.sessions.get(call.path["session_id"])
    if session is None:
        raise not_found("There is no chat session with this id.")
    return session


def _answered(
    world: World, session: Session, call: Call, message: str, attachments: list[dict[str, Any]]
) -> Turn:
    agent = world.agents.get(session.agent_id) if session.agent_id is not None else None
    answer = reply(
        world,
        message,
        timezone=settings_of(world)["timezone"] or "UTC",
        for_clients=agent is not None and agent.audience == "END_USER",
    )
    last = session.turns[-1] if session.turns else None
    busy_until = last.ends_at if last and not last.is_over(call.now) else call.now
    return Turn(
        id=str(call.new_id()),
        user_message_id=str(call.new_id()),
        message_id=str(call.new_id()),
        client_message_id=call.body.get("client_message_id"),
        message=message,
        attachments=attachments,
        first_part=session.next_part,
        asked_at=call.now,
        begins_at=busy_until,
        pace_seconds=world.records.chat.pace_seconds,
        lookups=list(answer.lookups),
        text=answer.text,
    )


def _part_of(call: Call, session: Session) -> int:
    """The number of the part that the reader saw last; 0 for none."""
    given = call.request.headers.get("Last-Event-Id") or call.query.get("since")
    if not given:
        return 0
    found = _EVENT_ID.fullmatch(given)
    is_ours = found is not None and given == _event_id(session, int(found[1]))
    if found is None or not is_ours or int(found[1]) >= session.next_part:
        raise invalid("since", "since must be the id of an event of this session.")
    return int(found[1])


def _event_id(session: Session, part: int) -> str:
    return f"{int(session.created_at.timestamp() * 1000)}-{part}"


def _event(identifier: str, content: dict[str, Any] | str) -> bytes:
    # JSON has no line break outside of texts, where it is escaped: one line is one event.
    text = content if isinstance(content, str) else json.dumps(content)
    return f"id: {identifier}\ndata: {text}\n\n".encode()


OPERATIONS = {
    "createChatSession": create_chat_session,
    "postChatMessage": post_chat_message,
    "listChatMessages": list_chat_messages,
    "tailChatEvents": tail_chat_events,
    "createAttachmentUploadUrl": create_attachment_upload_url,
}
