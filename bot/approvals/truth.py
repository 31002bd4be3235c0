"""What Neo said of an approval is written down, and whatever shows it otherwise is redrawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from bot.approvals.notes import comment_of, is_note, without_note
from bot.neo.models import Approval, ApprovalState
from bot.store import approvals as stored
from bot.store import circumstances, ledger
from bot.store.approvals import Known
from bot.store.database import Connection
from bot.store.jobs import Due, Jobs
from bot.store.ledger import Entry

REDRAW = "approvals.redraw"
REDRAW_ALL = "approvals.redraw_all"
FOUND = "found afterwards"
WISHED = {"approve": ApprovalState.APPROVED, "reject": ApprovalState.REJECTED}


class Observed(NamedTuple):
    """What was known of an approval (None: nothing) before it was read again, and what is now."""

    before: Known | None
    now: Known


@dataclass(frozen=True, slots=True)
class Truth:
    """Writes down and has redrawn, in the caller's transaction."""

    jobs: Jobs
    clock: Callable[[], datetime]

    async def observe(
        self, conn: Connection, tenant: str, fresh: Approval, *, over: Known | None = None
    ) -> Observed:
        """Write down what Neo said; cards that show something else are redrawn.

        Until the transaction ends, nobody else changes it.

        Args:
            conn: The caller's.
            tenant: Microsoft 365 tenant id.
            fresh: What Neo said.
            over: What is known to be no longer so although ``fresh`` is older; see `reading`.
        """
        before = await stored.lock(conn, tenant, fresh.id)
        return Observed(before, await self.held_against(conn, tenant, before, fresh, over=over))

    async def held_against(
        self,
        conn: Connection,
        tenant: str,
        before: Known | None,
        fresh: Approval,
        *,
        over: Known | None = None,
    ) -> Known:
        """`observe`, of what the caller has locked; ``before`` itself if Neo says nothing new."""
        if before is not None and _overtaken(fresh, before, over):
            return before
        if before is None:
            return await stored.write(conn, tenant, fresh, at=self.clock())
        rows = await self._rows(conn, before, fresh)
        ours = _noted(fresh, rows)
        as_asked = fresh if ours is None else without_note(fresh, before.approval)
        changed, now = differs(before, as_asked), before
        if changed or not before.says(as_asked):
            now = await stored.write(conn, tenant, as_asked, at=self.clock())
        if changed:
            await self._asked_anew(conn, before, as_asked)
            await self.redraw_all(conn, tenant, fresh.id)
        ours = _noted(fresh, _since_decided(rows))
        if ours is not None and before.decided_person is None:
            claimed = ours is of_claim(before, rows)
            await self._credit(conn, before, fresh, ours, claimed=claimed)
            changed = True
        if changed:
            now = await stored.find(conn, tenant, fresh.id) or now
        return now

    async def _asked_anew(self, conn: Connection, before: Known, fresh: Approval) -> None:
        """What is open and has changed waits for all its people, should it change back or not."""
        if not fresh.is_open:
            return
        if before.digest != fresh.digest:
            await circumstances.forget_votes(conn, before.tenant, before.id)
        if before.decided_person is not None:
            await stored.forget_decision(conn, before.tenant, before.id)

    async def took(self, conn: Connection, claimed: Known, fresh: Approval) -> bool:
        """Whether what Neo has taken is the decision of the claim on it."""
        mine = of_claim(claimed, _since_decided(await self._rows(conn, claimed, fresh)))
        return mine is not None and is_of(fresh, mine.wish, mine.sent)

    async def _rows(self, conn: Connection, known: Known, fresh: Approval) -> Sequence[Entry]:
        """The ledger of a decided approval, oldest first; nothing where it is open."""
        if fresh.is_open or not fresh.comment:
            return []
        return await ledger.of(conn, known.tenant, known.id)

    async def _credit(
        self, conn: Connection, before: Known, fresh: Approval, sent: Entry, *, claimed: bool
    ) -> None:
        """Neo only knows the tenant's key; the note says whose decision through this bot it was.

        While its claim lasts, whoever ends that writes the row.
        """
        voters = await circumstances.voters(conn, before.tenant, before.id, sent.shown)
        voters.pop(sent.person, None)
        decision = stored.Decision(
            person=sent.person,
            name=sent.person_name,
            comment=comment_of(fresh.comment),
            decided_at=fresh.updated_at or self.clock(),
            for_name=sent.for_name,
            with_name=", ".join(voters.values()) or None if sent.wish == "approve" else None,
        )
        await stored.write_decision(conn, before.tenant, before.id, decision)
        if not claimed:
            await ledger.add(conn, ended(sent, "decided", FOUND, at=self.clock()))

    async def observe_gone(self, conn: Connection, tenant: str, approval: str) -> None:
        """Write down that Neo no longer has it."""
        before = await stored.lock(conn, tenant, approval)
        if before is not None and before.gone_at is None:
            await stored.write_gone(conn, tenant, approval, at=self.clock())
            await self.redraw_all(conn, tenant, approval)

    async def redraw_all(self, conn: Connection, tenant: str, approval: str) -> None:
        """Queue a redraw of every message that shows the approval: what cards show has changed.

        This writes to the approval's row, so a card that is being added at this moment is either
        seen here or sees that it is outdated (`Delivery`).
        """
        await stored.revise(conn, tenant, approval)
        await self.redraw(conn, tenant, approval, *await stored.cards(conn, tenant, approval))

    def redraw_decided(self, tenant: str, approval: str, *, after: timedelta | None) -> Due:
        """The job of `redraw_all`, where its row is just being written as decided.

        It finds out which messages that are, so that whoever decides does not wait for it. What
        comes to be meanwhile shows the decision already, and is drawn once more for nothing.
        """
        return Due(REDRAW_ALL, {"tenant": tenant, "approval": approval}, after=after)

    async def redraw(
        self, conn: Connection, tenant: str, approval: str, *places: stored.Place
    ) -> None:
        """Queue a redraw of these messages, each in order with whatever else goes there."""
        redraws = [
            Due(
                REDRAW,
                lock=f"{tenant}/{place.conversation}",
                args={
                    "tenant": tenant,
                    "approval": approval,
                    "conversation": place.conversation,
                    "message": place.message,
                },
            )
            for place in places
        ]
        await self.jobs.defer_all(conn, redraws)


def of_claim(known: Known, rows: Sequence[Entry]) -> Entry | None:
    """The row of what the claim on it has sent, the last of that person; None without a claim."""
    sent = (row for row in reversed(rows) if row.outcome == "sent")
    return next((row for row in sent if row.person == known.deciding_person), None)


def _noted(decided: Approval, rows: Sequence[Entry]) -> Entry | None:
    """The last of the rows that sent the note which Neo has taken."""
    sent = (row for row in reversed(rows) if row.outcome == "sent")
    return next((row for row in sent if is_of(decided, row.wish, row.sent)), None)


def _since_decided(rows: Sequence[Entry]) -> Sequence[Entry]:
    """The rows after the last decision: Neo keeps the note of one that it has opened again."""
    decided = (n for n, row in enumerate(rows, 1) if row.outcome == "decided")
    return rows[max(decided, default=0) :]


def ended(
    sent: Entry, outcome: Literal["decided", "failed"], reason: str, *, at: datetime
) -> Entry:
    """The row that says what became of what was sent, as found afterwards: nobody measured it."""
    return replace(sent, at=at, outcome=outcome, reason=reason, took_ms=None)


def is_of(decided: Approval, wish: str, sent: str) -> bool:
    """Whether what Neo has taken is what was sent: this note, with this wish.

    A note does not say which way it went. Where Neo only says that it is closed, it has to do.
    """
    ways = {WISHED.get(wish), ApprovalState.CLOSED}
    return decided.state in ways and is_note(decided.comment, sent)


def differs(before: Known, fresh: Approval) -> bool:
    """Whether Neo says something else than what is known here."""
    return (
        before.digest != fresh.digest
        or before.state != fresh.state.value
        or before.gone_at is not None
    )


def in_doubt(fresh: Approval, known: Approval) -> bool:
    """Whether it says that it is older: overtaken on its way, or of a clock that is behind.

    A decided approval does not open again so, whatever is said and how often.
    """
    return _later(known, fresh) and not _opens(fresh, known)


def _overtaken(fresh: Approval, before: Known, over: Known | None) -> bool:
    """Whether an answer is not to be believed: a decided approval opens only by a later one."""
    known = before.approval
    if in_doubt(fresh, known):
        return over is None or (over.digest, over.state) != (before.digest, before.state)
    return _opens(fresh, known) and not _later(fresh, known)


def _opens(fresh: Approval, known: Approval) -> bool:
    return fresh.is_open and not known.is_open


def _later(one: Approval, other: Approval) -> bool:
    return bool(one.updated_at and other.updated_at and one.updated_at > other.updated_at)
