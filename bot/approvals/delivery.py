"""Approval cards on their way: to each approver, to whoever follows approvals, and redrawn."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.approvals import case as cases
from bot.approvals import origin, who_may
from bot.approvals.case import Case
from bot.approvals.faces import Faces
from bot.approvals.truth import Truth
from bot.errors import ConversationClosed, MessageGone, SendRejected
from bot.messaging import Conversation, Messenger, Scope
from bot.neo.models import Approval
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import circumstances, conversations, routes
from bot.store.approvals import Known, Place
from bot.store.database import Connection, Pool, transaction
from bot.store.jobs import Jobs
from cards.card import Card

DELIVER = "approvals.deliver"
REACH = "approvals.reach"

# What a person who has just got the bot is shown of what waits for them already.
CATCH_UP_MOST = 3
CATCH_UP_SINCE = timedelta(days=7)
AFTER_GREETING = timedelta(seconds=2)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends and redraws approval cards."""

    pool: Pool
    jobs: Jobs
    truth: Truth
    faces: Faces
    messenger: Messenger
    policy_of: Callable[[str], Policy]
    clock: Callable[[], datetime]

    async def announce(
        self,
        conn: Connection,
        tenant: str,
        approval: Approval,
        before: Known | None,
        *,
        with_run: bool = True,
    ) -> None:
        """Queue the card of an approval that is new, or asks other people than ``before``.

        It goes to its approvers, to who decides for them while they are away, and to who follows
        approvals; whoever has it gets no second one. Unless ``with_run`` is False, the run that
        asked is looked for.
        """
        asked = _asked(approval)
        if not approval.is_open or (before and _asked(before.approval) == asked):
            return
        if with_run:
            lane = origin.lane(tenant, approval.id)
            await self.jobs.defer(conn, origin.FIND, lock=lane, tenant=tenant, approval=approval.id)
        standing_in = await circumstances.delegates(conn, tenant, list(asked), at=self.clock())
        await self.bring(conn, tenant, approval.id, asked.union(standing_in))
        for conversation in await routes.followers(conn, tenant, "approvals"):
            await self._queue(conn, tenant, approval.id, conversation)

    async def bring(
        self, conn: Connection, tenant: str, approval: str, people: Collection[str]
    ) -> None:
        """Queue an approval's card for the personal chats of these people, who have none yet."""
        chats = await conversations.personal(conn, tenant, list(people))
        for person in set(people) - {chat.person for chat in chats}:
            await self.jobs.defer(conn, REACH, tenant=tenant, approval=approval, person=person)
        for chat in chats:
            await self._queue(conn, tenant, approval, chat.id)

    async def catch_up(self, conversation: Conversation) -> None:
        """Show somebody who has just got the bot what waits for them already."""
        since = self.clock() - CATCH_UP_SINCE
        async with self.pool.connection() as conn:
            # While the bot was away nothing was redrawn there.
            for approval, place in await stored.cards_in(conn, conversation, since=since):
                await self.truth.redraw(conn, conversation.tenant, approval, place)
        if conversation.scope is not Scope.PERSONAL or not conversation.person:
            return
        async with self.pool.connection() as conn:
            waiting = await stored.waiting(conn, conversation.tenant)
            waiting.sort(key=lambda known: known.approval.created_at or since, reverse=True)
            mine = [
                known.id
                for known in waiting
                if (known.approval.created_at or since) >= since
                and await self._is_for(conn, conversation.person, known)
            ]
            newest = mine[:CATCH_UP_MOST][::-1]
            # Whoever gets the bot anew no longer has what was sent before.
            await routes.forget(conn, conversation.tenant, "approvals", newest, conversation.id)
            for approval in newest:
                await self._queue(
                    conn, conversation.tenant, approval, conversation.id, after=AFTER_GREETING
                )

    async def _queue(
        self,
        conn: Connection,
        tenant: str,
        approval: str,
        conversation: str,
        *,
        after: timedelta | None = None,
    ) -> None:
        planned = await routes.plan(
            conn, tenant, "approvals", approval, conversation, at=self.clock()
        )
        if planned:
            await self.jobs.defer(
                conn,
                DELIVER,
                lock=f"{tenant}/{conversation}",
                after=after,
                tenant=tenant,
                approval=approval,
                conversation=conversation,
            )

    async def reach(self, *, tenant: str, approval: str, person: str) -> None:
        """Job: open the personal chat with an approver who has not spoken yet, then deliver."""
        async with self.pool.connection() as conn:
            by_way_of = await conversations.any_of(conn, tenant)
        if by_way_of is None:
            return  # Nobody has the bot yet; the greeting catches up.
        try:
            chat = await self.messenger.open_personal(by_way_of, person)
        except (ConversationClosed, SendRejected) as error:
            # Without the app there is no chat: the card waits in the channel that follows.
            log.info("approver.unreachable", tenant=tenant, approval=approval, code=error.code)
            return
        async with self.pool.connection() as conn:
            await conversations.remember(conn, chat, at=self.clock())
            await self._queue(conn, tenant, approval, chat.id)

    async def deliver(self, *, tenant: str, approval: str, conversation: str) -> None:
        """Job: send one approval's card to one conversation, unless it is decided by now.

        A send without an answer is repeated: two copies of a question are better than none, and
        a copy nobody knew of is known, and true, from its first click on.
        """
        async with self.pool.connection() as conn:
            planned = await routes.delivery(conn, tenant, "approvals", approval, conversation)
            place = await conversations.find(conn, tenant, conversation)
            case = await self._case(conn, tenant, approval)
        if planned is None or planned.ended or case is None:
            return
        if place is None or not case.approval.is_open or case.known.gone_at is not None:
            await self._give_up(tenant, approval, conversation, "no longer needed")
            return
        try:
            message = await self.messenger.send(place, self.faces.draw(case, place), alert=True)
        except (ConversationClosed, SendRejected) as error:
            await self._give_up(tenant, approval, conversation, str(error.code or error.status))
            log.warning("approval.not_delivered", tenant=tenant, approval=approval, code=error.code)
            if isinstance(error, ConversationClosed):
                await self._close(tenant, conversation)
            return
        async with self.pool.connection() as conn:
            await routes.delivered(
                conn,
                tenant,
                "approvals",
                approval,
                conversation,
                message=message,
                at=self.clock(),
            )
            # The row's lock orders this with whoever writes the approval: either they see the new
            # card, or this sees that what was drawn is no longer true.
            now = await stored.lock(conn, tenant, approval)
            await stored.add_card(conn, tenant, approval, Place(conversation, message))
            if now is None or now.fingerprint != case.known.fingerprint:
                await self.truth.redraw(conn, tenant, approval, Place(conversation, message))

    async def placed(self, conversation: Conversation, message: str, card: Card) -> None:
        """Remember a message that shows an approval because somebody asked, or pressed, there.

        What it shows was drawn a while ago: where that no longer holds, it is drawn anew.
        """
        if card.approval is None:
            return
        tenant, place = conversation.tenant, Place(conversation.id, message)
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, card.approval)
            if now is None:
                return
            await stored.add_card(conn, tenant, card.approval, place)
            if card.shows != now.fingerprint:
                await self.truth.redraw(conn, tenant, card.approval, place)

    async def redraw_all(self, *, tenant: str, approval: str) -> None:
        """Job: have every message that shows the approval tell the truth."""
        async with transaction(self.pool) as conn:
            copies = await stored.cards(conn, tenant, approval)
            await self.truth.redraw(conn, tenant, approval, *copies)

    async def redraw(self, *, tenant: str, approval: str, conversation: str, message: str) -> None:
        """Job: make one message tell the truth."""
        place = Place(conversation, message)
        async with self.pool.connection() as conn:
            target = await conversations.find(conn, tenant, conversation)
            case = await self._case(conn, tenant, approval)
        if case is None or target is None:
            return
        try:
            await self.messenger.edit(target, message, self.faces.draw(case, target))
        except MessageGone:
            async with self.pool.connection() as conn:
                await stored.forget_card(conn, tenant, approval, place)
        except ConversationClosed:
            await self._close(tenant, conversation)
        except SendRejected as error:
            log.warning("redraw.rejected", tenant=tenant, approval=approval, code=error.code)

    async def _case(self, conn: Connection, tenant: str, approval: str) -> Case | None:
        policy = self.policy_of(tenant)
        return await cases.load(conn, tenant, approval, policy=policy, at=self.clock())

    async def _is_for(self, conn: Connection, person: str, known: Known) -> bool:
        policy = self.policy_of(known.tenant)
        case = await cases.around(conn, known, policy=policy, at=self.clock())
        return who_may.why_not_asked(person, case) is None

    async def _give_up(self, tenant: str, approval: str, conversation: str, why: str) -> None:
        async with self.pool.connection() as conn:
            await routes.give_up(conn, tenant, "approvals", approval, conversation, why=why)

    async def _close(self, tenant: str, conversation: str) -> None:
        async with self.pool.connection() as conn:
            await conversations.close(conn, tenant, conversation, at=self.clock())


def _asked(approval: Approval) -> set[str]:
    """Entra object ids of who was asked."""
    return {a.user_id.lower() for a in approval.approvers if a.user_id}
