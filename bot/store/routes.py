"""Which conversations follow what, and what each of them has been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]
Topic = Literal["failures", "approvals", "reminders"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One conversation that is to hear of one thing; ``message`` once it has."""

    topic: str
    subject: str
    conversation: str
    message: str | None
    given_up: str | None

    @property
    def ended(self) -> bool:
        """Whether it was told, or will not be: a job that runs twice tells nothing twice."""
        return self.message is not None or self.given_up is not None


async def follow(
    conn: Connection, tenant: str, conversation: str, topic: Topic, *, person: str, at: datetime
) -> bool:
    """Have the conversation told; False if it already is."""
    cursor = await conn.execute(
        "INSERT INTO routes (tenant, conversation, topic, person, since)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (tenant, conversation, topic, person, at),
    )
    return cursor.rowcount == 1


async def unfollow(conn: Connection, tenant: str, conversation: str, topic: Topic) -> bool:
    """Tell it no more; False if it was not told before."""
    cursor = await conn.execute(
        "DELETE FROM routes WHERE tenant = %s AND conversation = %s AND topic = %s",
        (tenant, conversation, topic),
    )
    return cursor.rowcount == 1


async def followers(conn: Connection, tenant: str, topic: Topic) -> list[str]:
    """The open conversations that follow a topic."""
    cursor = await conn.execute(
        """
        SELECT r.conversation FROM routes r
        JOIN conversations c ON c.tenant = r.tenant AND c.id = r.conversation
        WHERE r.tenant = %s AND r.topic = %s AND c.closed_at IS NULL ORDER BY r.since
        """,
        (tenant, topic),
    )
    return [row[0] for row in await cursor.fetchall()]


async def topics(conn: Connection, tenant: str, conversation: str) -> Sequence[str]:
    """What a conversation follows."""
    cursor = await conn.execute(
        "SELECT topic FROM routes WHERE tenant = %s AND conversation = %s ORDER BY topic",
        (tenant, conversation),
    )
    return [row[0] for row in await cursor.fetchall()]


async def plan(
    conn: Connection, tenant: str, topic: Topic, subject: str, conversation: str, *, at: datetime
) -> bool:
    """Plan to tell a conversation of something; True once, whoever asks."""
    cursor = await conn.execute(
        "INSERT INTO deliveries (tenant, topic, subject, conversation, queued_at)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (tenant, topic, subject, conversation, at),
    )
    return cursor.rowcount == 1


async def delivery(
    conn: Connection, tenant: str, topic: Topic, subject: str, conversation: str
) -> Delivery | None:
    """How one delivery stands."""
    async with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            "SELECT topic, subject, conversation, message, given_up FROM deliveries"
            " WHERE tenant = %s AND topic = %s AND subject = %s AND conversation = %s",
            (tenant, topic, subject, conversation),
        )
        return await cursor.fetchone()


async def claim_try(
    conn: Connection, tenant: str, topic: Topic, subject: str, conversation: str, *, at: datetime
) -> bool:
    """Note that it is being told now; False if that was noted before and never undone."""
    cursor = await conn.execute(
        "UPDATE deliveries SET tried_at = %s WHERE tenant = %s AND topic = %s AND subject = %s"
        " AND conversation = %s AND tried_at IS NULL",
        (at, tenant, topic, subject, conversation),
    )
    return cursor.rowcount == 1


async def undo_try(
    conn: Connection, tenant: str, topic: Topic, subject: str, conversation: str
) -> None:
    """Note that it was certainly not told, so that it can be tried again."""
    await conn.execute(
        "UPDATE deliveries SET tried_at = NULL"
        " WHERE tenant = %s AND topic = %s AND subject = %s AND conversation = %s",
        (tenant, topic, subject, conversation),
    )


async def delivered(
    conn: Connection,
    tenant: str,
    topic: Topic,
    subject: str,
    conversation: str,
    *,
    message: str,
    at: datetime,
) -> None:
    """Write down that it was told."""
    await conn.execute(
        "UPDATE deliveries SET message = %s, sent_at = %s"
        " WHERE tenant = %s AND topic = %s AND subject = %s AND conversation = %s",
        (message, at, tenant, topic, subject, conversation),
    )


async def give_up(
    conn: Connection, tenant: str, topic: Topic, subject: str, conversation: str, *, why: str
) -> None:
    """Write down that it will not be told, and why."""
    await conn.execute(
        "UPDATE deliveries SET given_up = %s"
        " WHERE tenant = %s AND topic = %s AND subject = %s AND conversation = %s",
        (why, tenant, topic, subject, conversation),
    )


async def forget(
    conn: Connection, tenant: str, topic: Topic, subjects: Sequence[str], conversation: str
) -> None:
    """Forget that a conversation was told of these things, so that it can be told again."""
    await conn.execute(
        "DELETE FROM deliveries"
        " WHERE tenant = %s AND topic = %s AND subject = ANY(%s) AND conversation = %s",
        (tenant, topic, list(subjects), conversation),
    )
