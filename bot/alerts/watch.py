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

_UNDER_WAY = frozenset({Outcome.RUNNING, Outcome.WAITING})


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
        found = await self._read(tenant, (seen or self.clock()) - OVERLAP)
        for run in await self._reread(tenant, [r for r in unread if r not in found]):
            found[run.id] = run
        for run in found.values():
            await self._take(tenant, run, tell=seen is not None or run.id in unread)
        begun = [run.created_at for run in found.values() if run.created_at]
        async with self.pool.connection() as conn:
            # Never beyond the present: one odd date must not hide what begins before it.
            seen = min(max(begun, default=self.clock()), self.clock())
            await stored.set_seen_until(conn, tenant, WATCH, seen)

    async def _read(self, tenant: str, since: datetime) -> dict[str, Run]:
        """Runs that began since then, by id; pages are read until one is wholly older."""
        found: dict[str, Run] = {}
        cursor: str | None = None
        neo = self.neo_of(tenant)
        for _ in range(MOST_PAGES):
            # One small page is enough in quiet times; after a pause much has to be read.
            size = LARGEST_PAGE if cursor else USUAL_PAGE
            page = await neo.runs.page(cursor=cursor, page_size=size)
            young = [r for r in page.items if r.created_at is None or r.created_at >= since]
            found.update((run.id, run) for run in young)
            if not young or (cursor := page.cursor) is None:
                break
        return found

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
