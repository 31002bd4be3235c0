"""A decision on its way to Neo: claimed by one, sent once, and its end written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bot.approvals import who_may
from bot.approvals.case import Case
from bot.approvals.clicked import Click, Outcome, Records, Sent
from bot.approvals.notes import is_note, note, without_note
from bot.approvals.reading import read_again
from bot.approvals.reasons import Reason
from bot.approvals.settling import Settling
from bot.approvals.truth import FOUND, WISHED, Truth, is_of
from bot.approvals.who_may import CLAIM_LASTS
from bot.errors import (
    NeoConflict,
    NeoError,
    NeoRateLimited,
    NeoUnavailable,
    NeoUnreachable,
)
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store import claims
from bot.store.approvals import Known
from bot.store.database import Connection, Pool, single

log = structlog.get_logger()

FASTER = Reason("overtaken", "Somebody was faster. Your decision was not taken.")
_EARLIER = "An earlier press of yours reached Neo after all. This one was not taken."
_UNSURE = "Neo did not answer. Whether it took your decision is being checked; this card will say."


# When more are on their way at once, who pressed comes first, and the copies of others later.
RUSH = 8
AFTER_RUSH = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """The right to decide: whose click, on what, and what is sent."""

    click: Click
    case: Case
    sent: Sent

    @property
    def known(self) -> Known:
        """The approval, with this claim on it."""
        return self.case.known


@dataclass(frozen=True, slots=True)
class Sending:
    """Claims approvals and decides them in Neo.

    Whatever becomes of the process meanwhile, the watch looks at how a claim ended.
    """

    pool: Pool
    truth: Truth
    settling: Settling
    records: Records
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]
    _under_way: set[Claim] = field(default_factory=set, init=False)

    async def claim(self, conn: Connection, click: Click, case: Case) -> Claim | None:
        """Take the right to decide the case as it was judged; None if it has changed since."""
        if case.known.deciding_person is not None:
            await self.settling.close(conn, case.known, "failed", "taken over by somebody else")
        acting = who_may.capacity(click.person.id, case) or who_may.Capacity()
        votes = case.votes_of_others(click.person.id) if click.wish.verdict == "approve" else ()
        sent = Sent(acting, note(click.person, click.wish.comment, acting, votes))
        entry = self.records.entry(click, "sent", "", sent=sent)
        revision = case.known.revision
        if not await claims.take(conn, entry, revision=revision, stale_after=CLAIM_LASTS):
            return None
        known = replace(
            case.known,
            deciding_person=click.person.id,
            deciding_name=click.person.name,
            deciding_at=entry.at,
        )
        return Claim(click, replace(case, known=known), sent)

    async def send(self, claim: Claim) -> Outcome:
        """Decide in Neo, once; the claim ends with what Neo says."""
        self._under_way.add(claim)
        try:
            return await self._sent(claim)
        finally:
            self._under_way.discard(claim)

    async def _sent(self, claim: Claim) -> Outcome:
        click = claim.click
        try:
            answer = await self.neo_of(click.tenant).approvals.decide(
                claim.known.id, click.wish.verdict, note=claim.sent.note
            )
        except NeoConflict as error:
            return await self._overtaken(claim, error=error)
        except NeoError as error:
            if may_have_arrived(error):
                return await self._unsure(claim, error=error)
            await self._let_go(claim)
            return await self.records.fail(click, error, claim.sent)
        if answer.id != claim.known.id:
            return await self._unsure(claim, answered=f"id: {answer.id}")
        if answer.state in WISHED.values() and answer.state is not WISHED[click.wish.verdict]:
            return await self._overtaken(claim, answered=_in_short(answer))
        return await self._decided(claim, answer)

    async def _let_go(self, claim: Claim) -> None:
        """End the claim; whoever was shown "is deciding" sees the approval again."""
        tenant, known = claim.click.tenant, claim.known
        async with self.pool.connection() as conn:
            await claims.release(conn, tenant, known.id, known.deciding_at)
            await self.truth.redraw_all(conn, tenant, known.id)

    async def _decided(self, claim: Claim, answer: Approval) -> Outcome:
        click, known = claim.click, claim.known
        # What the answer leaves out is as it was; the status is not in Neo's samples at all.
        said = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        whole = Approval.model_validate({**known.body, **said})
        if is_note(whole.comment, claim.sent.note):
            whole = without_note(whole, claim.case.approval)
        if whole.state not in WISHED.values():
            whole = whole.model_copy(update={"status": WISHED[click.wish.verdict].value})
        votes = claim.case.votes_of_others(click.person.id)
        before = ", ".join(vote.name for vote in votes) or None
        decision = stored.Decision(
            person=click.person.id,
            name=click.person.name,
            comment=click.wish.comment,
            decided_at=self.clock(),
            for_name=claim.sent.acting.for_name,
            with_name=before if click.wish.verdict == "approve" else None,
        )
        rush = len(self._under_way) > RUSH
        answered = _in_short(answer)
        entry = self.records.entry(click, "decided", "", sent=claim.sent, answered=answered)
        redraw = self.truth.redraw_decided(
            click.tenant, known.id, after=AFTER_RUSH if rush else None
        )
        async with single(self.pool) as conn:
            now = await claims.end(
                conn, whole, decision, entry, claimed_at=known.deciding_at, then=redraw
            )
        # What a decided card shows beside is as it was when the right to decide was taken.
        return Outcome("decided", replace(claim.case, known=now or known))

    async def _overtaken(
        self, claim: Claim, *, error: NeoError | None = None, answered: str = ""
    ) -> Outcome:
        """Somebody was faster, or an earlier try of their own was; show who."""
        click, sent = claim.click, claim.sent
        await self.records.add(
            click, "failed", "overtaken", sent=sent, error=error, answered=answered
        )
        try:
            fresh, over = await read_again(self.neo_of(click.tenant), claim.known)
        except NeoError:
            fresh = over = None  # the watch reads it soon
        if fresh is not None:
            async with self.pool.connection() as conn:
                await self.truth.observe(conn, click.tenant, fresh, over=over)
        await self._let_go(claim)
        now = await self.records.case(click)
        if fresh is not None and is_of(fresh, click.wish.verdict, sent.note):
            await self.records.add(click, "decided", FOUND, sent=sent)
            return Outcome("decided", now)
        return _not_taken(claim, now)

    async def _unsure(
        self, claim: Claim, *, error: NeoError | None = None, answered: str = ""
    ) -> Outcome:
        """No answer, or another approval's: Neo may have taken it, or take it yet.

        The claim stays until that is known.
        """
        click, known = claim.click, claim.known
        await self.records.add(
            click, "failed", "no answer", sent=claim.sent, error=error, answered=answered
        )
        try:
            await self.settling.settle(known, final=False)
        except NeoError:
            log.warning("decision.unsure", tenant=click.tenant, approval=known.id)
        now = await self.records.case(click)
        if now is not None and not now.approval.is_open:
            theirs = now.known.decided_person == click.person.id
            if theirs and now.approval.state in {WISHED[click.wish.verdict], ApprovalState.CLOSED}:
                return Outcome("decided", now)
            return _not_taken(claim, now)
        if now is not None:
            # To them it is not "somebody is deciding": it is theirs, and nobody knows.
            now = replace(now, known=replace(now.known, deciding_name=None))
        return Outcome("unsure", now, _UNSURE, may_press=False)


def _not_taken(claim: Claim, now: Case | None) -> Outcome:
    """Neo has taken another decision: somebody else's, or an earlier one of their own."""
    earlier = now is not None and now.known.decided_person == claim.click.person.id
    return Outcome("failed", now, _EARLIER if earlier else FASTER, may_press=False)


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
