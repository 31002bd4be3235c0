"""Putting approvals off: nobody is reminded of one before the moment they chose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.approvals import case as cases
from bot.approvals import who_may
from bot.approvals.case import Case
from bot.approvals.faces import Faces
from bot.approvals.truth import Truth
from bot.errors import SendError
from bot.messaging import Conversation, Person, Roster
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import ledger, reminders
from bot.store.database import Connection, Pool
from bot.store.ledger import Entry
from cards.card import Card
from cards.not_found import unknown_approval
from cards.notice import notice
from cards.words import counted

_UNKNOWN = "This approval is not known here. Nothing was changed."
_NO_ROSTER = (
    "Teams did not say whether you are a guest. Nothing was changed. Try again in a moment."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Snoozing:
    """Holds reminders back, and with them the second group and the duty channel.

    So only those who may decide put something off: nobody else holds up who hears of it, and none
    of them for longer than a day.
    """

    pool: Pool
    truth: Truth
    faces: Faces
    roster: Roster
    policy_of: Callable[[str], Policy]
    clock: Callable[[], datetime]

    async def snooze(
        self, person: Person, conversation: Conversation, approval: str | None, until: datetime
    ) -> Card:
        """Put off one approval, or all that wait for the person; says what became of it."""
        if approval is None:
            return await self._snooze_all(person, conversation, until)
        guest = await self._why_not_member(person, conversation)
        async with self.pool.connection() as conn:
            case = await self._case(conn, person.tenant, approval)
            if case is None:
                return unknown_approval(approval)
            reason = await self._put_off(conn, case, person, conversation, until, guest=guest)
        return self._told(reason, [approval], conversation, until)

    async def put_off(
        self, person: Person, conversation: Conversation, approval: str, until: datetime
    ) -> str:
        """The same for the button on the approval's own card: one sentence on what became of it."""
        guest = await self._why_not_member(person, conversation)
        async with self.pool.connection() as conn:
            case = await self._case(conn, person.tenant, approval)
            if case is None:
                return _UNKNOWN
            reason = await self._put_off(conn, case, person, conversation, until, guest=guest)
        return reason or f"Put off until {self.faces.reader(conversation).until(until)}."

    async def _snooze_all(
        self, person: Person, conversation: Conversation, until: datetime
    ) -> Card:
        done: list[str] = []
        reason: str | None = None
        guest = await self._why_not_member(person, conversation)
        async with self.pool.connection() as conn:
            # In the order of their ids, so that two who do so at once wait for each other.
            waiting = sorted(known.id for known in await stored.waiting(conn, person.tenant))
        for approval in waiting:
            async with self.pool.connection() as conn:
                case = await self._case(conn, person.tenant, approval)
                if case is None or who_may.why_not_decide(person, "reject", case) is not None:
                    continue
                refused = await self._put_off(conn, case, person, conversation, until, guest=guest)
            if refused is None:
                done.append(approval)
            else:
                reason = refused
        if not done and reason is None:
            return notice("Nothing waits for you", "So there is nothing to put off.")
        return self._told(None if done else reason, done, conversation, until)

    async def _why_not_member(self, person: Person, conversation: Conversation) -> str | None:
        """Asked before any row is locked: Teams may take its time."""
        try:
            guest = await self.roster.is_guest(person, conversation)
        except SendError as error:
            log.warning("roster.failed", tenant=person.tenant, status=error.status)
            return _NO_ROSTER
        return who_may.why_not_guest(guest=guest)

    async def _case(self, conn: Connection, tenant: str, approval: str) -> Case | None:
        known = await stored.lock(conn, tenant, approval)
        if known is None:
            return None
        return await cases.around(conn, known, policy=self.policy_of(tenant), at=self.clock())

    async def _put_off(
        self,
        conn: Connection,
        case: Case,
        person: Person,
        conversation: Conversation,
        until: datetime,
        *,
        guest: str | None,
    ) -> str | None:
        """Write it down, or why not; the approval's row is locked."""
        known, acting = case.known, who_may.capacity(person.id, case)
        reason = (
            # A rejection is open to everybody who may decide it at all.
            who_may.why_not_decide(person, "reject", case)
            or who_may.why_not_snooze(person.id.lower(), case, until=until)
            or guest
        )
        if reason is None:
            await reminders.snooze(
                conn,
                known.tenant,
                known.id,
                person.id.lower(),
                person.name,
                until=until,
                at=case.at,
            )
            await self.truth.redraw_all(conn, known.tenant, known.id)
        entry = Entry(
            tenant=known.tenant,
            at=case.at,
            approval=known.id,
            person=person.id,
            person_name=person.name,
            conversation=conversation.id,
            scope=conversation.scope.value,
            wish="snooze",
            outcome="refused" if reason else "done",
            reason=reason or f"until {until.isoformat()}",
            comment="",
            shown=known.digest,
            for_person=acting.for_person if acting else None,
            for_name=acting.for_name if acting else None,
        )
        await ledger.add(conn, entry)
        log.info("approval.snooze", tenant=known.tenant, approval=known.id, outcome=entry.outcome)
        return reason

    def _told(
        self, reason: str | None, done: list[str], conversation: Conversation, until: datetime
    ) -> Card:
        reader = self.faces.reader(conversation)
        one = f"approval {done[0]}" if len(done) == 1 else ""
        questions = [one] if one else ["pending approvals"]
        if reason is not None:
            return notice("Nothing was put off", reason, reader, questions=questions)
        what = one or counted(len(done), "approval")
        title = f"{what[0].upper()}{what[1:]} put off until {reader.until(until)}"
        text = "You are reminded then, and not before. It can be decided meanwhile as ever."
        if not one:
            text = text.replace("It can", "They can")
        return notice(title, text, reader, questions=questions)
