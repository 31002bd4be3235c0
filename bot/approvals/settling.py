"""How a decision ended whose sender died, or got no answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from bot.approvals.reading import read_again
from bot.approvals.truth import FOUND, Truth, ended, of_claim
from bot.approvals.who_may import CLAIM_LASTS
from bot.neo.client import Neo
from bot.neo.models import ApprovalState
from bot.store import approvals as stored
from bot.store import claims, ledger
from bot.store.approvals import Known
from bot.store.database import Connection, Pool, single

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settling:
    """Ends claims whose end nobody saw."""

    pool: Pool
    truth: Truth
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]

    async def overdue(self, tenant: str) -> None:
        """End the claims that are no longer respected; where Neo does not answer, the next time."""
        async with single(self.pool) as conn:
            late = await claims.overdue(conn, tenant, at=self.clock(), older_than=CLAIM_LASTS)
        for known in late:
            try:
                await self.settle(known, final=True)
            except Exception as error:  # noqa: BLE001 -- whatever is odd about one holds up no other
                log.warning(
                    "claim.unsettled",
                    tenant=tenant,
                    approval=known.id,
                    error=type(error).__name__,
                    request_id=getattr(error, "request_id", None),
                )

    async def settle(self, known: Known, *, final: bool) -> None:
        """Read the approval again; what Neo's note says of it is written down.

        Args:
            known: The approval with the claim on it: another click has another one.
            final: What Neo has not taken by now, it will not: the claim ends either way.

        Raises:
            NeoError: Neo does not say yet.
        """
        tenant, approval, claim = known.tenant, known.id, known.deciding_at
        fresh, over = await read_again(self.neo_of(tenant), known)
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            if now is None or now.deciding_at != claim:
                return
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, approval)
            else:
                await self.truth.observe(conn, tenant, fresh, over=over)
            now = await stored.find(conn, tenant, approval) or now
            if now.state == ApprovalState.PENDING.value and not final:
                return
            if fresh is not None and await self.truth.took(conn, now, fresh):
                await self.close(conn, now, "decided", FOUND)
            else:
                await self.close(conn, now, "failed", "not taken, as found afterwards")
            await claims.release(conn, tenant, approval, claim)
            await self.truth.redraw_all(conn, tenant, approval)

    async def close(
        self, conn: Connection, claimed: Known, outcome: Literal["decided", "failed"], reason: str
    ) -> None:
        """Add the row that says what became of a claim, beside its "sent"."""
        sent = of_claim(claimed, await ledger.of(conn, claimed.tenant, claimed.id))
        if sent is not None:
            await ledger.add(conn, ended(sent, outcome, reason, at=self.clock()))
