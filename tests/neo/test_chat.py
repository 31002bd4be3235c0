"""A chat's answer is read part by part, whole and once, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web

from bot.errors import NeoConflict, NeoNotFound, NeoUnintelligible, NeoUnreachable
from bot.neo.client import Neo
from bot.neo.models.chat import StreamPart
from tests.neo.conftest import Connect
from tests.workplace import Clock

ANY = "https://neo.northwind.example"
EVENTS = "/public-api/chat/sessions/{session}/events"

TURN: list[dict[str, Any]] = [
    {"type": "start", "messageId": "m-1"},
    {"type": "start-step"},
    {"type": "tool-input-start", "toolCallId": "c", "toolName": "Look up"},
    {"type": "tool-output-available", "toolCallId": "c", "output": {"ticket": 48213}},
    {"type": "text-start", "id": "t"},
    {"type": "text-delta", "id": "t", "delta": "It is\n"},
    {"type": "text-delta", "id": "t", "delta": "dönë"},
    {"type": "text-delta", "id": "t", "delta": "dönë"},
    {"type": "text-end", "id": "t"},
    {"type": "finish-step"},
    {"type": "finish", "finishReason": "stop"},
]

Serve = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


def written(parts: Sequence[dict[str, Any]], *, first: int = 1, done: bool = True) -> bytes:
    """Parts as Neo writes them, each with its place in the stream."""
    events = [
        f"id: {first + place}\ndata: {json.dumps(part, ensure_ascii=False)}\n\n"
        for place, part in enumerate(parts)
    ]
    return ("".join(events) + ("data: [DONE]\n\n" if done else "")).encode()


def unnumbered(parts: Sequence[dict[str, Any]]) -> bytes:
    """Parts of a stream that nobody can resume: it begins anew."""
    return "".join(f"data: {json.dumps(part)}\n\n" for part in parts).encode()


@dataclass
class Streams:
    """What a session's events answer, connection by connection."""

    url: str = ""
    serve: Serve | None = None
    requests: dict[str, list[web.Request]] = field(default_factory=lambda: defaultdict(list))
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert self.serve
        seen = self.requests[request.match_info["session"]]
        seen.append(request)
        try:
            return await self.serve(request, len(seen))
        except asyncio.CancelledError:
            self.left.set()
            raise


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    """A server whose handlers hear when the reader leaves."""
    running = Streams()
    app = web.Application()
    app.router.add_get(EVENTS, running.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    running.url = f"http://{host}:{port}"
    yield running
    await runner.cleanup()


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


async def send(request: web.Request, content: bytes, *, cut: bool = False) -> web.StreamResponse:
    """Answer with a stream; ``cut`` breaks the connection instead of ending it."""
    response = await begin(request)
    if content:
        await response.write(content)
    if cut and request.transport:
        request.transport.close()
    return response


async def forever(response: web.StreamResponse) -> web.StreamResponse:
    await asyncio.Event().wait()
    return response


async def read(neo: Neo, session: str = "s", since: str | None = "0") -> list[dict[str, Any]]:
    events = neo.chat.events(session, since=since)
    return [part.model_dump(by_alias=True, exclude_unset=True) async for part in events]


def place_of(request: web.Request) -> int:
    return int(request.headers.get("Last-Event-Id", request.query.get("since", "0")))


async def after_the_last(request: web.Request) -> web.StreamResponse:
    place = place_of(request)
    return await send(request, written(TURN[place:], first=place + 1))


async def with_the_last_again(request: web.Request) -> web.StreamResponse:
    place = max(place_of(request) - 1, 0)
    return await send(request, written(TURN[place:], first=place + 1))


async def from_the_beginning(request: web.Request) -> web.StreamResponse:
    return await send(request, written(TURN))


def cuts(parts: Sequence[dict[str, Any]]) -> list[int]:
    """After how many bytes a connection ends: before, within and after each part's event."""
    places = {0}
    for count in range(1, len(parts) + 1):
        begin, end = (len(written(parts[:many], done=False)) for many in (count - 1, count))
        places |= {begin + 3, begin + 5, (begin + end) // 2, end - 2, end - 1, end}
    return [*sorted(places), len(written(parts))]


@pytest.mark.parametrize("cut", [True, False], ids=["breaks", "closes politely"])
@pytest.mark.parametrize(
    "resumed",
    [after_the_last, with_the_last_again, from_the_beginning],
    ids=lambda how: how.__name__,
)
async def test_a_connection_that_ends_anywhere_costs_no_part_and_repeats_none(
    streams: Streams,
    connect: Connect,
    cut: bool,  # noqa: FBT001 -- a parameter of the table
    resumed: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    whole = written(TURN)

    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        if connection > 1:
            return await resumed(request)
        return await send(request, whole[: int(request.match_info["session"])], cut=cut)

    streams.serve = serve
    neo = connect(streams.url, "k", within_seconds=20.0)
    places = cuts(TURN)
    answers = await asyncio.gather(*(read(neo, str(place)) for place in places))
    for place, parts in zip(places, answers, strict=True):
        assert parts == TURN, f"the connection ended after {place} bytes: {whole[:place]!r}"
        assert len(streams.requests[str(place)]) <= 2


@pytest.mark.parametrize("cut", [True, False], ids=["breaks", "closes politely"])
@pytest.mark.parametrize("sent", range(len(TURN)))
async def test_a_stream_without_ids_comes_again_from_its_beginning_and_is_read_on(
    streams: Streams,
    connect: Connect,
    cut: bool,  # noqa: FBT001 -- a parameter of the table
    sent: int,
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        if connection == 1:
            return await send(request, unnumbered(TURN[:sent]), cut=cut)
        return await send(request, unnumbered(TURN))

    streams.serve = serve
    assert await read(connect(streams.url, "k")) == TURN
    assert [r.query.get("since") for r in streams.requests["s"]] == ["0", "0"]


async def test_a_reader_says_where_it_begins_and_later_what_it_read_last(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        place = place_of(request)
        return await send(request, written(TURN[place : place + 4], first=place + 1, done=False))

    streams.serve = serve
    assert await read(connect(streams.url, "k"), since="0") == TURN
    told = [(r.query.get("since"), r.headers.get("Last-Event-Id")) for r in streams.requests["s"]]
    assert told == [("0", None), (None, "4"), (None, "8")]
    assert {r.headers["Accept"] for r in streams.requests["s"]} == {"text/event-stream"}


async def test_parts_that_share_an_id_are_each_read(streams: Streams, connect: Connect) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, b"id: 7\n" + unnumbered(TURN[:7]) + written(TURN[8:], first=8))

    streams.serve = serve
    assert await read(connect(streams.url, "k")) == TURN[:7] + TURN[8:]


async def test_an_id_that_no_header_can_hold_does_not_end_the_answer(
    streams: Streams, connect: Connect
) -> None:
    whole = written(TURN).replace(b"id: ", "id: é".encode())

    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, whole[: len(whole) // 2] if connection == 1 else whole, cut=True)

    streams.serve = serve
    assert await read(connect(streams.url, "k")) == TURN
    told = [(r.query.get("since"), r.headers.get("Last-Event-Id")) for r in streams.requests["s"]]
    assert told == [("0", None), ("0", None)]


async def test_what_only_keeps_the_connection_open_is_no_part(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        quiet = b": still here\n\nretry: 50\n\nid: 1\n\n"
        first = written(TURN[:1], done=False)
        return await send(request, quiet + first + quiet + written(TURN[1:], first=2))

    streams.serve = serve
    assert await read(connect(streams.url, "k")) == TURN


@pytest.mark.parametrize("last", ["finish", "abort", "error"])
async def test_a_stream_that_closes_after_the_last_part_is_not_opened_again(
    streams: Streams, connect: Connect, last: str
) -> None:
    parts = [*TURN[:6], {"type": last}]

    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, written(parts, done=False))

    streams.serve = serve
    assert await read(connect(streams.url, "k")) == parts
    assert len(streams.requests["s"]) == 1


async def test_a_part_knows_its_place_and_does_not_hold_it(
    streams: Streams, connect: Connect
) -> None:
    part = {"type": "data-ticket", "data": [1, None], "event_id": "its own", "mood": "calm"}

    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, written([part], first=41))

    streams.serve = serve
    (read_part,) = [one async for one in connect(streams.url, "k").chat.events("s")]
    assert read_part.event_id == "41"
    assert read_part.model_dump(by_alias=True, exclude_unset=True) == part


@pytest.mark.parametrize("odd", ["Megan's password is 12345", "[1]", '"Megan"', '{"type": '])
async def test_a_part_that_cannot_be_read_is_an_error_that_does_not_quote_it(
    streams: Streams, connect: Connect, odd: str
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, written(TURN[:2], done=False) + f"data: {odd}\n\n".encode())

    streams.serve = serve
    with pytest.raises(NeoUnintelligible) as caught:
        await read(connect(streams.url, "k"))
    assert caught.value.operation == "chat.events"
    assert odd not in "".join(traceback.format_exception(caught.value))
    assert len(streams.requests["s"]) == 1


async def test_a_proxys_page_is_no_stream(streams: Streams, connect: Connect) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    streams.serve = serve
    with pytest.raises(NeoUnintelligible):
        await read(connect(streams.url, "k"))


def refused(status: int, code: str, **headers: str) -> web.Response:
    error = {"error": {"code": code, "message": "No."}, "meta": {"request_id": "r"}}
    return web.json_response(error, status=status, headers=headers)


async def test_a_session_that_does_not_exist_is_asked_for_once(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return refused(404, "not_found")

    streams.serve = serve
    with pytest.raises(NeoNotFound):
        await read(connect(streams.url, "k"))
    assert len(streams.requests["s"]) == 1


async def test_trouble_between_two_connections_is_waited_out(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        match connection:
            case 1:
                return await send(request, written(TURN[:5], done=False), cut=True)
            case 2:
                return refused(503, "unavailable")
            case 3:
                return refused(429, "rate_limited", **{"Retry-After": "0"})
            case _:
                return await after_the_last(request)

    streams.serve = serve
    assert await read(connect(streams.url, "k", within_seconds=10.0)) == TURN


async def closing_at_once(request: web.Request, connection: int) -> web.StreamResponse:
    return await send(request, written(TURN[:3], done=False))


async def silent(request: web.Request, connection: int) -> web.StreamResponse:
    return await forever(await begin(request))


async def unanswered(request: web.Request, connection: int) -> web.StreamResponse:
    return await forever(web.StreamResponse())


@pytest.mark.parametrize("serve", [closing_at_once, silent, unanswered])
async def test_an_answer_that_never_finishes_is_given_up_at_the_deadline(
    streams: Streams, connect: Connect, serve: Serve
) -> None:
    streams.serve = serve
    neo = connect(streams.url, "a-key", within_seconds=5.0).with_options(within_seconds=0.4)
    async with asyncio.timeout(4):
        with pytest.raises(NeoUnreachable) as caught:
            await read(neo)
    assert caught.value.operation == "chat.events"


async def test_no_error_of_a_broken_stream_leads_to_the_key(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, written(TURN[:3], done=False), cut=True)

    streams.serve = serve
    neo = connect(streams.url, "neo_sk_test_invented").with_options(within_seconds=0.3)
    with pytest.raises(NeoUnreachable) as caught:
        await read(neo)
    error: BaseException | None = caught.value
    while error is not None:
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__


async def test_a_reader_may_take_its_time(streams: Streams, connect: Connect) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        return await send(request, written(TURN))

    streams.serve = serve
    neo = connect(streams.url, "k").with_options(within_seconds=0.2)
    parts: list[StreamPart] = []
    async with aclosing(neo.chat.events("s")) as events:
        async for part in events:
            parts.append(part)
            if len(parts) == 1:
                loop = asyncio.get_running_loop()
                later = loop.create_future()
                loop.call_later(0.4, later.set_result, "read")
                assert await later == "read"
    assert len(parts) == len(TURN)


async def test_a_reader_that_stops_closes_the_connection(
    streams: Streams, connect: Connect
) -> None:
    async def serve(request: web.Request, connection: int) -> web.StreamResponse:
        response = await begin(request)
        await response.write(written(TURN[:4], done=False))
        return await forever(response)

    streams.serve = serve
    async for part in connect(streams.url, "k").chat.events("s"):
        assert part.type == "start"
        break
    async with asyncio.timeout(5):
        await streams.left.wait()


class Session:
    """A session behind a transport: takes messages by their id, and answers each with the turn."""

    def __init__(self, *, lost: int = 0, **told: object) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.since: list[str | None] = []
        self._lost = lost
        self._told = told

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.since.append(request.url.params.get("since"))
            head = {"Content-Type": "text/event-stream"}
            more = written([{"type": "start", "messageId": "of the next turn"}], first=90)
            return httpx.Response(200, headers=head, content=written(TURN, done=False) + more)
        body = json.loads(request.content)
        known = body["client_message_id"] in {b["client_message_id"] for b in self.bodies}
        self.bodies.append(body)
        if self._lost:
            self._lost -= 1
            raise httpx.ReadError("the answer is lost", request=request)
        if known:
            error = {"code": "conflict", "message": "Already taken.", "details": self._told}
            return httpx.Response(409, json={"error": error, "meta": {}})
        posted = {"chat_turn_id": "w-1", "user_message_id": "u-1", "since_cursor": "40"}
        return httpx.Response(202, json={"data": posted, "meta": {}})


async def said(neo: Neo) -> list[StreamPart]:
    return [part async for part in neo.chat.turn("s", "Reset it", message_id="mine-1")]


async def test_a_turn_is_a_message_and_its_answer_to_the_end_and_no_further(
    connect: Connect,
) -> None:
    session = Session()
    parts = await said(connect(ANY, "k", transport=session.transport()))
    assert session.bodies == [{"message": "Reset it", "client_message_id": "mine-1"}]
    assert session.since == ["40"]
    assert [part.type for part in parts] == [part["type"] for part in TURN]
    assert parts[-1].ends_turn
    assert "".join(part.delta or "" for part in parts) == "It is\ndönëdönë"
    assert (parts[2].tool_name, parts[3].output) == ("Look up", {"ticket": 48213})


@pytest.mark.parametrize("name", ["user_message_id", "message_id", "original_message_id"])
async def test_a_message_whose_answer_was_lost_is_posted_again_and_is_the_same(
    connect: Connect, name: str
) -> None:
    session = Session(lost=1, since_cursor="40", **{name: "u-1"})
    neo = connect(ANY, "k", transport=session.transport())
    posted = await neo.chat.post("s", "Reset it", message_id="mine-1")
    assert (posted.id, posted.since_cursor) == ("u-1", "40")
    assert len(session.bodies) == 2
    again = await neo.chat.post("s", "Reset it", message_id="mine-1")
    assert again == posted
    assert len(await said(neo)) == len(TURN)


async def test_a_repeat_that_does_not_say_where_its_answer_begins_is_no_turn(
    connect: Connect,
) -> None:
    session = Session(lost=1, user_message_id="u-1", chat_turn_id="w-1")
    with pytest.raises(NeoConflict, match="read the session's messages") as caught:
        await said(connect(ANY, "k", transport=session.transport()))
    assert caught.value.details == {"user_message_id": "u-1", "chat_turn_id": "w-1"}
    assert session.since == []


async def test_a_conflict_about_anything_else_stays_one(connect: Connect) -> None:
    session = Session(lost=1, reason="archived")
    with pytest.raises(NeoConflict) as caught:
        await said(connect(ANY, "k", transport=session.transport()))
    assert caught.value.details == {"reason": "archived"}


async def test_neos_support_answers_in_the_embedded_neo(neo: Neo, clock: Clock) -> None:
    patient = neo.with_options(within_seconds=30.0)
    session = await neo.chat.create(managed="NEO_SUPPORT", title="Runs")
    assert session.id
    parts = [
        part
        async for part in patient.chat.turn(session.id, "What failed today?", message_id="mine-1")
    ]
    assert (parts[0].type, parts[-1].type) == ("start", "finish")
    answer = "".join(part.delta or "" for part in parts if part.type == "text-delta")
    clock.goes_on(minutes=5)
    asked, answered = await neo.chat.messages(session.id)
    assert answer
    assert asked.model_dump()["parts"] == [{"type": "text", "text": "What failed today?"}]
    assert answered.model_dump()["parts"] == [{"type": "text", "text": answer}]
    again = await neo.chat.post(session.id, "What failed today?", message_id="mine-1")
    assert again.id == asked.model_dump()["id"]
