"""What every test may ask for: a PostgreSQL of its own, cloned from a template in milliseconds."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bot.store.database import Pool, migrate, pooled, private_postgresql

_TEMPLATE = "template_migrated"
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server whose template database has every table.

    Not in pytest's own temporary folder: each session of pytest closes that to other accounts,
    and where root runs the tests, PostgreSQL runs under one.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        private_postgresql(Path(folder)) as url,
    ):
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(make_conninfo(url, dbname=_TEMPLATE))
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
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield make_conninfo(postgresql, dbname=name)
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Pool]:
    """A pool on an empty, migrated database."""
    pool = pooled(database_url, size=10)
    await pool.open(wait=True)
    yield pool
    await pool.close()


@pytest.fixture
def repository() -> Path:
    """The top folder."""
    return Path(__file__).parent.parent


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder, outside pytest's own (see `postgresql`)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)
