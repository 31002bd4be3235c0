"""The keys of tokens: rolled over, down, slow, wrong, while people go on being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from bot.transport import LARGEST_BYTES
from tests.microsoft import ISSUER, published
from tests.teams.conftest import Door
from tests.teams.fortress import Fortress, posted

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def as_it_was(house: Fortress) -> None:
    """Each test begins with the key that is good, long after the keys were last read."""
    house.microsoft.keys = {"key-1": ["msteams"]}
    house.microsoft.instead_of_metadata = house.microsoft.published = None
    house.microsoft.keys_are_down = False
    house.clock.goes_on(hours=25)
    house.forgets_tokens()


async def speaks(house: Fortress, key_id: str = "key-1") -> int:
    activity = house.microsoft.activity("typing")
    return (await house.sends(posted(activity, house.token(key_id=key_id)))).status


async def test_keys_are_rolled_over_while_people_speak_and_no_turn_fails(house: Fortress) -> None:
    old, new = {"key-1": ["msteams"]}, {"key-2": ["msteams"]}
    assert await speaks(house) == 200
    house.clock.goes_on(minutes=2)
    heard = len(house.microsoft.messages)

    async def turns(key_id: str, many: int) -> list[int]:
        asked = (house.microsoft.activity(text="help") for _ in range(many))
        replies = [await house.hears(activity, key_id=key_id) for activity in asked]
        return [reply.status for reply in replies]

    house.microsoft.keys = old | new
    answered = await asyncio.gather(
        *(turns("key-1", 3) for _ in range(5)), *(turns("key-2", 3) for _ in range(5))
    )
    house.microsoft.keys = new
    answered += await asyncio.gather(*(turns("key-2", 2) for _ in range(5)))

    assert {status for each in answered for status in each} == {200}
    assert len(house.microsoft.messages) == heard + 40
    house.clock.goes_on(hours=25)
    assert await speaks(house, "key-2") == 200
    assert await speaks(house, "key-1") == 401, "withdrawn, and that is known by now"


async def test_while_the_keys_are_down_the_known_ones_serve(house: Fortress) -> None:
    assert await speaks(house) == 200
    house.microsoft.keys_are_down = True
    house.clock.goes_on(hours=25)
    fetched = house.microsoft.metadata_fetches
    assert await asyncio.gather(*(speaks(house) for _ in range(20))) == [200] * 20
    assert await asyncio.gather(*(speaks(house, "forged") for _ in range(20))) == [401] * 20
    assert house.microsoft.metadata_fetches == fetched + 1


async def test_while_the_keys_are_slow_the_known_ones_are_answered_at_once(
    house: Fortress, door: Door
) -> None:
    async def slow(_: web.Request) -> web.Response:
        await door.through()
        return web.Response(status=503)

    assert await speaks(house) == 200
    house.clock.goes_on(hours=25)  # even then, when all keys would be read anew
    house.microsoft.instead_of_metadata = slow
    fetched = house.microsoft.metadata_fetches
    flood = [asyncio.create_task(speaks(house, f"forged-{n % 3}")) for n in range(30)]
    await door.entered.wait()

    assert await asyncio.gather(*(speaks(house) for _ in range(3))) == [200] * 3
    assert not any(task.done() for task in flood), "those wait for the keys"

    door.opened.set()
    assert await asyncio.gather(*flood) == [401] * 30
    assert house.microsoft.metadata_fetches == fetched + 1


async def _drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.2)
    except ConnectionError:
        return response


async def _pours(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _ in range(LARGEST_BYTES // 65_536 + 20):
            await response.write(b" " * 65_536)
    except ConnectionError:
        pass
    return response


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="<html>Sign in to the guest network</html>")


async def _elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/v1/.well-known/elsewhere"})


async def _deep(_: web.Request) -> web.Response:
    return web.Response(text="[" * 100_000)


def _metadata(**named: Any) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"issuer": ISSUER, **named})

    return answer


ANSWERS = {
    "a byte now and then": _drips,
    "no end": _pours,
    "a page": _page,
    "a redirect": _elsewhere,
    "no end of brackets": _deep,
    "no address of the keys": _metadata(),
    "an address that is none": _metadata(jwks_uri="https://[::1"),
    "an address that is a file": _metadata(jwks_uri="file:///etc/passwd"),
    "an address that is a list": _metadata(jwks_uri=["http://127.0.0.1/"]),
    "another issuer": _metadata(issuer="https://evil.example", jwks_uri="http://127.0.0.1/"),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_whatever_comes_instead_of_the_keys_the_known_ones_serve(
    house: Fortress, answer: str
) -> None:
    assert await speaks(house) == 200
    house.clock.goes_on(minutes=2)
    house.microsoft.instead_of_metadata = ANSWERS[answer]
    assert await speaks(house, "forged") == 401
    assert await speaks(house) == 200
    assert not house.broken


def _weak() -> dict[str, Any]:
    return {**published("forged", ["msteams"]), "n": "AQAB" * 20}


PUBLISHED = {
    "no list": {"keys": {}},
    "an empty list": {"keys": []},
    "things that are no keys": {"keys": [None, 7, "x", [], {}, {"kid": "forged"}]},
    "a shared secret": {"keys": [{"kty": "oct", "kid": "forged", "k": "AAAA"}]},
    "a key that is too short": {"keys": [_weak()]},
    "a key for other channels": {"keys": [published("forged", ["webchat"])]},
    "a key for no channel": {"keys": [{**published("forged", []), "endorsements": "msteams"}]},
    "an id that is no text": {"keys": [{**published("forged", ["msteams"]), "kid": 7}]},
}


@pytest.mark.parametrize("found", PUBLISHED)
async def test_no_key_counts_that_should_not(house: Fortress, found: str) -> None:
    assert await speaks(house) == 200
    house.clock.goes_on(minutes=2)
    house.microsoft.published = PUBLISHED[found]
    assert await speaks(house, "forged") == 401
    assert not house.broken
