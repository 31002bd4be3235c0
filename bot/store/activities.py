"""Which activities were taken already: Teams sends one again when it got no answer in time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


CLAIM: Final = """
    INSERT INTO activities (tenant, conversation, id, taken_at)
    VALUES (%(tenant)s, %(conversation)s, %(activity)s, %(at)s)
    ON CONFLICT DO NOTHING RETURNING id
"""
"""Take an activity; a row for the first caller, none for every repeat of it."""


def claimed(tenant: str, conversation: str, activity: str, *, at: datetime) -> dict[str, Any]:
    """The values of `CLAIM`."""
    return {"tenant": tenant, "conversation": conversation, "activity": activity, "at": at}


async def claim(
    conn: Connection, tenant: str, conversation: str, activity: str, *, at: datetime
) -> bool:
    """Do `CLAIM`; True for the first caller."""
    cursor = await conn.execute(CLAIM, claimed(tenant, conversation, activity, at=at))
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
