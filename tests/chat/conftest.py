"""A workplace for each test that asks."""

from collections.abc import AsyncIterator

import pytest

from bot.store.database import Pool
from tests.workplace import Workplace, workplace


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    async with workplace(db) as running:
        yield running
