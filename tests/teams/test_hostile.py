"""Hostile traffic against the whole service: the right status, no trace, and nothing learnt."""

from __future__ import annotations

import json

import pytest
import structlog

from tests.microsoft import SECRET
from tests.teams import attacks_everywhere as everywhere
from tests.teams.attacks import ATTACKS
from tests.teams.fortress import Fortress, Reply, posted, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERIC = {
    401: {"error": {"message": "Unauthorized."}},
    403: {"error": {"message": "Forbidden."}},
}
TELLING = ("Traceback", ".py", "site-packages", "aiohttp", "psycopg", "botbuilder", "eyJ", SECRET)


def tells_nothing(house: Fortress, reply: Reply) -> None:
    """The answer holds no word that the sender could use."""
    told = reply.body.decode()
    assert not [word for word in (*TELLING, house.neo.key) if word in told]
    assert "x-injected" not in reply.headers
    assert reply.more == b"", "one request, one answer"
    if reply.status in GENERIC:
        assert json.loads(told) == GENERIC[reply.status]


async def test_the_table_has_more_than_forty_rows() -> None:
    assert len(ATTACKS) > 40


async def test_what_breaks_would_be_seen(house: Fortress) -> None:
    before = await house.traces()
    structlog.get_logger().error("turn.broken")
    assert len(house.broken) == 1
    assert await house.traces() != before
    house.broken.clear()


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_bad_request_is_refused_and_leaves_no_trace(house: Fortress, name: str) -> None:
    attack, before = ATTACKS[name], await house.traces()

    reply = await house.sends(attack.make(house), to_the_end=attack.whole)

    assert reply.status == attack.status
    tells_nothing(house, reply)
    assert await house.traces() == before
    await house.answers_still()


@pytest.mark.parametrize("name", everywhere.MALFORMED_HTTP)
async def test_what_is_no_http_is_answered_400_on_every_route(house: Fortress, name: str) -> None:
    before = await house.traces()
    for route in everywhere.routes(house.app):
        reply = await house.sends(everywhere.MALFORMED_HTTP[name](route))
        assert reply.status == 400, route
        tells_nothing(house, reply)
    assert await house.traces() == before


@pytest.mark.parametrize("name", everywhere.ELSEWHERE)
async def test_what_only_looks_like_a_route_is_answered_404(house: Fortress, name: str) -> None:
    before = await house.traces()
    for route in everywhere.routes(house.app):
        reply = await house.sends(everywhere.ELSEWHERE[name](route))
        assert reply.status == 404, route
        tells_nothing(house, reply)
    assert await house.traces() == before


@pytest.mark.parametrize("name", everywhere.ODD)
async def test_odd_http_changes_no_routes_answer(house: Fortress, name: str) -> None:
    before = await house.traces()
    for route in everywhere.routes(house.app):
        usual = await house.sends(route.asked())
        reply = await house.sends(everywhere.ODD[name](route))
        assert reply.status == usual.status, route
        assert reply.status < 500
        tells_nothing(house, reply)
    assert await house.traces() == before


async def test_a_method_that_a_route_does_not_have_is_answered_405(house: Fortress) -> None:
    before = await house.traces()
    for route in everywhere.routes(house.app):
        for method in sorted(set(everywhere.METHODS) - route.methods):
            reply = await house.sends(request(method, route.path))
            assert reply.status == 405, (route, method)
            assert set(reply.headers["allow"].upper().split(",")) == route.methods
    assert await house.traces() == before
    await house.answers_still()


async def test_idle_connections_keep_nobody_else_from_being_answered(house: Fortress) -> None:
    halves = [b"", b"POST /api/messages HTTP/1.1\r\nHost: bot\r\n", _half_a_body(house)]
    opened = [await house.connects() for _ in range(300)]
    try:
        for number, (_, writer) in enumerate(opened):
            writer.write(halves[number % 3])
        await house.answers_still()
    finally:
        for _, writer in opened:
            writer.close()


def _half_a_body(house: Fortress) -> bytes:
    return posted(house.microsoft.activity(text="agents"), house.token())[:-1]
