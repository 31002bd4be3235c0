"""Keeping up with what Neo says of its own API, in every process, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from bot.errors import BotError
from bot.neo.client import OPERATIONS, Neo
from bot.neo.options import Purpose
from bot.neo.vocabulary import Vocabulary
from bot.neo.watching import DocumentWatch
from bot.store import words
from bot.store.database import Pool

AGAIN_AFTER_SECONDS = 3600.0
SOONER_AFTER_SECONDS = 60.0
"""As long as Neo's document could not be read."""

log = structlog.get_logger()


@asynccontextmanager
async def kept_up(
    pool: Pool,
    neo: Callable[[str], Neo],
    tenants: Sequence[str],
    *,
    api: str,
    clock: Callable[[], datetime],
) -> AsyncIterator[None]:
    """Meanwhile, each tenant's Neo is read with the words of Neo's own document.

    At start they are the ones that the document had last time; then it is read, and again every
    hour. What it says is the same for every tenant, so the first key that may read it will do.

    Args:
        pool: Where the words outlive a restart.
        neo: A tenant's Neo.
        tenants: Who is served.
        api: Neo's address, under which the words are kept.
        clock: The present, aware UTC.
    """
    known = await _recalled(pool, api)
    watch = DocumentWatch(lambda: _document(neo, tenants), OPERATIONS, known)
    _spoken(neo, tenants, known)

    async def keep_up() -> None:
        kept, fresh = known, False
        while True:
            try:
                found = await watch.look()
                fresh = watch.is_fresh
                if found != kept and await _remembered(pool, api, found, clock()):
                    kept = found
                _spoken(neo, tenants, found)
            except Exception as error:  # noqa: BLE001 -- the edge of a task that has to go on
                log.warning("upkeep.failed", error=type(error).__name__)
                fresh = False
            await asyncio.sleep(AGAIN_AFTER_SECONDS if fresh else SOONER_AFTER_SECONDS)

    task = asyncio.create_task(keep_up())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _spoken(neo: Callable[[str], Neo], tenants: Sequence[str], vocabulary: Vocabulary) -> None:
    for tenant in tenants:
        neo(tenant).speaks(vocabulary)


async def _document(neo: Callable[[str], Neo], tenants: Sequence[str]) -> Mapping[str, Any]:
    """Neo's document, read with the first tenant's key that may.

    Raises:
        BotError: none may; the last one's.
    """
    failed: BotError | None = None
    for tenant in tenants:
        try:
            return await neo(tenant).with_options(purpose=Purpose.WATCHING).document()
        except BotError as error:
            failed = error
    raise failed or BotError("There is no tenant to ask for.")


async def _recalled(pool: Pool, api: str) -> Vocabulary:
    async with pool.connection() as conn:
        return Vocabulary.from_json(await words.recall(conn, api))


async def _remembered(pool: Pool, api: str, vocabulary: Vocabulary, at: datetime) -> bool:
    """Whether it could be kept; if not, the next time will do."""
    try:
        async with pool.connection() as conn:
            await words.remember(conn, api, vocabulary.to_json(), at=at)
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("words.not_kept", error=type(error).__name__)
        return False
    return True
