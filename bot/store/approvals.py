"""Approvals as last read from Neo, the click under way on one, and the cards that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row
from psycopg.types.json import Json

from bot.neo.models import Approval, ApprovalState
from bot.store.conversations import Conversation

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class Known:
    """What is known of an approval here.

    Attributes:
        body: As Neo last sent it.
        gone_at: Since when Neo no longer has it.
        deciding_name: Whose decision is on its way to Neo, if one is.
        run: Id of the run that asked, once it was found.
        decided_name: Who decided through this bot; Neo itself only knows the tenant's key.
        decided_for: The name of the colleague or group in whose name they did.
        decided_with: The name of who had approved it before, where two had to.
        revision: Rises whenever something changes that cards show of it.
    """

    tenant: str
    id: str
    body: dict[str, Any]
    digest: str
    state: str
    gone_at: datetime | None
    deciding_person: str | None
    deciding_name: str | None
    deciding_at: datetime | None
    decided_person: str | None
    decided_name: str | None
    decided_comment: str | None
    decided_at: datetime | None
    decided_for: str | None
    decided_with: str | None
    run: str | None
    revision: int

    @property
    def fingerprint(self) -> str:
        """Of everything that a card shows of it; the run only once it is decided."""
        run = None if self.state == ApprovalState.PENDING.value else self.run
        shown = (self.digest, self.state, self.gone_at, self.deciding_at, self.decided_at, run)
        return "/".join(map(str, (*shown, self.revision)))

    @cached_property
    def approval(self) -> Approval:
        """The approval itself."""
        return Approval.model_validate(self.body)

    def says(self, approval: Approval) -> bool:
        """Whether it is word for word as it stands here."""
        return self.body == _body(approval)


@dataclass(frozen=True, slots=True)
class Place:
    """One message that shows an approval."""

    conversation: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided through this bot, when and how; the last two as in `Known`."""

    person: str
    name: str
    comment: str
    decided_at: datetime
    for_name: str | None = None
    with_name: str | None = None


DECISION = """decided_person = %(person)s, decided_name = %(name)s, decided_comment = %(comment)s,
    decided_at = %(decided_at)s, decided_for = %(for_name)s, decided_with = %(with_name)s"""
KNOWN = """tenant, id, body, digest, state, gone_at, deciding_person, deciding_name, deciding_at,
    decided_person, decided_name, decided_comment, decided_at, decided_for, decided_with,
    run, revision"""


async def find(conn: Connection, tenant: str, approval: str) -> Known | None:
    """What is known of it, or None if it was never read."""
    async with conn.cursor(row_factory=class_row(Known)) as cursor:
        await cursor.execute(
            f"SELECT {KNOWN} FROM approvals WHERE tenant = %s AND id = %s", (tenant, approval)
        )
        return await cursor.fetchone()


async def lock(conn: Connection, tenant: str, approval: str) -> Known | None:
    """Like `find`, and nobody else changes it before this transaction ends."""
    return await (await ask_locked(conn, tenant, approval)).fetchone()


async def ask_locked(conn: Connection, tenant: str, approval: str) -> AsyncCursor[Known]:
    """`lock`, to be fetched once other statements are under way too."""
    cursor = conn.cursor(row_factory=class_row(Known))
    await cursor.execute(
        f"SELECT {KNOWN} FROM approvals WHERE tenant = %s AND id = %s FOR UPDATE",
        (tenant, approval),
    )
    return cursor


async def waiting(conn: Connection, tenant: str) -> list[Known]:
    """Every approval that was open when last read, the longest unread first."""
    async with conn.cursor(row_factory=class_row(Known)) as cursor:
        await cursor.execute(
            f"SELECT {KNOWN} FROM approvals WHERE tenant = %s AND state IN ('pending', 'unknown')"
            " AND gone_at IS NULL ORDER BY read_at",
            (tenant,),
        )
        return await cursor.fetchall()


async def write(conn: Connection, tenant: str, approval: Approval, *, at: datetime) -> Known:
    """Write down what Neo said, and keep the version; what was decided through this bot stays."""
    cursor = conn.cursor(row_factory=class_row(Known))
    await cursor.execute(
        f"""
        WITH version AS (
            INSERT INTO approval_versions (tenant, approval, digest, body, seen_at)
            VALUES (%(tenant)s, %(id)s, %(digest)s, %(body)s, %(at)s)
            ON CONFLICT DO NOTHING
        )
        INSERT INTO approvals (tenant, id, body, digest, state, created_at, read_at)
        VALUES (%(tenant)s, %(id)s, %(body)s, %(digest)s, %(state)s, %(created_at)s, %(at)s)
        ON CONFLICT (tenant, id) DO UPDATE SET
            body = excluded.body, digest = excluded.digest, state = excluded.state,
            created_at = excluded.created_at, read_at = excluded.read_at, gone_at = NULL
        RETURNING {KNOWN}
        """,
        said(tenant, approval, at),
    )
    return _there(await cursor.fetchone())


def said(tenant: str, approval: Approval, at: datetime) -> dict[str, Any]:
    """What Neo said of it, as the values of a statement."""
    return {
        "tenant": tenant,
        "id": approval.id,
        "body": Json(_body(approval)),
        "digest": approval.digest,
        "state": approval.state.value,
        "created_at": approval.created_at,
        "at": at,
    }


def _body(approval: Approval) -> dict[str, Any]:
    return approval.model_dump(mode="json", by_alias=True)


def _there(known: Known | None) -> Known:
    if known is None:
        raise LookupError("an approval that was just written is not there")
    return known


async def mark_read(conn: Connection, tenant: str, approval: str, *, at: datetime) -> None:
    """Note that it was read again, for `waiting`."""
    await conn.execute(
        "UPDATE approvals SET read_at = %s WHERE tenant = %s AND id = %s", (at, tenant, approval)
    )


async def version(conn: Connection, tenant: str, approval: str, digest: str) -> Approval | None:
    """The approval as it was under this digest, or None if it never was."""
    cursor = await conn.execute(
        "SELECT body FROM approval_versions WHERE tenant = %s AND approval = %s AND digest = %s",
        (tenant, approval, digest),
    )
    row = await cursor.fetchone()
    return Approval.model_validate(row[0]) if row else None


async def revise(conn: Connection, tenant: str, approval: str) -> None:
    """Note that something changed that its cards show: each copy drawn before is outdated."""
    await conn.execute(
        "UPDATE approvals SET revision = revision + 1 WHERE tenant = %s AND id = %s",
        (tenant, approval),
    )


async def write_gone(conn: Connection, tenant: str, approval: str, *, at: datetime) -> None:
    """Write down that Neo no longer has it."""
    await conn.execute(
        "UPDATE approvals SET gone_at = %s, state = %s WHERE tenant = %s AND id = %s"
        " AND gone_at IS NULL",
        (at, ApprovalState.CLOSED.value, tenant, approval),
    )


async def write_decision(conn: Connection, tenant: str, approval: str, decision: Decision) -> None:
    """Write down whose decision through this bot Neo took."""
    await conn.execute(
        f"UPDATE approvals SET {DECISION} WHERE tenant = %(tenant)s AND id = %(id)s",
        {"tenant": tenant, "id": approval, **asdict(decision)},
    )


async def forget_decision(conn: Connection, tenant: str, approval: str) -> None:
    """It is open again: nobody has decided it."""
    await conn.execute(
        "UPDATE approvals SET decided_person = NULL, decided_name = NULL, decided_comment = NULL,"
        " decided_at = NULL, decided_for = NULL, decided_with = NULL WHERE tenant = %s AND id = %s",
        (tenant, approval),
    )


async def write_run(conn: Connection, tenant: str, approval: str, run: str) -> None:
    """Write down which run asked."""
    await conn.execute(
        "UPDATE approvals SET run = %s WHERE tenant = %s AND id = %s", (run, tenant, approval)
    )


async def add_card(conn: Connection, tenant: str, approval: str, place: Place) -> bool:
    """Remember a message that shows the approval; False if it was known."""
    cursor = await conn.execute(
        "INSERT INTO approval_cards (tenant, approval, conversation, message)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING message",
        (tenant, approval, place.conversation, place.message),
    )
    return await cursor.fetchone() is not None


async def cards(conn: Connection, tenant: str, approval: str) -> Sequence[Place]:
    """Every message that shows the approval."""
    async with conn.cursor(row_factory=class_row(Place)) as cursor:
        await cursor.execute(
            "SELECT conversation, message FROM approval_cards WHERE tenant = %s AND approval = %s",
            (tenant, approval),
        )
        return await cursor.fetchall()


async def cards_in(
    conn: Connection, conversation: Conversation, *, since: datetime
) -> Sequence[tuple[str, Place]]:
    """The messages of one conversation with the approval each shows, of those asked since then."""
    cursor = await conn.execute(
        """
        SELECT c.approval, c.message FROM approval_cards c
        JOIN approvals a ON a.tenant = c.tenant AND a.id = c.approval
        WHERE c.tenant = %s AND c.conversation = %s AND a.created_at >= %s
        """,
        (conversation.tenant, conversation.id, since),
    )
    return [(row[0], Place(conversation.id, row[1])) for row in await cursor.fetchall()]


async def forget_card(conn: Connection, tenant: str, approval: str, place: Place) -> None:
    """Forget a message that no longer exists."""
    await conn.execute(
        "DELETE FROM approval_cards WHERE tenant = %s AND approval = %s AND conversation = %s"
        " AND message = %s",
        (tenant, approval, place.conversation, place.message),
    )


async def forget_waiting(conn: Connection, tenant: str, *, watch: str) -> None:
    """Forget what was pending when last read, and how far ``watch`` has read: all is news again."""
    await conn.execute(
        "DELETE FROM approvals WHERE tenant = %s AND state IN ('pending', 'unknown')", (tenant,)
    )
    await conn.execute("DELETE FROM watches WHERE tenant = %s AND name = %s", (tenant, watch))
