"""Which run asked: an approval does not say, so it is looked for by agent and ticket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32

from bot.approvals.truth import Truth
from bot.errors import NeoNotFound
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState, Run
from bot.store import approvals as stored
from bot.store.database import Pool

FIND = "approvals.find_run"
# So many of one tenant's at a time: one that Neo never answers holds up its own lane alone.
LANES = 2

# This many runs of that agent on that ticket are asked for their approvals, the likeliest first.
MOST_RUNS = 4
# A run begins before it asks; Neo may write both moments with its own small delays.
_SLACK = timedelta(seconds=5)


def lane(tenant: str, approval: str) -> str:
    """The lock of the job that looks for a run: a slow Neo holds up so many of the tenant's own."""
    return f"{tenant}/{FIND}/{crc32(approval.encode()) % LANES}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Finds the run behind an approval, once."""

    pool: Pool
    truth: Truth
    neo_of: Callable[[str], Neo]

    async def find(self, *, tenant: str, approval: str) -> None:
        """Job: find the run and remember it; a card that is decided by now gets its button.

        Raises:
            NeoError: Neo did not say; the job runs again.
        """
        async with self.pool.connection() as conn:
            known = await stored.find(conn, tenant, approval)
        if known is None or known.run is not None:
            return
        run = await run_of(self.neo_of(tenant), known.approval)
        if run is None:
            return
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            await stored.write_run(conn, tenant, approval, run.id)
            if now is not None and now.state != ApprovalState.PENDING.value:
                await self.truth.redraw_all(conn, tenant, approval)


async def run_of(neo: Neo, approval: Approval) -> Run | None:
    """The run that asked for the approval; None if none of the likely ones did.

    At most ``MOST_RUNS`` + 1 requests, in at most three rounds.

    Raises:
        NeoError: Neo did not say.
    """
    if approval.ticket_number is None and approval.agent_id is None:
        return None
    page = await neo.runs.page(agent=approval.agent_id, ticket=approval.ticket_number)
    runs = likeliest(page.items, approval.created_at)[:MOST_RUNS]
    # The first is nearly always the one; the others are asked at once.
    for some in (runs[:1], runs[1:]):
        answers = await asyncio.gather(*(_asked(neo, run, approval) for run in some))
        found = next((run for run, did in zip(some, answers, strict=True) if did), None)
        if found is not None:
            return found
    return None


async def _asked(neo: Neo, run: Run, approval: Approval) -> bool:
    try:
        return any(one.id == approval.id for one in await neo.runs.approvals(run.id))
    except NeoNotFound:
        return False


def likeliest(runs: list[Run], asked_at: datetime | None) -> list[Run]:
    """The runs in the order in which they may have asked at that moment.

    Those that began before it come first, the latest of them at the top.
    """
    if asked_at is None:
        return list(runs)
    latest = asked_at + _SLACK
    oldest = datetime.min.replace(tzinfo=UTC)

    def order(run: Run) -> tuple[bool, float]:
        began = run.created_at or oldest
        return began > latest, abs((asked_at - began).total_seconds())

    return sorted(runs, key=order)
