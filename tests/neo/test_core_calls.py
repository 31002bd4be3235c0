"""One call from its key to its answer: repeated where that is safe, over when its time is."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.errors import (
    NeoError,
    NeoForbidden,
    NeoInvalid,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnavailable,
    NeoUnintelligible,
    NeoUnreachable,
)
from bot.neo.models import NeoModel
from bot.neo.operation import Request
from bot.neo.options import Options, Purpose
from bot.neo.resource import Resource
from tests.neo.wire import (
    KEY,
    THINGS,
    Reply,
    Wire,
    change,
    put,
    refusal,
    settled,
    success,
    thing,
)

OLD, NEW = SecretStr(KEY), SecretStr("neo_sk_test_333333333333333333333333")
OPTIONS = Options()

LOST = httpx.ReadError("lost")
NO_CONNECTION = httpx.ConnectError("All connection attempts failed")


class RotatedKey:
    """A key that was replaced while the service runs."""

    def __init__(self, *, new: SecretStr | None = NEW, current: SecretStr = OLD) -> None:
        self.new = new
        self.key = current
        self.refused: list[SecretStr] = []

    async def current(self) -> SecretStr:
        return self.key

    async def renewed(self, refused: SecretStr) -> SecretStr | None:
        self.refused.append(refused)
        self.key = self.new or self.key
        return self.new


def only(accepted: SecretStr) -> Callable[[httpx.Request], httpx.Response]:
    bearer = f"Bearer {accepted.get_secret_value()}"
    return lambda request: success() if request.headers["Authorization"] == bearer else refusal(401)


# What is sent again


@pytest.mark.parametrize(
    ("replies", "request_", "sent"),
    [
        ([refusal(500), refusal(503), success()], thing(), 3),
        ([LOST, success()], thing(), 2),
        ([httpx.RemoteProtocolError("gone"), success()], thing(), 2),
        ([httpx.Response(502, html="<h1>Bad Gateway</h1>"), success()], thing(), 2),
        ([refusal(429, headers={"Retry-After": "0.02"}), success()], thing(), 2),
        ([LOST, success()], put(), 2),
        ([refusal(503), success()], put(), 2),
        ([NO_CONNECTION, success()], change(), 2),
        ([httpx.ConnectTimeout("slow"), success()], change(), 2),
        ([httpx.PoolTimeout("full"), success()], change(), 2),
        ([refusal(429, headers={"Retry-After": "0.02"}), success()], change(), 2),
    ],
)
async def test_what_is_safe_to_repeat_is_repeated(
    replies: list[Reply], request_: Request[NeoModel], sent: int
) -> None:
    wire = Wire()
    wire.sends(*replies)
    assert (await wire.neo().call(request_, OPTIONS)).data["id"] == 1
    assert len(wire.requests) == sent


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (LOST, NeoUnreachable),
        (httpx.ReadTimeout("slow"), NeoUnreachable),
        (httpx.WriteError("broken pipe"), NeoUnreachable),
        (refusal(500), NeoUnavailable),
        (refusal(503), NeoUnavailable),
        (httpx.Response(502, html="<h1>Bad Gateway</h1>"), NeoUnintelligible),
        (httpx.Response(429), NeoRateLimited),
        (refusal(429, headers={"Retry-After": "30"}), NeoRateLimited),
        (httpx.Response(200, text="cut"), NeoUnintelligible),
    ],
)
async def test_what_may_have_been_done_is_not_sent_again(
    reply: Reply, kind: type[NeoError]
) -> None:
    wire = Wire(lambda _: reply)
    with pytest.raises(kind) as caught:
        await wire.neo().call(change(), OPTIONS)
    assert type(caught.value) is kind
    assert len(wire.requests) == 1


async def test_whether_anything_was_sent_is_said() -> None:
    wire = Wire(lambda _: NO_CONNECTION)
    with pytest.raises(NeoUnreachable, match="could not be reached") as caught:
        await wire.neo().call(change(), Options(within_seconds=0.2))
    assert not caught.value.sent
    assert caught.value.details == {"reason": "ConnectError: All connection attempts failed"}
    wire.answer = lambda _: LOST
    with pytest.raises(NeoUnreachable) as caught:
        await wire.neo().call(change(), OPTIONS)
    assert caught.value.sent


# The deadline


async def test_no_attempt_begins_that_could_not_end_in_time() -> None:
    wire = Wire(lambda _: refusal(503))
    began = time.monotonic()
    with pytest.raises(NeoUnavailable):
        await wire.neo().call(thing(), Options(within_seconds=0.35))
    assert len(wire.requests) == 2
    assert time.monotonic() - began < 0.35


@pytest.mark.parametrize("request_", [thing(), change()])
async def test_the_whole_ends_at_the_deadline(request_: Request[NeoModel]) -> None:
    wire = Wire()
    wire.gate.clear()
    began = time.monotonic()
    with pytest.raises(NeoUnreachable, match="in time"):
        await wire.neo().call(request_, Options(within_seconds=0.05))
    assert 0.04 < time.monotonic() - began < 0.5
    assert wire.given_up == 1


async def test_each_attempt_gets_the_time_that_is_left() -> None:
    wire = Wire()
    wire.sends(refusal(503), success())
    calling = asyncio.create_task(wire.neo().call(thing(), Options(within_seconds=0.6)))
    await wire.hears(1)
    wire.gate.clear()  # the second attempt is not answered
    began = time.monotonic()
    with pytest.raises(NeoUnreachable, match="in time"):
        await calling
    assert 0.4 < time.monotonic() - began < 1.0
    assert (len(wire.requests), wire.given_up) == (2, 1)
    # The HTTP client's own time-out, which joiners with more time would run into, is not used.
    assert wire.requests[0].extensions["timeout"]["read"] is None


async def test_a_key_that_takes_too_long_is_late_too() -> None:
    class Slow(RotatedKey):
        async def current(self) -> SecretStr:
            await asyncio.Event().wait()
            return OLD

    wire = Wire()
    with pytest.raises(NeoUnreachable, match="in time"):
        await wire.neo(key=Slow()).call(thing(), Options(within_seconds=0.02))
    assert wire.requests == []


# The key


@pytest.mark.parametrize("request_", [thing(), change()])
async def test_a_refused_key_is_renewed_and_the_call_goes_through(
    request_: Request[NeoModel],
) -> None:
    wire, key = Wire(only(NEW)), RotatedKey()
    neo = wire.neo(key=key)
    assert (await neo.call(request_, OPTIONS)).data["id"] == 1
    assert (len(wire.requests), key.refused) == (2, [OLD])
    assert neo.budget.figures().sent[Purpose.ASKING] == 2
    await neo.call(request_, OPTIONS)
    assert len(wire.requests) == 3


@pytest.mark.parametrize("new", [None, OLD])
async def test_a_refused_key_without_another_is_refused(new: SecretStr | None) -> None:
    wire, key = Wire(lambda _: refusal(401)), RotatedKey(new=new)
    with pytest.raises(NeoUnauthorized):
        await wire.neo(key=key).call(thing(), OPTIONS)
    assert (len(wire.requests), len(key.refused)) == (1, 1)


async def test_a_key_is_renewed_once_a_call() -> None:
    wire, key = Wire(lambda _: refusal(401)), RotatedKey()
    with pytest.raises(NeoUnauthorized):
        await wire.neo(key=key).call(change(), OPTIONS)
    assert (len(wire.requests), len(key.refused)) == (2, 1)
    wire.requests.clear()
    wire.sends(refusal(401), refusal(503), refusal(401), success())
    with pytest.raises(NeoUnauthorized):
        await wire.neo(key=RotatedKey()).call(thing(), OPTIONS)
    assert len(wire.requests) == 3


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "k\u00e9y"])
async def test_a_key_that_is_none_is_said_to_be_one_without_showing_it(key: str) -> None:
    wire = Wire()
    with pytest.raises(NeoUnauthorized) as caught:
        await wire.neo(key=RotatedKey(current=SecretStr(key))).call(thing(), OPTIONS)
    assert not key or key not in str(caught.value)
    assert wire.requests == []


# What cannot be sent


@pytest.mark.parametrize(
    "request_",
    [
        Request(THINGS, query={"q": "x" * 100_000}),
        Request(THINGS, query={"q": "half \ud83d a pair"}),
        Request(change().operation, {"thing": "1"}, body={"note": "half \ud83d a pair"}),
    ],
    ids=["too long", "query", "body"],
)
async def test_text_that_cannot_be_sent_is_invalid(request_: Request[NeoModel]) -> None:
    wire = Wire()
    with pytest.raises(NeoInvalid, match="cannot be sent"):
        await wire.neo().call(request_, OPTIONS)
    assert wire.requests == []


# Neo's own document


async def test_neos_document_is_read_without_an_envelope() -> None:
    document = {"openapi": "3.1.0", "paths": {"/public-api/agents": {}}}
    wire = Wire()
    wire.sends(refusal(503), httpx.Response(200, json=document))
    neo = wire.neo()
    assert await neo.document(Options(purpose=Purpose.WATCHING)) == document
    assert wire.requests[0].url.path == "/public-api/openapi.json"
    assert neo.budget.figures().sent[Purpose.WATCHING] == 2


@pytest.mark.parametrize(
    "reply", [success(), httpx.Response(200, json=[]), httpx.Response(200, json={"paths": 1})]
)
async def test_what_is_no_document_is_not_taken_for_one(reply: httpx.Response) -> None:
    with pytest.raises(NeoUnintelligible) as caught:
        await Wire(lambda _: reply).neo().document(OPTIONS)
    assert caught.value.operation == "document"


# Streams


def events(*parts: bytes, breaks: Exception | None = None) -> httpx.Response:
    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        if breaks:
            raise breaks

    return httpx.Response(
        200, content=stream(), headers={"Content-Type": "text/event-stream; charset=utf-8"}
    )


async def test_a_stream_is_open_as_long_as_it_is_read() -> None:
    reply = events(b"data: 1\n\n", b"data: 2\n\n")
    wire = Wire(lambda _: reply)
    neo = wire.neo()
    headers = {"Last-Event-Id": "7", "Accept": "text/event-stream"}
    async with neo.streaming(thing(), Options(within_seconds=90), headers=headers) as response:
        assert not response.is_closed
        assert neo.budget._people == 0  # open, it holds no watcher back
        assert [line async for line in response.aiter_lines() if line] == ["data: 1", "data: 2"]
    assert reply.is_closed
    sent = wire.requests[0]
    assert (sent.headers["Last-Event-Id"], sent.headers["Accept"]) == ("7", "text/event-stream")
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.extensions["timeout"]["read"] > 80
    assert neo.budget.figures().sent[Purpose.ASKING] == 1


async def test_a_stream_is_opened_with_a_renewed_key_and_after_passing_trouble() -> None:
    wire = Wire()
    wire.sends(refusal(503), refusal(401), events(b"data: 1\n\n"))
    key = RotatedKey()
    async with wire.neo(key=key).streaming(thing(), OPTIONS) as response:
        assert await response.aread() == b"data: 1\n\n"
    assert (len(wire.requests), key.refused) == (3, [OLD])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(403, code="FORBIDDEN", message="Not yours."), NeoForbidden),
        (httpx.Response(200, html="<p>Welcome to the hotel</p>"), NeoUnintelligible),
        (success(), NeoUnintelligible),
        (httpx.Response(302, headers={"Location": "https://a.example"}), NeoUnintelligible),
    ],
)
async def test_a_stream_that_is_none_is_the_error_that_it_is(
    reply: httpx.Response, kind: type[NeoError]
) -> None:
    with pytest.raises(kind):
        async with Wire(lambda _: reply).neo().streaming(thing(), OPTIONS):
            pytest.fail("It was opened.")
    assert reply.is_closed


async def test_a_stream_that_breaks_is_unreachable_and_closed() -> None:
    reply = events(b"data: 1\n\n", breaks=httpx.ReadError("lost"))
    read: list[str] = []

    async def reading() -> None:
        async with Wire(lambda _: reply).neo().streaming(thing(), OPTIONS) as response:
            async for line in response.aiter_lines():
                read.append(line)  # noqa: PERF401 -- what was read before it breaks

    with pytest.raises(NeoUnreachable) as caught:
        await reading()
    assert read == ["data: 1", ""]
    assert reply.is_closed
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_a_readers_own_mistake_closes_the_stream_and_stays_itself() -> None:
    reply = events(b"data: 1\n\n")
    with pytest.raises(KeyError):
        async with Wire(lambda _: reply).neo().streaming(thing(), OPTIONS):
            raise KeyError("mine")
    assert reply.is_closed


async def test_a_stream_that_does_not_open_in_time_is_given_up() -> None:
    wire = Wire()
    wire.gate.clear()
    with pytest.raises(NeoUnreachable, match="in time"):
        async with wire.neo().streaming(thing(), Options(within_seconds=0.05)):
            pytest.fail("It was opened.")
    assert wire.given_up == 1


# Lists


class Things(Resource):
    """A list that has pages."""

    def list(self) -> AsyncIterator[NeoModel]:
        return self._each(THINGS, page_size=2)


def page(cursor: str | None, *items: int) -> httpx.Response:
    pagination = {"has_more": cursor is not None, "next_cursor": cursor}
    body = {"data": [{"id": item} for item in items], "meta": {"pagination": pagination}}
    return httpx.Response(200, json=body)


async def test_a_long_list_is_not_held_in_memory() -> None:
    left = iter(range(100))

    def answer(_: httpx.Request) -> httpx.Response:
        number = next(left)
        return page(str(number) if number < 99 else None, *range(10))

    live: list[weakref.ref[NeoModel]] = []
    most = 0
    async for item in Things(Wire(answer).neo(), OPTIONS).list():
        live = [one for one in live if one() is not None]
        live.append(weakref.ref(item))
        most = max(most, len(live))
    assert next(left, None) is None
    assert most <= 20


async def test_no_page_is_asked_for_that_nobody_reads() -> None:
    wire = Wire(lambda _: page("more", 1, 2))
    things = Things(wire.neo(), OPTIONS).list()
    async with aclosing(things):  # type: ignore[type-var] # a generator
        async for _ in things:
            break
    await settled()
    assert len(wire.requests) == 1


async def test_a_page_is_asked_for_when_the_one_before_it_is_read() -> None:
    wire = Wire()
    wire.sends(page("b", 1, 2), page(None, 3))
    things = Things(wire.neo(), OPTIONS).list()
    sent = [len(wire.requests) async for _ in things]
    assert sent == [1, 1, 2]
    assert [request.url.params.get("cursor") for request in wire.requests] == [None, "b"]


async def test_a_page_that_leads_to_itself_is_not_read_for_ever() -> None:
    wire = Wire()
    wire.sends(page("a", 1), page("b", 2), page("b", 3))
    read: list[Any] = []

    async def reading() -> None:
        async for item in Things(wire.neo(), OPTIONS).list():
            read.append(item)  # noqa: PERF401 -- what was read before it fails

    with pytest.raises(NeoUnintelligible, match="read already") as caught:
        await reading()
    assert (len(read), len(wire.requests), caught.value.operation) == (3, 3, "things.list")
