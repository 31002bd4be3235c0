"""The words Neo's API uses for how runs and approvals stand, kept for when it does not say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


async def remember(conn: Connection, api: str, words: dict[str, Any], *, at: datetime) -> None:
    """Keep what the API at this address said; what it said before is replaced."""
    await conn.execute(
        "INSERT INTO neo_words (api, words, read_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (api) DO UPDATE SET words = excluded.words, read_at = excluded.read_at",
        (api, Jsonb(words), at),
    )


async def recall(conn: Connection, api: str) -> dict[str, Any] | None:
    """What the API at this address said last, None if it never did."""
    cursor = await conn.execute("SELECT words FROM neo_words WHERE api = %s", (api,))
    row = await cursor.fetchone()
    return row[0] if row else None
