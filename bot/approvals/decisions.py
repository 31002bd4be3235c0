"""Judging a click: the right person, on what they saw. `sending` takes it to Neo, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

import structlog

from bot.approvals import signature, who_may
from bot.approvals.case import Case
from bot.approvals.clicked import Click, Outcome, Records
from bot.approvals.sending import FASTER, Sending
from bot.approvals.truth import Truth
from bot.errors import NeoError, SendError
from bot.messaging import Conversation, Person, Pressed, Roster
from bot.neo.client import Neo
from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import circumstances, signing
from bot.store.approvals import Known
from bot.store.circumstances import Vote
from bot.store.database import Connection, Pool
from cards.actions import Decide

log = structlog.get_logger()

_CHANGED = "It has changed since this card was drawn. Nothing was decided: look again."
_NOT_HERE = "This card was not made for you here. Here is the approval anew."
_NO_ROSTER = "Teams did not say whether you are a guest. Nothing was decided: try again."
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
    roster: Roster
    sending: Sending
    records: Records
    neo_of: Callable[[str], Neo]
    tenants: Collection[str]
    clock: Callable[[], datetime]

    async def take(self, pressed: Pressed, wish: Decide) -> Outcome:
        """Send the decision if this person may make it, on what they were shown.

        Every refusal, vote and decision is a row in the ledger; every copy of a card that is no
        longer true is redrawn by jobs.
        """
        click = Click(pressed, wish, monotonic())
        async with self.pool.connection() as conn:
            click = replace(click, key=await signing.signing_key(conn, click.tenant))
            known = await stored.find(conn, click.tenant, wish.approval)
            click = await self._with_shown(conn, click, known)
        outcome = await self._judged(click, known)
        return replace(outcome, key=click.key)

    async def _judged(self, click: Click, known: Known | None) -> Outcome:
        if known is None:
            await self.records.add(click, "refused", "not known here")
            return Outcome("unknown")
        reason = who_may.why_not_served(click.person, self.tenants)
        if reason is None and not click.shown:
            reason = _NOT_HERE
        if reason is not None:
            return await self.records.refuse(click, reason)
        try:
            fresh, guest = await asyncio.gather(
                self.neo_of(click.tenant).approvals.reread(known.approval),
                self._why_not_member(click),
            )
        except NeoError as error:
            return await self.records.fail(click, error)
        if fresh is None:
            async with self.pool.connection() as conn:
                await self.truth.observe_gone(conn, click.tenant, known.id)
            return await self.records.refuse(click, "Neo no longer has it.")
        return await self._on_fresh(click, fresh, guest)

    async def refused(self, person: Person, place: Conversation, wish: Decide, reason: str) -> None:
        """Write down that an order in text was refused before there was anything to press."""
        click = Click(Pressed(person, place, None, wish.verb), wish, monotonic())
        await self.records.add(click, "refused", reason)

    async def _with_shown(self, conn: Connection, click: Click, known: Known | None) -> Click:
        """The click with the digest that its card showed, if that card was made here for them."""
        place, wish = click.pressed.conversation, click.wish
        shown = signature.shown(
            click.key,
            wish.shown,
            tenant=click.tenant,
            conversation=place.id,
            approval=wish.approval,
            person=click.person.id,
        )
        if known is not None and shown is not None and click.pressed.message is not None:
            copy = stored.Place(place.id, click.pressed.message)
            if await stored.add_card(conn, click.tenant, known.id, copy):
                # A copy nobody knew of: nobody has kept it true.
                await self.truth.redraw(conn, click.tenant, known.id, copy)
        return replace(click, shown=shown or "")

    async def _why_not_member(self, click: Click) -> str | None:
        try:
            guest = await self.roster.is_guest(click.person, click.pressed.conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=click.tenant, status=error.status)
            return _NO_ROSTER
        return who_may.why_not_guest(guest=guest)

    async def _on_fresh(self, click: Click, fresh: Approval, guest: str | None) -> Outcome:
        """Hold the click against what the approval is now, and claim it; all in one transaction."""
        tenant, wish, person = click.tenant, click.wish, click.person
        async with self.pool.connection() as conn:
            await self.truth.observe(conn, tenant, fresh)
            case = await self.records.case(click, conn=conn)
            if case is None:
                return Outcome("unknown")
            changed = None if case.known.digest == click.shown else _CHANGED
            reason = (
                who_may.why_not_decide(person, wish.verdict, case)
                or changed
                or guest
                or who_may.why_not_now(case)
                or who_may.why_not_without_comment(wish.verdict, wish.comment, case)
            )
            if reason is not None:
                before = None
                if reason == _CHANGED:
                    before = await stored.version(conn, tenant, case.known.id, click.shown)
                return await self.records.refuse(click, reason, conn=conn, before=before)
            unconfirmed = who_may.why_not_confirmed(wish.verdict, wish.typed, case)
            if unconfirmed is not None:
                return await self._unconfirmed(conn, click, case, unconfirmed)
            votes = case.votes_of_others(person.id)
            if wish.verdict == "approve" and len(votes) + 1 < case.people_needed:
                return await self._vote(conn, click, case)
            claim = await self.sending.claim(conn, click, case)
            if claim is None:
                return await self.records.refuse(click, FASTER, conn=conn)
        return await self.sending.send(claim)

    async def _unconfirmed(
        self, conn: Connection, click: Click, case: Case, reason: str
    ) -> Outcome:
        if not click.wish.confirming and not click.wish.typed:
            return Outcome("confirm", case)
        if not click.wish.typed:
            number = who_may.number_to_type(case.approval)
            reason = f"Type the number {number} to approve it. Nothing was decided."
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
