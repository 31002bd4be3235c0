"""Whether the ledger is as it was written: every tenant's chain, and what its rows name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import dict_row
from pydantic import ValidationError

from bot.neo.models import Approval
from bot.store.ledger.retention import Checkpoint
from bot.store.ledger.rows import ALL_COLUMNS, Connection, Row

_AT_ONCE = 500


class Fault(StrEnum):
    """In what a row is not as it was written."""

    HASH = "its hash does not match what it says, or that of the row before"
    GAP = "the row that should stand here is missing"
    ORDER = "it stands twice, or its time is before that of the row before"
    HEAD = "the chain does not end where the head of the ledger says"
    CHECKPOINT = "rows are missing, and no row says that they were dropped after their time"
    VERSION_MISSING = "what the person was shown is no longer kept"
    VERSION_CHANGED = "what the person was shown was changed"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row of a chain at which something is wrong.

    Attributes:
        at: When it was written; with ``approval``, of the row found there, None where none is.
    """

    position: int
    at: datetime | None
    approval: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """One tenant's chain.

    Attributes:
        rows: How many were read.
        forgotten: How many were dropped after their time, before the first that was read.
        position: Of the last row, and ``hash`` its hash.
        broken: None where all is well.
    """

    tenant: str
    rows: int
    forgotten: int
    position: int
    hash: str
    broken: Broken | None


@dataclass(slots=True)
class _Chain:
    """What has been read of a chain so far."""

    position: int = 0
    hash: str = ""
    at: datetime | None = None
    rows: int = 0
    attested: bool = False
    broken: Broken | None = None

    def take(self, row: Row, checkpoint: Checkpoint | None) -> None:
        """Hold the next row against the one before."""
        fault = self._fault(row)
        if fault is not None:
            missing = fault is Fault.GAP
            position = self.position + 1 if missing else row.position
            self.broken = Broken(position, row.entry.at, row.entry.approval, fault)
            return
        self.position, self.hash, self.at = row.position, row.hash, row.entry.at
        self.rows += 1
        if checkpoint is not None and row.entry.wish == "forget":
            self.attested = self.attested or row.entry.reason == checkpoint.reason

    def _fault(self, row: Row) -> Fault | None:
        if row.position > self.position + 1:
            return Fault.GAP
        if row.position <= self.position or (self.at is not None and row.entry.at < self.at):
            return Fault.ORDER
        if row.previous != self.hash or row.hash != row.seal():
            return Fault.HASH
        return None


async def tenants(conn: Connection) -> Sequence[str]:
    """Every tenant of which the ledger knows anything."""
    cursor = await conn.execute(
        "SELECT tenant FROM ledger UNION SELECT tenant FROM ledger_heads"
        " UNION SELECT tenant FROM ledger_checkpoints ORDER BY tenant"
    )
    return [row[0] for row in await cursor.fetchall()]


async def verify(conn: Connection, tenant: str) -> Verdict:
    """Read a tenant's whole chain, a few rows at a time.

    The caller's transaction should see one moment (repeatable read): rows may be added meanwhile.
    """
    checkpoint = await _checkpoint(conn, tenant)
    chain = _Chain()
    if checkpoint is not None:
        chain = _Chain(checkpoint.position, checkpoint.hash, checkpoint.at)
    async with conn.cursor("ledger_chain", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(
            f"SELECT {ALL_COLUMNS} FROM ledger WHERE tenant = %s ORDER BY position, at", (tenant,)
        )
        async for columns in cursor:
            chain.take(Row.read(columns), checkpoint)
            if chain.broken is not None:
                break
    broken = chain.broken or await _end(conn, tenant, chain)
    if broken is None and checkpoint is not None and not chain.attested:
        broken = Broken(checkpoint.position, checkpoint.at, "", Fault.CHECKPOINT)
    other = await _version(conn, tenant)
    if other is not None and (broken is None or other.position < broken.position):
        broken = other
    forgotten = checkpoint.position if checkpoint else 0
    return Verdict(tenant, chain.rows, forgotten, chain.position, chain.hash, broken)


async def find(conn: Connection, noted: str) -> Sequence[tuple[str, int]]:
    """Where a hash stands that was noted earlier: tenants and positions; none if it is gone."""
    cursor = await conn.execute(
        "SELECT tenant, position FROM ledger WHERE hash = %(hash)s"
        " UNION SELECT tenant, position FROM ledger_checkpoints WHERE hash = %(hash)s",
        {"hash": noted},
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def _checkpoint(conn: Connection, tenant: str) -> Checkpoint | None:
    cursor = await conn.execute(
        "SELECT tenant, position, hash, at, removed FROM ledger_checkpoints"
        " WHERE tenant = %s ORDER BY position DESC LIMIT 1",
        (tenant,),
    )
    row = await cursor.fetchone()
    return Checkpoint(*row) if row else None


async def _end(conn: Connection, tenant: str, chain: _Chain) -> Broken | None:
    """Whether the chain ends where its head says."""
    cursor = await conn.execute(
        "SELECT position, hash, at FROM ledger_heads WHERE tenant = %s", (tenant,)
    )
    head = await cursor.fetchone()
    if head == (chain.position, chain.hash, chain.at) or (not chain.position and head is None):
        return None
    return Broken(chain.position + 1, chain.at, "", Fault.HEAD)


async def _version(conn: Connection, tenant: str) -> Broken | None:
    """The first row that names a version which is not there, or not what it was."""
    async with conn.cursor("ledger_versions") as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(
            """
            SELECT l.position, l.at, l.approval, l.shown, v.body FROM (
                SELECT DISTINCT ON (approval, shown) position, at, approval, shown FROM ledger
                WHERE tenant = %(tenant)s AND kept ORDER BY approval, shown, position
            ) l LEFT JOIN approval_versions v
                ON v.tenant = %(tenant)s AND v.approval = l.approval AND v.digest = l.shown
            ORDER BY l.position
            """,
            {"tenant": tenant},
        )
        async for position, at, approval, shown, body in cursor:
            if body is None:
                return Broken(position, at.astimezone(UTC), approval, Fault.VERSION_MISSING)
            if _digest(body) != shown:
                return Broken(position, at.astimezone(UTC), approval, Fault.VERSION_CHANGED)
    return None


def _digest(body: Any) -> str | None:
    try:
        return Approval.model_validate(body).digest
    except ValidationError:
        return None
