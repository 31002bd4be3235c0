"""What each waiting approval's people were told of it, by stage, and who put it off until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]

_PUT_OFF = "put off by "


@dataclass(frozen=True, slots=True)
class Waits:
    """A pending approval, since when it waits, and the stages that have come.

    Attributes:
        seen: When it was first read here.
    """

    approval: str
    since: datetime
    seen: datetime
    stages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Over:
    """A snooze whose time has passed."""

    approval: str
    person: str
    until: datetime


async def waits(conn: Connection, tenant: str) -> list[Waits]:
    """The pending approvals, the oldest first.

    One without a date of its own waits since it was first read here.
    """
    cursor = await conn.execute(
        """
        SELECT a.id, coalesce(a.created_at, min(v.seen_at), a.read_at) AS since,
            coalesce(min(v.seen_at), a.read_at),
            array_remove(array_agg(DISTINCT r.stage), NULL)
        FROM approvals a
        LEFT JOIN approval_versions v ON v.tenant = a.tenant AND v.approval = a.id
        LEFT JOIN reminders r ON r.tenant = a.tenant AND r.approval = a.id
        WHERE a.tenant = %s AND a.state = 'pending' AND a.gone_at IS NULL
        GROUP BY a.tenant, a.id ORDER BY since
        """,
        (tenant,),
    )
    return [Waits(row[0], row[1], row[2], frozenset(row[3])) for row in await cursor.fetchall()]


async def mark(
    conn: Connection, tenant: str, approval: str, stages: Sequence[str], *, at: datetime
) -> set[str]:
    """Note that these stages come now; returns those that had not come before.

    Of callers that race, one gets each stage.
    """
    cursor = await conn.execute(
        "INSERT INTO reminders (tenant, approval, stage, at)"
        " SELECT %s, %s, stage, %s FROM unnest(%s::text[]) AS stage"
        " ON CONFLICT DO NOTHING RETURNING stage",
        (tenant, approval, at, list(stages)),
    )
    return {row[0] for row in await cursor.fetchall()}


async def snooze(
    conn: Connection,
    tenant: str,
    approval: str,
    person: str,
    name: str,
    *,
    until: datetime,
    at: datetime,
) -> None:
    """Note that the person is to be left alone about it; a later word replaces an earlier one.

    When they first did stays, see `put_off_since`.
    """
    await conn.execute(
        """
        INSERT INTO snoozes (tenant, approval, person, name, until) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (tenant, approval, person)
            DO UPDATE SET name = excluded.name, until = excluded.until
        """,
        (tenant, approval, person, name, until),
    )
    await mark(conn, tenant, approval, [f"{_PUT_OFF}{person}"], at=at)


async def put_off_since(conn: Connection, tenant: str, approval: str) -> dict[str, datetime]:
    """When each person first put it off, whether or not that is over."""
    cursor = await conn.execute(
        "SELECT stage, at FROM reminders"
        " WHERE tenant = %s AND approval = %s AND starts_with(stage, %s)",
        (tenant, approval, _PUT_OFF),
    )
    return {stage.removeprefix(_PUT_OFF): at for stage, at in await cursor.fetchall()}


async def over(conn: Connection, tenant: str, *, at: datetime) -> list[Over]:
    """The snoozes whose time has passed."""
    async with conn.cursor(row_factory=class_row(Over)) as cursor:
        await cursor.execute(
            "SELECT approval, person, until FROM snoozes WHERE tenant = %s AND until <= %s"
            " ORDER BY approval, person",
            (tenant, at),
        )
        return await cursor.fetchall()


async def end_snooze(conn: Connection, tenant: str, one: Over) -> bool:
    """Take one of them away; True for the one caller that did, False if it was renewed."""
    cursor = await conn.execute(
        "DELETE FROM snoozes WHERE tenant = %s AND approval = %s AND person = %s AND until = %s",
        (tenant, one.approval, one.person, one.until),
    )
    return cursor.rowcount == 1
