"""Judging a click: the right person, on what they saw. `sending` takes it to Neo, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic

import structlog

from bot.approvals import case as cases
from bot.approvals import who_may
from bot.approvals.case import Case
from bot.approvals.clicked import Click, Outcome, Records
from bot.approvals.reading import read_again
from bot.approvals.reasons import Reason, code_of
from bot.approvals.sending import FASTER, Claim, Sending
from bot.approvals.signature import Signatures
from bot.approvals.truth import Truth
from bot.errors import NeoError, SendError
from bot.messaging import Conversation, Person, Pressed, Roster
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store import circumstances
from bot.store.approvals import Known
from bot.store.circumstances import Vote
from bot.store.database import Connection, Pool, single, transaction
from bot.telemetry.watched import Telemetry
from cards.actions import Decide

log = structlog.get_logger()

_CHANGED = Reason(
    "changed", "It has changed since this card was drawn. Nothing was decided: look again."
)
_NOT_HERE = Reason(
    "not_made_for_them", "This card was not made for you here. Here is the approval anew."
)
_NO_ROSTER = Reason(
    "guest_or_not", "Teams did not say whether you are a guest. Nothing was decided: try again."
)
_ONE_MORE = "one more person has to approve it"


@dataclass(frozen=True, slots=True)
class Decisions:
    """Judges clicks.

    Args:
        neo_of: A tenant's Neo.
        tenants: The ones served.
    """

    pool: Pool
    truth: Truth
    signatures: Signatures
    roster: Roster
    sending: Sending
    records: Records
    neo_of: Callable[[str], Neo]
    tenants: Collection[str]
    clock: Callable[[], datetime]
    telemetry: Telemetry = field(default_factory=Telemetry)

    async def take(self, pressed: Pressed, wish: Decide) -> Outcome:
        """Send the decision if this person may make it, on what they were shown.

        Every refusal, vote and decision is a row in the ledger; every copy of a card that is no
        longer true is redrawn by jobs.
        """
        outcome = await self._take(pressed, wish)
        refused = outcome.kind == "refused" or (outcome.kind == "confirm" and outcome.remark)
        reason = code_of(outcome.remark) if refused else None
        self.telemetry.decided(wish.verdict, outcome.kind, reason)
        return outcome

    async def _take(self, pressed: Pressed, wish: Decide) -> Outcome:
        click = Click(pressed, wish, monotonic(), self._shown(pressed, wish))
        case = await self._found(click)
        if case is None:
            await self.records.add(click, "refused", "not known here")
            return Outcome("unknown")
        reason = who_may.why_not_served(click.person, self.tenants)
        if reason is None and not click.shown:
            reason = _NOT_HERE
        if reason is not None:
            return await self.records.refuse(click, reason)
        try:
            read, guest = await asyncio.gather(
                read_again(self.neo_of(click.tenant), case.known),
                self._why_not_member(click),
            )
        except NeoError as error:
            return await self.records.fail(click, error)
        if read.fresh is None:
            async with self.pool.connection() as conn:
                await self.truth.observe_gone(conn, click.tenant, case.known.id)
            return await self.records.refuse(click, who_may.GONE)
        claim = await self._claim_as_found(click, case, read.fresh, guest)
        if claim is not None:
            return await self.sending.send(claim)
        return await self._on_fresh(click, read.fresh, guest, read.over)

    async def refused(self, person: Person, place: Conversation, wish: Decide, reason: str) -> None:
        """Write down that an order in text was refused before there was anything to press."""
        click = Click(Pressed(person, place, None, wish.verb), wish, monotonic())
        await self.records.add(click, "refused", reason)
        self.telemetry.decided(wish.verdict, "refused", code_of(reason))

    def _shown(self, pressed: Pressed, wish: Decide) -> str:
        """The digest that the card showed, if it was made here for them; else empty."""
        place = pressed.conversation
        shown = self.signatures.shown(
            wish.shown,
            tenant=place.tenant,
            conversation=place.id,
            approval=wish.approval,
            person=pressed.person.id,
        )
        return shown or ""

    async def _found(self, click: Click) -> Case | None:
        """The approval as it stands; a copy that nobody knew of is known from here on."""
        tenant, approval = click.tenant, click.wish.approval
        copy = stored.Place(click.pressed.conversation.id, click.pressed.message or "")
        policy, at = self.records.policy_of(tenant), self.clock()
        async with single(self.pool) as conn:
            case, is_known_copy = await cases.pressed(
                conn, tenant, approval, copy, policy=policy, at=at
            )
        if case is not None and click.shown and copy.message and not is_known_copy:
            async with transaction(self.pool) as conn:
                await stored.add_card(conn, tenant, approval, copy)
                # Nobody has kept it true.
                await self.truth.redraw(conn, tenant, approval, copy)
        return case

    async def _why_not_member(self, click: Click) -> str | None:
        try:
            guest = await self.roster.is_guest(click.person, click.pressed.conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=click.tenant, status=error.status)
            return _NO_ROSTER
        return who_may.why_not_guest(guest=guest)

    async def _claim_as_found(
        self, click: Click, case: Case, fresh: Approval, guest: str | None
    ) -> Claim | None:
        """Claim what is as it was found, in one statement: what most clicks are.

        None where there is anything else to be done or said, or something changed meanwhile: all of
        that is done under the approval's lock.
        """
        case, wish = replace(case, at=self.clock()), click.wish
        if (
            not case.known.says(fresh)
            or case.known.deciding_person is not None
            or any(one.until <= case.at for one in case.around.delegations)
            or _why_not(click, case, fresh, guest)
            or who_may.why_not_confirmed(wish.verdict, wish.typed, case)
            or _is_vote(click, case)
        ):
            return None
        async with single(self.pool) as conn:
            return await self.sending.claim(conn, click, case)

    async def _on_fresh(
        self, click: Click, fresh: Approval, guest: str | None, over: Known | None
    ) -> Outcome:
        """Hold the click against what the approval is now, under its lock, and do what follows."""
        tenant, wish = click.tenant, click.wish
        async with transaction(self.pool) as conn:
            case = await self._case(conn, tenant, fresh, over)
            reason = _why_not(click, case, fresh, guest)
            if reason is not None:
                before = None
                if reason == _CHANGED:
                    before = await stored.version(conn, tenant, case.known.id, click.shown)
                return await self.records.refuse(click, reason, conn=conn, before=before)
            unconfirmed = who_may.why_not_confirmed(wish.verdict, wish.typed, case)
            if unconfirmed is not None:
                return await self._unconfirmed(conn, click, case, unconfirmed)
            if _is_vote(click, case):
                return await self._vote(conn, click, case)
            claim = await self.sending.claim(conn, click, case)
            if claim is None:
                return await self.records.refuse(click, FASTER, conn=conn)
        return await self.sending.send(claim)

    async def _case(
        self, conn: Connection, tenant: str, fresh: Approval, over: Known | None
    ) -> Case:
        """The approval as Neo has it now, and what surrounds it; nobody else changes it."""
        policy, at = self.records.policy_of(tenant), self.clock()
        case = await cases.locked(conn, tenant, fresh, policy=policy, at=at)
        before = case.known if case else None
        known = await self.truth.held_against(conn, tenant, before, fresh, over=over)
        if case is not None and known is before:
            return case
        # What surrounded it was of what it was before.
        return await cases.around(conn, known, policy=policy, at=at)

    async def _unconfirmed(
        self, conn: Connection, click: Click, case: Case, reason: str
    ) -> Outcome:
        if not click.wish.confirming and not click.wish.typed:
            return Outcome("confirm", case)
        if not click.wish.typed:
            number = who_may.number_to_type(case.approval)
            reason = f"Type the number {number} to approve it. Nothing was decided."
            reason = Reason("no_number", reason)
        await self.records.add(click, "refused", reason, conn=conn)
        return Outcome("confirm", case, reason)

    async def _vote(self, conn: Connection, click: Click, case: Case) -> Outcome:
        """Count this person's approval; another has to follow."""
        acting = who_may.capacity(click.person.id, case) or who_may.Capacity()
        vote = Vote(
            digest=case.known.digest,
            person=click.person.id,
            name=click.person.name,
            for_person=acting.for_person,
            for_name=acting.for_name,
            comment=click.wish.comment,
            at=self.clock(),
        )
        await circumstances.add_vote(conn, click.tenant, case.known.id, vote)
        await self.truth.redraw_all(conn, click.tenant, case.known.id)
        now = await self.records.case(click, conn=conn)
        await self.records.add(click, "voted", _ONE_MORE, conn=conn, acting=acting)
        return Outcome("voted", now)


def _why_not(click: Click, case: Case, fresh: Approval, guest: str | None) -> str | None:
    """Why the click decides nothing; what is typed to confirm is another question."""
    person, wish = click.person, click.wish
    # What Neo said just now may not be believed yet: it has to be what was shown too.
    same = case.known.digest == click.shown == fresh.digest
    changed = None if same and fresh.state is ApprovalState.PENDING else _CHANGED
    return (
        who_may.why_not_decide(person, wish.verdict, case)
        or changed
        or guest
        or who_may.why_not_now(person.id, case)
        or who_may.why_not_without_comment(wish.verdict, wish.comment, case)
    )


def _is_vote(click: Click, case: Case) -> bool:
    """Whether somebody else has to approve it as well."""
    others = case.votes_of_others(click.person.id)
    return click.wish.verdict == "approve" and len(others) + 1 < case.people_needed
