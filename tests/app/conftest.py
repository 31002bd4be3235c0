"""Microsoft and Neo as stand-ins, and the settings that lead to them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import stamina
import structlog

from bot.sandbox.embedded import EmbeddedNeo
from tests.app.service import present, settings_for
from tests.microsoft import ALEX, MEGAN, Microsoft, running


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands set up the logging of the whole process; afterwards it is the other tests' again."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**config)
    root.handlers, root.level = handlers, level
    stamina.instrumentation.set_on_retry_hooks(None)


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
def environment(database_url: str, neo: EmbeddedNeo, microsoft: Microsoft) -> dict[str, str]:
    """Every setting that `run` needs."""
    return settings_for(database_url, neo, microsoft)
