"""Whatever somebody with every right changes in the ledger is found, and the row is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json

from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.database import Pool
from bot.store.ledger import Entry, Row
from bot.store.ledger.rows import COLUMNS
from bot.store.ledger.verify import Broken, Fault, Verdict, find, tenants, verify
from tests.store.chained import INSERT, following
from tests.workplace import ALEX, ELSEWHERE, MEGAN, START, TENANT

ASKED = Approval.model_validate({"id": 481, "status": "PENDING", "agent_name": "Password Reset"})
ENTRY = Entry(
    tenant=TENANT,
    at=START,
    approval="481",
    person=MEGAN[0],
    person_name=MEGAN[1],
    conversation="a:megan",
    wish="approve",
    outcome="sent",
    reason="",
    comment="client confirmed",
    shown=ASKED.digest,
)


@pytest.fixture
async def rows(db: Pool) -> list[Row]:
    """Five rows of one tenant, a minute apart, and two of another."""
    async with db.connection() as conn:
        await stored.write(conn, TENANT, ASKED, at=START)
        entries = [replace(ENTRY, at=START + timedelta(minutes=n)) for n in range(5)]
        entries += [replace(ENTRY, tenant=ELSEWHERE, approval="77")] * 2
        return [await ledger.add(conn, entry) for entry in entries]


@pytest.fixture
def intruder(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody whom no trigger stops."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        yield conn


async def _verdict(db: Pool, tenant: str = TENANT) -> Verdict:
    async with db.connection() as conn:
        return await verify(conn, tenant)


async def test_a_chain_as_it_was_written_is_whole(db: Pool, rows: list[Row]) -> None:
    assert await _verdict(db) == Verdict(TENANT, 5, 0, 5, rows[4].hash, None)
    assert await _verdict(db, ELSEWHERE) == Verdict(ELSEWHERE, 2, 0, 2, rows[6].hash, None)
    async with db.connection() as conn:
        assert await tenants(conn) == sorted([TENANT, ELSEWHERE])
    assert [row.kept for row in rows] == [True] * 5 + [False] * 2


TAMPERED: dict[str, Any] = {
    "position": 30,
    "tenant": "another",
    "at": START + timedelta(minutes=2, microseconds=1),
    "took_ms": 1,
    "kept": False,
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_change_to_any_column_is_found_and_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any], column: str
) -> None:
    # The names of columns are those of the code above.
    changed = f"UPDATE ledger SET {column} = %s WHERE tenant = %s AND position = 3"  # noqa: S608
    intruder.execute(changed.encode(), (TAMPERED.get(column, ALEX[1]), TENANT))
    broken = (await _verdict(db)).broken
    moved = column in {"position", "tenant"}
    assert broken is not None
    assert (broken.position, broken.approval) == (3, ALEX[1] if column == "approval" else "481")
    assert broken.fault is (Fault.GAP if moved else Fault.HASH)
    assert (await _verdict(db, ELSEWHERE)).broken is None


async def test_every_column_of_the_table_is_part_of_the_hash(
    rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    columns = intruder.execute("SELECT * FROM ledger").description or []
    assert {column.name for column in columns} == set(COLUMNS)


async def test_a_change_that_is_sealed_anew_does_not_fit_the_next_row(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    forged = replace(rows[2].entry, person_name=ALEX[1])
    row = following(forged, last=2, previous=rows[1].hash, kept=True)
    intruder.execute("DELETE FROM ledger WHERE tenant = %s AND position = 3", (TENANT,))
    intruder.execute(INSERT.encode(), row.columns())
    assert (await _verdict(db)).broken == Broken(4, rows[3].entry.at, "481", Fault.HASH)


async def test_a_row_that_was_deleted_is_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    intruder.execute("DELETE FROM ledger WHERE tenant = %s AND position = 3", (TENANT,))
    assert (await _verdict(db)).broken == Broken(3, rows[3].entry.at, "481", Fault.GAP)


async def test_rows_that_changed_places_are_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    intruder.execute(
        "UPDATE ledger SET position = 5 - position WHERE tenant = %s AND position IN (2, 3)",
        (TENANT,),
    )
    broken = (await _verdict(db)).broken
    assert broken == Broken(2, rows[2].entry.at, "481", Fault.HASH)


async def test_a_row_that_stands_twice_is_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    again = following(
        replace(rows[2].entry, at=START + timedelta(minutes=9)),
        last=2,
        previous=rows[1].hash,
        kept=True,
    )
    intruder.execute(INSERT.encode(), again.columns())
    assert (await _verdict(db)).broken == Broken(3, again.entry.at, "481", Fault.ORDER)


async def test_a_tail_that_was_cut_off_does_not_reach_the_head(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    intruder.execute("DELETE FROM ledger WHERE tenant = %s AND position > 3", (TENANT,))
    assert (await _verdict(db)).broken == Broken(4, rows[2].entry.at, "", Fault.HEAD)


async def test_a_tail_that_was_cut_off_with_its_head_is_found_by_a_noted_hash(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    intruder.execute("DELETE FROM ledger WHERE tenant = %s AND position > 3", (TENANT,))
    intruder.execute(
        "UPDATE ledger_heads SET position = 3, hash = %s, at = %s WHERE tenant = %s",
        (rows[2].hash, rows[2].entry.at, TENANT),
    )
    assert (await _verdict(db)).broken is None
    async with db.connection() as conn:
        assert await find(conn, rows[2].hash) == [(TENANT, 3)]
        assert await find(conn, rows[4].hash) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_heads SET hash = 'x'",
        "UPDATE ledger_heads SET position = 6",
        "UPDATE ledger_heads SET at = now() + interval '1000 years'",
        "DELETE FROM ledger_heads",
    ],
)
async def test_a_head_that_was_changed_is_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any], change: str
) -> None:
    intruder.execute(change.encode())
    assert (await _verdict(db)).broken == Broken(6, rows[4].entry.at, "", Fault.HEAD)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM approval_versions", Fault.VERSION_MISSING),
        (
            """UPDATE approval_versions SET body = '{"id": 481, "agent_name": "Disk Cleanup"}'""",
            Fault.VERSION_CHANGED,
        ),
        ("UPDATE approval_versions SET body = '[]'", Fault.VERSION_CHANGED),
        ("UPDATE approval_versions SET digest = 'another'", Fault.VERSION_MISSING),
    ],
)
async def test_a_version_that_was_shown_and_is_changed_or_gone_is_named(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any], change: str, fault: Fault
) -> None:
    intruder.execute(change.encode())
    assert (await _verdict(db)).broken == Broken(1, START, "481", fault)
    assert (await _verdict(db, ELSEWHERE)).broken is None


OTHERWISE: dict[str, Any] = {
    "requested_for": {"id": "adele", "name": "Adele Vance"},
    "approvers": [{"user_id": "x", "user_name": "The CEO"}],
    "decided_by": {"id": "x", "name": "The CEO"},
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "a field that Neo adds later": 1,
}


@pytest.mark.parametrize("field", [*Approval.model_fields, "a field that Neo adds later"])
async def test_all_of_a_version_is_covered_but_how_it_stood_and_who_decided(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any], field: str
) -> None:
    changed = Json({field: OTHERWISE.get(field, "another")})
    intruder.execute(
        "UPDATE approval_versions SET body = (body::jsonb || %s::jsonb)::json", (changed,)
    )
    covered = field not in {"status", "decided_by"}  # as docs/decisions/ledger.md says
    assert (await _verdict(db)).broken == (
        Broken(1, START, "481", Fault.VERSION_CHANGED) if covered else None
    )


async def test_rows_that_are_cut_off_in_front_need_a_row_that_says_so(
    db: Pool, rows: list[Row], intruder: psycopg.Connection[Any]
) -> None:
    last = rows[2]
    intruder.execute("DELETE FROM ledger WHERE tenant = %s AND position <= 3", (TENANT,))
    intruder.execute(
        "INSERT INTO ledger_checkpoints VALUES (%s, 3, %s, %s, 3, now())",
        (TENANT, last.hash, last.entry.at),
    )
    assert (await _verdict(db)).broken == Broken(3, last.entry.at, "", Fault.CHECKPOINT)


async def test_a_ledger_of_many_rows_is_read_a_few_at_a_time(
    db: Pool, intruder: psycopg.Connection[Any]
) -> None:
    row, many = Row(0, ENTRY, kept=False, previous="", hash=""), []
    for number in range(1300):
        at = START + timedelta(seconds=number)
        row = following(replace(ENTRY, at=at), last=row.position, previous=row.hash, kept=False)
        many.append(row.columns())
    intruder.execute("SELECT make_ledger_month(%s)", (START,))
    with intruder.cursor() as cursor:
        cursor.executemany(INSERT.encode(), many)
    intruder.execute("INSERT INTO ledger_heads VALUES (%s, 1300, %s, %s)", (TENANT, row.hash, at))
    verdict = await _verdict(db)
    assert (verdict.rows, verdict.hash, verdict.broken) == (1300, row.hash, None)
