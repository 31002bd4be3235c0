"""The ledger of an older release is carried over into the chain, in its order."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Json

import bot.store
from bot.neo.models import Approval
from bot.store import ledger
from bot.store.database import connected
from bot.store.ledger.verify import verify
from tests.workplace import ELSEWHERE, MEGAN, START, TENANT

ASKED = Approval.model_validate({"id": 481, "status": "PENDING"})


def _as_of(url: str, revision: str) -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__path__[0]) / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _old_rows(conn: psycopg.Connection[Any]) -> None:
    conn.execute(
        "INSERT INTO approval_versions VALUES (%s, '481', %s, %s, %s)",
        (TENANT, ASKED.digest, Json(ASKED.model_dump(mode="json", by_alias=True)), START),
    )
    with conn.cursor() as cursor:
        # The third from a replica whose clock was late; the fourth in the next month.
        for tenant, minutes, shown in (
            (TENANT, 0, ASKED.digest),
            (ELSEWHERE, 1, ASKED.digest),
            (TENANT, 5, "a version that was not kept then"),
            (TENANT, 3, ""),
            (TENANT, 20_000, ""),
        ):
            cursor.execute(
                """
                INSERT INTO ledger (tenant, at, approval, person, person_name, conversation, wish,
                    outcome, reason, comment, shown, request_id)
                VALUES (%s, %s, '481', %s, %s, 'a:megan', 'approve', 'refused', 'why', 'so', %s,
                    'req_1')
                """,
                (tenant, START + timedelta(minutes=minutes), *MEGAN, shown),
            )


async def test_old_rows_are_carried_over_sealed_and_in_order(postgresql: str) -> None:
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute("CREATE DATABASE of_an_older_release")
    url = make_conninfo(postgresql, dbname="of_an_older_release")
    _as_of(url, "0003")
    with psycopg.connect(url) as conn:
        _old_rows(conn)
    async with connected(url) as pool, pool.connection() as conn_:
        rows = await ledger.history(conn_, TENANT, "481")
        added = await ledger.add(conn_, rows[0].entry)
        verdicts = [await verify(conn_, tenant) for tenant in (TENANT, ELSEWHERE)]
    assert [row.position for row in rows] == [1, 2, 3, 4]
    minutes = [(row.entry.at - START) / timedelta(minutes=1) for row in rows]
    assert minutes == [0, 5, 5, 20_000]
    assert [row.kept for row in rows] == [True, False, False, False]
    first = rows[0].entry
    assert (first.person, first.person_name) == MEGAN
    assert (first.reason, first.comment, first.request_id) == ("why", "so", "req_1")
    assert (first.shown, first.scope, first.took_ms) == (ASKED.digest, "", None)
    assert (added.position, added.previous) == (5, rows[3].hash)
    assert [(one.rows, one.broken) for one in verdicts] == [(5, None), (1, None)]


def test_no_migration_leans_on_code_that_goes_on_changing() -> None:
    versions = Path(bot.store.__path__[0]) / "migrations" / "versions"
    found = re.compile(r"^\s*(?:from|import) bot\b", re.MULTILINE)
    texts = {path.name: path.read_text(encoding="utf-8") for path in versions.glob("0*.py")}
    assert len(texts) >= 7
    assert [name for name, text in texts.items() if found.search(text)] == []
