"""What the other side, or whoever stands in between, cannot do to a tenant's calls."""

from __future__ import annotations

import asyncio
import pickle
from copy import copy

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.app import neo_client
from bot.errors import BotError, NeoConflict, NeoInvalid, NeoRateLimited, NeoUnintelligible
from bot.neo.budget import WINDOW_SECONDS
from bot.neo.client import Neo
from bot.neo.options import Options, Purpose
from bot.settings import Settings
from tests.microsoft import serving
from tests.neo.wire import Ticks, Wire, change, success, thing

YOUNG = Options(max_age_seconds=60)


async def test_no_cookie_of_one_tenants_neo_goes_out_with_anothers_key() -> None:
    came: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(request.headers.get("Cookie"))
        response = web.json_response({"data": {}, "meta": {}})
        response.set_cookie("session", "of-the-first")
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with serving(app) as url, neo_client(Settings(neo_api_url=url)) as http:
        for _ in range(2):
            await http.get("/public-api/agents")
    assert came == [None, None]


@pytest.mark.parametrize("ticks", range(8))
async def test_a_person_is_never_told_what_a_watcher_was_refused_for(ticks: int) -> None:
    wire = Wire()
    wire.sends(success([]))
    to_neo = wire.neo(watching_share=0.0001)
    person, watcher = Neo(to_neo), Neo(to_neo, Options(purpose=Purpose.WATCHING))
    await watcher.agents.page()  # its whole share
    refused = asyncio.create_task(watcher.runs.page())
    for _ in range(ticks):
        await asyncio.sleep(0)
    assert (await person.runs.page()).items == []
    try:
        await refused
    except NeoRateLimited as error:
        assert "Watching has used its share" in str(error)  # noqa: PT017 -- or it shared the person's


async def test_a_stranger_in_between_stops_decisions_no_longer_than_neo_would() -> None:
    wire, ticks = Wire(), Ticks()
    wire.sends(
        httpx.Response(429, headers={"Retry-After": "3600"}, html="<h1>Slow down</h1>"),
        success(),
    )
    neo = wire.neo(elapsed=ticks)
    deciding = Options(purpose=Purpose.DECIDING)
    with pytest.raises(NeoRateLimited):
        await neo.call(thing(), deciding)
    ticks.go_on(WINDOW_SECONDS)
    await neo.call(change(), deciding)
    assert len(wire.requests) == 2


class ChangingKey:
    """A key that somebody put right."""

    key = SecretStr("neo_sk_test_of_the_wrong_tenant")

    async def current(self) -> SecretStr:
        return self.key

    async def renewed(self, refused: SecretStr) -> SecretStr | None:
        return None


async def test_what_another_key_was_answered_is_not_kept() -> None:
    wire, key = Wire(), ChangingKey()
    neo = wire.neo(key=key)
    await neo.call(thing("1"), YOUNG)
    await neo.call(thing("1"), YOUNG)
    assert len(wire.requests) == 1
    key.key = SecretStr("neo_sk_test_of_the_right_tenant")
    await neo.call(thing("2"), YOUNG)
    await neo.call(thing("1"), YOUNG)
    assert len(wire.requests) == 3


def listed(cursor: str | None, *ids: int, more: bool | None = True) -> httpx.Response:
    where = {"has_more": more, "next_cursor": cursor}
    meta = {"request_id": "r", "pagination": where}
    return httpx.Response(200, json={"data": [{"id": one} for one in ids], "meta": meta})


async def test_cursors_that_lead_in_a_circle_end_the_list() -> None:
    wire = Wire()
    wire.sends(listed("a", 1), listed("b", 2), listed("a", 3), listed("b", 4))
    with pytest.raises(NeoUnintelligible, match="read already"):
        _ = [agent async for agent in Neo(wire.neo()).agents.list()]
    assert len(wire.requests) == 3


async def test_a_list_goes_on_where_neo_only_names_the_next_page() -> None:
    wire = Wire()
    wire.sends(listed("a", 1, more=None), listed(None, 2, more=None))
    assert [agent.id async for agent in Neo(wire.neo()).agents.list()] == ["1", "2"]
    wire.sends(listed("a", 1, more=False))
    assert [agent.id async for agent in Neo(wire.neo()).agents.list()] == ["1"]


async def test_of_endless_details_the_field_is_kept_and_what_there_is_room_for() -> None:
    wire = Wire()
    many = {f"n{number}": "x" for number in range(300_000)}
    error = {"code": "validation_error", "message": "No.", "details": {**many, "field": "name"}}
    wire.sends(httpx.Response(400, json={"error": error, "meta": {"request_id": "r"}}))
    with pytest.raises(NeoInvalid) as caught:
        await Neo(wire.neo()).agents.get("1")
    assert caught.value.field == "name"
    assert len(str(caught.value.details)) < 10_000


def _through_pickle(error: BotError) -> object:
    return pickle.loads(pickle.dumps(error))  # noqa: S301 -- made here


@pytest.mark.parametrize("again", [copy, _through_pickle])
def test_a_copy_of_an_error_says_the_same_and_was_never_raised(again: object) -> None:
    assert callable(again)
    with pytest.raises(NeoConflict) as caught:
        raise NeoConflict("Too late.", operation="x", status=409, details={"by": "Megan"})
    other = again(caught.value)
    assert isinstance(other, BotError)
    assert (type(other), vars(other), str(other)) == (NeoConflict, vars(caught.value), "Too late.")
    assert other.__traceback__ is None


async def test_a_refusal_that_is_not_neos_never_sends_a_write_again() -> None:
    wire = Wire()
    wire.sends(
        httpx.Response(429, headers={"Retry-After": "0.01"}, html="<h1>Slow</h1>"), success()
    )
    with pytest.raises(NeoRateLimited):
        await wire.neo().call(change(), Options())
    assert len(wire.requests) == 1
