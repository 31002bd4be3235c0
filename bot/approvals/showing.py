"""One approval, shown because somebody asked for it, or looks at its card."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.approvals import case as cases
from bot.approvals.case import Case
from bot.approvals.delivery import Delivery
from bot.approvals.evidence import Gathering
from bot.approvals.faces import Faces
from bot.approvals.reading import Read, read_again
from bot.approvals.truth import Truth
from bot.errors import NeoError
from bot.messaging import Answer, Conversation
from bot.neo.client import Neo
from bot.neo.models import Approval
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store.database import Pool
from cards.card import Card
from cards.not_found import unknown_approval

Search = Callable[[Neo, str], Awaitable[Approval | None]]

# Whoever looks at a card many times in a row, or many at once, is one question to Neo.
LOOK_LASTS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Showing:
    """Draws an approval as Neo has it now. ``search`` finds one that was never read here."""

    pool: Pool
    truth: Truth
    faces: Faces
    delivery: Delivery
    gathering: Gathering
    neo_of: Callable[[str], Neo]
    policy_of: Callable[[str], Policy]
    search: Search

    async def look(self, conversation: Conversation, approval: str) -> Case | None:
        """The approval as Neo has it now; None if neither Neo nor this bot knows it.

        Raises:
            NeoError: Neo did not say.
        """
        tenant = conversation.tenant
        neo = self.neo_of(tenant).with_options(max_age_seconds=LOOK_LASTS_SECONDS)
        async with self.pool.connection() as conn:
            known = await stored.find(conn, tenant, approval)
        fresh, over = (
            await read_again(neo, known)
            if known is not None
            else Read(await self.search(neo, approval))
        )
        if known is None and fresh is None:
            return None
        async with self.pool.connection() as conn:
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, approval)
            else:
                before, _ = await self.truth.observe(conn, tenant, fresh, over=over)
                # It may be found here before the watch finds it.
                await self.delivery.announce(conn, tenant, fresh, before)
        return await self._case(tenant, approval)

    async def show(self, conversation: Conversation, approval: str) -> Card:
        """The card that is true now, for everybody there.

        Raises:
            NeoError: Neo did not say.
        """
        case = await self.look(conversation, approval)
        return self._drawn(case, conversation, approval)

    async def view(
        self, conversation: Conversation, approval: str, *, viewer: str, remark: str | None = None
    ) -> Card:
        """One person's own view of a card that stands there; without Neo, as last known.

        Raises:
            NeoError: Neo did not say, and nothing is known here.
        """
        try:
            case = await self.look(conversation, approval)
        except NeoError:
            case = await self._case(conversation.tenant, approval)
            if case is None:
                raise
            remark = "Neo did not answer: this is as it was last read."
        return self._drawn(case, conversation, approval, viewer, remark)

    async def evidence(
        self, conversation: Conversation, approval: str, *, viewer: str, comment: str
    ) -> Answer:
        """The viewer's card with what the agent did so far, and how such requests ended before.

        What the agent did is no secret of the viewer's: where the card cannot be redrawn for them
        alone, everybody there gets it on the card of everybody.

        Raises:
            NeoError: Neo did not say how the approval stands.
        """
        case = await self.look(conversation, approval)
        if case is None:
            unknown = unknown_approval(approval)
            return Answer(unknown, in_place=True, aside=unknown.summary, for_all=unknown)
        found = await self.gathering.gather(conversation.tenant, case.known)
        # The run may have been found just now.
        case = await self._case(conversation.tenant, approval) or case
        own = self.faces.draw(case, conversation, viewer=viewer, comment=comment, evidence=found)
        for_all = self.faces.draw(case, conversation, evidence=found)
        return Answer(own, in_place=True, aside=for_all.summary, for_all=for_all)

    def _drawn(
        self,
        case: Case | None,
        conversation: Conversation,
        approval: str,
        viewer: str | None = None,
        remark: str | None = None,
    ) -> Card:
        if case is None:
            return unknown_approval(approval)
        return self.faces.draw(case, conversation, viewer=viewer, remark=remark)

    async def _case(self, tenant: str, approval: str) -> Case | None:
        async with self.pool.connection() as conn:
            return await cases.load(
                conn, tenant, approval, policy=self.policy_of(tenant), at=self.faces.clock()
            )
