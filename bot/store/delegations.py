"""Who decides for whom while they are away, and who could."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from bot.store.circumstances import Delegation

Connection = AsyncConnection[Any]

_DELEGATION = "id, person, name, delegate, delegate_name, since, until"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who spoke to the bot, or whom an approval named.

    Attributes:
        id: Entra object id, in lower case.
        teams_id: Their account in Teams, None if they never spoke to the bot.
        guest: What the roster last said of them, None if it was never asked.
        asked: An approval of the time in question named them as an approver.
    """

    id: str
    name: str
    teams_id: str | None
    guest: bool | None
    asked: bool


async def colleagues(conn: Connection, tenant: str, *, since: datetime) -> list[Colleague]:
    """Everybody of the tenant who is known here, by name; approvals count from ``since`` on."""
    async with conn.cursor(row_factory=class_row(Colleague)) as cursor:
        await cursor.execute(
            """
            WITH asked AS (
                SELECT DISTINCT ON (id) lower(one ->> 'user_id') AS id, one ->> 'user_name' AS name
                FROM approvals a, json_array_elements(
                    CASE json_typeof(a.body -> 'approvers') WHEN 'array'
                        THEN a.body -> 'approvers' ELSE '[]' END
                ) AS one
                WHERE a.tenant = %(tenant)s AND coalesce(a.created_at, a.read_at) >= %(since)s
                    AND one ->> 'user_id' <> ''
                ORDER BY id, a.created_at DESC NULLS LAST
            ), met AS (
                SELECT lower(id) AS id, name, teams_id, guest FROM people
                WHERE tenant = %(tenant)s
            )
            SELECT id, coalesce(met.name, asked.name, '') AS name, met.teams_id, met.guest,
                asked.id IS NOT NULL AS asked
            FROM asked FULL JOIN met USING (id) ORDER BY name, id
            """,
            {"tenant": tenant, "since": since},
        )
        return await cursor.fetchall()


async def lock(conn: Connection, tenant: str) -> None:
    """Until this transaction ends, nobody else of the tenant starts or ends a delegation."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"delegations/{tenant}",)
    )


async def in_force(conn: Connection, tenant: str, *, at: datetime) -> list[Delegation]:
    """The delegations of a moment, the oldest first."""
    cursor = await conn.execute(
        f"SELECT {_DELEGATION} FROM delegations WHERE tenant = %s AND ended_at IS NULL"
        " AND since <= %s AND until > %s ORDER BY id",
        (tenant, at, at),
    )
    return [_read(row) for row in await cursor.fetchall()]


async def start(
    conn: Connection,
    tenant: str,
    *,
    person: str,
    name: str,
    delegate: str,
    delegate_name: str,
    since: datetime,
    until: datetime,
) -> Delegation:
    """Have ``delegate`` decide for ``person``; whoever did so before does no more.

    The caller holds `lock`: of two that race, the later one is in force.
    """
    await conn.execute(
        "UPDATE delegations SET ended_at = %s"
        " WHERE tenant = %s AND person = %s AND ended_at IS NULL",
        (since, tenant, person),
    )
    cursor = await conn.execute(
        f"""
        INSERT INTO delegations (tenant, person, name, delegate, delegate_name, since, until)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_DELEGATION}
        """,
        (tenant, person, name, delegate, delegate_name, since, until),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 -- an INSERT returns its row
    return _read(row)


async def end(conn: Connection, tenant: str, delegation: int, *, at: datetime) -> None:
    """End one, unless it had ended already."""
    await conn.execute(
        "UPDATE delegations SET ended_at = %s WHERE tenant = %s AND id = %s"
        " AND ended_at IS NULL AND until > %s",
        (at, tenant, delegation, at),
    )


async def ran_out(conn: Connection, tenant: str, *, at: datetime) -> list[Delegation]:
    """End those whose time has passed: each is given to one caller, once."""
    cursor = await conn.execute(
        "UPDATE delegations SET ended_at = until WHERE tenant = %s"
        f" AND ended_at IS NULL AND until <= %s RETURNING {_DELEGATION}",
        (tenant, at),
    )
    return [_read(row) for row in await cursor.fetchall()]


def _read(row: tuple[Any, ...]) -> Delegation:
    return Delegation.model_validate(dict(zip(_DELEGATION.split(", "), row, strict=True)))
