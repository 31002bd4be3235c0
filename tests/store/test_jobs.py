"""Jobs run once what was committed, again what failed in passing, and outlive a dead worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from procrastinate.jobs import DeleteJobCondition

from bot.errors import (
    ConversationClosed,
    MessageGone,
    NeoRateLimited,
    NeoUnavailable,
    SendLater,
    SendRejected,
)
from bot.store.database import Pool
from bot.store.jobs import LONGEST_WAIT, MOST_TRIES, UNFORESEEN_TRIES, Jobs, after_failure, opened
from tests.workplace import TENANT


@pytest.fixture
async def jobs(db: Pool) -> AsyncIterator[Jobs]:
    async with opened(db) as running:
        yield running


async def _works(jobs: Jobs) -> None:
    await jobs.engine.run_worker_async(
        wait=False,
        install_signal_handlers=False,
        listen_notify=False,
        delete_jobs=DeleteJobCondition.SUCCESSFUL,
    )


async def _waiting(db: Pool) -> list[tuple[str, str]]:
    async with db.connection() as conn:
        cursor = await conn.execute(
            "SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id"
        )
        return [(name, status) for name, status in await cursor.fetchall()]


@pytest.mark.parametrize(
    ("error", "tries", "wait"),
    [
        (ConversationClosed("removed", status=403), 1, None),
        (MessageGone("gone", status=404), 1, None),
        (SendRejected("too large", status=413), 1, None),
        (SendLater("busy", status=429, retry_after_seconds=90), 1, 90),
        (SendLater("busy", status=429, retry_after_seconds=1), 4, 16),
        (SendLater("busy", status=503), 3, 8),
        (NeoUnavailable("away", operation="x"), 1, 2),
        (NeoUnavailable("away", operation="x"), 5, 32),
        (NeoUnavailable("away", operation="x"), 900, LONGEST_WAIT.total_seconds()),
        (ConnectionResetError("database away"), 900, LONGEST_WAIT.total_seconds()),
        (NeoRateLimited("spent", operation="x", retry_after_seconds=45), 2, 45),
        (KeyError("nobody foresaw this"), 2, 4),
        (KeyError("nobody foresaw this"), UNFORESEEN_TRIES, None),
        (SendLater("busy", status=429, retry_after_seconds=5), MOST_TRIES, None),
        (SendLater("busy", retry_after_seconds=float("inf")), 1, 24 * 3600),
    ],
)
def test_a_failed_job_runs_again_after_a_while_or_never(
    error: Exception, tries: int, wait: float | None
) -> None:
    expected = None if wait is None else timedelta(seconds=wait)
    assert after_failure(error, tries=tries) == expected


async def test_a_job_of_a_transaction_that_was_rolled_back_never_runs(db: Pool, jobs: Jobs) -> None:
    ran: list[str] = []

    async def do(*, what: str) -> None:
        ran.append(what)

    jobs.register("test.do", do)
    async with db.connection() as conn:
        async with conn.transaction(force_rollback=True):
            await jobs.defer(conn, "test.do", what="spoilt")
        await jobs.defer(conn, "test.do", what="kept")
    await _works(jobs)
    assert ran == ["kept"]


async def test_jobs_for_one_conversation_run_one_after_another_in_order(
    db: Pool, jobs: Jobs
) -> None:
    told: list[str] = []

    async def do(*, number: int) -> None:
        told.append(f"begin {number}")
        await asyncio.sleep(0)
        told.append(f"end {number}")

    jobs.register("test.do", do)
    async with db.connection() as conn:
        for number in (1, 2, 3):
            await jobs.defer(conn, "test.do", lock="one chat", number=number)
    await _works(jobs)
    assert told == [f"{what} {n}" for n in (1, 2, 3) for what in ("begin", "end")]


async def test_a_job_that_fails_in_passing_waits_and_one_that_cannot_succeed_does_not(
    db: Pool, jobs: Jobs
) -> None:
    async def later() -> None:
        raise SendLater("busy", status=429, retry_after_seconds=30)

    async def never() -> None:
        raise SendRejected("too large", status=413)

    jobs.register("test.later", later)
    jobs.register("test.never", never)
    async with db.connection() as conn:
        await jobs.defer(conn, "test.later")
        await jobs.defer(conn, "test.never")
    await _works(jobs)
    assert await _waiting(db) == [("test.later", "todo"), ("test.never", "failed")]
    async with db.connection() as conn:
        cursor = await conn.execute(
            "SELECT scheduled_at - now() FROM procrastinate_jobs WHERE status = 'todo'"
        )
        row: Any = await cursor.fetchone()
    assert timedelta(seconds=20) < row[0] <= timedelta(seconds=30)


async def test_a_job_wakes_workers_only_if_it_is_due(db: Pool, jobs: Jobs) -> None:
    async with db.connection() as conn:
        await conn.set_autocommit(True)
        await conn.execute("LISTEN procrastinate_any_queue_v1")
        await jobs.defer(conn, "test.later", after=timedelta(seconds=2))
        await jobs.defer(conn, "test.now")
        woken = [json.loads(one.payload) async for one in conn.notifies(timeout=5, stop_after=1)]
        cursor = await conn.execute("SELECT id FROM procrastinate_jobs WHERE scheduled_at IS NULL")
        now: Any = await cursor.fetchone()
    assert [one["job_id"] for one in woken] == [now[0]]


async def test_what_is_done_regularly_and_fails_is_done_the_next_time(db: Pool, jobs: Jobs) -> None:
    looks: list[int] = []

    async def look(*, timestamp: int, tenant: str) -> None:
        looks.append(timestamp)
        raise NeoUnavailable("away", operation="x")

    jobs.every("* * * * * */5", "test.look", look, tenant=TENANT)
    task = jobs.engine.configure_task(f"test.look/{TENANT}")
    for timestamp in (5, 10):
        await task.defer_async(tenant=TENANT, timestamp=timestamp)
    await _works(jobs)
    assert looks[:2] == [5, 10]  # a look that is due at this very moment may follow
    assert await _waiting(db) == []


async def _is_left_by_a_dead_worker(db: Pool, name: str) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - interval '1 minute') RETURNING id)"
            " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
            " WHERE task_name = %s AND status = 'todo'",
            (name,),
        )


async def test_the_job_of_a_worker_that_died_is_run_again(db: Pool, jobs: Jobs) -> None:
    ran: list[str] = []

    async def do() -> None:
        ran.append("done")

    jobs.register("test.do", do)
    async with db.connection() as conn:
        await jobs.defer(conn, "test.do", lock="one chat")
    await _is_left_by_a_dead_worker(db, "test.do")
    await _works(jobs)
    assert ran == []
    assert await jobs.retry_stalled(timestamp=0) == 1
    await _works(jobs)
    assert ran == ["done"]
    assert await jobs.retry_stalled(timestamp=0) == 0


async def test_the_job_of_a_living_worker_is_left_to_it(db: Pool, jobs: Jobs) -> None:
    jobs.register("test.do", jobs.work)
    async with db.connection() as conn:
        await jobs.defer(conn, "test.do")
    await _is_left_by_a_dead_worker(db, "test.do")
    async with db.connection() as conn:
        await conn.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert await jobs.retry_stalled(timestamp=0) == 0


async def test_a_dead_workers_job_whose_successor_waits_gives_way_to_it(
    db: Pool, jobs: Jobs
) -> None:
    looks: list[int] = []
    ran: list[str] = []

    async def look(*, timestamp: int, tenant: str) -> None:
        looks.append(timestamp)

    async def do() -> None:
        ran.append("done")

    jobs.register("test.do", do)
    jobs.every("* * * * * */5", "test.look", look, tenant=TENANT)
    task = jobs.engine.configure_task(name := f"test.look/{TENANT}", lock=name, queueing_lock=name)
    await task.defer_async(tenant=TENANT, timestamp=5)
    await _is_left_by_a_dead_worker(db, name)
    await task.defer_async(tenant=TENANT, timestamp=10)
    async with db.connection() as conn:
        await jobs.defer(conn, "test.do")
    await _is_left_by_a_dead_worker(db, "test.do")
    await jobs.retry_stalled(timestamp=0)
    await _works(jobs)
    assert looks[0] == 10
    assert ran == ["done"]
    assert await _waiting(db) == []


async def test_a_worker_that_died_while_it_looked_for_dead_ones_stops_nobody(
    db: Pool, jobs: Jobs
) -> None:
    ran: list[str] = []

    async def do() -> None:
        ran.append("done")

    jobs.register("test.do", do)
    jobs.retries_stalled()
    async with db.connection() as conn:
        await jobs.defer(conn, "test.do")
    await _is_left_by_a_dead_worker(db, "test.do")
    for timestamp in (10, 20):
        task = jobs.engine.tasks["jobs.retry_stalled"].configure()
        await task.defer_async(timestamp=timestamp)
        if timestamp == 10:
            await _is_left_by_a_dead_worker(db, "jobs.retry_stalled")
    await _works(jobs)
    await _works(jobs)
    assert ran == ["done"]
