"""Neo's own words for how things stand are used as soon as it tells them, and outlive a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.app import now
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.models import ApprovalState
from bot.neo.vocabulary import Vocabulary
from bot.store import words
from bot.store.database import Pool
from bot.upkeep import kept_up
from tests.microsoft import serving
from tests.workplace import START

API = "https://neo.example"
STATUSES = ["TIL_STATE_PENDING", "TIL_STATE_GRANTED", "TIL_STATE_REJECTED"]


def document() -> dict[str, Any]:
    items = {"type": "object", "properties": {"status": {"type": "string", "enum": STATUSES}}}
    answer = {"type": "object", "properties": {"data": {"type": "array", "items": items}}}
    content = {"application/json": {"schema": answer}}
    lists = {"get": {"responses": {"200": {"description": "", "content": content}}}}
    return {"openapi": "3.1.0", "paths": {"/public-api/til-requests": lists}}


class Listening(Neo):
    """A Neo that says which words it was told to read with."""

    said: asyncio.Queue[Vocabulary]

    def speaks(self, vocabulary: Vocabulary) -> None:
        super().speaks(vocabulary)
        self.said.put_nowait(vocabulary)

    async def hears(self) -> Vocabulary:
        return await asyncio.wait_for(self.said.get(), 5)


def neo(http: httpx.AsyncClient, key: str = "neo_sk_test_1") -> Listening:
    made = Listening(NeoHttp(http, FixedKey(SecretStr(key)), clock=now))
    made.said = asyncio.Queue()
    return made


async def answer(request: web.Request) -> web.Response:
    if request.headers["Authorization"].endswith("revoked"):
        error = {"code": "UNAUTHORIZED", "message": "No."}
        return web.json_response({"error": error, "meta": {"request_id": "1"}}, status=401)
    if request.path.endswith("/openapi.json"):
        return web.json_response(document())
    data = [{"id": 481, "status": "TIL_STATE_PENDING"}, {"id": 482, "status": "TIL_STATE_GRANTED"}]
    return web.json_response({"data": data, "meta": {}})


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def keeping_up(db: Pool, **neos: Neo) -> AbstractAsyncContextManager[None]:
    return kept_up(db, neos.__getitem__, list(neos), api=API, clock=lambda: START)


async def test_words_are_used_as_soon_as_they_are_told(db: Pool, http: httpx.AsyncClient) -> None:
    mine = neo(http)
    async with keeping_up(db, mine=mine):
        assert await mine.hears() == Vocabulary()
        assert (await mine.hears()).approvals == tuple(STATUSES)
    waiting, granted = (await mine.with_options(within_seconds=2.0).approvals.page()).items
    assert (waiting.state, waiting.status) == (ApprovalState.PENDING, "pending")
    # What nobody here can place is shown as it came.
    assert (granted.state, granted.status) == (ApprovalState.UNKNOWN, "TIL_STATE_GRANTED")


async def test_words_outlive_a_restart_in_which_neo_does_not_tell_them(
    db: Pool, http: httpx.AsyncClient
) -> None:
    first = neo(http)
    async with keeping_up(db, mine=first):
        for _ in range(2):
            told = await first.hears()
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1") as nowhere:
        second = neo(nowhere)
        async with keeping_up(db, mine=second):
            assert await second.hears() == told
            assert told.approvals == tuple(STATUSES)


async def test_a_key_that_is_refused_leaves_it_to_the_next_tenants(
    db: Pool, http: httpx.AsyncClient
) -> None:
    refused, good = neo(http, "neo_sk_test_revoked"), neo(http)
    async with keeping_up(db, refused=refused, good=good):
        for each in (refused, good):
            assert await each.hears() == Vocabulary()
        # What one may read serves all: the API is the same for each.
        for each in (refused, good):
            assert (await each.hears()).approvals == tuple(STATUSES)


@pytest.mark.parametrize("kept", [{}, {"runs": 7}, {"approvals": [1]}])
async def test_what_was_kept_and_cannot_be_read_is_no_obstacle(
    db: Pool, http: httpx.AsyncClient, kept: dict[str, Any]
) -> None:
    async with db.connection() as conn:
        await words.remember(conn, API, kept, at=START)
    mine = neo(http)
    async with keeping_up(db, mine=mine):
        assert await mine.hears() == Vocabulary()
        assert (await mine.hears()).approvals == tuple(STATUSES)
