"""An embedded Neo, and the client in front of it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from functools import cache

import httpx
import pytest
from pydantic import SecretStr

from bot.app import now
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.options import Options
from bot.sandbox.embedded import EmbeddedNeo
from tests.workplace import ALEX, MEGAN, Clock

Connect = Callable[..., Neo]


@cache
def certificates() -> ssl.SSLContext:
    """Read once: reading them takes longer than a test."""
    return ssl.create_default_context()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def embedded(clock: Clock) -> AsyncIterator[EmbeddedNeo]:
    async with EmbeddedNeo(now=clock, people=(MEGAN, ALEX)) as running:
        yield running


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes a client of the Neo at an address, or behind a transport."""
    clients: list[httpx.AsyncClient] = []

    def client(
        url: str,
        key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        within_seconds: float = 2.0,
    ) -> Neo:
        http = httpx.AsyncClient(
            base_url=url, timeout=within_seconds, transport=transport, verify=certificates()
        )
        clients.append(http)
        return Neo(
            NeoHttp(http, FixedKey(SecretStr(key)), clock=now),
            Options(within_seconds=within_seconds),
        )

    yield client
    for http in clients:
        await http.aclose()


@pytest.fixture
def neo(embedded: EmbeddedNeo, connect: Connect) -> Neo:
    return connect(embedded.url, embedded.key)
