"""Deciding: the right person, what they saw, once. What is shown afterwards is for `clicks`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Literal

import structlog

from bot.approvals import case as cases
from bot.approvals import signature, who_may
from bot.approvals.case import Case
from bot.approvals.faces import CLAIM_LASTS
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
from bot.messaging import Person, Pressed, Roster
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import circumstances, ledger, signing
from bot.store.approvals import Known
from bot.store.circumstances import Vote
from bot.store.database import Connection, Pool
from bot.store.jobs import Jobs
from bot.store.ledger import Entry
from cards.actions import Decide

log = structlog.get_logger()

Recorded = Literal["sent", "decided", "refused", "failed", "voted"]
_CHANGED = "It has changed since this card was drawn. Nothing was decided: look again."
_FASTER = "Somebody was faster. Your decision was not taken."
_NOT_HERE = "This card was not made for you here. Here is the approval anew."
_UNSURE = "Neo did not answer. Whether it took your decision is being checked; this card will say."
_NO_ROSTER = "Teams did not say whether you are a guest. Nothing was decided: try again."
WISHED = {"approve": ApprovalState.APPROVED, "reject": ApprovalState.REJECTED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a click.

    Attributes:
        kind: ``decided`` and ``voted`` went through. ``confirm``: it has to be confirmed first.
            ``refused``, ``failed`` and ``unsure`` did not, or nobody knows yet. ``unknown``: there
            is no such approval here.
        case: The approval as it stands now; None if it is unknown.
        remark: Why, for the one who clicked; None where the card itself says it.
        before: What their card showed, where the approval has changed since.
        may_press: Whether they may try again.
    """

    kind: Literal["decided", "voted", "confirm", "refused", "failed", "unsure", "unknown"]
    case: Case | None = None
    remark: str | None = None
    before: Approval | None = None
    may_press: bool = True

    @property
    def went(self) -> bool:
        """Whether the click did what it was for."""
        return self.kind in {"decided", "voted"}


@dataclass(frozen=True, slots=True)
class _Click:
    """One press of Approve or Reject; ``shown`` is the digest the card showed, "" if none."""

    pressed: Pressed
    wish: Decide
    began: float
    shown: str = ""

    @property
    def tenant(self) -> str:
        return self.pressed.conversation.tenant

    @property
    def person(self) -> Person:
        return self.pressed.person


@dataclass(frozen=True, slots=True)
class Decisions:
    """Takes clicks to Neo.

    Args:
        neo_of: A tenant's Neo.
        policy_of: A tenant's policy.
        tenants: The ones served.
    """

    pool: Pool
    jobs: Jobs
    truth: Truth
    roster: Roster
    settling: Settling
    neo_of: Callable[[str], Neo]
    policy_of: Callable[[str], Policy]
    tenants: Collection[str]
    clock: Callable[[], datetime]

    async def take(self, pressed: Pressed, wish: Decide) -> Outcome:
        """Send the decision if this person may make it, on what they were shown.

        Every refusal, vote and decision is a row in the ledger; every copy of a card that is no
        longer true is redrawn by jobs.
        """
        click = _Click(pressed, wish, monotonic())
        async with self.pool.connection() as conn:
            known = await stored.find(conn, click.tenant, wish.approval)
            click = await self._with_shown(conn, click, known)
        if known is None:
            await self._record(click, "refused", "not known here")
            return Outcome("unknown")
        reason = who_may.why_not_served(click.person, self.tenants)
        if reason is None and not click.shown:
            reason = _NOT_HERE
        if reason is not None:
            return await self._refuse(click, reason)
        try:
            fresh, guest = await asyncio.gather(
                self.neo_of(click.tenant).approvals.reread(known.approval),
                self._why_not_member(click),
            )
        except NeoError as error:
            return await self._fail(click, error)
        if fresh is None:
            async with self.pool.connection() as conn:
                await self.truth.observe_gone(conn, click.tenant, known.id)
            return await self._refuse(click, "Neo no longer has it.")
        return await self._on_fresh(click, fresh, guest)

    async def _with_shown(self, conn: Connection, click: _Click, known: Known | None) -> _Click:
        """The click with the digest that its card showed, if that card was made here for them."""
        place, wish = click.pressed.conversation, click.wish
        shown = signature.shown(
            await signing.signing_key(conn, click.tenant),
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

    async def _why_not_member(self, click: _Click) -> str | None:
        try:
            guest = await self.roster.is_guest(click.person, click.pressed.conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=click.tenant, status=error.status)
            return _NO_ROSTER
        return who_may.why_not_guest(guest=guest)

    async def _on_fresh(self, click: _Click, fresh: Approval, guest: str | None) -> Outcome:
        """Hold the click against what the approval is now, and claim it; all in one transaction."""
        tenant, wish, person = click.tenant, click.wish, click.person
        async with self.pool.connection() as conn:
            await self.truth.observe(conn, tenant, fresh)
            case = await self._case(conn, click)
            if case is None:
                return Outcome("unknown")
            changed = None if case.known.digest == click.shown else _CHANGED
            reason = (
                who_may.why_not_decide(person, wish.verdict, case)
                or changed
                or guest
                or self._why_not_now(case)
                or who_may.why_not_without_comment(wish.verdict, wish.comment, case)
            )
            if reason is not None:
                before = None
                if reason == _CHANGED:
                    before = await stored.version(conn, tenant, case.known.id, click.shown)
                return await self._refuse(click, reason, conn=conn, before=before)
            unconfirmed = who_may.why_not_confirmed(wish.verdict, wish.typed, case)
            if unconfirmed is not None:
                return await self._unconfirmed(conn, click, case, unconfirmed)
            votes = case.votes_of_others(person.id)
            if wish.verdict == "approve" and len(votes) + 1 < case.people_needed:
                return await self._vote(conn, click, case)
            claimed = await self._claim(conn, click, case)
            if claimed is None:
                return await self._refuse(click, _FASTER, conn=conn)
        return await self._send(click, claimed)

    def _why_not_now(self, case: Case) -> str | None:
        """Why it has to wait for a decision that is on its way."""
        known = case.known
        if known.deciding_at is None or self.clock() - known.deciding_at >= CLAIM_LASTS:
            return None
        return f"{known.deciding_name} is deciding it at this moment. Your decision was not taken."

    async def _unconfirmed(
        self, conn: Connection, click: _Click, case: Case, reason: str
    ) -> Outcome:
        if not click.wish.confirming and not click.wish.typed:
            return Outcome("confirm", case)
        if not click.wish.typed:
            number = who_may.number_to_type(case.approval)
            reason = f"Type the number {number} to approve it. Nothing was decided."
        await self._record(click, "refused", reason, conn=conn)
        return Outcome("confirm", case, reason)

    async def _vote(self, conn: Connection, click: _Click, case: Case) -> Outcome:
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
        await self._record(
            click, "voted", "one more person has to approve it", conn=conn, by=acting
        )
        await self.truth.redraw_all(conn, click.tenant, case.known.id)
        return Outcome("voted", await self._case(conn, click) or case)

    async def _claim(self, conn: Connection, click: _Click, case: Case) -> Case | None:
        """Take the right to decide; the row is locked, so that nothing changes meanwhile."""
        claimed_at = self.clock()
        claimed = await stored.claim(
            conn,
            click.tenant,
            case.known.id,
            person=click.person.id,
            name=click.person.name,
            digest=click.shown,
            at=claimed_at,
            stale_after=CLAIM_LASTS,
        )
        if not claimed:
            return None
        if case.known.deciding_person is not None:
            await self.settling.close(conn, case.known, "failed", "taken over by somebody else")
        # Whatever becomes of this process, somebody looks at how it ended.
        await self.jobs.defer(
            conn,
            SETTLE,
            after=CLAIM_LASTS,
            tenant=click.tenant,
            approval=case.known.id,
            claimed_at=claimed_at.isoformat(),
        )
        acting = who_may.capacity(click.person.id, case)
        await self._record(
            click, "sent", "", conn=conn, by=acting, sent=self._note(click, case, acting)
        )
        known = replace(
            case.known,
            deciding_person=click.person.id,
            deciding_name=click.person.name,
            deciding_at=claimed_at,
        )
        return replace(case, known=known)

    def _note(self, click: _Click, case: Case, acting: who_may.Capacity | None) -> str:
        approved = click.wish.verdict == "approve"
        votes = case.votes_of_others(click.person.id) if approved else ()
        return note(click.person, click.wish.comment, acting, votes)

    async def _send(self, click: _Click, case: Case) -> Outcome:
        acting = who_may.capacity(click.person.id, case)
        try:
            answer = await self.neo_of(click.tenant).approvals.decide(
                case.known.id, click.wish.verdict, note=self._note(click, case, acting)
            )
        except NeoConflict as error:
            return await self._overtaken(click, case.known, error)
        except NeoError as error:
            if may_have_arrived(error):
                return await self._unsure(click, case.known, error)
            await self._let_go(click, case.known)
            return await self._fail(click, error)
        return await self._decided(click, case, answer)

    async def _let_go(self, click: _Click, known: Known) -> None:
        """End the claim; whoever was shown "is deciding" sees the approval again."""
        async with self.pool.connection() as conn:
            await stored.release(conn, click.tenant, known.id, known.deciding_at)
            await self.truth.redraw_all(conn, click.tenant, known.id)

    async def _decided(self, click: _Click, case: Case, answer: Approval) -> Outcome:
        known = case.known
        # What the answer leaves out is as it was; the status is not in Neo's samples at all.
        said = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        whole = without_note(Approval.model_validate({**known.body, **said}), case.approval)
        if whole.state not in WISHED.values():
            whole = whole.model_copy(update={"status": WISHED[click.wish.verdict].value})
        acting = who_may.capacity(click.person.id, case) or who_may.Capacity()
        votes = case.votes_of_others(click.person.id) if click.wish.verdict == "approve" else ()
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
                for_name=acting.for_name,
                with_name=", ".join(vote.name for vote in votes) or None,
            )
            await stored.release(conn, click.tenant, known.id, known.deciding_at)
            await self.truth.redraw_all(conn, click.tenant, known.id)
            now = await self._case(conn, click)
            # Last, for until the commit nobody else of the tenant can add a row.
            await self._record(
                click,
                "decided",
                "",
                conn=conn,
                by=acting,
                sent=self._note(click, case, acting),
                answered=_in_short(answer),
            )
        return Outcome("decided", now or case)

    async def _overtaken(self, click: _Click, known: Known, error: NeoError) -> Outcome:
        """409: somebody was faster, or an earlier try of their own was; show who."""
        await self._record(click, "failed", "overtaken", request_id=error.request_id)
        try:
            fresh = await self.neo_of(click.tenant).approvals.reread(known.approval)
        except NeoError:
            fresh = None  # the watch reads it soon
        if fresh is not None:
            async with self.pool.connection() as conn:
                await self.truth.observe(conn, click.tenant, fresh)
        await self._let_go(click, known)
        now = await self._now(click)
        if now is not None and now.known.decided_person == click.person.id:
            await self._record(click, "decided", FOUND)
            return Outcome("decided", now)
        return Outcome("failed", now, _FASTER, may_press=False)

    async def _unsure(self, click: _Click, known: Known, error: NeoError) -> Outcome:
        """No answer: Neo may have taken it, or take it yet. The claim stays until that is known."""
        await self._record(click, "failed", "no answer", request_id=error.request_id)
        try:
            await self.settling.settle(
                tenant=click.tenant,
                approval=known.id,
                claimed_at=known.deciding_at.isoformat() if known.deciding_at else "",
                final=False,
            )
        except NeoError:
            log.warning("decision.unsure", tenant=click.tenant, approval=known.id)
        now = await self._now(click)
        if now is not None and now.known.state == WISHED[click.wish.verdict].value:
            return Outcome("decided", now)
        if now is not None:
            # To them it is not "somebody is deciding": it is theirs, and nobody knows.
            now = replace(now, known=replace(now.known, deciding_name=None))
        return Outcome("unsure", now, _UNSURE, may_press=False)

    async def _refuse(
        self,
        click: _Click,
        reason: str,
        *,
        conn: Connection | None = None,
        before: Approval | None = None,
    ) -> Outcome:
        await self._record(click, "refused", reason, conn=conn)
        now = await self._case(conn, click) if conn else await self._now(click)
        return Outcome("refused", now, reason, before=before)

    async def _fail(self, click: _Click, error: NeoError) -> Outcome:
        await self._record(click, "failed", type(error).__name__, request_id=error.request_id)
        quoted = f" (request {error.request_id})" if error.request_id else ""
        when = ""
        if isinstance(error, NeoRateLimited):
            when = f" in {max(round(error.retry_after_seconds), 1)} s"
        remark = f"{error} Nothing was decided. Try again{when}, or decide in Neo.{quoted}"
        return Outcome("failed", await self._now(click), remark)

    async def _now(self, click: _Click) -> Case | None:
        async with self.pool.connection() as conn:
            return await self._case(conn, click)

    async def _case(self, conn: Connection, click: _Click) -> Case | None:
        policy = self.policy_of(click.tenant)
        return await cases.load(
            conn, click.tenant, click.wish.approval, policy=policy, at=self.clock()
        )

    async def _record(
        self,
        click: _Click,
        outcome: Recorded,
        reason: str,
        *,
        conn: Connection | None = None,
        by: who_may.Capacity | None = None,
        sent: str = "",
        answered: str = "",
        request_id: str | None = None,
    ) -> None:
        """Add a row to the ledger, in the caller's transaction if one is given."""
        place, by = click.pressed.conversation, by or who_may.Capacity()
        entry = Entry(
            tenant=click.tenant,
            at=self.clock(),
            approval=click.wish.approval,
            person=click.person.id,
            person_name=click.person.name,
            for_person=by.for_person,
            for_name=by.for_name,
            conversation=place.id,
            scope=place.scope.value,
            wish=click.wish.verdict,
            outcome=outcome,
            reason=reason,
            comment=click.wish.comment,
            shown=click.shown,
            sent=sent,
            answered=answered,
            request_id=request_id,
            took_ms=round((monotonic() - click.began) * 1000),
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


def _in_short(answer: Approval) -> str:
    """What Neo answered to a decision: how it stands, since when, and by whom it says it was."""
    by = answer.decided_by.name or answer.decided_by.id if answer.decided_by else None
    at = answer.updated_at.isoformat() if answer.updated_at else None
    said = {"status": answer.status, "updated_at": at, "decided_by": by}
    return ", ".join(f"{name}: {value}" for name, value in said.items() if value)


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
