"""Deciding: the right person, what they saw, once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog

from bot.approvals import policy, signature
from bot.approvals.faces import CLAIM_LASTS, Faces
from bot.approvals.notes import note
from bot.approvals.truth import Truth
from bot.errors import NeoConflict, NeoError, NeoUnavailable, SendError
from bot.messaging import Person, Pressed, Roster
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store import ledger, signing
from bot.store.approvals import Known
from bot.store.database import Connection, Pool
from bot.store.jobs import Jobs
from bot.store.ledger import Entry
from cards.actions import Decide
from cards.approval import gone
from cards.card import Card

SETTLE = "approvals.settle"

log = structlog.get_logger()

Outcome = Literal["sent", "decided", "refused", "failed"]
_UNSURE = "Neo did not answer. Whether it took your decision is being checked; this card will say."
_WISHED = {"approve": ApprovalState.APPROVED, "reject": ApprovalState.REJECTED}


@dataclass(frozen=True, slots=True)
class _Click:
    """One press of Approve or Reject, and what the tenant's key says it was shown."""

    pressed: Pressed
    wish: Decide
    key: bytes
    shown: str | None

    @property
    def tenant(self) -> str:
        return self.pressed.conversation.tenant

    @property
    def person(self) -> Person:
        return self.pressed.person


@dataclass(frozen=True, slots=True)
class Decisions:
    """Takes clicks to Neo. ``neo_of`` gives a tenant's Neo; ``tenants`` are the ones served."""

    pool: Pool
    jobs: Jobs
    truth: Truth
    faces: Faces
    roster: Roster
    neo_of: Callable[[str], Neo]
    tenants: Collection[str]
    clock: Callable[[], datetime]

    async def decide(self, pressed: Pressed, wish: Decide) -> Card:
        """Send the decision if this person may make it, on what they were shown.

        Every refusal and every decision is a row in the ledger. The answer is the card that is
        true afterwards; every other copy of it is redrawn by jobs.
        """
        place = pressed.conversation
        async with self.pool.connection() as conn:
            known = await stored.find(conn, place.tenant, wish.approval)
            key = await signing.signing_key(conn, place.tenant)
            if known is not None and pressed.message is not None:
                await stored.add_card(
                    conn, place.tenant, known.id, stored.Place(place.id, pressed.message)
                )
        token = signature.shown(
            key,
            wish.shown,
            tenant=place.tenant,
            conversation=place.id,
            approval=wish.approval,
        )
        click = _Click(pressed, wish, key, token)
        if known is None:
            await self._record(click, "refused", "not known here")
            return gone(wish.approval, self.faces.reader(place))
        reason = policy.why_not_served(click.person, self.tenants)
        if reason is None and click.shown is None:
            reason = "This card was not made for this conversation. Here is the approval anew."
        if reason is not None:
            return await self._refuse(click, known, reason)
        return await self._on_fresh(click, known)

    async def _on_fresh(self, click: _Click, known: Known) -> Card:
        """Read the approval again and hold the click against what it is now."""
        try:
            fresh = await self.neo_of(click.tenant).approvals.reread(known.approval)
        except NeoError as error:
            return await self._fail(click, known, error, "Nothing was decided.")
        async with self.pool.connection() as conn:
            if fresh is None:
                await self.truth.observe_gone(conn, click.tenant, known.id)
            else:
                await self.truth.observe(conn, click.tenant, fresh)
            now = await stored.find(conn, click.tenant, known.id) or known
        if fresh is None:
            return await self._refuse(click, now, "Neo no longer has it.")
        reason = await self._why_not(click, fresh)
        if reason is not None:
            return await self._refuse(click, now, reason)
        return await self._claim_and_send(click, now)

    async def _why_not(self, click: _Click, fresh: Approval) -> str | None:
        """Why this click decides nothing, or None if it does; the cheap questions first."""
        reason = (
            policy.why_not_open(fresh)
            or policy.why_not_asked(click.person.id, fresh)
            or (
                "It has changed since this card was drawn. Nothing was decided: look again."
                if fresh.digest != click.shown
                else None
            )
        )
        if reason is not None:
            return reason
        try:
            guest = await self.roster.is_guest(click.person, click.pressed.conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=click.tenant, status=error.status)
            return "Teams did not say whether you are a guest. Nothing was decided: try again."
        return policy.why_not_guest(guest=guest)

    async def _claim_and_send(self, click: _Click, known: Known) -> Card:
        async with self.pool.connection() as conn:
            claimed = await stored.claim(
                conn,
                click.tenant,
                known.id,
                person=click.person.id,
                name=click.person.name,
                digest=known.digest,
                at=self.clock(),
                stale_after=CLAIM_LASTS,
            )
            if claimed:
                await ledger.add(conn, self._entry(click, "sent", ""))
                # Whatever becomes of this process, somebody looks at how it ended.
                await self.jobs.defer(
                    conn, SETTLE, after=CLAIM_LASTS, tenant=click.tenant, approval=known.id
                )
            now = await stored.find(conn, click.tenant, known.id) or known
        if not claimed:
            reason = (
                "Somebody else is deciding it at this moment."
                if now.deciding_name
                else "Somebody was faster. Your decision was not taken."
            )
            return await self._refuse(click, now, reason)
        try:
            answer = await self.neo_of(click.tenant).approvals.decide(
                known.id, click.wish.verdict, note=note(click.person, click.wish.comment)
            )
        except NeoConflict as error:
            return await self._overtaken(click, now, error)
        except NeoUnavailable as error:
            return await self._unsure(click, now, error)
        except NeoError as error:
            async with self.pool.connection() as conn:
                await stored.release(conn, click.tenant, known.id)
            return await self._fail(click, now, error, "Nothing was decided.")
        if answer.state not in _WISHED.values():
            # Neo took it, whatever it calls the state: the status is not in its samples.
            answer = answer.model_copy(update={"status": _WISHED[click.wish.verdict].value})
        return await self._decided(click, answer)

    async def _decided(self, click: _Click, answer: Approval) -> Card:
        async with self.pool.connection() as conn:
            await self.truth.observe(conn, click.tenant, answer)
            await stored.write_decision(
                conn,
                click.tenant,
                answer.id,
                person=click.person.id,
                name=click.person.name,
                comment=click.wish.comment,
                at=self.clock(),
            )
            await stored.release(conn, click.tenant, answer.id)
            await ledger.add(conn, self._entry(click, "decided", ""))
            await self.truth.redraw_all(conn, click.tenant, answer.id)
            known = await stored.find(conn, click.tenant, answer.id)
        if known is None:
            raise LookupError("an approval that was just written is not there")
        return self.faces.draw(known, click.pressed.conversation, click.key)

    async def _overtaken(self, click: _Click, known: Known, error: NeoError) -> Card:
        """409: somebody was faster; show who."""
        async with self.pool.connection() as conn:
            await stored.release(conn, click.tenant, known.id)
            await ledger.add(
                conn, self._entry(click, "failed", "overtaken", request_id=error.request_id)
            )
        try:
            fresh = await self.neo_of(click.tenant).approvals.reread(known.approval)
        except NeoError:
            fresh = None  # the watch reads it soon
        async with self.pool.connection() as conn:
            if fresh is not None:
                await self.truth.observe(conn, click.tenant, fresh)
            now = await stored.find(conn, click.tenant, known.id) or known
        return self.faces.draw(
            now,
            click.pressed.conversation,
            click.key,
            remark="Somebody was faster. Your decision was not taken.",
            may_press=False,
        )

    async def _unsure(self, click: _Click, known: Known, error: NeoError) -> Card:
        """No answer: Neo may have taken it, or take it yet. The claim stays until that is known."""
        async with self.pool.connection() as conn:
            await ledger.add(
                conn, self._entry(click, "failed", "no answer", request_id=error.request_id)
            )
        try:
            await self.settle(tenant=click.tenant, approval=known.id, final=False)
        except NeoError:
            log.warning("decision.unsure", tenant=click.tenant, approval=known.id)
        async with self.pool.connection() as conn:
            now = await stored.find(conn, click.tenant, known.id) or known
        took_it = now.state == _WISHED[click.wish.verdict].value
        return self.faces.draw(
            replace(now, deciding_name=None),
            click.pressed.conversation,
            click.key,
            remark=None if took_it else _UNSURE,
            may_press=False,
        )

    async def settle(self, *, tenant: str, approval: str, final: bool = True) -> None:
        """Job: see how a decision ended whose sender died or got no answer.

        Args:
            tenant: Microsoft 365 tenant id.
            approval: Id of the approval.
            final: What Neo has not taken by now, it will not: the claim ends either way.

        Raises:
            NeoError: Neo does not say yet; the job runs again.
        """
        async with self.pool.connection() as conn:
            known = await stored.find(conn, tenant, approval)
        if known is None or known.deciding_person is None:
            return
        fresh = await self.neo_of(tenant).approvals.reread(known.approval)
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            if now is None or now.deciding_at != known.deciding_at:
                return  # another click has begun since
            if fresh is None:
                await self.truth.observe_gone(conn, tenant, approval)
            else:
                await self.truth.observe(conn, tenant, fresh)
            now = await stored.find(conn, tenant, approval) or now
            if now.state == ApprovalState.PENDING.value and not final:
                return
            await self._close_claim(conn, now)

    async def _close_claim(self, conn: Connection, now: Known) -> None:
        """End a claim whose end nobody saw, with a row that says what became of it."""
        taken = now.decided_person == now.deciding_person
        rows = await ledger.of(conn, now.tenant, now.id)
        sent = [r for r in rows if r.outcome == "sent" and r.person == now.deciding_person]
        if sent:
            row = replace(
                sent[-1],
                at=self.clock(),
                outcome="decided" if taken else "failed",
                reason="found afterwards" if taken else "not taken, as found afterwards",
            )
            await ledger.add(conn, row)
        await stored.release(conn, now.tenant, now.id)
        await self.truth.redraw_all(conn, now.tenant, now.id)

    async def _refuse(self, click: _Click, known: Known, reason: str) -> Card:
        await self._record(click, "refused", reason)
        asked = policy.why_not_asked(click.person.id, known.approval) is None
        return self.faces.draw(
            known,
            click.pressed.conversation,
            click.key,
            remark=reason,
            may_press=asked,
            comment=click.wish.comment,
        )

    async def _fail(self, click: _Click, known: Known, error: NeoError, so: str) -> Card:
        await self._record(click, "failed", type(error).__name__, request_id=error.request_id)
        quoted = f" (request {error.request_id})" if error.request_id else ""
        return self.faces.draw(
            known,
            click.pressed.conversation,
            click.key,
            remark=f"{error} {so} Try again, or decide in Neo.{quoted}",
            comment=click.wish.comment,
        )

    async def _record(
        self, click: _Click, outcome: Outcome, reason: str, *, request_id: str | None = None
    ) -> None:
        async with self.pool.connection() as conn:
            await ledger.add(conn, self._entry(click, outcome, reason, request_id=request_id))
        log.info(
            "approval.decision",
            tenant=click.tenant,
            approval=click.wish.approval,
            person=click.person.id,
            outcome=outcome,
        )

    def _entry(
        self, click: _Click, outcome: Outcome, reason: str, *, request_id: str | None = None
    ) -> Entry:
        return Entry(
            tenant=click.tenant,
            at=self.clock(),
            approval=click.wish.approval,
            person=click.person.id,
            person_name=click.person.name,
            conversation=click.pressed.conversation.id,
            wish=click.wish.verdict,
            outcome=outcome,
            reason=reason,
            comment=click.wish.comment,
            shown=click.shown or "",
            request_id=request_id,
        )
