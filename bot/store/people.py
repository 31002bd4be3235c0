"""Who speaks to the bot, as Teams names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Teams.

    Attributes:
        tenant: Microsoft 365 tenant id of the conversation they speak in.
        id: Entra object id; the only identity that decides anything.
        teams_id: Their account id in Teams (``29:…``), for roster look-ups.
        zone: IANA time zone Teams last named for them, or None.
    """

    tenant: str
    id: str
    name: str
    teams_id: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the roster said of a person, and when it was asked."""

    guest: bool
    checked_at: datetime


STANDING_LASTS: Final = timedelta(hours=1)
"""For so long what the roster said is believed."""

REMEMBER: Final = """
    INSERT INTO people (tenant, id, teams_id, name, zone, updated_at)
    SELECT tenant, person, teams_id, person_name, person_zone, at
    FROM said WHERE person IS NOT NULL ORDER BY tenant, person
    ON CONFLICT (tenant, id) DO UPDATE SET
        teams_id = excluded.teams_id, name = excluded.name,
        zone = coalesce(excluded.zone, people.zone), updated_at = excluded.updated_at
"""
"""Write down the people of ``said``, or overwrite name, account and zone; each is there once."""
SAID: Final = "person text, teams_id text, person_name text, person_zone text"
"""The columns of ``said`` that it reads, beside ``tenant`` and ``at``; `said` has their values."""


def said(person: Person) -> dict[str, Any]:
    """A row of ``said``, without the tenant."""
    return {
        "person": person.id,
        "teams_id": person.teams_id,
        "person_name": person.name,
        "person_zone": person.zone,
    }


async def remember(conn: Connection, person: Person, *, at: datetime) -> None:
    """Do `REMEMBER` for one."""
    row = "SELECT * FROM jsonb_to_record(%s) AS said"
    await conn.execute(
        f"WITH said AS ({row}(tenant text, {SAID}, at timestamptz)) {REMEMBER}",
        (Jsonb({**said(person), "tenant": person.tenant, "at": at.isoformat()}),),
    )


async def find(conn: Connection, tenant: str, person: str) -> Person | None:
    """The person as last seen, or None."""
    async with conn.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(
            "SELECT tenant, id, name, teams_id, zone FROM people WHERE tenant = %s AND id = %s",
            (tenant, person),
        )
        return await cursor.fetchone()


async def standing(conn: Connection, tenant: str, person: str) -> Standing | None:
    """What the roster last said of them, or None if it was never asked."""
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(
            "SELECT guest, checked_at FROM people"
            " WHERE tenant = %s AND id = %s AND checked_at IS NOT NULL",
            (tenant, person),
        )
        return await cursor.fetchone()


async def note_standing(conn: Connection, tenant: str, person: str, standing: Standing) -> None:
    """Remember what the roster said."""
    await conn.execute(
        "UPDATE people SET guest = %s, checked_at = %s WHERE tenant = %s AND id = %s",
        (standing.guest, standing.checked_at, tenant, person),
    )
