"""Nobody clicks at 03:00: who is reminded of an approval that waits, and when others hear of it.

Once a minute every pending approval is looked at, without a request to Neo. Its stages are due by
business time since the bot first had it, and each comes once, within business hours: the reminders,
then the second group, then the duty channel. The end of a snooze is the exception: whoever chose
that moment is reminded at it, in business hours or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from bot.approvals import case as cases
from bot.approvals import who_may
from bot.approvals.case import Case
from bot.approvals.faces import Faces
from bot.approvals.hours import BusinessHoursKnown, Hours, elapsed, is_open
from bot.approvals.truth import Truth
from bot.errors import ConversationClosed, SendRejected
from bot.messaging import Messenger
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import conversations, ledger, people, reminders, routes
from bot.store.approvals import Place
from bot.store.circumstances import SECOND_GROUP
from bot.store.database import Connection, Pool
from bot.store.jobs import Jobs
from bot.store.ledger import Entry
from bot.store.reminders import Over, Waits
from cards import labels
from cards.words import duration

CHASE: Final = "approvals.chase"
REMIND: Final = "approvals.remind"
REMIND_PERSON: Final = "approvals.remind_person"
EVERY: Final = "* * * * *"

DUTY_CHANNEL: Final = "duty channel"
LEFT_ALONE: Final = timedelta(hours=8)
"""What had waited for more business time than this when the bot first had it is not chased."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Due:
    """Stages of one approval whose time has come; of the reminders only ``tell`` is sent."""

    reminders: tuple[str, ...] = ()
    second_group: bool = False
    duty_channel: bool = False

    @property
    def tell(self) -> str | None:
        return self.reminders[-1] if self.reminders else None

    def __bool__(self) -> bool:
        return bool(self.reminders) or self.second_group or self.duty_channel


def due(policy: Policy, waited: timedelta, came: frozenset[str]) -> _Due:
    """Which stages an approval has reached that have not come yet.

    Args:
        policy: The tenant's.
        waited: Business time since the bot had it.
        came: The stages that have.
    """
    reached = [
        f"reminder {number}"
        for number, after in enumerate(policy.remind_after, start=1)
        if waited >= after
    ]
    group, channel = policy.second_group, policy.duty_channel
    return _Due(
        # One that was left out once does not come after a later one.
        tuple(reached) if reached and reached[-1] not in came else (),
        bool(group and waited >= group.after and SECOND_GROUP not in came),
        bool(channel and waited >= channel.after and DUTY_CHANNEL not in came),
    )


def chased_since(hours: Hours, asked: datetime, seen: datetime) -> datetime | None:
    """From when an approval's stages count, None where none of them comes.

    A card has to lie before those asked for a while before others hear of it: after an outage
    nothing comes all at once. What was old when the bot was installed is listed, and not chased:
    people know of it from Neo, and hundreds of reminders hide the one that counts.

    Args:
        hours: The tenant's.
        asked: When Neo asked.
        seen: When the bot first read it.
    """
    return None if elapsed(hours, asked, seen) > LEFT_ALONE else max(asked, seen)


@dataclass(frozen=True, slots=True)
class Chase:
    """Reminds, and asks others when nobody decides."""

    pool: Pool
    jobs: Jobs
    truth: Truth
    faces: Faces
    messenger: Messenger
    hours: BusinessHoursKnown
    policy_of: Callable[[str], Policy]
    ended: Callable[[str], Awaitable[None]]
    clock: Callable[[], datetime]

    async def look(self, *, tenant: str, timestamp: int) -> None:  # noqa: ARG002 -- see `every`
        """Job: tell whoever is to be told of what waits, once; end what has run out.

        Args:
            tenant: Microsoft 365 tenant id.
            timestamp: When the look was due; what counts is the clock.
        """
        # First, so that nobody is reminded in the place of somebody who is back.
        await self.ended(tenant)
        hours, policy, at = await self.hours.of(tenant), self.policy_of(tenant), self.clock()
        async with self.pool.connection() as conn:
            waits = {one.approval: one for one in await reminders.waits(conn, tenant)}
        await self._after_snoozes(tenant, hours, waits)
        if not is_open(hours, at):
            return
        for one in waits.values():
            since = chased_since(hours, one.since, one.seen)
            if since is None:
                continue
            stages = due(policy, elapsed(hours, since, at), one.stages)
            if stages:
                async with self.pool.connection() as conn:
                    waited = elapsed(hours, one.since, at)
                    await self._come(conn, tenant, one.approval, stages, waited)

    async def _come(
        self, conn: Connection, tenant: str, approval: str, stages: _Due, waited: timedelta
    ) -> None:
        """Mark the stages and queue what they tell, in one transaction."""
        case = await self._pending(conn, tenant, approval)
        if case is None or case.known.deciding_at is not None:
            return  # decided, or about to be: the next look sees how that ended
        held = await self._is_held(conn, case)
        wanted = [
            *stages.reminders,
            *([SECOND_GROUP] if stages.second_group and not held else []),
            *([DUTY_CHANNEL] if stages.duty_channel and not held else []),
        ]
        new = await reminders.mark(conn, tenant, approval, wanted, at=self.clock())
        said = duration(waited.total_seconds() // 60 * 60)
        if stages.tell in new:
            await self._tell(
                conn,
                case,
                stages.tell or "",
                _to_remind(case),
                f"Reminder: waiting for {said} of working time.",
            )
        group = case.policy.second_group
        if group and SECOND_GROUP in new:
            # From here on the cards say so, and where it may decide, its own views have buttons.
            await self.truth.redraw_all(conn, tenant, approval)
            asked = "are asked" if group.may_decide and case.asked else "hear of it"
            remark = f"{_nobody(case, said)} You {asked} as {group.name}."
            await self._tell(conn, case, SECOND_GROUP, group.people, remark)
        if DUTY_CHANNEL in new:
            await self._tell_channel(conn, case, _nobody(case, said))

    async def _is_held(self, conn: Connection, case: Case) -> bool:
        """Whether a snooze keeps it from others.

        Nobody's does for longer than one snooze may last, however often they renew it, and whoever
        could not decide it now holds nothing up.
        """
        if not case.around.snoozes:
            return False
        since = await reminders.put_off_since(conn, case.known.tenant, case.known.id)
        return any(
            case.at - since.get(one.person, case.at) < who_may.LONGEST_SNOOZE
            and who_may.why_not_decide(case.person(one.person), "reject", case) is None
            for one in case.around.snoozes
        )

    async def _after_snoozes(self, tenant: str, hours: Hours, waits: Mapping[str, Waits]) -> None:
        """Remind those whose snooze is over, each once."""
        async with self.pool.connection() as conn:
            over = await reminders.over(conn, tenant, at=self.clock())
        for one in over:
            # Each by itself: whoever holds the ledger's lock must not wait for an approval's.
            async with self.pool.connection() as conn:
                case = await self._pending(conn, tenant, one.approval)
                if not await reminders.end_snooze(conn, tenant, one) or case is None:
                    continue
                await self.truth.redraw_all(conn, tenant, one.approval)
                since = waits[one.approval].since if one.approval in waits else self.clock()
                waited = elapsed(hours, since, self.clock())
                await self._remind_after(conn, case, one, waited)

    async def _remind_after(
        self, conn: Connection, case: Case, one: Over, waited: timedelta
    ) -> None:
        if one.person not in _to_remind(case):
            return
        said = duration(waited.total_seconds() // 60 * 60)
        remark = "Reminder: you put this off until now. "
        remark += f"It has waited for {said} of working time."
        await self._tell(conn, case, f"snooze until {one.until.isoformat()}", [one.person], remark)

    async def _pending(self, conn: Connection, tenant: str, approval: str) -> Case | None:
        """The case, its row locked; None if nobody can decide it any more."""
        known = await stored.lock(conn, tenant, approval)
        if known is None:
            return None
        case = await cases.around(conn, known, policy=self.policy_of(tenant), at=self.clock())
        return None if who_may.why_not_open(case) else case

    async def _tell(
        self, conn: Connection, case: Case, stage: str, whom: Iterable[str], remark: str
    ) -> None:
        """Queue a fresh copy of the card for each person's own chat."""
        tenant, approval = case.known.tenant, case.known.id
        persons = list(dict.fromkeys(whom))
        chats = await conversations.personal(conn, tenant, persons)
        for chat in chats:
            await self._queue(conn, tenant, approval, stage, conversation=chat.id, remark=remark)
        for person in persons:
            if person not in {chat.person for chat in chats}:
                await self.jobs.defer(
                    conn,
                    REMIND_PERSON,
                    tenant=tenant,
                    approval=approval,
                    stage=stage,
                    person=person,
                    remark=remark,
                )
        if persons:
            named = ", ".join([await self._name(conn, case, person) for person in persons])
            await self._record(conn, case, f"{stage}: {named}", "done")

    async def _tell_channel(self, conn: Connection, case: Case, remark: str) -> None:
        channel, tenant = case.policy.duty_channel, case.known.tenant
        if channel is None:
            return
        if await conversations.find(conn, tenant, channel.id) is None:
            # The stage has come: this is said once.
            log.warning("duty_channel.not_there", tenant=tenant, approval=case.known.id)
            await self._record(conn, case, f"{DUTY_CHANNEL}: the bot was not added there", "failed")
            return
        await self._queue(
            conn, tenant, case.known.id, DUTY_CHANNEL, conversation=channel.id, remark=remark
        )
        await self._record(conn, case, DUTY_CHANNEL, "done")

    async def _queue(
        self,
        conn: Connection,
        tenant: str,
        approval: str,
        stage: str,
        *,
        conversation: str,
        remark: str,
    ) -> None:
        subject = _subject(approval, stage)
        if await routes.plan(conn, tenant, "reminders", subject, conversation, at=self.clock()):
            await self.jobs.defer(
                conn,
                REMIND,
                lock=f"{tenant}/{conversation}",
                tenant=tenant,
                approval=approval,
                stage=stage,
                conversation=conversation,
                remark=remark,
            )

    async def remind_person(
        self, *, tenant: str, approval: str, stage: str, person: str, remark: str
    ) -> None:
        """Job: open the personal chat with somebody who has not spoken yet, then remind there."""
        async with self.pool.connection() as conn:
            by_way_of = await conversations.any_of(conn, tenant)
        if by_way_of is None:
            return
        try:
            chat = await self.messenger.open_personal(by_way_of, person)
        except (ConversationClosed, SendRejected) as error:
            log.info("reminder.unreachable", tenant=tenant, approval=approval, code=error.code)
            return
        async with self.pool.connection() as conn:
            await conversations.remember(conn, chat, at=self.clock())
            await self._queue(conn, tenant, approval, stage, conversation=chat.id, remark=remark)

    async def remind(
        self, *, tenant: str, approval: str, stage: str, conversation: str, remark: str
    ) -> None:
        """Job: send one copy with its remark, unless it is not needed any more.

        Like every card of an approval: sent again where nobody knows whether it arrived, and kept
        true from then on.
        """
        subject = _subject(approval, stage)
        async with self.pool.connection() as conn:
            planned = await routes.delivery(conn, tenant, "reminders", subject, conversation)
            place = await conversations.find(conn, tenant, conversation)
            policy = self.policy_of(tenant)
            case = await cases.load(conn, tenant, approval, policy=policy, at=self.clock())
        if planned is None or planned.ended or case is None:
            return
        if place is None or not _still_needed(case, stage, place.person):
            await self._give_up(tenant, subject, conversation, "no longer needed")
            return
        card = self.faces.draw(case, place, viewer=place.person, remark=remark)
        try:
            message = await self.messenger.send(place, card, alert=True)
        except (ConversationClosed, SendRejected) as error:
            await self._give_up(tenant, subject, conversation, str(error.code or error.status))
            log.warning("reminder.not_delivered", tenant=tenant, approval=approval, code=error.code)
            if isinstance(error, ConversationClosed):
                async with self.pool.connection() as conn:
                    await conversations.close(conn, tenant, conversation, at=self.clock())
            return
        copy = Place(conversation, message)
        async with self.pool.connection() as conn:
            await routes.delivered(
                conn, tenant, "reminders", subject, conversation, message=message, at=self.clock()
            )
            # In this order with whoever writes the approval, see `Delivery.deliver`.
            now = await stored.lock(conn, tenant, approval)
            await stored.add_card(conn, tenant, approval, copy)
            if now is None or now.fingerprint != case.known.fingerprint:
                await self.truth.redraw(conn, tenant, approval, copy)

    async def _give_up(self, tenant: str, subject: str, conversation: str, why: str) -> None:
        async with self.pool.connection() as conn:
            await routes.give_up(conn, tenant, "reminders", subject, conversation, why=why)

    async def _name(self, conn: Connection, case: Case, person: str) -> str:
        if case.asked.get(person):
            return case.asked[person]
        named = {one.delegate: one.delegate_name for one in case.around.delegations}
        known = await people.find(conn, case.known.tenant, person)
        return named.get(person) or (known.name if known else person)

    async def _record(
        self, conn: Connection, case: Case, reason: str, outcome: Literal["done", "failed"]
    ) -> None:
        await ledger.add(
            conn,
            Entry(
                tenant=case.known.tenant,
                at=case.at,
                approval=case.known.id,
                person="",
                person_name=labels.BOT,
                conversation="",
                wish="remind",
                outcome=outcome,
                reason=reason,
                comment="",
                shown=case.known.digest,
            ),
        )


def _subject(approval: str, stage: str) -> str:
    return f"{approval}/{stage}"


def _nobody(case: Case, said: str) -> str:
    """Why others hear of it."""
    if not case.asked:
        return f"Neo asks nobody to decide this, and it has waited for {said} of working time."
    return f"Nobody of those asked has decided for {said} of working time."


def _to_remind(case: Case) -> list[str]:
    """Who may decide it and has not voted, whoever is away or put it off left out.

    Where all of them are away, as when a stand-in goes away too, nobody is: somebody has to hear.
    """
    group = case.policy.second_group
    candidates = [
        *case.asked,
        *(one.delegate for one in case.around.delegations),
        *(group.people if group else ()),
    ]
    may = [person for person in dict.fromkeys(candidates) if _may(person, case)]
    away = {one.person for one in case.around.delegations}
    quiet = {one.person for one in case.around.snoozes}
    here = [person for person in may if person not in away] or may
    return [person for person in here if person not in quiet]


def _may(person: str, case: Case) -> bool:
    return who_may.why_not_decide(case.person(person), "approve", case) is None


def _still_needed(case: Case, stage: str, person: str | None) -> bool:
    if who_may.why_not_open(case) is not None:
        return False
    return stage in {SECOND_GROUP, DUTY_CHANNEL} or person in _to_remind(case)
