"""The right to decide an approval: one click has it while its decision is on its way to Neo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from bot.neo.models import Approval
from bot.store.approvals import DECISION, KNOWN, Decision, Known, said
from bot.store.jobs import DEFERRING, Due, deferred
from bot.store.ledger import Entry, rows

Connection = AsyncConnection[Any]


async def take(conn: Connection, sent: Entry, *, revision: int, stale_after: timedelta) -> bool:
    """Take the right to decide, and add the row that says what is sent: one statement.

    True for the one caller that got it; for others there is no row either. Only while the approval
    is pending, has the digest that was shown, and nothing about it has changed since ``revision``:
    whoever judged the click may have been overtaken, by a vote, a delegation, another click. A
    claim that is ``stale_after`` old belongs to a process that died: taken over. So does one that
    lies further ahead: it was made before the clock was put back.
    """
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(
        f"""
        WITH claimed AS (
            UPDATE approvals SET deciding_person = %(person)s, deciding_name = %(name)s,
                deciding_at = %(at)s
            WHERE tenant = %(tenant)s AND id = %(id)s
                AND state = 'pending' AND gone_at IS NULL AND digest = %(digest)s
                AND revision = %(revision)s
                AND (deciding_at IS NULL
                    OR deciding_at <= %(at)s - %(stale_after)s
                    OR deciding_at >= %(at)s + %(stale_after)s)
            RETURNING deciding_at
        )
        SELECT row.* FROM claimed, LATERAL {rows.adding("claimed.deciding_at")} AS row
        """,
        {
            "tenant": sent.tenant,
            "id": sent.approval,
            "person": sent.person,
            "name": sent.person_name,
            "digest": sent.shown,
            "revision": revision,
            "at": sent.at,
            "stale_after": stale_after,
            **rows.added(sent),
        },
    )
    columns = await cursor.fetchone()
    if columns is not None:
        rows.log_added(rows.Row.read(columns))
    return columns is not None


async def overdue(
    conn: Connection, tenant: str, *, at: datetime, older_than: timedelta
) -> Sequence[Known]:
    """The approvals on which a decision has been under way for longer, or since a later moment."""
    async with conn.cursor(row_factory=class_row(Known)) as cursor:
        await cursor.execute(
            f"SELECT {KNOWN} FROM approvals WHERE tenant = %s"
            " AND (deciding_at <= %s OR deciding_at >= %s) ORDER BY deciding_at",
            (tenant, at - older_than, at + older_than),
        )
        return await cursor.fetchall()


async def release(
    conn: Connection, tenant: str, approval: str, claimed_at: datetime | None
) -> None:
    """Give the claim of that moment back; another's stays."""
    await conn.execute(
        "UPDATE approvals SET deciding_person = NULL, deciding_name = NULL, deciding_at = NULL"
        " WHERE tenant = %s AND id = %s AND deciding_at = %s",
        (tenant, approval, claimed_at),
    )


async def end(
    conn: Connection,
    approval: Approval,
    decision: Decision,
    decided: Entry,
    *,
    claimed_at: datetime | None,
    then: Due,
) -> Known | None:
    """Write down the decision that a claim led to: with it the claim is over. One statement.

    Another's claim stays. Every copy of its card is outdated.

    Args:
        conn: A connection.
        approval: What Neo answered.
        decision: Who decided, and when.
        decided: The ledger's row.
        claimed_at: Which claim.
        then: The job that redraws its cards.

    Returns:
        What is known then; None if the approval was forgotten meanwhile.
    """
    cursor = conn.cursor(row_factory=dict_row)
    # Whatever is added to the ledger is added last: until the end others wait for it.
    await cursor.execute(
        f"""
        WITH version AS (
            INSERT INTO approval_versions (tenant, approval, digest, body, seen_at)
            VALUES (%(tenant)s, %(id)s, %(digest)s, %(body)s, %(at)s)
            ON CONFLICT DO NOTHING RETURNING 1
        ), ended AS (
            UPDATE approvals SET
                body = %(body)s, digest = %(digest)s, state = %(state)s,
                created_at = %(created_at)s, read_at = %(at)s, gone_at = NULL, {DECISION},
                revision = revision + 1,
                deciding_person = CASE WHEN deciding_at <> %(claimed_at)s THEN deciding_person END,
                deciding_name = CASE WHEN deciding_at <> %(claimed_at)s THEN deciding_name END,
                deciding_at = NULLIF(deciding_at, %(claimed_at)s)
            WHERE tenant = %(tenant)s AND id = %(id)s
            RETURNING {KNOWN}
        ), before AS MATERIALIZED (
            SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM version) AS rows,
                {DEFERRING} AS jobs
        )
        SELECT row.*, {_OF_ENDED} FROM before
        CROSS JOIN LATERAL {rows.adding("%(entry_at)s + before.rows * interval '0'")} AS row
        LEFT JOIN ended ON true
        """,
        {
            **said(decided.tenant, approval, decision.decided_at),
            **asdict(decision),
            **rows.added(decided),
            "claimed_at": claimed_at,
            "jobs": deferred([then]),
        },
    )
    columns = await cursor.fetchone()
    if columns is None:
        raise LookupError("the ledger did not say which row was added")
    rows.log_added(rows.Row.read(columns))
    if columns["id"] is None:
        return None
    return Known(**{field.name: columns[field.name] for field in fields(Known)})


# The ledger's row names the tenant.
_OF_ENDED = ", ".join(f"ended.{field.name}" for field in fields(Known) if field.name != "tenant")
