"""The ledger: rows follow each other without gaps, and nobody changes one."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.database import Pool, connected, migrate, pooled
from bot.store.ledger import Entry
from bot.store.ledger.verify import tenants, verify
from tests.store.chained import INSERT, following
from tests.workplace import ELSEWHERE, MEGAN, START, TENANT

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
    shown="",
)
GUARDED = ["ledger", "ledger_2026_11", "ledger_checkpoints", "approval_versions"]
CHANGES = ["UPDATE {} SET tenant = 'x'", "DELETE FROM {}", "TRUNCATE {}"]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "\\",
        "\\u0041",
        "\x01\x1f\x7f",
        "\t\n\r\b\f",
        "\u2028\u200b\ufeff",
        "ß 中 \U0001f642",
        "%s",
    ],
    ids=ascii,
)
async def test_the_database_hashes_a_row_as_it_is_checked(db: Pool, text: str) -> None:
    texts: dict[str, Any] = {f.name: text for f in fields(ENTRY) if f.type.startswith("str")}
    odd = replace(ENTRY, **texts, wish="approve", outcome="sent", took_ms=-3)
    async with db.connection() as conn:
        for entry in (odd, replace(odd, request_id=None, took_ms=None)):
            row = await ledger.fetched(await ledger.add_and_commit(conn, entry))
            assert row.entry == entry
            assert row.seal() == row.hash
        assert (await verify(conn, text)).broken is None


async def test_rows_follow_each_other_and_say_all_that_was_written(db: Pool) -> None:
    whole = replace(
        ENTRY,
        request_id="req_1",
        for_person="adele",
        for_name="Adele Vance",
        scope="personal",
        sent="Approved by Megan Bowen",
        answered="APPROVED",
        took_ms=112,
    )
    async with db.connection() as conn:
        first = await ledger.add(conn, whole)
        second = await ledger.add(conn, replace(ENTRY, outcome="decided"))
        other = await ledger.add(conn, replace(ENTRY, tenant=ELSEWHERE))
        assert await ledger.history(conn, TENANT, "481") == [first, second]
        assert await ledger.of(conn, TENANT, "481") == [whole, second.entry]
    assert [first.position, second.position, other.position] == [1, 2, 1]
    assert [first.previous, second.previous, other.previous] == ["", first.hash, ""]
    assert len({first.hash, second.hash, other.hash}) == 3


def test_the_format_of_the_hash_stays_for_good() -> None:
    row = following(ENTRY, last=0, previous="", kept=False)
    assert row.hash == "d2ba37c9a3f369c0ad2c6d75425ffc635d5d792a8106448679d0c2df53a082aa"


def test_what_a_person_was_shown_keeps_its_digest_for_good() -> None:
    body = {"id": 481, "agent_name": "Password Reset", "created_at": "2026-11-23T14:00:00Z"}
    assert (
        Approval.model_validate(body).digest
        == "80f20cd33e5619de3509d1a1c52e81fc44e2134385a330efd801e2e25944a967"
    )


def test_no_text_passes_for_two_fields() -> None:
    def sealed(**fields: Any) -> str:
        return following(replace(ENTRY, **fields), last=0, previous="", kept=False).hash

    pairs = [("a", "b"), ('a","b', ""), ("", 'a","b'), ("ab", ""), ("", "ab"), ('a"', "b")]
    assert len({sealed(reason=one, comment=other) for one, other in pairs}) == len(pairs)
    assert sealed(request_id=None) != sealed(request_id="")
    assert sealed(request_id=None) != sealed(request_id="null")


async def test_time_never_goes_back_in_a_chain(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, ENTRY)
        late = await ledger.add(conn, replace(ENTRY, at=START - timedelta(days=40)))
        assert late.entry.at == START
        assert (await verify(conn, TENANT)).broken is None


async def test_a_month_that_nobody_prepared_is_there_when_it_is_needed(database_url: str) -> None:
    first, second = pooled(database_url, size=4), pooled(database_url, size=4)
    await first.open(wait=True)
    await second.open(wait=True)

    async def one(number: int) -> None:
        async with (first, second)[number % 2].connection() as conn:
            at = datetime(2031, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
            entry = replace(ENTRY, tenant=f"tenant {number}", at=at)
            await ledger.add(conn, entry)
            await ledger.add(conn, replace(entry, at=at + timedelta(microseconds=1)))

    await asyncio.gather(*map(one, range(8)))
    with psycopg.connect(database_url) as conn:
        months = conn.execute(
            "SELECT tableoid::regclass::text, count(*) FROM ledger GROUP BY 1 ORDER BY 1"
        ).fetchall()
    await first.close()
    await second.close()
    assert months == [("ledger_2031_02", 8), ("ledger_2031_03", 8)]


async def test_fifty_at_once_over_two_pools_leave_no_gap(database_url: str) -> None:
    first, second = pooled(database_url, size=10), pooled(database_url, size=10)
    await first.open(wait=True)
    await second.open(wait=True)

    async def one(number: int) -> None:
        async with (first, second)[number % 2].connection() as conn:
            at = START + timedelta(seconds=number * (-1) ** number)
            await ledger.add(conn, replace(ENTRY, at=at))
            if number % 5 == 0:
                await conn.rollback()  # what is taken back leaves no gap either

    await asyncio.gather(*map(one, range(50)))
    async with first.connection() as conn:
        verdict = await verify(conn, TENANT)
    await first.close()
    await second.close()
    assert (verdict.rows, verdict.position, verdict.broken) == (40, 40, None)


async def test_what_no_text_column_takes_does_not_lose_a_row(db: Pool) -> None:
    async with db.connection() as conn:
        row = await ledger.add(conn, replace(ENTRY, comment="it said\0 \ud800"))
        assert row.entry.comment == "it said ?"
        assert (await verify(conn, TENANT)).broken is None


async def test_each_row_is_witnessed_by_the_log_without_a_word_of_it(db: Pool) -> None:
    with capture_logs() as logged:
        async with db.connection() as conn:
            row = await ledger.add(conn, ENTRY)
    added = [line for line in logged if line["event"] == "ledger.added"]
    assert added == [
        {
            "event": "ledger.added",
            "log_level": "info",
            "tenant": TENANT,
            "position": 1,
            "hash": row.hash,
            "approval": "481",
            "person": MEGAN[0],
            "wish": "approve",
            "outcome": "sent",
        }
    ]


async def test_a_row_that_does_not_follow_the_last_one_is_refused(db: Pool) -> None:
    async with db.connection() as conn:
        row = await ledger.add(conn, ENTRY)
    ahead = following(ENTRY, last=2, previous=row.hash, kept=False)
    aside = following(ENTRY, last=1, previous="another", kept=False)
    early = replace(ENTRY, at=START - timedelta(days=1))
    before = following(early, last=1, previous=row.hash, kept=False)
    for wrong in (ahead, aside, before):
        with pytest.raises(psycopg.errors.RaiseException, match="does not follow"):
            async with db.connection() as conn:
                await conn.execute(INSERT.encode(), wrong.columns())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", GUARDED)
async def test_the_bots_role_may_change_nothing(db: Pool, table: str, change: str) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, ENTRY)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with db.connection() as conn:
            await conn.execute(sql.SQL(change).format(sql.Identifier(table)))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_heads SET position = 0",
        "DELETE FROM bot_role",
        "INSERT INTO ledger_retention VALUES (1)",
        "UPDATE ledger_retention SET months = 1",
    ],
)
async def test_the_bots_role_moves_no_head_no_role_and_no_bound(db: Pool, change: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with db.connection() as conn:
            await conn.execute(change.encode())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", GUARDED)
async def test_a_trigger_refuses_even_the_owner_of_everything(
    db: Pool, database_url: str, table: str, change: str
) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, ENTRY)
    with (
        psycopg.connect(database_url) as owner,
        pytest.raises(psycopg.errors.RaiseException, match="only ever added to"),
    ):
        owner.execute(sql.SQL(change).format(sql.Identifier(table)))


async def test_the_bots_role_does_all_the_rest_and_cannot_log_in(
    db: Pool, database_url: str
) -> None:
    approval = Approval.model_validate({"id": 481, "status": "PENDING"})
    async with db.connection() as conn:
        await stored.write(conn, TENANT, approval, at=START)
        await conn.execute(
            "INSERT INTO procrastinate_jobs (task_name, queue_name) VALUES ('t','q')"
        )
        await conn.execute("DELETE FROM procrastinate_jobs")
        cursor = await conn.execute("SELECT current_user, session_user")
        role, login = await cursor.fetchone() or ("", "")
    assert role.startswith("neo_bot_")
    assert role != login
    with psycopg.connect(database_url) as conn_:
        found = conn_.execute(
            "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = %s", (role,)
        ).fetchone()
    assert found == (False, False)


def _account(postgresql: str, name: str, *, may_make_roles: bool) -> str:
    """A database of its own for an account that is no superuser."""
    with psycopg.connect(postgresql, autocommit=True) as conn:
        more = "CREATEROLE" if may_make_roles else ""
        conn.execute(f"CREATE ROLE {name} LOGIN {more} PASSWORD 'hush-hush'".encode())
        conn.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
    return make_conninfo(postgresql, dbname=name, user=name, password="hush-hush")


@pytest.mark.parametrize("may_make_roles", [True, False])
async def test_an_account_that_is_no_superuser_is_guarded_too(
    postgresql: str, *, may_make_roles: bool
) -> None:
    name = f"account_{may_make_roles}".lower()
    url = _account(postgresql, name, may_make_roles=may_make_roles)
    for months in (12, 24, 24, None):
        migrate(url, ledger_months=months)
        with psycopg.connect(url) as owner:
            assert owner.execute("SELECT max(months) FROM ledger_retention").fetchone() == (months,)
    pool = pooled(url, size=2)
    await pool.open(wait=True)
    async with pool.connection() as conn:
        await ledger.add(conn, ENTRY)
        await ledger.add(conn, replace(ENTRY, at=START + timedelta(days=40)))
        cursor = await conn.execute("SELECT current_user <> session_user")
        assert await cursor.fetchone() == (may_make_roles,)
        assert (await verify(conn, TENANT)).broken is None
    for change in (
        "DELETE FROM ledger",
        "DELETE FROM ledger_2026_11",
        "TRUNCATE approval_versions",
        "DELETE FROM ledger_retention",
        "INSERT INTO ledger_retention VALUES (1)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with pool.connection() as conn:
                await conn.execute(change.encode())
    await pool.close()


def test_two_databases_on_one_server_have_roles_of_their_own(postgresql: str) -> None:
    roles = []
    for name in ("one_of_two", "two_of_two"):
        with psycopg.connect(postgresql, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}".encode())
        url = make_conninfo(postgresql, dbname=name)
        migrate(url)
        with psycopg.connect(url) as conn:
            roles += conn.execute("SELECT name FROM bot_role").fetchall()
    assert len(set(roles)) == 2


def test_a_restored_database_gets_a_role_of_this_server(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE bot_role SET name = 'neo_bot_of_another_server'")
    migrate(database_url)
    with psycopg.connect(database_url) as conn:
        roles = conn.execute("SELECT name FROM bot_role JOIN pg_roles ON rolname = name").fetchall()
    assert len(roles) == 1


async def test_an_empty_ledger_has_no_tenants(db: Pool) -> None:
    async with db.connection() as conn:
        assert await tenants(conn) == []


async def test_a_login_with_nothing_but_the_bots_role_is_enough_for_the_service(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as owner:
        [role] = owner.execute("SELECT name FROM bot_role").fetchone() or ("",)
        owner.execute("CREATE ROLE narrow LOGIN PASSWORD 'hush-hush'")
        owner.execute(sql.SQL("GRANT {} TO narrow").format(sql.Identifier(role)))
    url = make_conninfo(database_url, user="narrow", password="hush-hush")
    with capture_logs() as logged:
        async with connected(url, ledger_months=1) as one, one.connection() as conn:
            assert (await ledger.add(conn, ENTRY)).position == 1
            cursor = await conn.execute("SELECT FROM ledger_retention")
            assert await cursor.fetchall() == []
    assert "ledger.months_not_set" in [line["event"] for line in logged]
    for change in ("DELETE FROM ledger", "ALTER TABLE ledger DISABLE TRIGGER ALL"):
        with psycopg.connect(url) as login, pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(change.encode())
    with psycopg.connect(database_url) as owner:
        owner.execute("DROP ROLE narrow")
