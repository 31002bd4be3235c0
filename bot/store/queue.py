"""How the queue stands: what waits, and for how long already. Asked at each look at the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.store.database import Pool

# Whoever looks at figures does not keep the database from its work.
_WAITS_SECONDS: Final = 1.0
_TAKES_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs of all processes.

    Attributes:
        jobs: How many, by state: waiting, later, running, failed.
        oldest_seconds: For how long the oldest of those that wait has been due; 0 if none waits.
    """

    jobs: dict[str, int]
    oldest_seconds: float


async def figures(pool: Pool) -> Queue:
    """Read them: one statement over the jobs that are not done, which are all that are kept.

    Raises:
        psycopg.Error: the database is away, or took longer than a second.
        psycopg_pool.PoolTimeout: likewise.
    """
    async with pool.connection(timeout=_WAITS_SECONDS) as conn, conn.pipeline():
        await conn.execute(f"SET LOCAL statement_timeout = {_TAKES_MS}")
        # A job without a time is due from when it was queued, which only its first event knows:
        # ids rise, so it is looked up for the first alone.
        cursor = await conn.execute(
            """
            WITH job AS (
                SELECT id, status, scheduled_at,
                       status = 'todo' AND coalesce(scheduled_at <= now(), true) AS waits
                FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')
            ), first AS (
                SELECT min(id) AS id FROM job WHERE waits AND scheduled_at IS NULL
            )
            SELECT count(*) FILTER (WHERE waits),
                   count(*) FILTER (WHERE status = 'todo' AND NOT waits),
                   count(*) FILTER (WHERE status = 'doing'),
                   count(*) FILTER (WHERE status = 'failed'),
                   extract(epoch FROM now() - least(
                       min(scheduled_at) FILTER (WHERE waits),
                       (SELECT min(at) FROM procrastinate_events JOIN first ON job_id = first.id)
                   ))::float8
            FROM job
            """
        )
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("a count has always one row")
    *counts, oldest = row
    states = ("waiting", "later", "running", "failed")
    return Queue(dict(zip(states, counts, strict=True)), max(oldest or 0.0, 0.0))
