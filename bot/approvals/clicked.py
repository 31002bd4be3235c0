"""One press of a decision, what becomes of it, and its rows in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Literal

from bot.approvals import case as cases
from bot.approvals.case import Case
from bot.approvals.who_may import Capacity
from bot.errors import NeoError, NeoRateLimited
from bot.messaging import Person, Pressed
from bot.neo.models import Approval
from bot.policies import Policy
from bot.store import ledger
from bot.store.database import Connection, Pool, transaction
from bot.store.ledger import Entry
from cards.actions import Decide

Recorded = Literal["sent", "decided", "refused", "failed", "voted"]


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
class Click:
    """One press of Approve or Reject; ``shown`` is the digest the card showed, "" if none."""

    pressed: Pressed
    wish: Decide
    began: float
    shown: str = ""

    @property
    def tenant(self) -> str:
        """Microsoft 365 tenant id."""
        return self.pressed.conversation.tenant

    @property
    def person(self) -> Person:
        """Who pressed."""
        return self.pressed.person


@dataclass(frozen=True, slots=True)
class Sent:
    """What a click sends to Neo: in whose name, and with which note."""

    acting: Capacity
    note: str


@dataclass(frozen=True, slots=True)
class Records:
    """Writes down what becomes of clicks, and reads how things stand then."""

    pool: Pool
    policy_of: Callable[[str], Policy]
    clock: Callable[[], datetime]

    async def refuse(
        self,
        click: Click,
        reason: str,
        *,
        conn: Connection | None = None,
        before: Approval | None = None,
    ) -> Outcome:
        """Nothing is sent, and why; ``before`` is what their card showed, where it has changed."""
        now = await self.case(click, conn=conn)
        await self.add(click, "refused", reason, conn=conn)
        return Outcome("refused", now, reason, before=before)

    async def fail(self, click: Click, error: NeoError, sent: Sent | None = None) -> Outcome:
        """Neo did not take it, which is certain; ``sent`` if it was sent at all."""
        await self.add(click, "failed", type(error).__name__, sent=sent, error=error)
        quoted = f" (request {error.request_id})" if error.request_id else ""
        when = ""
        if isinstance(error, NeoRateLimited):
            when = f" in {max(round(error.retry_after_seconds), 1)} s"
        remark = f"{error} Nothing was decided. Try again{when}, or decide in Neo.{quoted}"
        return Outcome("failed", await self.case(click), remark)

    async def case(self, click: Click, *, conn: Connection | None = None) -> Case | None:
        """How the approval stands now."""
        if conn is None:
            async with self.pool.connection() as own:
                return await self.case(click, conn=own)
        policy = self.policy_of(click.tenant)
        return await cases.load(
            conn, click.tenant, click.wish.approval, policy=policy, at=self.clock()
        )

    async def add(
        self,
        click: Click,
        outcome: Recorded,
        reason: str,
        *,
        conn: Connection | None = None,
        sent: Sent | None = None,
        acting: Capacity | None = None,
        answered: str = "",
        error: NeoError | None = None,
    ) -> None:
        """Add a row to the ledger: the end of the caller's transaction, if there is one."""
        if conn is None:
            async with transaction(self.pool) as own:
                return await self.add(
                    click,
                    outcome,
                    reason,
                    conn=own,
                    sent=sent,
                    acting=acting,
                    answered=answered,
                    error=error,
                )
        entry = self.entry(
            click, outcome, reason, sent=sent, acting=acting, answered=answered, error=error
        )
        await ledger.fetched(await ledger.add_and_commit(conn, entry))
        return None

    def entry(
        self,
        click: Click,
        outcome: Recorded,
        reason: str,
        *,
        sent: Sent | None = None,
        acting: Capacity | None = None,
        answered: str = "",
        error: NeoError | None = None,
    ) -> Entry:
        """The row that says what became of a click."""
        place = click.pressed.conversation
        acting = acting or (sent.acting if sent else Capacity())
        return Entry(
            tenant=click.tenant,
            at=self.clock(),
            approval=click.wish.approval,
            person=click.person.id,
            person_name=click.person.name,
            for_person=acting.for_person,
            for_name=acting.for_name,
            conversation=place.id,
            scope=place.scope.value,
            wish=click.wish.verdict,
            outcome=outcome,
            reason=reason,
            comment=click.wish.comment,
            shown=click.shown,
            sent=sent.note if sent else "",
            answered=answered or _answered(error),
            request_id=error.request_id if error else None,
            took_ms=round((monotonic() - click.began) * 1000),
        )


def _answered(error: NeoError | None) -> str:
    """What Neo answered where it was no decision: the status and Neo's own word for it."""
    if error is None or error.status is None:
        return ""
    return f"HTTP {error.status}" + (f", {error.code}" if error.code else "")
