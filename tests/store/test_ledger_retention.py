"""Old months go, and what remains can still be verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.database import Pool
from bot.store.ledger import Entry
from bot.store.ledger.retention import Checkpoint, forget, forget_old
from bot.store.ledger.verify import Verdict, find, verify
from tests.workplace import ELSEWHERE, MEGAN, START, TENANT

JUNE = datetime(2026, 6, 10, 9, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def _asked(said: str) -> Approval:
    return Approval.model_validate({"id": 481, "status": "PENDING", "comment": said})


def _entry(at: datetime, tenant: str = TENANT, shown: str = "") -> Entry:
    return Entry(
        tenant=tenant,
        at=at,
        approval="481",
        person=MEGAN[0],
        person_name=MEGAN[1],
        conversation="a:megan",
        wish="approve",
        outcome="refused",
        reason="",
        comment="",
        shown=shown,
    )


@pytest.fixture(autouse=True)
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Whoever owns the tables; as at a start with LEDGER_MONTHS=1."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("INSERT INTO ledger_retention VALUES (1)")
        yield conn


async def _verdict(db: Pool, tenant: str = TENANT) -> Verdict:
    async with db.connection() as conn:
        return await verify(conn, tenant)


async def _months(db: Pool) -> list[str]:
    async with db.connection() as conn:
        cursor = await conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'ledger'::regclass ORDER BY 1"
        )
        return [row[0] for row in await cursor.fetchall()]


async def test_old_months_go_with_a_row_that_says_so_and_the_rest_is_whole(db: Pool) -> None:
    async with db.connection() as conn:
        for days in (0, 1, 40, 130, 165):
            last = await ledger.add(conn, _entry(JUNE + timedelta(days=days)))
        quiet = await ledger.add(conn, _entry(JUNE, ELSEWHERE))
    assert await forget_old(db, 1, lambda: START) == 4
    assert await _months(db) == ["ledger_2026_10", "ledger_2026_11"]
    async with db.connection() as conn:
        [said] = [r for r in await ledger.history(conn, TENANT, "") if r.entry.wish == "forget"]
        assert await find(conn, quiet.hash) == [(ELSEWHERE, 1)]
    assert said.position == 6
    assert said.previous == last.hash
    assert said.entry.reason.startswith("Rows 1 to 3, up to 2026-07-20T09:00:00.000000+00:00, were")
    verdict = await _verdict(db)
    assert (verdict.rows, verdict.forgotten, verdict.broken) == (3, 3, None)
    assert (await _verdict(db, ELSEWHERE)).broken is None

    # Once more, and again later: rows that tell of the first time go too.
    assert await forget_old(db, 1, lambda: START) == 0
    assert (await _verdict(db, ELSEWHERE)).broken is None


async def test_months_that_are_asked_for_stay_whole(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(datetime(2025, 10, 31, 23, 59, tzinfo=UTC)))
        await ledger.add(conn, _entry(datetime(2025, 11, 1, 0, 0, tzinfo=UTC)))
    assert await forget_old(db, 12, lambda: START) == 1
    assert await _months(db) == ["ledger_2025_11", "ledger_2026_11"]


async def test_a_row_of_a_later_time_does_not_let_go_of_the_present(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(START))
        await ledger.add(conn, _entry(datetime(2199, 6, 1, tzinfo=UTC)))
    with pytest.raises(psycopg.errors.RaiseException, match="current month"):
        async with db.connection() as conn:
            await conn.execute(
                "SELECT forget_ledger_months(%s, now())", (datetime(2199, 1, 1, tzinfo=UTC),)
            )
    assert (await _verdict(db)).rows == 2


async def test_the_current_month_is_never_dropped(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(START))
        with pytest.raises(ValueError, match="current month"):
            await forget(conn, before=START, at=START)
    with pytest.raises(psycopg.errors.RaiseException, match="current month"):
        async with db.connection() as conn:
            await conn.execute(
                "SELECT forget_ledger_months(%s, now())", (datetime(2200, 1, 1, tzinfo=UTC),)
            )
    assert (await _verdict(db)).rows == 1


@pytest.mark.parametrize("months", [3, None], ids=["three months", "for good"])
async def test_what_is_to_be_kept_is_dropped_by_nobody(
    db: Pool, owner: psycopg.Connection[Any], months: int | None
) -> None:
    at = datetime.now(UTC)  # which the database asks too
    this_month = datetime(at.year, at.month, 1, tzinfo=UTC)
    asked = _asked("two months ago")
    owner.execute("DELETE FROM ledger_retention")
    if months is not None:
        owner.execute("INSERT INTO ledger_retention VALUES (%s)", (months,))
    async with db.connection() as conn:
        await ledger.add(conn, _entry(this_month - timedelta(days=40)))
        await stored.write(conn, TENANT, asked, at=this_month - timedelta(days=40))
        await stored.write(conn, TENANT, _asked("now"), at=at)
    with pytest.raises(psycopg.errors.RaiseException, match="keeps the ledger since"):
        async with db.connection() as conn:
            await forget(conn, before=this_month, at=at)
    with pytest.raises(psycopg.errors.RaiseException, match="keeps versions since"):
        async with db.connection() as conn:
            await conn.execute("SELECT forget_approval_versions(now())")
    assert (await _verdict(db)).rows == 1
    async with db.connection() as conn:
        assert await stored.version(conn, TENANT, "481", asked.digest) == asked


async def test_months_do_not_go_without_a_row_that_says_so(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(JUNE))
    with pytest.raises(psycopg.errors.RaiseException, match="no row says"):
        async with db.connection() as conn:
            await conn.execute("SELECT forget_ledger_months(%s, now())", (NOVEMBER,))
    verdict = await _verdict(db)
    assert (verdict.rows, verdict.forgotten, verdict.broken) == (1, 0, None)


async def test_whoever_adds_meanwhile_waits_and_follows(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(JUNE))
        await conn.commit()
        dropped = await forget(conn, before=NOVEMBER, at=START)
        async with db.connection() as other:
            await other.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await ledger.add(other, _entry(START))
    assert [(one.position, one.removed) for one in dropped] == [(1, 1)]
    async with db.connection() as conn:
        row = await ledger.add(conn, _entry(START))
    assert row.position == 3
    assert (await _verdict(db)).broken is None


async def test_a_ledger_that_is_being_read_is_left_for_another_day(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, _entry(JUNE))
    async with db.connection() as reading:
        await ledger.of(reading, TENANT, "481")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            async with db.connection() as conn:
                await forget(conn, before=NOVEMBER, at=START)
    assert (await _verdict(db)).rows == 1


async def test_versions_that_nobody_names_any_more_go_and_the_others_stay(db: Pool) -> None:
    old, named, current = _asked("old"), _asked("named"), _asked("current")
    async with db.connection() as conn:
        for asked in (old, named, current):
            await stored.write(conn, TENANT, asked, at=JUNE)
        for at, asked in ((JUNE, old), (START, named)):
            row = await ledger.add(conn, _entry(at, shown=asked.digest))
            assert row.kept
    await forget_old(db, 1, lambda: START)
    async with db.connection() as conn:
        cursor = await conn.execute("SELECT digest FROM approval_versions")
        left = {row[0] for row in await cursor.fetchall()}
        # A click on a card as old as that is no broken ledger.
        late = await ledger.add(conn, _entry(START, shown=old.digest))
    assert left == {named.digest, current.digest}
    assert not late.kept
    assert (await _verdict(db)).broken is None
    with pytest.raises(psycopg.Error):
        async with db.connection() as conn:
            await conn.execute("DELETE FROM approval_versions")


def test_what_a_checkpoint_says_is_exact() -> None:
    checkpoint = Checkpoint(TENANT, 12, "ab" * 32, JUNE, 10)
    assert checkpoint.reason == (
        "Rows 3 to 12, up to 2026-06-10T09:00:00.000000+00:00, were dropped after their time."
        f" The last had the hash {'ab' * 32}."
    )
    assert replace(checkpoint, removed=9).reason != checkpoint.reason
