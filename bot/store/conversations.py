"""Where the bot may write: Teams chats and channels it was added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


class Scope(StrEnum):
    """The three kinds of Teams conversation."""

    PERSONAL = "personal"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A Teams chat or channel.

    Attributes:
        tenant: Microsoft 365 tenant id.
        id: The conversation's id without the ``;messageid=`` of a thread.
        service_url: Where its connector answers; Teams may change it at any activity.
        bot_id: The bot's own account id there (``28:…``).
        person: Entra object id of the one person of a personal chat, else None.
        zone: IANA time zone of whoever spoke there last; words in shared cards use it.
    """

    tenant: str
    id: str
    scope: Scope
    service_url: str
    bot_id: str
    person: str | None = None
    name: str | None = None
    zone: str | None = None


_COLUMNS = "tenant, id, scope, service_url, bot_id, person, name, zone"


REMEMBER: Final = f"""
    INSERT INTO conversations ({_COLUMNS}, updated_at)
    SELECT tenant, place, scope, service_url, bot_id, place_person, place_name, place_zone, at
    FROM said ORDER BY tenant, place
    ON CONFLICT (tenant, id) DO UPDATE SET
        scope = excluded.scope, service_url = excluded.service_url, bot_id = excluded.bot_id,
        person = coalesce(excluded.person, conversations.person),
        name = coalesce(excluded.name, conversations.name),
        zone = coalesce(excluded.zone, conversations.zone),
        closed_at = NULL, updated_at = excluded.updated_at
"""
"""Write down the conversations of ``said``, or overwrite what changed; a closed one is open again.

Each is in ``said`` once. See `bot.store.meeting`.
"""
SAID: Final = (
    "tenant text, place text, scope text, service_url text, bot_id text, place_person text,"
    " place_name text, place_zone text"
)
"""The columns of ``said`` that it reads, beside ``at``; `said` has their values."""


def said(conversation: Conversation) -> dict[str, Any]:
    """A row of ``said``."""
    return {
        "tenant": conversation.tenant,
        "place": conversation.id,
        "scope": conversation.scope.value,
        "service_url": conversation.service_url,
        "bot_id": conversation.bot_id,
        "place_person": conversation.person,
        "place_name": conversation.name,
        "place_zone": conversation.zone,
    }


async def remember(conn: Connection, conversation: Conversation, *, at: datetime) -> None:
    """Do `REMEMBER` for one."""
    row = "SELECT * FROM jsonb_to_record(%s) AS said"
    await conn.execute(
        f"WITH said AS ({row}({SAID}, at timestamptz)) {REMEMBER}",
        (Jsonb({**said(conversation), "at": at.isoformat()}),),
    )


async def find(conn: Connection, tenant: str, conversation: str) -> Conversation | None:
    """The conversation if the bot may write there, else None."""
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations"
            " WHERE tenant = %s AND id = %s AND closed_at IS NULL",
            (tenant, conversation),
        )
        row = await cursor.fetchone()
    return row.conversation() if row else None


async def personal(conn: Connection, tenant: str, people: list[str]) -> list[Conversation]:
    """The open personal chats with any of these people."""
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations"
            " WHERE tenant = %s AND scope = 'personal' AND person = ANY(%s) AND closed_at IS NULL",
            (tenant, people),
        )
        return [row.conversation() for row in await cursor.fetchall()]


async def any_of(conn: Connection, tenant: str) -> Conversation | None:
    """The conversation that spoke last, by whose connector the tenant is reached."""
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM conversations"
            " WHERE tenant = %s AND closed_at IS NULL ORDER BY updated_at DESC LIMIT 1",
            (tenant,),
        )
        row = await cursor.fetchone()
    return row.conversation() if row else None


async def claim_greeting(
    conn: Connection, tenant: str, conversation: str, *, at: datetime, again_after: timedelta
) -> bool:
    """Take the right to greet there; True once for each time the bot is added.

    Teams tells of one installation by two activities: what comes within ``again_after`` is one.
    """
    cursor = await conn.execute(
        "UPDATE conversations SET greeted_at = %(at)s"
        " WHERE tenant = %(tenant)s AND id = %(id)s"
        " AND (greeted_at IS NULL OR greeted_at < %(before)s)",
        {"at": at, "tenant": tenant, "id": conversation, "before": at - again_after},
    )
    return cursor.rowcount == 1


async def close(conn: Connection, tenant: str, conversation: str, *, at: datetime) -> None:
    """Stop writing there until it speaks again; the next install is greeted."""
    await conn.execute(
        "UPDATE conversations SET closed_at = %s, greeted_at = NULL WHERE tenant = %s AND id = %s",
        (at, tenant, conversation),
    )


async def known(conn: Connection, tenant: str, conversation: str) -> bool:
    """Whether it was ever spoken there, closed or not."""
    cursor = await conn.execute(
        "SELECT 1 FROM conversations WHERE tenant = %s AND id = %s", (tenant, conversation)
    )
    return await cursor.fetchone() is not None


async def forget_messages(conn: Connection, tenant: str, *, at: datetime) -> None:
    """Forget every message of a tenant whose client has lost them; the next install is greeted.

    What the conversations follow, and what was decided, stays.
    """
    await conn.execute("DELETE FROM approval_cards WHERE tenant = %s", (tenant,))
    await conn.execute("DELETE FROM deliveries WHERE tenant = %s", (tenant,))
    await conn.execute("DELETE FROM activities WHERE tenant = %s", (tenant,))
    await conn.execute(
        "UPDATE conversations SET closed_at = %s, greeted_at = NULL WHERE tenant = %s",
        (at, tenant),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    tenant: str
    id: str
    scope: str
    service_url: str
    bot_id: str
    person: str | None
    name: str | None
    zone: str | None

    def conversation(self) -> Conversation:
        return Conversation(
            tenant=self.tenant,
            id=self.id,
            scope=Scope(self.scope),
            service_url=self.service_url,
            bot_id=self.bot_id,
            person=self.person,
            name=self.name,
            zone=self.zone,
        )
