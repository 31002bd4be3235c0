"""Finding failed runs in Neo within seconds, each once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.alerts.delivery import Delivery
from bot.errors import NeoNotFound
from bot.neo.client import LARGEST_PAGE, Neo
from bot.neo.models import Outcome, Run
from bot.store import runs as stored
from bot.store.database import Pool

WATCH = "alerts.watch"

# 12 requests a minute of Neo's 1,200 while what began since the last look fits on a page, and
# at most 12 x (5 + 5).
EVERY = "* * * * * */5"
MOST_PAGES = 5
USUAL_PAGE = 50
MOST_REREADS = 5

# Runs that began this long before the last look are looked at again: Neo's order is not trusted.
OVERLAP = timedelta(minutes=10)

# Before the first look at a Neo without runs.
FIRST_LOOK_BACK = timedelta(days=1)

_UNDER_WAY = frozenset({Outcome.RUNNING, Outcome.WAITING})
# What else has ended needs no note, unless it was under way.
_TO_NOTE = _UNDER_WAY | {Outcome.FAILED}


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at one tenant's runs; run by one job at a time for each tenant."""

    pool: Pool
    delivery: Delivery
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]

    async def look(self, *, tenant: str, timestamp: int) -> None:  # noqa: ARG002 -- see `Jobs.every`
        """Job: read what began since the last look, and what had not ended by then.

        The first look only notes what is under way: what failed before anybody followed is
        history, not an alert.

        Raises:
            NeoError: Neo did not answer; the next look reads from where this one began.
        """
        async with self.pool.connection() as conn:
            seen = await stored.seen_until(conn, tenant, WATCH)
            unread = await stored.open_runs(conn, tenant, limit=MOST_REREADS + 200)
        found, newest = await self._read(tenant, seen)
        for run in await self._reread(tenant, [r for r in unread if r not in found]):
            found[run.id] = run
        # Neo names the newest first; people are told in the order in which they began.
        for run in sorted(found.values(), key=lambda one: one.created_at or newest):
            if run.outcome in _TO_NOTE or run.id in unread:
                await self._take(tenant, run, tell=seen is not None or run.id in unread)
        async with self.pool.connection() as conn:
            # Never beyond the present: one odd date must not hide what begins before it.
            await stored.set_seen_until(conn, tenant, WATCH, min(newest, self.clock()))

    async def _read(self, tenant: str, seen: datetime | None) -> tuple[dict[str, Run], datetime]:
        """Runs that began since then, by id, and when the newest of all did.

        Pages are read until one is wholly older. How far there is to read Neo's own moments say:
        with a clock that is ahead, nothing that fails would be found.
        """
        found: dict[str, Run] = {}
        now = self.clock()
        newest, since = min(seen, now) if seen else None, now
        cursor: str | None = None
        neo = self.neo_of(tenant)
        for _ in range(MOST_PAGES):
            # One small page is enough in quiet times; after a pause much has to be read.
            size = LARGEST_PAGE if cursor else USUAL_PAGE
            page = await neo.runs.page(cursor=cursor, page_size=size)
            if cursor is None:
                begun = [run.created_at for run in page.items if run.created_at]
                # Where there is no run at all, whatever comes is new.
                newest = newest or max(begun, default=now - FIRST_LOOK_BACK)
                since, newest = newest - OVERLAP, max([newest, *begun])
            young = [r for r in page.items if r.created_at is None or r.created_at >= since]
            found.update((run.id, run) for run in young)
            if not young or (cursor := page.cursor) is None:
                break
        return found, newest or now

    async def _reread(self, tenant: str, unread: list[str]) -> list[Run]:
        """The longest unread of the runs that had not ended, each by itself."""
        neo = self.neo_of(tenant)
        again: list[Run] = []
        for run in unread[:MOST_REREADS]:
            try:
                again.append(await neo.runs.get(run))
            except NeoNotFound:
                async with self.pool.connection() as conn:
                    await stored.note_ended(conn, tenant, run)
        return again

    async def _take(self, tenant: str, run: Run, *, tell: bool) -> None:
        async with self.pool.connection() as conn:
            if run.outcome in _UNDER_WAY:
                await stored.note_open(conn, tenant, run.id, at=self.clock())
                return
            await stored.note_ended(conn, tenant, run.id)
            if run.outcome is Outcome.FAILED:
                new = await stored.record_failure(conn, tenant, run, at=self.clock())
                if new and tell:
                    await self.delivery.announce(conn, tenant, run)
