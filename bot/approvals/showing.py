"""One approval, shown because somebody asked for it by its number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.approvals.delivery import Delivery
from bot.approvals.faces import Faces
from bot.approvals.truth import Truth
from bot.messaging import Conversation
from bot.neo.client import Neo
from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import signing
from bot.store.database import Pool
from cards.card import Card
from cards.not_found import unknown_approval

Search = Callable[[Neo, str], Awaitable[Approval | None]]


@dataclass(frozen=True, slots=True)
class Showing:
    """Draws an approval as Neo has it now. ``search`` finds one that was never read here."""

    pool: Pool
    truth: Truth
    faces: Faces
    delivery: Delivery
    neo_of: Callable[[str], Neo]
    search: Search

    async def show(self, conversation: Conversation, approval: str) -> Card:
        """The card that is true now.

        Raises:
            NeoError: Neo did not say.
        """
        tenant, neo = conversation.tenant, self.neo_of(conversation.tenant)
        async with self.pool.connection() as conn:
            known = await stored.find(conn, tenant, approval)
        fresh = (
            await neo.approvals.reread(known.approval)
            if known is not None
            else await self.search(neo, approval)
        )
        if known is None and fresh is None:
            return unknown_approval(approval)
        async with self.pool.connection() as conn:
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, approval)
            else:
                before = await self.truth.observe(conn, tenant, fresh)
                # It may be found here before the watch finds it.
                await self.delivery.announce(conn, tenant, fresh, before)
            now = await stored.find(conn, tenant, approval)
            key = await signing.signing_key(conn, tenant)
        if now is None:
            return unknown_approval(approval)
        return self.faces.draw(now, conversation, key)
