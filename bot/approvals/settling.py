"""How a decision ended whose sender died, or got no answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.approvals.truth import FOUND, Truth
from bot.neo.client import Neo
from bot.neo.models import ApprovalState
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.approvals import Known
from bot.store.database import Connection, Pool

SETTLE = "approvals.settle"


@dataclass(frozen=True, slots=True)
class Settling:
    """Ends claims whose end nobody saw."""

    pool: Pool
    truth: Truth
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]

    async def settle(
        self, *, tenant: str, approval: str, claimed_at: str, final: bool = True
    ) -> None:
        """Job: read the approval again; what Neo's note says of it is written down.

        Args:
            tenant: Microsoft 365 tenant id.
            approval: Id of the approval.
            claimed_at: Which claim, by its moment (ISO 8601): another click has another one.
            final: What Neo has not taken by now, it will not: the claim ends either way.

        Raises:
            NeoError: Neo does not say yet; the job runs again.
        """
        claim = datetime.fromisoformat(claimed_at)
        async with self.pool.connection() as conn:
            known = await stored.find(conn, tenant, approval)
        if known is None or known.deciding_at != claim:
            return
        fresh = await self.neo_of(tenant).approvals.reread(known.approval)
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            if now is None or now.deciding_at != claim:
                return
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, approval)
            else:
                await self.truth.observe(conn, tenant, fresh)
            now = await stored.find(conn, tenant, approval) or now
            if now.state == ApprovalState.PENDING.value and not final:
                return
            if now.decided_person == now.deciding_person:
                await self.close(conn, now, "decided", FOUND)
            else:
                await self.close(conn, now, "failed", "not taken, as found afterwards")
            await stored.release(conn, tenant, approval, claim)
            await self.truth.redraw_all(conn, tenant, approval)

    async def close(
        self, conn: Connection, claimed: Known, outcome: Literal["decided", "failed"], reason: str
    ) -> None:
        """Add the row that says what became of a claim, beside its "sent"."""
        rows = await ledger.of(conn, claimed.tenant, claimed.id)
        sent = [r for r in rows if r.outcome == "sent" and r.person == claimed.deciding_person]
        if sent:
            row = replace(sent[-1], at=self.clock(), outcome=outcome, reason=reason)
            await ledger.add(conn, row)
