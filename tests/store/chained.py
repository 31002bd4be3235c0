"""Rows of the ledger made without the database: sealed as it seals them, in their place or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.store.ledger import Entry, Row
from bot.store.ledger.rows import ALL_COLUMNS, COLUMNS

INSERT: Final = (
    f"INSERT INTO ledger ({ALL_COLUMNS})"  # noqa: S608 -- the names of columns alone
    f" VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
)


def following(entry: Entry, *, last: int, previous: str, kept: bool) -> Row:
    """The row that comes after the one at ``last`` with that hash."""
    unsealed = Row(last + 1, entry, kept, previous, "")
    return replace(unsealed, hash=unsealed.seal())
