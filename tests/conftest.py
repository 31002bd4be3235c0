"""What every test may ask for: a PostgreSQL of its own, cloned from a template in milliseconds."""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo

from bot.store.database import Pool, migrate, pooled, private_postgresql

_TEMPLATE = "template_migrated"
_numbers = count(1)

# What is lost when the machine loses power, no test is about; waiting for the disk took longer than
# many a test.
_CARELESS = (
    "fsync = off",
    "full_page_writes = off",
    "autovacuum = off",
    "max_wal_size = '256MB'",
)

_IN_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30  # noqa: S108 -- folders in it have random names


# Whether a machine is busy, and what is measured of the code meanwhile, is no fault of an example.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; and what was collected lives to the end: it is no garbage to look for."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    gc.collect()
    gc.freeze()


def _folder() -> tempfile.TemporaryDirectory[str]:
    """For a database: in memory, where there is room, for some disks take seconds to start one.

    Not in pytest's own temporary folder: each session of pytest closes that to other accounts,
    and where root runs the tests, PostgreSQL runs under one.
    """
    roomy = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ROOM_BYTES
    return tempfile.TemporaryDirectory(
        dir=_IN_MEMORY if roomy else None, ignore_cleanup_errors=True
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Tests that are marked so run without being measured, which doubles the time of some.

    pytest-cov's own mark does nothing in a worker: there, another measurement goes on below.
    """
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    measures = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(measures)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server whose template database has every table."""
    with (
        _folder() as folder,
        private_postgresql(Path(folder)) as url,
    ):
        with psycopg.connect(url, autocommit=True) as conn:
            for setting in _CARELESS:
                conn.execute(f"ALTER SYSTEM SET {setting}")
            conn.execute("SELECT pg_reload_conf()")
            conn.execute(f"CREATE DATABASE {_TEMPLATE}")
        template = make_conninfo(url, dbname=_TEMPLATE)
        migrate(template)
        # Whoever comes first writes down what a connection has to know; each clone gets a copy.
        psycopg.connect(template).close()
        yield url


@pytest.fixture
def database_url(postgresql: str) -> Iterator[str]:
    """The URL of an empty, migrated database."""
    with cloned(postgresql) as url:
        yield url


@contextmanager
def cloned(postgresql: str) -> Iterator[str]:
    """An empty, migrated database on that server."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    yield make_conninfo(postgresql, dbname=name)
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Pool]:
    """A pool on an empty, migrated database; it opens a connection when one is needed."""
    pool = pooled(database_url, size=10, ready=1)
    await pool.open(wait=True)
    yield pool
    await pool.close()


@pytest.fixture
def repository() -> Path:
    """The top folder."""
    return Path(__file__).parent.parent


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder, in which a private database can be."""
    with _folder() as folder:
        yield Path(folder)
