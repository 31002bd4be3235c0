"""Dropping old months of the ledger, so that what remains can still be verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from psycopg_pool import AsyncConnectionPool

from bot.store.ledger.rows import Connection, Entry, add, instant
from bot.store.pool import may_take_long

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last row of a tenant that was dropped, and how many were dropped with it."""

    tenant: str
    position: int
    hash: str
    at: datetime
    removed: int

    @property
    def reason(self) -> str:
        """What the row of the ledger says that attests it."""
        first = self.position - self.removed + 1
        return (
            f"Rows {first} to {self.position}, up to {instant(self.at)}, were dropped after their"
            f" time. The last had the hash {self.hash}."
        )


async def forget(conn: Connection, *, before: datetime, at: datetime) -> Sequence[Checkpoint]:
    """Drop the months that ended by ``before``, in the caller's transaction.

    Each tenant that loses rows gets a checkpoint, from which its chain is verified then on, and a
    row that says so; the database takes neither without the other, nor anything younger than what
    was set at start (migration 0007), and psycopg raises RaiseException. While the months go nobody
    can add a row, for milliseconds; where the ledger is being read for longer than 2 s (an export),
    nothing is dropped and psycopg raises LockNotAvailable.

    Raises:
        ValueError: ``before`` is not past: the current month is never dropped.
    """
    if before > _month(at):
        raise ValueError("The current month of the ledger is not dropped; name an earlier one.")
    cursor = await conn.execute(
        "SELECT tenant, position, hash, at, removed FROM forget_ledger_months(%s, %s)"
        " ORDER BY tenant",
        (before, at),
    )
    dropped = [Checkpoint(*row) for row in await cursor.fetchall()]
    for checkpoint in dropped:
        entry = Entry(
            tenant=checkpoint.tenant,
            at=at,
            approval="",
            person="",
            person_name="Neo for Teams",
            conversation="",
            wish="forget",
            outcome="done",
            reason=checkpoint.reason,
            comment="",
            shown="",
        )
        await add(conn, entry)
    return dropped


async def forget_old(
    pool: AsyncConnectionPool[Connection], months: int, clock: Callable[[], datetime]
) -> int:
    """Keep this many whole months and the current one; returns how many rows were dropped.

    With them go the versions of approvals that no row names any more. For a daily job.
    """
    at = clock()
    before = _month(at, months)
    async with pool.connection() as conn:
        may_take_long(conn)
        dropped = await forget(conn, before=before, at=at)
    async with pool.connection() as conn:
        may_take_long(conn)
        cursor = await conn.execute("SELECT forget_approval_versions(%s)", (before,))
        versions = (await cursor.fetchone() or (0,))[0]
    rows = sum(one.removed for one in dropped)
    if rows or versions:
        log.info("ledger.forgotten", rows=rows, versions=versions, before=before.isoformat())
    return rows


def _month(at: datetime, ago: int = 0) -> datetime:
    """The start of the month, or of one so many months ago, in UTC."""
    local = at.astimezone(UTC)
    year, month = divmod(local.year * 12 + local.month - 1 - ago, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)
