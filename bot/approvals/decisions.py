"""Deciding: the right person, what they saw, once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog

from bot.approvals import policy, signature
from bot.approvals.faces import CLAIM_LASTS, Faces
from bot.approvals.notes import note, without_note
from bot.approvals.settling import SETTLE, Settling
from bot.approvals.truth import FOUND, Truth
from bot.errors import (
    NeoConflict,
    NeoError,
    NeoRateLimited,
    NeoUnavailable,
    NeoUnreachable,
    SendError,
)
from bot.messaging import Answer, Person, Pressed, Roster
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store import ledger, signing
from bot.store.approvals import Known
from bot.store.database import Connection, Pool
from bot.store.jobs import Jobs
from bot.store.ledger import Entry
from cards.actions import Decide
from cards.card import Card
from cards.notice import notice

log = structlog.get_logger()

Outcome = Literal["sent", "decided", "refused", "failed"]
_CHANGED = "It has changed since this card was drawn. Nothing was decided: look again."
_FASTER = "Somebody was faster. Your decision was not taken."
_NOT_KNOWN = "Nothing was decided. Ask for the approval again to decide it."
_UNSURE = "Neo did not answer. Whether it took your decision is being checked; this card will say."
_WISHED = {"approve": ApprovalState.APPROVED, "reject": ApprovalState.REJECTED}


@dataclass(frozen=True, slots=True)
class _Click:
    """One press of Approve or Reject; ``shown`` is the digest the card showed, "" if none."""

    pressed: Pressed
    wish: Decide
    key: bytes
    shown: str

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
    settling: Settling
    neo_of: Callable[[str], Neo]
    tenants: Collection[str]
    clock: Callable[[], datetime]

    async def decide(self, pressed: Pressed, wish: Decide) -> Answer:
        """Send the decision if this person may make it, on what they were shown.

        Every refusal and every decision is a row in the ledger. The answer is the card that is
        true afterwards; every other copy of it is redrawn by jobs.
        """
        place = pressed.conversation
        async with self.pool.connection() as conn:
            known = await stored.lock(conn, place.tenant, wish.approval)
            key = await signing.signing_key(conn, place.tenant)
            shown = signature.shown(
                key,
                wish.shown,
                tenant=place.tenant,
                conversation=place.id,
                approval=wish.approval,
            )
            if known is not None and shown is not None and pressed.message is not None:
                copy = stored.Place(place.id, pressed.message)
                if await stored.add_card(conn, place.tenant, known.id, copy):
                    # A copy nobody knew of: nobody has kept it true.
                    await self.truth.redraw(conn, place.tenant, known.id, copy)
        click = _Click(pressed, wish, key, shown or "")
        if known is None:
            await self._record(click, "refused", "not known here")
            return Answer(_unknown(wish.approval), in_place=True, aside=_NOT_KNOWN)
        reason = policy.why_not_served(click.person, self.tenants)
        if reason is None and shown is None:
            reason = "This card was not made for this conversation. Here is the approval anew."
        if reason is not None:
            return await self._refuse(click, known, reason)
        return await self._on_fresh(click, known)

    async def _on_fresh(self, click: _Click, known: Known) -> Answer:
        """Read the approval again and hold the click against what it is now."""
        try:
            fresh = await self.neo_of(click.tenant).approvals.reread(known.approval)
        except NeoError as error:
            return await self._fail(click, known, error)
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
            or (_CHANGED if fresh.digest != click.shown else None)
        )
        if reason is not None:
            return reason
        try:
            guest = await self.roster.is_guest(click.person, click.pressed.conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=click.tenant, status=error.status)
            return "Teams did not say whether you are a guest. Nothing was decided: try again."
        return policy.why_not_guest(guest=guest)

    async def _claim_and_send(self, click: _Click, known: Known) -> Answer:
        claimed_at = self.clock()
        async with self.pool.connection() as conn:
            before = await stored.lock(conn, click.tenant, known.id)
            claimed = await stored.claim(
                conn,
                click.tenant,
                known.id,
                person=click.person.id,
                name=click.person.name,
                digest=click.shown,
                at=claimed_at,
                stale_after=CLAIM_LASTS,
            )
            if claimed:
                if before is not None and before.deciding_person is not None:
                    await self.settling.close(conn, before, "failed", "taken over by somebody else")
                await self._record(click, "sent", "", conn=conn)
                # Whatever becomes of this process, somebody looks at how it ended.
                await self.jobs.defer(
                    conn,
                    SETTLE,
                    after=CLAIM_LASTS,
                    tenant=click.tenant,
                    approval=known.id,
                    claimed_at=claimed_at.isoformat(),
                )
            now = await stored.find(conn, click.tenant, known.id) or known
        if not claimed:
            return await self._refuse(click, now, _why_not_claimed(click, now))
        try:
            answer = await self.neo_of(click.tenant).approvals.decide(
                known.id, click.wish.verdict, note=note(click.person, click.wish.comment)
            )
        except NeoConflict as error:
            return await self._overtaken(click, now, error)
        except NeoError as error:
            if may_have_arrived(error):
                return await self._unsure(click, now, error, claimed_at)
            return await self._fail(click, await self._let_go(click, now), error)
        return await self._decided(click, now, answer)

    async def _let_go(self, click: _Click, known: Known) -> Known:
        """End the claim; whoever was shown "is deciding" sees the approval again."""
        async with self.pool.connection() as conn:
            await stored.release(conn, click.tenant, known.id, known.deciding_at)
            await self.truth.redraw_all(conn, click.tenant, known.id)
            return await stored.find(conn, click.tenant, known.id) or known

    async def _decided(self, click: _Click, known: Known, answer: Approval) -> Answer:
        # What the answer leaves out is as it was; the status is not in Neo's samples at all.
        said = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        whole = without_note(Approval.model_validate({**known.body, **said}), known.approval)
        if whole.state not in _WISHED.values():
            whole = whole.model_copy(update={"status": _WISHED[click.wish.verdict].value})
        async with self.pool.connection() as conn:
            await stored.lock(conn, click.tenant, known.id)
            await stored.write(conn, click.tenant, whole, at=self.clock())
            await stored.write_decision(
                conn,
                click.tenant,
                known.id,
                person=click.person.id,
                name=click.person.name,
                comment=click.wish.comment,
                at=self.clock(),
            )
            await stored.release(conn, click.tenant, known.id, known.deciding_at)
            await self._record(click, "decided", "", conn=conn)
            await self.truth.redraw_all(conn, click.tenant, known.id)
            now = await stored.find(conn, click.tenant, known.id) or known
        return self._answer(click, now)

    async def _overtaken(self, click: _Click, known: Known, error: NeoError) -> Answer:
        """409: somebody was faster, or an earlier try of their own was; show who."""
        await self._record(click, "failed", "overtaken", request_id=error.request_id)
        try:
            fresh = await self.neo_of(click.tenant).approvals.reread(known.approval)
        except NeoError:
            fresh = None  # the watch reads it soon
        if fresh is not None:
            async with self.pool.connection() as conn:
                await self.truth.observe(conn, click.tenant, fresh)
        now = await self._let_go(click, known)
        if now.decided_person == click.person.id:
            await self._record(click, "decided", FOUND)
            return self._answer(click, now)
        return self._answer(click, now, remark=_FASTER, may_press=False)

    async def _unsure(
        self, click: _Click, known: Known, error: NeoError, claimed_at: datetime
    ) -> Answer:
        """No answer: Neo may have taken it, or take it yet. The claim stays until that is known."""
        await self._record(click, "failed", "no answer", request_id=error.request_id)
        try:
            await self.settling.settle(
                tenant=click.tenant,
                approval=known.id,
                claimed_at=claimed_at.isoformat(),
                final=False,
            )
        except NeoError:
            log.warning("decision.unsure", tenant=click.tenant, approval=known.id)
        async with self.pool.connection() as conn:
            now = await stored.find(conn, click.tenant, known.id) or known
        if now.state == _WISHED[click.wish.verdict].value:
            return self._answer(click, now)
        return self._answer(
            click, replace(now, deciding_name=None), remark=_UNSURE, may_press=False
        )

    async def _refuse(self, click: _Click, known: Known, reason: str) -> Answer:
        await self._record(click, "refused", reason)
        asked = policy.why_not_asked(click.person.id, known.approval) is None
        return self._answer(click, known, remark=reason, may_press=asked)

    async def _fail(self, click: _Click, known: Known, error: NeoError) -> Answer:
        await self._record(click, "failed", type(error).__name__, request_id=error.request_id)
        quoted = f" (request {error.request_id})" if error.request_id else ""
        when = ""
        if isinstance(error, NeoRateLimited):
            when = f" in {max(round(error.retry_after_seconds), 1)} s"
        remark = f"{error} Nothing was decided. Try again{when}, or decide in Neo.{quoted}"
        return self._answer(click, known, remark=remark)

    def _answer(
        self, click: _Click, known: Known, *, remark: str | None = None, may_press: bool = True
    ) -> Answer:
        """The card for the one who clicked; with a remark it is theirs alone."""
        card = self.faces.draw(
            known,
            click.pressed.conversation,
            click.key,
            remark=remark,
            may_press=may_press,
            comment=click.wish.comment if remark else "",
        )
        return Answer(card, in_place=True, aside=remark)

    async def _record(
        self,
        click: _Click,
        outcome: Outcome,
        reason: str,
        *,
        request_id: str | None = None,
        conn: Connection | None = None,
    ) -> None:
        """Add a row to the ledger, in the caller's transaction if one is given."""
        entry = Entry(
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
            shown=click.shown,
            request_id=request_id,
        )
        if conn is not None:
            await ledger.add(conn, entry)
        else:
            async with self.pool.connection() as own:
                await ledger.add(own, entry)
        log.info(
            "approval.decision",
            tenant=click.tenant,
            approval=click.wish.approval,
            person=click.person.id,
            outcome=outcome,
        )


def _why_not_claimed(click: _Click, now: Known) -> str:
    if now.deciding_name:
        return f"{now.deciding_name} is deciding it at this moment. Your decision was not taken."
    if now.digest != click.shown:
        return _CHANGED
    return _FASTER


def _unknown(approval: str) -> Card:
    return notice(
        "This card is not known here any more",
        _NOT_KNOWN,
        questions=[f"approval {approval}"],
    )


def may_have_arrived(error: NeoError) -> bool:
    """Whether Neo may have taken a decision although it did not say so."""
    match error:
        case NeoUnreachable(sent=False):
            return False
        case NeoRateLimited(status=status, code=code):
            # Refused at the door by Neo, or held back here; or else by who knows whom.
            return status is not None and code is None
        case _:
            return isinstance(error, NeoUnavailable)
