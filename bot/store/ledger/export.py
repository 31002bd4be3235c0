"""The ledger as a file: for auditors, for a spreadsheet, for whoever checks the hashes alone."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Final, Literal, TextIO

from psycopg.rows import dict_row

from bot.store.ledger.rows import ALL_COLUMNS, COLUMNS, Connection, Row, instant

Format = Literal["csv", "jsonl"]
_AT_ONCE: Final = 500
# Where a spreadsheet would begin a formula: at the start of a cell, and where one starts if the
# file is read with another separator than the comma, which opens the quotes. In some countries the
# signs may be wide ones.
_FORMULA: Final = re.compile(
    r"^(?=[\t\r\n])|(?:^|(?<=[;|\"\t\r\n]))(?=[^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
)


async def rows(
    conn: Connection, *, since: datetime, until: datetime | None, tenant: str | None
) -> AsyncIterator[Row]:
    """The rows from ``since`` on and before ``until``, tenant by tenant, in their order."""
    async with conn.cursor("ledger_export", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(
            f"""
            SELECT {ALL_COLUMNS} FROM ledger
            WHERE at >= %(since)s AND at < coalesce(%(until)s::timestamptz, 'infinity')
                AND tenant = coalesce(%(tenant)s::text, tenant)
            ORDER BY tenant, position, at
            """,
            {"since": since, "until": until, "tenant": tenant},
        )
        async for columns in cursor:
            yield Row.read(columns)


async def export(found: AsyncIterator[Row], out: TextIO, form: Format) -> int:
    """Write the rows as they come; returns how many.

    ``jsonl``: an object a line, exactly what is hashed. ``csv``: a head line, then a line a row;
    text that a spreadsheet would take for a formula has an apostrophe before it, with whichever
    separator it reads the file.
    """
    write = _csv(out) if form == "csv" else _jsonl(out)
    count = 0
    async for row in found:
        write(row.columns() | {"at": instant(row.entry.at)})
        count += 1
    return count


def _jsonl(out: TextIO) -> Callable[[dict[str, Any]], None]:
    def write(columns: dict[str, Any]) -> None:
        out.write(json.dumps(columns, ensure_ascii=False) + "\n")

    return write


def _csv(out: TextIO) -> Callable[[dict[str, Any]], None]:
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    table.writeheader()

    def write(columns: dict[str, Any]) -> None:
        table.writerow({name: _cell(value) for name, value in columns.items()})

    return write


def _cell(value: Any) -> Any:
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
