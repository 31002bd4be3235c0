"""What surrounds an approval here: who approved it already, who is away, who put it off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from psycopg import AsyncConnection, AsyncCursor
from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.store import approvals
from bot.store.approvals import KNOWN, Known, Place

Connection = AsyncConnection[Any]

SECOND_GROUP = "second group"
"""The stage of the reminders at which the second group hears of an approval."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Vote(_Row):
    """One person's approval where two are asked for; ``for_person`` if they stood in for them."""

    digest: str
    person: str
    name: str
    for_person: str | None
    for_name: str | None
    comment: str
    at: datetime


class Delegation(_Row):
    """``delegate`` decides what ``person`` is asked (Entra object ids), up to ``until``."""

    id: int
    person: str
    name: str
    delegate: str
    delegate_name: str
    since: datetime
    until: datetime


class Snooze(_Row):
    """A person asked to be left alone about an approval until then."""

    person: str
    name: str
    until: datetime


class Somebody(_Row):
    """Somebody who has spoken to the bot: their account in Teams, their name and standing there."""

    teams_id: str
    name: str
    guest: bool | None = None
    checked_at: datetime | None = None


def _listed(rows: object) -> object:
    return rows or ()


class Circumstances(_Row):
    """All of it for one approval, at one moment.

    Attributes:
        votes: On the approval as it is now, oldest first.
        delegations: In force, of the whole tenant.
        snoozes: Not over yet.
        escalated: The second group has heard of it.
        people: Those asked about who ever spoke to the bot, by Entra object id.
    """

    votes: Annotated[tuple[Vote, ...], BeforeValidator(_listed)] = ()
    delegations: Annotated[tuple[Delegation, ...], BeforeValidator(_listed)] = ()
    snoozes: Annotated[tuple[Snooze, ...], BeforeValidator(_listed)] = ()
    escalated: bool = False
    people: Annotated[dict[str, Somebody], BeforeValidator(lambda found: found or {})] = {}


# Of one approval; people are those in %(people)s and in ``{named}``, an SQL array.
_AROUND = """
    (SELECT json_agg(v ORDER BY v.at) FROM votes v
        JOIN approvals a ON a.tenant = v.tenant AND a.id = v.approval AND a.digest = v.digest
        WHERE v.tenant = %(tenant)s AND v.approval = %(approval)s),
    (SELECT json_agg(d ORDER BY d.id) FROM delegations d
        WHERE d.tenant = %(tenant)s AND d.ended_at IS NULL
            AND d.since <= %(at)s AND d.until > %(at)s),
    (SELECT json_agg(s ORDER BY s.until) FROM snoozes s
        WHERE s.tenant = %(tenant)s AND s.approval = %(approval)s AND s.until > %(at)s),
    EXISTS (SELECT FROM reminders r WHERE r.tenant = %(tenant)s
        AND r.approval = %(approval)s AND r.stage = %(stage)s),
    (SELECT json_object_agg(p.id, p) FROM people p WHERE p.tenant = %(tenant)s
        AND (p.id = ANY(%(people)s) OR p.id = ANY({named}) OR p.id IN (
            SELECT d.delegate FROM delegations d WHERE d.tenant = %(tenant)s
            AND d.ended_at IS NULL AND d.since <= %(at)s AND d.until > %(at)s)))
"""
_NOBODY = "ARRAY[]::text[]"
_APPROVERS = """ARRAY(SELECT lower(one ->> 'user_id') FROM json_array_elements(
    CASE json_typeof(approvals.body -> 'approvers') WHEN 'array'
        THEN approvals.body -> 'approvers' ELSE '[]' END) AS one)"""


async def around(
    conn: Connection, tenant: str, approval: str, *, people: Sequence[str], at: datetime
) -> Circumstances:
    """The circumstances of one approval, in one statement.

    Args:
        conn: The caller's.
        tenant: Microsoft 365 tenant id.
        approval: Id of the approval.
        people: Who is to be named, beside the delegates.
        at: The present.
    """
    return _read(await (await _ask(conn, tenant, approval, people, at)).fetchone())


async def pressed(
    conn: Connection,
    tenant: str,
    approval: str,
    place: Place,
    *,
    people: Sequence[str],
    at: datetime,
) -> tuple[Known, Circumstances, bool] | None:
    """What is known of an approval that is pressed, `around`, and whether that copy is known.

    In one statement; its approvers are named as well. None if it was never read.
    """
    cursor = await conn.execute(
        f"""
        SELECT {KNOWN}, {_AROUND.format(named=_APPROVERS)},
            EXISTS (SELECT FROM approval_cards c WHERE c.tenant = %(tenant)s
                AND c.approval = %(approval)s AND c.conversation = %(conversation)s
                AND c.message = %(message)s)
        FROM approvals WHERE tenant = %(tenant)s AND id = %(approval)s
        """,
        {
            **_about(tenant, approval, people, at),
            "conversation": place.conversation,
            "message": place.message,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    *known, votes, delegations, snoozes, escalated, named, is_known_copy = row
    circumstances = _read((votes, delegations, snoozes, escalated, named))
    return Known(*known), circumstances, is_known_copy


async def locked(
    conn: Connection, tenant: str, approval: str, *, people: Sequence[str], at: datetime
) -> tuple[Known | None, Circumstances]:
    """What is known of an approval, locked as by `approvals.lock`, and then `around`.

    In a pipeline both are one wait for the database.
    """
    locking = await approvals.ask_locked(conn, tenant, approval)
    asking = await _ask(conn, tenant, approval, people, at)
    return await locking.fetchone(), _read(await asking.fetchone())


async def _ask(
    conn: Connection, tenant: str, approval: str, people: Sequence[str], at: datetime
) -> AsyncCursor[Any]:
    return await conn.execute(
        f"SELECT {_AROUND.format(named=_NOBODY)}", _about(tenant, approval, people, at)
    )


def _about(tenant: str, approval: str, people: Sequence[str], at: datetime) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "approval": approval,
        "at": at,
        "stage": SECOND_GROUP,
        "people": list(people),
    }


def _read(row: tuple[Any, ...] | None) -> Circumstances:
    votes, delegations, snoozes, escalated, known = row or (None, None, None, False, None)
    return Circumstances(
        votes=votes,
        delegations=delegations,
        snoozes=snoozes,
        escalated=escalated,
        people=known,
    )


async def add_vote(conn: Connection, tenant: str, approval: str, vote: Vote) -> None:
    """Count a person's approval, unless theirs was counted for this version already."""
    await conn.execute(
        """
        INSERT INTO votes
            (tenant, approval, digest, person, name, for_person, for_name, comment, at)
        VALUES (%(tenant)s, %(approval)s, %(digest)s, %(person)s, %(name)s, %(for_person)s,
                %(for_name)s, %(comment)s, %(at)s)
        ON CONFLICT DO NOTHING
        """,
        {"tenant": tenant, "approval": approval, **vote.model_dump()},
    )


async def forget_votes(conn: Connection, tenant: str, approval: str) -> None:
    """Drop what was counted for any version of it; the ledger keeps who gave it."""
    await conn.execute("DELETE FROM votes WHERE tenant = %s AND approval = %s", (tenant, approval))


async def voters(conn: Connection, tenant: str, approval: str, digest: str) -> dict[str, str]:
    """Who approved this version of it: name by Entra object id, in order."""
    cursor = await conn.execute(
        "SELECT person, name FROM votes WHERE tenant = %s AND approval = %s AND digest = %s"
        " ORDER BY at",
        (tenant, approval, digest),
    )
    return dict(await cursor.fetchall())


async def delegates(
    conn: Connection, tenant: str, people: Sequence[str], *, at: datetime
) -> list[str]:
    """Who decides for any of these people at that moment."""
    cursor = await conn.execute(
        "SELECT DISTINCT delegate FROM delegations WHERE tenant = %(tenant)s"
        " AND person = ANY(%(people)s) AND ended_at IS NULL"
        " AND since <= %(at)s AND until > %(at)s ORDER BY delegate",
        {"tenant": tenant, "people": list(people), "at": at},
    )
    return [row[0] for row in await cursor.fetchall()]
