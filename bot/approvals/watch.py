"""Finding approvals in Neo: new ones within seconds, and open ones that were decided elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import structlog
from psycopg.errors import ProgramLimitExceeded

from bot.approvals.delivery import Delivery
from bot.approvals.reading import Read, read_again
from bot.approvals.settling import Settling
from bot.approvals.truth import Truth, differs
from bot.errors import NeoForbidden, NeoRateLimited, NeoUnauthorized, NeoUnavailable
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

# What cannot be taken is tried at every look for so long, and holds up the watch no longer.
TRIED_FOR = timedelta(hours=1)
# What goes wrong for all of them alike.
_OF_ALL = (NeoUnauthorized, NeoForbidden, NeoRateLimited, NeoUnavailable, psycopg.OperationalError)

log = structlog.get_logger()


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
        now = self.clock()
        # Once noted with a clock that was ahead, a moment must not hide what is asked before it.
        since = min(seen or now - FIRST_LOOK_BACK, now) - OVERLAP
        oldest = min((k.approval.created_at or since for k in waiting), default=since)
        found, complete = await self._read(tenant, min(since, oldest) if reread else since)
        known = {k.id: k for k in waiting}
        news = [a for a in found.values() if _is_news(known.get(a.id), a)]
        left: list[datetime] = []
        for approval in sorted(news, key=lambda a: a.created_at or since):
            with_run = len(news) <= MOST_RUNS_LOOKED_FOR
            taking = self._take(tenant, approval, known.get(approval.id), with_run=with_run)
            if not await _by_itself(tenant, approval.id, taking) and approval.created_at:
                left.append(approval.created_at)
        if reread:
            missing = [k for k in waiting if k.id not in found]
            # What the pages did not reach is read by itself, the longest unread first.
            for one in missing if complete else missing[:MOST_PAGES]:
                await self._look_for(tenant, one)
        newest = max((a.created_at for a in found.values() if a.created_at), default=None)
        if newest is not None or seen is None:
            await self._saw(tenant, newest or since, left)

    async def _saw(self, tenant: str, newest: datetime, left: Sequence[datetime]) -> None:
        """Read from there at the next look: from what could not be taken, for a while."""
        now = self.clock()
        again = [at for at in left if at > now - TRIED_FOR]
        # Never beyond the present: one odd date must not hide what is asked before it.
        until = min(newest, now, *again)
        async with self.pool.connection() as conn:
            await runs.set_seen_until(conn, tenant, WATCH, until)

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
        async with self.pool.connection() as conn:
            # Whatever comes of it, the others have their turn before it comes again.
            await stored.mark_read(conn, tenant, missing.id, at=self.clock())
        await _by_itself(tenant, missing.id, self._reread(tenant, missing))

    async def _reread(self, tenant: str, missing: Known) -> None:
        fresh, over = await read_again(self.neo_of(tenant), missing)
        async with self.pool.connection() as conn:
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, missing.id)
            else:
                await self.truth.observe(conn, tenant, fresh, over=over)


async def _by_itself(tenant: str, approval: str, work: Awaitable[None]) -> bool:
    """Do this for one approval; False if it could not be, which must not hold up the others."""
    try:
        await work
    except Exception as error:
        if isinstance(error, _OF_ALL) and not isinstance(error, ProgramLimitExceeded):
            raise
        kind = type(error).__name__
        log.warning("approval.not_taken", tenant=tenant, approval=approval[:128], error=kind)
        return False
    return True


def _is_news(known: Known | None, approval: Approval) -> bool:
    """Whether cards are to be sent or redrawn; ``known`` if it is open here."""
    if known is None:
        return approval.is_open  # else decided before anybody here was shown it, or long since
    try:
        return differs(known, approval)
    except (ValueError, RecursionError):
        return True  # whatever is odd about it, it is taken by itself
