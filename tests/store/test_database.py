"""Tables are made once, and a private PostgreSQL lives exactly as long as somebody uses it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bot.errors import ConfigurationError
from bot.store.database import (
    Pool,
    connected,
    migrate,
    pooled,
    private_postgresql,
    single,
    transaction,
)


def _fresh(postgresql: str, name: str) -> str:
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    return make_conninfo(postgresql, dbname=name)


def _versions(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [row[0] for row in conn.execute("SELECT version_num FROM alembic_version")]


def test_tables_that_are_up_to_date_stay_as_they_are(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("INSERT INTO signing_keys VALUES ('northwind', 'k')")
    before = _versions(database_url)
    migrate(database_url)
    assert _versions(database_url) == before
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT count(*) FROM signing_keys").fetchone() == (1,)


async def test_replicas_that_start_at_once_make_the_tables_once(postgresql: str) -> None:
    url = _fresh(postgresql, "at_once")
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))
    assert len(_versions(url)) == 1


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    url = "postgresql://neo:hush-hush@127.0.0.1:1/neo"
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1 .*DATABASE_URL") as caught:
        async with connected(url):
            pass
    assert "hush-hush" not in str(caught.value)


async def test_a_database_in_which_nothing_may_be_made_says_so(postgresql: str) -> None:
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute("CREATE ROLE reader LOGIN PASSWORD 'hush-hush'")
    url = make_conninfo(_fresh(postgresql, "not_ours"), user="reader", password="hush-hush")
    with pytest.raises(ConfigurationError, match="may not") as caught:
        async with connected(url):
            pass
    assert "hush-hush" not in str(caught.value)


_USES = """
import sys
from pathlib import Path
from bot.store.database import private_postgresql
with private_postgresql(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def _user_of(folder: Path, repository: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- this Python and the program above
        [sys.executable, "-c", _USES, str(folder)],
        cwd=repository,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _server_of(folder: Path) -> psutil.Process:
    written = (folder / "postgresql" / "postmaster.pid").read_text(encoding="utf-8")
    return psutil.Process(int(written.splitlines()[0]))


def test_a_private_database_is_shared_and_ends_with_its_last_user_even_after_a_kill(
    data_dir: Path, repository: Path
) -> None:
    with private_postgresql(data_dir) as mine:
        server = _server_of(data_dir)
        with _user_of(data_dir, repository) as other, _user_of(data_dir, repository) as killed:
            for user in (other, killed):
                assert user.stdout
                assert user.stdout.readline().strip() == mine
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait(10)
            with psycopg.connect(mine) as conn:
                assert conn.execute("SELECT 1").fetchone() == (1,)
            other.communicate(timeout=20)
        assert other.returncode == 0
        # The server outlives the two, for it is still used here.
        assert server.is_running()
        with psycopg.connect(mine) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        with private_postgresql(data_dir) as again:
            assert again == mine
    gone, _ = psutil.wait_procs([server], timeout=15)
    assert gone == [server]


def test_a_data_folder_that_cannot_be_used_is_named(data_dir: Path) -> None:
    file = data_dir / "not-a-folder"
    file.write_text("", encoding="utf-8")
    with (
        pytest.raises(ConfigurationError, match=r"not-a-folder.*DATABASE_URL"),
        private_postgresql(file),
    ):
        pass


async def test_a_transaction_sent_in_one_go_is_all_or_nothing(db: Pool) -> None:
    async def add(*names: str, fault: Exception | None = None) -> None:
        async with transaction(db) as conn:
            for name in names:
                await conn.execute("INSERT INTO signing_keys VALUES (%s, 'k')", (name,))
            if fault is not None:
                raise fault

    await add("northwind", "fabrikam")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await add("adatum", "fabrikam")
    with pytest.raises(ZeroDivisionError):
        await add("tailspin", fault=ZeroDivisionError())
    assert await _tenants(db) == ["fabrikam", "northwind"]


async def test_a_connection_for_single_statements_comes_back_as_one_for_transactions(
    postgresql: str,
) -> None:
    async with connected(_fresh(postgresql, "singles"), size=1) as pool:
        async with single(pool) as conn:
            await conn.execute("INSERT INTO signing_keys VALUES ('northwind', 'k')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                await conn.execute("INSERT INTO signing_keys VALUES ('northwind', 'k')")
        started = asyncio.Event()

        async def waits() -> None:
            async with single(pool) as conn:
                started.set()
                await conn.execute("SELECT pg_sleep(60)")

        waiting = asyncio.create_task(waits())
        await started.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with pool.connection() as conn:
            await conn.execute("INSERT INTO signing_keys VALUES ('adatum', 'k')")
            await conn.rollback()
        assert await _tenants(pool) == ["northwind"]


async def _tenants(pool: Pool) -> list[str]:
    async with single(pool) as conn:
        cursor = await conn.execute("SELECT tenant FROM signing_keys ORDER BY tenant")
        return [row[0] for row in await cursor.fetchall()]


async def test_whoever_was_cut_off_leaves_nobody_without_transactions(database_url: str) -> None:
    pool = pooled(database_url, size=1)
    await pool.open(wait=True)
    # As the pool itself leaves it when its taker is cancelled while it asks whether it is alive.
    async with pool.connection() as conn:
        await conn.set_autocommit(True)
    async with pool.connection() as conn:
        assert not conn.autocommit
    await pool.close()
