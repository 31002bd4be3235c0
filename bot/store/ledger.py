"""The record of decisions and refusals; rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        outcome: ``sent``: on its way to Neo; ``decided``: Neo took it; ``refused``: nothing was
            sent, ``reason`` says why; ``failed``: sent, and Neo did not take it or did not answer.
        shown: Digest of what the person was shown.
        request_id: Neo's id of the request, where there was one.
    """

    tenant: str
    at: datetime
    approval: str
    person: str
    person_name: str
    conversation: str
    wish: Literal["approve", "reject"]
    outcome: Literal["sent", "decided", "refused", "failed"]
    reason: str
    comment: str
    shown: str
    request_id: str | None


_COLUMNS = """tenant, at, approval, person, person_name, conversation, wish, outcome, reason,
    comment, shown, request_id"""


async def add(conn: Connection, entry: Entry) -> None:
    """Add a row."""
    await conn.execute(
        f"""
        INSERT INTO ledger ({_COLUMNS})
        VALUES (%(tenant)s, %(at)s, %(approval)s, %(person)s, %(person_name)s, %(conversation)s,
                %(wish)s, %(outcome)s, %(reason)s, %(comment)s, %(shown)s, %(request_id)s)
        """,
        asdict(entry),
    )


async def of(conn: Connection, tenant: str, approval: str) -> Sequence[Entry]:
    """An approval's rows, oldest first."""
    async with conn.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM ledger WHERE tenant = %s AND approval = %s ORDER BY number",
            (tenant, approval),
        )
        return await cursor.fetchall()
