"""Finding approvals in Neo: new ones within seconds, and open ones that were decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.approvals.delivery import Delivery
from bot.approvals.reading import Read, read_again
from bot.approvals.settling import Settling
from bot.approvals.truth import Truth, differs
from bot.neo.client import Neo
from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import runs
from bot.store.approvals import Known
from bot.store.database import Pool

WATCH = "approvals.watch"

# Every five seconds what is new, every twenty also what is still open: 12 requests a minute of
# Neo's 1,200 while either fits on a page of 200, and never more than 9 x 10 + 3 x 10.
EVERY = "* * * * * */5"
REREAD_SECONDS = 20
MOST_PAGES = 10

# Each may take four requests. When more comes at once, as at the first look, what asked for it is
# found when somebody wants to see it: looking for it now would keep the watchers from everything.
MOST_RUNS_LOOKED_FOR = 10

# Neo's clock and the moment a request becomes visible may be apart.
OVERLAP = timedelta(minutes=2)
# What was asked longer ago than this before the first look is not announced any more.
FIRST_LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at one tenant's approvals; run by one job at a time for each tenant."""

    pool: Pool
    truth: Truth
    delivery: Delivery
    settling: Settling
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]

    async def look(self, *, tenant: str, timestamp: int) -> None:
        """Job: read what is new, and at every fourth look whatever is still open here.

        Before that, what became of decisions whose sender died.

        Args:
            tenant: Microsoft 365 tenant id.
            timestamp: When the look was due, epoch seconds.

        Raises:
            NeoError: Neo did not answer; the next look reads from where this one began.
        """
        await self.settling.overdue(tenant)
        reread = timestamp % REREAD_SECONDS == 0
        async with self.pool.connection() as conn:
            seen = await runs.seen_until(conn, tenant, WATCH)
            waiting = await stored.waiting(conn, tenant)
        since = (seen or self.clock() - FIRST_LOOK_BACK) - OVERLAP
        oldest = min((k.approval.created_at or since for k in waiting), default=since)
        found, complete = await self._read(tenant, min(since, oldest) if reread else since)
        known = {k.id: k for k in waiting}
        news = [a for a in found.values() if _is_news(known.get(a.id), a)]
        for approval in sorted(news, key=lambda a: a.created_at or since):
            with_run = len(news) <= MOST_RUNS_LOOKED_FOR
            await self._take(tenant, approval, known.get(approval.id), with_run=with_run)
        if reread:
            missing = [k for k in waiting if k.id not in found]
            # What the pages did not reach is read by itself, the longest unread first.
            for one in missing if complete else missing[:MOST_PAGES]:
                await self._look_for(tenant, one)
        newest = max((a.created_at for a in found.values() if a.created_at), default=None)
        if newest is not None or seen is None:
            async with self.pool.connection() as conn:
                # Never beyond the present: one odd date must not hide what is asked before it.
                seen = min(newest or self.clock(), self.clock())
                await runs.set_seen_until(conn, tenant, WATCH, seen)

    async def _read(self, tenant: str, since: datetime) -> tuple[dict[str, Approval], bool]:
        """Approvals created since then by id, and whether those are all."""
        found: dict[str, Approval] = {}
        cursor: str | None = None
        neo = self.neo_of(tenant)
        for _ in range(MOST_PAGES):
            page = await neo.approvals.page(created_after=since, cursor=cursor)
            found.update((approval.id, approval) for approval in page.items)
            if (cursor := page.cursor) is None:
                return found, True
        return found, False

    async def _take(
        self, tenant: str, listed: Approval, known: Known | None, *, with_run: bool
    ) -> None:
        neo = self.neo_of(tenant)
        approval, over = await read_again(neo, known, listed=listed) if known else Read(listed)
        if approval is None:
            return  # the next look says whether it is gone
        async with self.pool.connection() as conn:
            before, _ = await self.truth.observe(conn, tenant, approval, over=over)
            await self.delivery.announce(conn, tenant, approval, before, with_run=with_run)

    async def _look_for(self, tenant: str, missing: Known) -> None:
        """An open approval that the list no longer has: read by itself before it is called gone."""
        fresh, over = await read_again(self.neo_of(tenant), missing)
        async with self.pool.connection() as conn:
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, missing.id)
            else:
                await stored.mark_read(conn, tenant, fresh.id, at=self.clock())
                await self.truth.observe(conn, tenant, fresh, over=over)


def _is_news(known: Known | None, approval: Approval) -> bool:
    """Whether cards are to be sent or redrawn; ``known`` if it is open here."""
    if known is None:
        return approval.is_open  # else decided before anybody here was shown it, or long since
    return differs(known, approval)
