"""Out of office: a colleague decides what a person is asked, for a time, and everybody can see it.

Rows of the ledger name who acted as the person, and the other one of the two as ``for_person``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import structlog

from bot.approvals import who_may
from bot.approvals.colleagues import Colleagues, colleagues
from bot.approvals.delivery import Delivery
from bot.approvals.faces import Faces
from bot.approvals.truth import Truth
from bot.errors import SendError
from bot.messaging import Answer, Conversation, Mention, Person, Pressed, Roster, Scope
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import delegations, ledger
from bot.store.circumstances import Delegation
from bot.store.database import Connection, Pool
from bot.store.ledger import Entry
from cards import delegation as face
from cards.actions import Delegate, EndDelegation
from cards.card import Card
from cards.delegation import Choice, Term
from cards.words import Reader

_FRIDAY: Final = 4
_BAD_END = "That button did not work: its date cannot be read. Type your wish again."
_NOT_IN_FORCE = "That delegation has ended already."
_NOBODY_SAYS = (
    "Teams did not say whether you are a guest. Nothing was changed. Try again in a moment."
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Wish:
    """Somebody wishes to delegate, or to end it, there."""

    person: Person
    conversation: Conversation
    wish: Literal["delegate", "end delegation"] = "delegate"

    @property
    def tenant(self) -> str:
        return self.conversation.tenant

    @property
    def id(self) -> str:
        return self.person.id.lower()


@dataclass(frozen=True, slots=True)
class Delegating:
    """Starts and ends delegations; nothing starts before it was confirmed on a card."""

    pool: Pool
    truth: Truth
    delivery: Delivery
    faces: Faces
    roster: Roster
    policy_of: Callable[[str], Policy]
    clock: Callable[[], datetime]

    async def propose(
        self,
        person: Person,
        conversation: Conversation,
        to: str,
        mention: Mention | None,
        until: datetime | None,
    ) -> Card:
        """Ask whether exactly this is meant; nothing changes yet.

        Args:
            person: Who wants to delegate.
            conversation: Where they said so.
            to: The name they typed, where they mentioned nobody.
            mention: Whom they mentioned.
            until: Up to when; None: the card asks.
        """
        wish, reader = _Wish(person, conversation), self._reader(person, conversation)
        async with self.pool.connection() as conn:
            everybody = await self._everybody(conn, wish.tenant)
        said = mention.name if mention else to
        found = everybody.meant(wish.id, to, mention)
        others = everybody.principals_of(wish.id)
        if len(found) != 1:
            choices = [everybody.choice(one) for one in found or everybody.others(wish.id)]
            # Without a date the end of the day is offered: the shortest that is of use.
            ends = until or self._usual_ends(reader)[0][1]
            return face.which(
                said, wish.id, choices, ends, reader, found=bool(found), stands_in_for=others
            )
        chosen = everybody.choice(found[0])
        at_least = until or self.clock() + timedelta(minutes=1)
        reason = await self._why_not(wish, everybody, chosen.id, at_least)
        if reason is not None:
            await self._record_alone(wish, chosen, "refused", reason)
            return face.refused(reason, reader)
        if until is None:
            ends_offered = self._usual_ends(reader)
            return face.until_when(wish.id, chosen, ends_offered, reader, stands_in_for=others)
        before = everybody.delegation_of(wish.id)
        instead_of = before.delegate_name if before else None
        return face.confirm(
            wish.id, chosen, until, reader, instead_of=instead_of, stands_in_for=others
        )

    async def start(self, pressed: Pressed, wanted: Delegate) -> Answer:
        """Start what a card asked to confirm, if the one who asked presses, and may."""
        wish = _Wish(pressed.person, pressed.conversation)
        reader = self._reader(pressed.person, pressed.conversation)
        until, to = _moment(wanted.until), wanted.to.lower()
        if until is None:
            return _aside(_BAD_END, reader)
        reason = who_may.why_not_confirm_delegation(wish.id, by=wanted.by)
        if reason is not None:
            await self._record_alone(wish, Choice(to, ""), "refused", reason)
            return _aside(reason, reader)
        async with self.pool.connection() as conn:
            everybody = await self._everybody(conn, wish.tenant)
        reason = await self._why_not(wish, everybody, to, until)
        async with self.pool.connection() as conn:
            # What holds now, and nobody changes it until this is written.
            await delegations.lock(conn, wish.tenant)
            everybody = await self._everybody(conn, wish.tenant)
            chosen, before = everybody.choice(to), everybody.delegation_of(wish.id)
            reason = reason or self._why_not_now(wish, everybody, to, until)
            if reason is not None:
                await self._record(conn, wish, chosen, "refused", reason)
                return _aside(reason, reader)
            again = before and (before.delegate, before.until) == (to, until)
            if before and again:
                card = self._started(wish, before, reader, waiting=0)
                return Answer(card, in_place=True)
            new = await delegations.start(
                conn,
                wish.tenant,
                person=wish.id,
                name=pressed.person.name,
                delegate=to,
                delegate_name=chosen.name,
                since=self.clock(),
                until=until,
            )
            waiting = await self._redraw(conn, wish.tenant, wish.id)
            for approval in waiting:
                await self.delivery.bring(conn, wish.tenant, approval, [to])
            replaced = f", instead of {before.delegate_name}" if before else ""
            await self._record(conn, wish, chosen, "done", f"until {until.isoformat()}{replaced}")
        instead = before.delegate_name if before and before.delegate != to else None
        card = self._started(wish, new, reader, waiting=len(waiting), instead_of=instead)
        return Answer(card, in_place=True)

    async def end(self, pressed: Pressed, wanted: EndDelegation) -> Answer:
        """End one; either of its two people may."""
        wish = _Wish(pressed.person, pressed.conversation, "end delegation")
        reader = self._reader(pressed.person, pressed.conversation)
        async with self.pool.connection() as conn:
            await delegations.lock(conn, wish.tenant)
            in_force = await delegations.in_force(conn, wish.tenant, at=self.clock())
            one = next((one for one in in_force if one.id == wanted.delegation), None)
            if one is None:
                return _aside(_NOT_IN_FORCE, reader)
            reason = who_may.why_not_end_delegation(wish.id, one)
            if reason is not None:
                other = Choice(one.person, one.name)
                await self._record(conn, wish, other, "refused", reason)
                return _aside(reason, reader)
            await self._end(conn, wish, one)
        return Answer(face.ended(one.name, one.delegate_name, reader), in_place=True)

    async def end_mine(self, person: Person, conversation: Conversation) -> Card:
        """End the person's own, because they are back."""
        wish = _Wish(person, conversation, "end delegation")
        reader = self._reader(person, conversation)
        async with self.pool.connection() as conn:
            await delegations.lock(conn, wish.tenant)
            in_force = await delegations.in_force(conn, wish.tenant, at=self.clock())
            own = next((one for one in in_force if one.person == wish.id), None)
            if own is None:
                return face.mine(_terms(in_force, wish.id), reader)
            await self._end(conn, wish, own)
        return face.ended(own.name, own.delegate_name, reader)

    async def mine(self, person: Person, conversation: Conversation) -> Card:
        """Who decides for the person, and for whom they decide."""
        async with self.pool.connection() as conn:
            in_force = await delegations.in_force(conn, conversation.tenant, at=self.clock())
        terms = _terms(in_force, person.id.lower())
        return face.mine(terms, self._reader(person, conversation))

    async def run_out(self, tenant: str) -> None:
        """End what has run out: cards that say so are redrawn, and the ledger has a row."""
        async with self.pool.connection() as conn:
            await delegations.lock(conn, tenant)
            over = await delegations.ran_out(conn, tenant, at=self.clock())
            for person in sorted({one.person for one in over}):
                await self._redraw(conn, tenant, person)
            for one in over:
                entry = _entry(tenant, self.clock(), one, "its time was over")
                await ledger.add(conn, entry)

    async def _end(self, conn: Connection, wish: _Wish, one: Delegation) -> None:
        await delegations.end(conn, wish.tenant, one.id, at=self.clock())
        await self._redraw(conn, wish.tenant, one.person)
        mine = one.person == wish.id
        other = Choice(one.delegate, one.delegate_name) if mine else Choice(one.person, one.name)
        await self._record(conn, wish, other, "done", "")

    async def _redraw(self, conn: Connection, tenant: str, person: str) -> list[str]:
        """Have redrawn what waits for a person; returns the approvals.

        The ledger's lock is taken after theirs, here as everywhere.
        """
        waiting = await stored.waiting(conn, tenant)
        mine = sorted(
            known.id
            for known in waiting
            if any((a.user_id or "").lower() == person for a in known.approval.approvers)
        )
        for approval in mine:
            await self.truth.redraw_all(conn, tenant, approval)
        return mine

    async def _everybody(self, conn: Connection, tenant: str) -> Colleagues:
        return await colleagues(conn, tenant, policy=self.policy_of(tenant), at=self.clock())

    async def _why_not(
        self, wish: _Wish, everybody: Colleagues, to: str, until: datetime
    ) -> str | None:
        try:
            guest = await self.roster.is_guest(wish.person, wish.conversation)
        except SendError:
            return _NOBODY_SAYS
        return who_may.why_not_delegate_as_guest(guest=guest) or self._why_not_now(
            wish, everybody, to, until
        )

    def _why_not_now(
        self, wish: _Wish, everybody: Colleagues, to: str, until: datetime
    ) -> str | None:
        delegate = everybody.people.get(to)
        guest = bool(delegate and delegate.guest)
        return who_may.why_not_delegate_to_guest(guest=guest) or who_may.why_not_delegate(
            wish.id,
            to,
            deciders=everybody.deciders,
            delegations=everybody.in_force,
            until=until,
            at=self.clock(),
        )

    def _started(
        self,
        wish: _Wish,
        one: Delegation,
        reader: Reader,
        *,
        waiting: int,
        instead_of: str | None = None,
    ) -> Card:
        term = Term(one.id, one.delegate_name, one.until, mine=True)
        return face.started(wish.person.name, term, reader, waiting=waiting, instead_of=instead_of)

    def _reader(self, person: Person, conversation: Conversation) -> Reader:
        """The person, on the clocks of their own zone."""
        there = self.faces.reader(conversation)
        return Reader(
            now=there.now,
            zone=ZoneInfo(person.zone) if person.zone else there.zone,
            person=person.id,
            shared=conversation.scope is not Scope.PERSONAL,
        )

    def _usual_ends(self, reader: Reader) -> list[tuple[str, datetime]]:
        """The ends that people mean mostly: each the midnight after a day of the reader's."""
        today = reader.local(reader.now).date()
        friday = (_FRIDAY - today.weekday()) % 7
        named = {"Until tonight": 0, "Until tomorrow": 1}
        named["Until Friday" if friday > 1 else "Until Friday week"] = (
            friday if friday > 1 else friday + 7
        )
        return [
            (
                caption,
                datetime.combine(
                    today + timedelta(days=days + 1), time.min, reader.zone
                ).astimezone(UTC),
            )
            for caption, days in named.items()
        ]

    async def _record_alone(
        self, wish: _Wish, other: Choice, outcome: Literal["done", "refused"], reason: str
    ) -> None:
        async with self.pool.connection() as conn:
            await self._record(conn, wish, other, outcome, reason)

    async def _record(
        self,
        conn: Connection,
        wish: _Wish,
        other: Choice,
        outcome: Literal["done", "refused"],
        reason: str,
    ) -> None:
        entry = Entry(
            tenant=wish.tenant,
            at=self.clock(),
            approval="",
            person=wish.person.id,
            person_name=wish.person.name,
            conversation=wish.conversation.id,
            scope=wish.conversation.scope.value,
            wish=wish.wish,
            outcome=outcome,
            reason=reason,
            comment="",
            shown="",
            for_person=other.id,
            for_name=other.name or None,
        )
        await ledger.add(conn, entry)
        log.info("delegation", tenant=wish.tenant, wish=wish.wish, outcome=outcome)


def _terms(in_force: Sequence[Delegation], person: str) -> list[Term]:
    """The delegations that one person is a side of, their own first."""
    own = [Term(o.id, o.delegate_name, o.until, mine=True) for o in in_force if o.person == person]
    others = [Term(o.id, o.name, o.until, mine=False) for o in in_force if o.delegate == person]
    return own + others


def _moment(text: str) -> datetime | None:
    """The instant of a button; None if it names none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _aside(reason: str, reader: Reader) -> Answer:
    """For the one who pressed alone: whoever else sees the card still can."""
    return Answer(face.refused(reason, reader), in_place=True, aside=reason)


def _entry(tenant: str, at: datetime, one: Delegation, reason: str) -> Entry:
    return Entry(
        tenant=tenant,
        at=at,
        approval="",
        person=one.person,
        person_name=one.name,
        conversation="",
        wish="end delegation",
        outcome="done",
        reason=reason,
        comment="",
        shown="",
        for_person=one.delegate,
        for_name=one.delegate_name,
    )
