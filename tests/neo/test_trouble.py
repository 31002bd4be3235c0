"""Each thing that goes wrong is the error that its caller can act on, and no secret is in it."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from aiohttp import web

from bot.errors import (
    NeoConflict,
    NeoError,
    NeoForbidden,
    NeoInvalid,
    NeoNotFound,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnavailable,
    NeoUnintelligible,
)
from bot.neo.client import Neo
from bot.sandbox.embedded import EmbeddedNeo
from tests.microsoft import serving
from tests.neo.conftest import Connect
from tests.workplace import ALEX

AGENTS = "/public-api/agents"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, NeoInvalid),
        (401, NeoUnauthorized),
        (403, NeoForbidden),
        (404, NeoNotFound),
        (409, NeoConflict),
        (422, NeoInvalid),
        (418, NeoUnavailable),
    ],
)
async def test_a_refusal_is_its_own_kind_of_error_and_is_not_asked_again(
    embedded: EmbeddedNeo, neo: Neo, status: int, kind: type[NeoError]
) -> None:
    embedded.trouble(status=status, code="Some_Code", times=None)
    with pytest.raises(kind) as caught:
        await neo.agents.page()
    error = caught.value
    assert (error.operation, error.status, error.code) == ("agents.list", status, "some_code")
    assert error.request_id
    assert "told to fail" in str(error)
    assert len(embedded.requests) == 1


async def test_a_revoked_key_is_said_to_be_refused(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.revoke_key()
    with pytest.raises(NeoUnauthorized):
        await neo.agents.page()


async def test_an_id_that_is_not_there_is_not_found(neo: Neo) -> None:
    with pytest.raises(NeoNotFound):
        await neo.runs.get("8f14e45f")
    with pytest.raises(NeoNotFound):
        await neo.agents.get("1")


async def test_a_request_that_neo_refuses_names_the_field(neo: Neo) -> None:
    with pytest.raises(NeoInvalid) as caught:
        await neo.agents.page(page_size=500)
    assert caught.value.field == "page_size"
    assert caught.value.code == "validation_error"
    assert caught.value.request_id


async def test_a_second_decision_is_a_conflict(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.has_approval(481, agent="Password Reset")
    embedded.decides_elsewhere(481, "reject", by=ALEX)
    with pytest.raises(NeoConflict):
        await neo.approvals.decide("481", "approve", note="")


@pytest.mark.parametrize(
    ("header", "seconds"), [("40", 40.0), (None, 60.0), ("soon", 60.0), ("inf", 60.0)]
)
async def test_a_spent_budget_says_after_how_long_to_ask_again(
    embedded: EmbeddedNeo, neo: Neo, header: str | None, seconds: float
) -> None:
    embedded.trouble(status=429, retry_after=header, times=None)
    with pytest.raises(NeoRateLimited) as caught:
        await neo.agents.page()
    assert caught.value.retry_after_seconds == seconds
    assert len(embedded.requests) == 1


async def test_a_budget_that_is_back_in_a_moment_is_waited_for(
    embedded: EmbeddedNeo, connect: Connect
) -> None:
    neo = connect(embedded.url, embedded.key, within_seconds=3.0)
    embedded.trouble(status=429, retry_after="0.2")
    assert (await neo.agents.page()).items
    assert len(embedded.requests) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 503, "html": True},
        {"cut": True},
        {"close_connection": True},
    ],
)
async def test_a_passing_trouble_is_not_noticed_by_who_reads(
    embedded: EmbeddedNeo, neo: Neo, trouble: dict[str, Any]
) -> None:
    embedded.trouble(**trouble, times=2)
    assert (await neo.agents.page()).items
    assert len(embedded.requests) == 3


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ({"status": 502, "html": True}, 502),
        ({"close_connection": True}, None),
    ],
)
async def test_a_lasting_trouble_is_asked_four_times_and_then_said(
    embedded: EmbeddedNeo, connect: Connect, trouble: dict[str, Any], status: int | None
) -> None:
    neo = connect(embedded.url, embedded.key, within_seconds=10.0)
    embedded.trouble(**trouble, times=None)
    with pytest.raises(NeoUnavailable) as caught:
        await neo.agents.page()
    assert caught.value.status == status
    assert len(embedded.requests) == 4


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_proxys_page_is_not_taken_for_neos_word(
    embedded: EmbeddedNeo, neo: Neo, status: int
) -> None:
    embedded.trouble(status=status, html=True)
    with pytest.raises(NeoUnavailable, match=f"Neo answered {status}"):
        await neo.agents.page()


async def test_a_neo_that_does_not_answer_in_time_is_said_to_be_slow(
    embedded: EmbeddedNeo, connect: Connect
) -> None:
    neo = connect(embedded.url, embedded.key, within_seconds=0.2)
    never = asyncio.Event()
    embedded.trouble(hold=never, times=None)
    with pytest.raises(NeoUnavailable, match="in time"):
        await neo.agents.page()
    never.set()


async def test_an_answer_that_drips_in_for_ever_is_given_up(connect: Connect) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(40):
            await answer.write(b" ")
            await asyncio.sleep(0.05)  # each piece is in time, the whole of it never is
        return answer

    app = web.Application()
    app.router.add_get(AGENTS, drip)
    async with serving(app) as url:
        neo = connect(url, "k", within_seconds=0.3)
        with pytest.raises(NeoUnavailable, match="in time"):
            await neo.agents.page()


async def test_a_refused_connection_is_said_to_be_one(connect: Connect) -> None:
    async with serving(web.Application()) as url:
        pass
    with pytest.raises(NeoUnavailable, match="could not be reached"):
        await connect(url, "k", within_seconds=0.1).agents.page()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"data": {"id": 1}}',
        b'{"agents": []}',
        b'{"data": "Private words of a person"}',
        b"<html>Welcome to the hotel's wireless network</html>",
    ],
)
async def test_an_answer_that_is_not_neos_is_no_answer(connect: Connect, body: bytes) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(200, content=body)

    neo = connect("https://neo.example", "k", transport=httpx.MockTransport(answer))
    with pytest.raises(NeoUnavailable, match="could not be understood") as caught:
        await neo.agents.page()
    assert "Private words" not in "".join(traceback.format_exception(caught.value))
    assert len(calls) == 1


async def test_one_odd_item_hides_no_other(connect: Connect) -> None:
    body = (
        b'{"data": [{"name": "without an id"}, {"id": 7, "created_at": "soon", "name": {"a": 1}}]}'
    )
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    page = await connect("https://neo.example", "k", transport=transport).agents.page()
    assert [(agent.id, agent.created_at, agent.name) for agent in page.items] == [
        ("7", None, '{"a": 1}')
    ]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"error": "no"}', b'{"error": {"code": 5, "message": []}, "meta": 1}']
)
async def test_a_refusal_in_another_shape_is_still_an_error_of_ours(
    connect: Connect, body: bytes
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(403, content=body))
    with pytest.raises(NeoUnavailable, match="Neo answered 403"):
        await connect("https://neo.example", "k", transport=transport).agents.page()


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 503, "html": True},
        {"close_connection": True},
        {"cut": True},
        {"status": 429, "retry_after": "30"},
    ],
)
async def test_a_decision_is_sent_once_whatever_becomes_of_it(
    embedded: EmbeddedNeo, neo: Neo, trouble: dict[str, Any]
) -> None:
    embedded.has_approval(481, agent="Password Reset")
    embedded.trouble(**trouble, times=None, path="/decision")
    with pytest.raises((NeoUnavailable, NeoRateLimited)):
        await neo.approvals.decide("481", "approve", note="")
    assert len([r for r in embedded.requests if r.method == "POST"]) == 1


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
async def test_a_redirect_is_not_followed_and_not_neos_word(connect: Connect, status: int) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        body = {"error": {"code": "MOVED", "message": "Over there."}}
        return httpx.Response(status, json=body, headers={"Location": "https://a.example/x"})

    with pytest.raises(NeoUnintelligible, match=f"Neo answered {status}") as caught:
        await connect(
            "https://neo.example", "k", transport=httpx.MockTransport(answer)
        ).agents.page()
    assert caught.value.status == status
    assert [request.url.host for request in asked] == ["neo.example"]


@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", "image/png", ""])
async def test_an_answer_of_another_type_is_not_neos(connect: Connect, kind: str) -> None:
    body = b'{"data": []}'
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=body, headers={"Content-Type": kind})
    )
    with pytest.raises(NeoUnintelligible):
        await connect("https://neo.example", "k", transport=transport).agents.page()


async def test_half_a_character_spoils_no_answer(connect: Connect) -> None:
    body = b'{"data": [{"id": 7, "name": "half \\ud83d a pair"}]}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    page = await connect("https://neo.example", "k", transport=transport).agents.page()
    assert page.items[0].name == "half ? a pair"


async def test_a_character_that_no_database_takes_is_left_out(connect: Connect) -> None:
    body = b'{"data": [{"id": 7, "name": "no\\u0000thing", "x\\u0000": ["\\u0000", "\\\\u0000"]}]}'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    page = await connect("https://neo.example", "k", transport=transport).agents.page()
    assert page.items[0].name == "nothing"
    assert page.items[0].model_extra == {"x": ["", "\\u0000"]}


async def test_reading_stops_where_the_reader_stops(embedded: EmbeddedNeo, neo: Neo) -> None:
    async with aclosing(neo.agents.list()) as agents:  # type: ignore[type-var] # a generator
        async for _ in agents:
            break
    assert len(embedded.requests) == 1
