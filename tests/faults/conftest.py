"""Microsoft, Neo and a relay to PostgreSQL, each of which may fail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.embedded import EmbeddedNeo
from tests.app.service import present, settings_for
from tests.faults.house import StandIns
from tests.faults.relay import Relay, relaying
from tests.microsoft import ALEX, MEGAN, Microsoft, running


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running() as stand_in:
        yield stand_in


@pytest.fixture
async def neo() -> AsyncIterator[EmbeddedNeo]:
    people = [(who.object_id, who.name) for who in (MEGAN, ALEX)]
    async with EmbeddedNeo(now=present, people=people) as embedded:
        yield embedded


@pytest.fixture
def stand_ins(database_url: str, neo: EmbeddedNeo, microsoft: Microsoft) -> StandIns:
    """All of them; the database is reached directly."""
    return StandIns(microsoft, neo, settings_for(database_url, neo, microsoft))


@pytest.fixture
async def relay(stand_ins: StandIns, database_url: str) -> AsyncIterator[Relay]:
    """PostgreSQL is reached by way of this."""
    async with relaying(database_url) as (between, url):
        stand_ins.environment["DATABASE_URL"] = url
        yield between
