"""What the watch over runs remembers: how far it has read, what is still running, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Json

from bot.neo.models import Run

Connection = AsyncConnection[Any]


async def seen_until(conn: Connection, tenant: str, watch: str) -> datetime | None:
    """The newest moment that a watch has read up to; None before its first look."""
    cursor = await conn.execute(
        "SELECT seen_until FROM watches WHERE tenant = %s AND name = %s", (tenant, watch)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def set_seen_until(conn: Connection, tenant: str, watch: str, moment: datetime) -> None:
    """Move the watch on; it never moves back."""
    await conn.execute(
        "INSERT INTO watches (tenant, name, seen_until) VALUES (%s, %s, %s)"
        " ON CONFLICT (tenant, name) DO UPDATE"
        " SET seen_until = greatest(watches.seen_until, excluded.seen_until)",
        (tenant, watch, moment),
    )


async def open_runs(conn: Connection, tenant: str, *, limit: int) -> Sequence[str]:
    """Runs that had not ended when last read, the longest unread first."""
    cursor = await conn.execute(
        "SELECT id FROM open_runs WHERE tenant = %s ORDER BY read_at LIMIT %s", (tenant, limit)
    )
    return [row[0] for row in await cursor.fetchall()]


async def note_open(conn: Connection, tenant: str, run: str, *, at: datetime) -> None:
    """Remember that a run has not ended."""
    await conn.execute(
        "INSERT INTO open_runs (tenant, id, read_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (tenant, id) DO UPDATE SET read_at = excluded.read_at",
        (tenant, run, at),
    )


async def note_ended(conn: Connection, tenant: str, run: str) -> None:
    """Forget a run that has ended or is gone."""
    await conn.execute("DELETE FROM open_runs WHERE tenant = %s AND id = %s", (tenant, run))


async def record_failure(conn: Connection, tenant: str, run: Run, *, at: datetime) -> bool:
    """Record a failed run; True once, whoever finds it."""
    cursor = await conn.execute(
        "INSERT INTO failed_runs (tenant, id, body, seen_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (tenant, run.id, Json(run.model_dump(mode="json", by_alias=True)), at),
    )
    return cursor.rowcount == 1


async def failure(conn: Connection, tenant: str, run: str) -> Run | None:
    """A failed run as it was recorded."""
    cursor = await conn.execute(
        "SELECT body FROM failed_runs WHERE tenant = %s AND id = %s", (tenant, run)
    )
    row = await cursor.fetchone()
    return Run.model_validate(row[0]) if row else None
