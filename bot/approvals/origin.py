"""Which run asked: an approval does not say, so it is looked for by agent and ticket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.approvals.truth import Truth
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store.database import Pool

FIND = "approvals.find_run"

# This many of the newest runs of that agent on that ticket are asked for their approvals.
MOST_RUNS = 5


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
        run = await self._run_of(self.neo_of(tenant), known.approval)
        if run is None:
            return
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            await stored.write_run(conn, tenant, approval, run)
            if now is not None and now.state != ApprovalState.PENDING.value:
                await self.truth.redraw_all(conn, tenant, approval)

    async def _run_of(self, neo: Neo, approval: Approval) -> str | None:
        if approval.ticket_number is None and approval.agent_id is None:
            return None
        page = await neo.runs.page(agent=approval.agent_id, ticket=approval.ticket_number)
        for run in page.items[:MOST_RUNS]:
            if any(asked.id == approval.id for asked in await neo.runs.approvals(run.id)):
                return run.id
        return None
