"""A clock that a test moves, an embedded Neo, and a client that speaks to it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from bot.sandbox.embedded import EmbeddedNeo

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # a Monday


class Clock:
    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def goes_on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        assert self.status in {200, 202}, self.body
        return self.body["data"]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def details(self) -> Any:
        return self.body["error"]["details"]


class Client:
    def __init__(self, session: ClientSession, neo: EmbeddedNeo) -> None:
        self.session = session
        self.neo = neo
        self.key = neo.key

    async def get(self, path: str, **query: str | int) -> Answer:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None, raw: bytes | None = None) -> Answer:
        return await self.send("POST", path, body, raw)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Any request; a body is sent as JSON unless a header says otherwise."""
        sent = json.dumps(body).encode() if raw is None and body is not None else raw
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if sent is not None:
            named = {"Content-Type": "application/json"} | named
        return await self._ask(method, path, data=sent, headers=named)

    async def decide(self, identifier: int, action: str, note: str | None = None) -> Answer:
        body = {"action": action, "note": note}
        return await self.post(f"/til-requests/{identifier}/decision", body)

    async def pages(self, path: str, **query: str | int) -> list[list[Any]]:
        found: list[list[Any]] = []
        while True:
            answer = await self.get(path, **query)
            found.append(answer.data)
            page = answer.body["meta"]["pagination"]
            assert page["has_more"] == (page["next_cursor"] is not None)
            if not page["has_more"]:
                return found
            query["cursor"] = page["next_cursor"]

    async def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **sent: Any
    ) -> Answer:
        url = path if path.startswith("http") else f"{self.neo.url}/public-api{path}"
        key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with self.session.request(
            method, url, headers=key | (headers or {}), **sent
        ) as response:
            return Answer(response.status, await _read(response), dict(response.headers))


async def _read(response: ClientResponse) -> Any:
    is_json = response.content_type == "application/json"
    return await response.json() if is_json else await response.text()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def neo(clock: Clock) -> AsyncIterator[EmbeddedNeo]:
    async with EmbeddedNeo(now=clock) as neo:
        yield neo


@pytest.fixture
async def busy_neo(clock: Clock) -> AsyncIterator[EmbeddedNeo]:
    async with EmbeddedNeo(now=clock, runs=400, seed=7) as neo:
        yield neo


@pytest.fixture
async def client(neo: EmbeddedNeo) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(session, neo)


@pytest.fixture
async def busy(busy_neo: EmbeddedNeo) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(session, busy_neo)
