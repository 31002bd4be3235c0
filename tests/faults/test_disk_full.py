"""No room left: in the database, for the log, in the data folder."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from bot.store.database import did_not_start
from tests.app.service import REPOSITORY, cards, click
from tests.faults.house import StandIns, is_recorded, living_in
from tests.microsoft import MEGAN, PERSONAL

PEOPLE = [(MEGAN.object_id, MEGAN.name)]
_FULL = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device'
            USING ERRCODE = 'disk_full';
    END $$
"""


def _tables(conn: psycopg.Connection[Any]) -> list[str]:
    found = conn.execute(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename NOT LIKE 'ledger_%'"
    )
    return [name for (name,) in found]


def _fills(database_url: str) -> None:
    """Every INSERT fails as it does on a full disk; what was there can be read."""
    with psycopg.connect(database_url) as conn:
        conn.execute(_FULL)
        for table in _tables(conn):
            trigger = "CREATE TRIGGER no_room BEFORE INSERT ON {} EXECUTE FUNCTION no_room()"
            conn.execute(sql.SQL(trigger).format(sql.Identifier(table)))


def _has_room(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("DROP FUNCTION no_room CASCADE")


async def test_with_the_databases_disk_full_people_are_told_and_nothing_is_decided_or_lost(
    stand_ins: StandIns, database_url: str
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins) as house:
        await house.told("follow failures")
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL))
        (card,) = cards(microsoft, PERSONAL)
        await is_recorded(database_url, card.id)
        _fills(database_url)
        said = await house.told("agents")
        assert "cannot use its own database" in said
        assert "Nothing was changed. Try again in a minute." in said
        answer = await house.hears(click(microsoft, card, "Approve"))
        assert "Nothing was changed." in answer.json()["value"]
        neo.fails_run(agent="Mailbox Permissions", error="The directory does not answer.")
        _has_room(database_url)
        assert "16 agents" in await house.told("agents")
        answer = await house.hears(click(microsoft, card, "Approve"))
        assert "Approved by Megan Bowen" in str(answer.json()["value"])
        await microsoft.until(
            lambda: any("The directory does not answer." in m.summary for m in microsoft.messages)
        )
        assert neo.decisions == [(481, "approve")]


@pytest.mark.parametrize("log", ["full", "closed", "broken"])
async def test_a_log_that_takes_no_line_keeps_nobody_from_an_answer(
    stand_ins: StandIns, log: str
) -> None:
    microsoft = stand_ins.microsoft
    port = _free_port()
    stand_ins.environment["PORT"] = str(port)
    command = f"exec {sys.executable} -m bot run"
    if log != "broken":
        command += {"full": " 2>/dev/full", "closed": " 2>&-"}[log]
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", command),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"]} | stand_ins.environment,
        stderr=PIPE,
    )
    assert process.stderr
    if log == "broken":
        process.stderr._transport.close()  # type: ignore[attr-defined]
    try:
        await _answers(stand_ins, port)
        assert "16 agents" in microsoft.messages[-1].summary
    finally:
        process.terminate()
    try:
        async with asyncio.timeout(40):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(stand_ins: StandIns, port: int) -> None:
    """Ask as soon as it listens, which no log says."""
    microsoft = stand_ins.microsoft
    headers = {"Authorization": f"Bearer {microsoft.token()}"}
    activity = microsoft.activity(text="agents")
    async with asyncio.timeout(40), httpx.AsyncClient(timeout=20) as http:
        while True:
            with suppress(httpx.ConnectError):
                url = f"http://127.0.0.1:{port}/api/messages"
                answer = await http.post(url, json=activity, headers=headers)
                assert answer.status_code == 200
                break
            await asyncio.sleep(0.1)
    await microsoft.until(lambda: microsoft.messages)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_private_database_without_room_says_so() -> None:
    folder, error = Path("/data/postgresql"), OSError(errno.ENOSPC, "No space left on device")
    full = did_not_start(folder, error, free_bytes=5_000_000)
    assert "There are 5 MB left on that disk; it needs some 100." in full
    assert "/data/postgresql" in full
    assert "DATABASE_URL" in full
    assert "disk" not in did_not_start(folder, error, free_bytes=10**10)
