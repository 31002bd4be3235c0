"""A row of the ledger, how it is sealed, added and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

import structlog
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row
from psycopg.types.json import Json

Connection = AsyncConnection[Any]
Cursor = AsyncCursor[dict[str, Any]]
Wish = Literal["approve", "reject", "delegate", "end delegation", "snooze", "remind", "forget"]
Outcome = Literal["sent", "decided", "refused", "failed", "voted", "done"]

# Part of every hash. What is hashed, and how, stays for good: old rows are checked by it.
FORMAT: Final = "neo-ledger-1"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written down.

    Attributes:
        approval: Its id; empty where the row is about none.
        conversation: Where it was wished, and ``scope`` of what kind that is; empty where nowhere.
        outcome: ``sent``: on its way to Neo; ``decided``: Neo took it; ``refused``: nothing was
            sent, ``reason`` says why; ``failed``: sent, and Neo did not take it or did not answer;
            ``voted``: counted, another person's is needed; ``done``: what is not for Neo.
        shown: Digest of what the person was shown.
        request_id: Neo's id of the request, where there was one.
        for_person: In whose place the person acted, and ``for_name`` what they are called.
        sent: What went to Neo.
        answered: What Neo answered, in short.
        took_ms: From the click to Neo's answer.
    """

    tenant: str
    at: datetime
    approval: str
    person: str
    person_name: str
    conversation: str
    wish: Wish
    outcome: Outcome
    reason: str
    comment: str
    shown: str
    request_id: str | None = None
    for_person: str | None = None
    for_name: str | None = None
    scope: str = ""
    sent: str = ""
    answered: str = ""
    took_ms: int | None = None


# In the order in which they are hashed.
FIELDS: Final = (
    "tenant", "at", "approval", "person", "person_name", "for_person", "for_name", "conversation",
    "scope", "wish", "outcome", "reason", "comment", "shown", "sent", "answered", "request_id",
    "took_ms",
)  # fmt: skip
COLUMNS: Final = ("position", *FIELDS, "kept", "previous", "hash")
ALL_COLUMNS: Final = ", ".join(COLUMNS)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in its tenant's chain.

    Attributes:
        position: From 1 on, without gaps.
        kept: What was shown stands in ``approval_versions`` under the entry's ``shown``.
        previous: The hash of the row before; empty for the first.
        hash: As it stands in the table; `seal` says what it has to be.
    """

    position: int
    entry: Entry
    kept: bool
    previous: str
    hash: str

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> Self:
        """A row from its columns."""
        entry = Entry(**{name: columns[name] for name in FIELDS})
        return cls(
            columns["position"],
            replace(entry, at=entry.at.astimezone(UTC)),
            columns["kept"],
            columns["previous"],
            columns["hash"],
        )

    def columns(self) -> dict[str, Any]:
        """Its columns, by name."""
        return {
            "position": self.position,
            **{name: getattr(self.entry, name) for name in FIELDS},
            "kept": self.kept,
            "previous": self.previous,
            "hash": self.hash,
        }

    def seal(self) -> str:
        """SHA-256, in hex, over everything in the row and the hash of the one before.

        Hashed is a JSON array in ASCII without spaces, so that no text can pass for two fields, or
        for none: the format's name, then the columns up to ``previous``; instants in UTC with
        microseconds.
        """
        columns = self.columns() | {"at": instant(self.entry.at)}
        sealed = [FORMAT, *(columns[name] for name in COLUMNS[:-1])]
        return hashlib.sha256(_written(sealed).encode("ascii")).hexdigest()


def instant(at: datetime) -> str:
    """An instant as it is hashed and exported: UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


async def add(conn: Connection, entry: Entry) -> Row:
    """Add a row to its tenant's chain, in the caller's transaction; returns it as written.

    Until that transaction ends, nobody else adds to this tenant's chain: add last, lock nothing
    after it. Its time is never before that of the row before, whatever a replica's clock says. What
    is logged counts once the transaction is committed; if it is not, the position is taken, and
    logged, again.
    """
    return await fetched(await _add(conn, entry))


async def add_and_commit(conn: Connection, entry: Entry) -> Cursor:
    """Like `add`, and end the transaction with it; `fetched` has the row.

    In a pipeline both are sent together, so that others wait for the database's work alone.
    """
    cursor = await _add(conn, entry)
    await conn.commit()
    return cursor


async def fetched(adding: Cursor) -> Row:
    """The row that was added."""
    columns = await adding.fetchone()
    if columns is None:
        raise LookupError("the ledger did not say which row was added")
    row = Row.read(columns)
    log_added(row)
    return row


def adding(at: str = "%(entry_at)s") -> str:
    """The SQL of a row's columns as they are added; `added` has its values. ``at`` is SQL too."""
    return f"add_to_ledger(%(entry)s, {at}, %(entry_tenant)s, %(entry_rest)s)"


def added(entry: Entry) -> dict[str, Any]:
    """The values of `adding`."""
    entry = _storable(entry)
    columns = {name: getattr(entry, name) for name in FIELDS if name != "at"}
    # As `Row.seal` has it: the tenant, the time, and everything up to what only the database knows.
    tenant, *rest = columns.values()
    return {
        "entry": Json(columns),
        "entry_at": entry.at,
        "entry_tenant": _written(tenant),
        "entry_rest": _written(rest)[1:-1],
    }


def log_added(row: Row) -> None:
    """Say that a row was added: where the log is kept, nobody cuts it off unnoticed."""
    entry = row.entry
    log.info(
        "ledger.added",
        tenant=entry.tenant,
        position=row.position,
        hash=row.hash,
        approval=entry.approval,
        person=entry.person,
        wish=entry.wish,
        outcome=entry.outcome,
    )


async def _add(conn: Connection, entry: Entry) -> Cursor:
    cursor = conn.cursor(row_factory=dict_row)
    await cursor.execute(f"SELECT * FROM {adding()}", added(entry))
    return cursor


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _storable(entry: Entry) -> Entry:
    """Without the few characters that no text column takes: a row is not lost for one of them."""
    texts: dict[str, Any] = {
        field.name: value.replace("\0", "").encode(errors="replace").decode()
        for field in fields(entry)
        if isinstance(value := getattr(entry, field.name), str)
    }
    return replace(entry, **texts)


async def history(conn: Connection, tenant: str, approval: str) -> Sequence[Row]:
    """An approval's rows as they stand in the chain, oldest first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {ALL_COLUMNS} FROM ledger WHERE tenant = %s AND approval = %s"
            " ORDER BY position",
            (tenant, approval),
        )
        return [Row.read(columns) for columns in await cursor.fetchall()]


async def of(conn: Connection, tenant: str, approval: str) -> Sequence[Entry]:
    """What was written down of an approval, oldest first."""
    return [row.entry for row in await history(conn, tenant, approval)]
