"""What Neo's API said about its words outlives a restart."""

from __future__ import annotations

from datetime import timedelta

from bot.store import words
from bot.store.database import Pool
from tests.workplace import START


async def test_what_was_said_last_is_recalled(db: Pool) -> None:
    async with db.connection() as conn:
        assert await words.recall(conn, "https://neo.example") is None
        await words.remember(conn, "https://neo.example", {"runs": ["DONE"]}, at=START)
        later = START + timedelta(hours=1)
        await words.remember(conn, "https://neo.example", {"runs": ["DONE", "LOST"]}, at=later)
        assert await words.recall(conn, "https://neo.example") == {"runs": ["DONE", "LOST"]}


async def test_each_address_has_words_of_its_own(db: Pool) -> None:
    async with db.connection() as conn:
        await words.remember(conn, "https://neo.example", {"runs": ["DONE"]}, at=START)
        assert await words.recall(conn, "https://other.example") is None
