"""Which activities were taken already: Teams sends one again when it got no answer in time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


CLAIM: Final = """
    INSERT INTO activities (tenant, conversation, id, taken_at)
    SELECT tenant, place, activity, at FROM said
    WHERE activity IS NOT NULL ORDER BY tenant, place, activity
    ON CONFLICT DO NOTHING RETURNING tenant, conversation, id
"""
"""Take the activities of ``said``; a row for the first caller, none for every repeat of it."""


async def claim(
    conn: Connection, tenant: str, conversation: str, activity: str, *, at: datetime
) -> bool:
    """Take one activity, and write nothing else down; True for the first caller."""
    cursor = await conn.execute(
        "INSERT INTO activities (tenant, conversation, id, taken_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (tenant, conversation, activity, at),
    )
    return await cursor.fetchone() is not None


async def keep_answer(
    conn: Connection, tenant: str, conversation: str, activity: str, answer: dict[str, Any]
) -> None:
    """Keep an invoke's answer, so that a repeat of the click gets the same one."""
    await conn.execute(
        "UPDATE activities SET answer = %s WHERE tenant = %s AND conversation = %s AND id = %s",
        (Jsonb(answer), tenant, conversation, activity),
    )


async def answer(
    conn: Connection, tenant: str, conversation: str, activity: str
) -> dict[str, Any] | None:
    """The answer that was given to this invoke, or None if there is none yet."""
    cursor = await conn.execute(
        "SELECT answer FROM activities WHERE tenant = %s AND conversation = %s AND id = %s",
        (tenant, conversation, activity),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def forget(conn: Connection, *, before: datetime) -> int:
    """Drop what no repeat can name any more; returns how many."""
    cursor = await conn.execute("DELETE FROM activities WHERE taken_at < %s", (before,))
    return cursor.rowcount
