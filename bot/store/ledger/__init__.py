"""The record of decisions and refusals: a chain of rows per tenant that are only ever added."""

from bot.store.ledger.rows import (
    Entry,
    Outcome,
    Row,
    Wish,
    add,
    add_and_commit,
    fetched,
    history,
    of,
)

__all__ = ["Entry", "Outcome", "Row", "Wish", "add", "add_and_commit", "fetched", "history", "of"]
