"""The job engine: procrastinate, in the same database and the same transactions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, time
from typing import Any

import procrastinate
import psycopg
import stamina
import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import (
    DEFAULT_PRIORITY,
    DEFAULT_QUEUE,
    DeleteJobCondition,
    Job,
    Status,
)
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from bot.errors import NeoError, NeoRateLimited, SendError, SendLater
from bot.store.database import Connection, Pool
from bot.telemetry.watched import Telemetry, turn_under_way

# A job that fails for a passing reason is tried for about a day.
LONGEST_WAIT = timedelta(minutes=1)
LONGEST_ASKED = timedelta(days=1)
MOST_TRIES = 24 * 60
UNFORESEEN_TRIES = 6

AT_ONCE = 16

RETRY_STALLED = "jobs.retry_stalled"

# A worker that gave no sign of life for this long is dead, and its jobs are run again.
_DEAD_AFTER_SECONDS = 12.0
_DRAIN_SECONDS = 7.0
# What a clock may be put right by without anybody's noticing.
_JUMP_SECONDS = 20.0
_LOOK_AT_CLOCK_SECONDS = 1.0
# Between two tries to begin again when the database is away.
LONGEST_PAUSE_SECONDS = 3.0

DEFERRING = """procrastinate_defer_jobs_v1(ARRAY(
    SELECT job FROM jsonb_populate_recordset(NULL::procrastinate_job_to_defer_v1, %(jobs)s) AS job
))"""
"""The SQL that queues jobs; `deferred` has its value."""

log = structlog.get_logger()


def after_failure(error: BaseException, *, tries: int) -> timedelta | None:
    """Say after how long a failed job runs again, or None if it never should.

    Whatever else goes to the conversation waits behind it, for order's sake: hence the short
    waits. What nobody foresaw is tried a few times and then kept as failed.

    Args:
        error: What it failed with.
        tries: How often it has run, this time included.
    """
    passing = isinstance(error, NeoError | SendLater | OSError | psycopg.Error | PoolTimeout)
    if isinstance(error, SendError) and not passing:
        return None
    if tries >= (MOST_TRIES if passing else UNFORESEEN_TRIES):
        return None
    back_off = min(timedelta(seconds=2 ** min(tries, 11)), LONGEST_WAIT)
    asked = error.retry_after_seconds if isinstance(error, SendLater | NeoRateLimited) else None
    if asked is None:
        return back_off
    return max(back_off, timedelta(seconds=min(asked, LONGEST_ASKED.total_seconds())))


class Persistent(BaseRetryStrategy):
    """Retries what a wait can mend: Neo or Teams in trouble, the network or the database away."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Procrastinate's hook: `after_failure`, in its words."""
        wait = after_failure(exception, tries=job.attempts + 1)
        if wait is None:
            return None
        return RetryDecision(retry_in={"seconds": math.ceil(wait.total_seconds())})


@dataclass(frozen=True, slots=True)
class Due:
    """A job to be queued; see `Jobs.defer`."""

    name: str
    args: Mapping[str, Any]
    lock: str | None = None
    after: timedelta | None = None


def deferred(jobs: Sequence[Due]) -> Jsonb:
    """The value of ``jobs`` in `DEFERRING`; each carries the id of the turn that queues it."""
    now = datetime.now(UTC)
    turn = turn_under_way()
    by = {"turn": turn} if turn else {}
    return Jsonb(
        [
            {
                "queue_name": DEFAULT_QUEUE,
                "task_name": job.name,
                "priority": DEFAULT_PRIORITY,
                "lock": job.lock,
                "args": {**job.args, **by},
                "scheduled_at": (now + job.after).isoformat() if job.after else None,
            }
            for job in jobs
        ]
    )


class Jobs:
    """Queues jobs; `bot.app` registers what each name does and runs the worker.

    Args:
        engine: The procrastinate app, opened on the pool.
        telemetry: Where runs are counted.
        at_once: How many the worker runs at a time. Whoever waits for a tenant's Neo takes none of
            the places that others need: see `bot.app`.
        wall: The clock by which the library says what is due, in seconds.
    """

    def __init__(
        self,
        engine: procrastinate.App,
        telemetry: Telemetry | None = None,
        *,
        at_once: int = AT_ONCE,
        wall: Callable[[], float] = time,
    ) -> None:
        self.engine = engine
        self.working = False
        """Whether this process runs jobs at this moment."""
        self._telemetry = telemetry or Telemetry()
        self._wall = wall
        self._at_once = at_once

    async def defer(
        self,
        conn: Connection,
        name: str,
        *,
        lock: str | None = None,
        after: timedelta | None = None,
        **args: Any,
    ) -> None:
        """Queue a job in the caller's transaction.

        Args:
            conn: The connection that owns the transaction.
            name: The task's name.
            lock: Jobs with the same lock run one after another, in order.
            after: Not before this much time has passed.
            **args: The task's arguments; JSON.
        """
        await self.defer_all(conn, [Due(name, args, lock, after)])

    async def defer_all(self, conn: Connection, jobs: Iterable[Due]) -> None:
        """Queue several in the caller's transaction, in one statement."""
        queued = list(jobs)
        if queued:
            # Not by the library's own method: it waits for ids that nobody asks for.
            await conn.execute(f"SELECT {DEFERRING}", {"jobs": deferred(queued)})

    async def retry_stalled(self, *, timestamp: int) -> int:  # noqa: ARG002 -- see `every`
        """Queue again what a worker that died was doing; returns how many."""
        manager = self.engine.job_manager
        again = 0
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER_SECONDS):
            try:
                await manager.retry_job(job)
            except UniqueViolation:
                # Its like waits already, behind its lock: that one does what it did not.
                await manager.finish_job(job, status=Status.FAILED, delete_job=True)
            else:
                again += 1
        return again

    def retries_stalled(self) -> None:
        """Look for what dead workers were doing every ten seconds.

        Without a lock: one that died in this very job would keep everybody else from it.
        """

        @self.engine.periodic(cron="* * * * * */10", queueing_lock=RETRY_STALLED)
        @self.engine.task(name=RETRY_STALLED)
        async def _(timestamp: int) -> None:
            await self.retry_stalled(timestamp=timestamp)

    def register(self, name: str, do: Callable[..., Awaitable[None]]) -> None:
        """Say what a name does. Failures that a wait can mend are tried again."""

        @self.engine.task(name=name, retry=Persistent(), pass_context=True)
        async def _(context: JobContext, /, turn: str | None = None, **args: Any) -> None:
            with self._telemetry.job(name, context.job.id, turn=turn) as run:
                try:
                    await do(**args)
                except Exception as error:
                    tries = context.job.attempts + 1
                    run.failed(error, again=after_failure(error, tries=tries) is not None)
                    raise

    def every(
        self, cron: str, name: str, do: Callable[..., Awaitable[object]], **args: str
    ) -> None:
        """Do something regularly, once across all replicas, and never twice at a time.

        A failure is logged and mended by the next time; what is still waiting is not queued again.

        Args:
            cron: Minute, hour, day, month, weekday and, sixth, second.
            name: The task's name.
            do: Gets ``timestamp`` (epoch seconds it was due at) beside ``args``.
            **args: Part of its identity: the same name with others is another task.
        """
        identity = "/".join([name, *args.values()])

        async def _(context: JobContext, /, timestamp: int, **given: str) -> None:
            with self._telemetry.job(name, context.job.id, quiet=True, **given) as run:
                try:
                    await do(timestamp=timestamp, **given)
                except Exception as error:  # noqa: BLE001 -- the edge of a job
                    run.failed(error, again=True)
                    log.warning(
                        "job.failed",
                        error=type(error).__name__,
                        request_id=getattr(error, "request_id", None),
                    )

        self.engine.periodic(
            cron=cron,
            periodic_id=identity,
            lock=identity,
            queueing_lock=identity,
            task_kwargs=dict(args),
        )(self.engine.task(name=identity, pass_context=True)(_))

    @contextmanager
    def _marked(self) -> Iterator[None]:
        self.working = True
        try:
            yield
        finally:
            self.working = False

    async def work(self) -> None:
        """Run jobs until cancelled; a lost database is waited for."""
        async for attempt in stamina.retry_context(
            on=(ConnectorException, psycopg.OperationalError),
            attempts=None,
            timeout=None,
            wait_max=LONGEST_PAUSE_SECONDS,
        ):
            with attempt, self._marked():
                await self._work_until_the_clock_jumps()
                # It ends by itself when it can no longer listen to the database.
                raise ConnectorException("the worker ended by itself")

    async def _work_until_the_clock_jumps(self) -> None:
        """Run the library's worker; a new one each time that the clock was put back or forward.

        What is due regularly it counts from when it was due last: put back an hour, it would look
        for nothing for an hour; put forward, it would make up for every moment in between.
        """
        while True:
            worker = asyncio.create_task(
                self.engine.run_worker_async(
                    concurrency=self._at_once,
                    install_signal_handlers=False,
                    delete_jobs=DeleteJobCondition.SUCCESSFUL,
                    fetch_job_polling_interval=2.0,
                    update_heartbeat_interval=3.0,
                    stalled_worker_timeout=_DEAD_AFTER_SECONDS,
                    shutdown_graceful_timeout=_DRAIN_SECONDS,
                )
            )
            jump = asyncio.create_task(self._jump())
            try:
                await asyncio.wait({worker, jump}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                jump.cancel()
                jumped = jump.done() and not worker.done()
                worker.cancel()
                await asyncio.wait({worker})
            if not jumped:
                return await worker

    async def _jump(self) -> None:
        """Wait until the clock is no longer as far from a steady one as it was."""
        apart = self._wall() - monotonic()
        while True:
            by = self._wall() - monotonic() - apart
            if abs(by) >= _JUMP_SECONDS:
                log.warning("clock.jumped", by_seconds=round(by))
                return
            await asyncio.sleep(_LOOK_AT_CLOCK_SECONDS)


@asynccontextmanager
async def opened(
    pool: Pool,
    telemetry: Telemetry | None = None,
    *,
    at_once: int = AT_ONCE,
    wall: Callable[[], float] = time,
) -> AsyncIterator[Jobs]:
    """The job engine on this pool; ``at_once`` and ``wall`` as in `Jobs`."""
    engine = procrastinate.App(connector=procrastinate.PsycopgConnector())
    await engine.open_async(pool)
    try:
        yield Jobs(engine, telemetry, at_once=at_once, wall=wall)
    finally:
        await engine.close_async()
