"""A whole tenant that people and accidents act upon; it notes every card that anybody sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.app import Rooms
from bot.messaging import Answer, Conversation, Person, Pressed, Said, Scope
from bot.store import people
from bot.store.database import Pool
from bot.store.people import Standing
from cards.actions import Follow
from cards.card import Card
from tests.approvals.machine.model import NOBODY, PEOPLE, Model
from tests.approvals.machine.wire import Sent, Wire
from tests.workplace import GUEST, Workplace, buttons, place, workplace

WATCH, CHASE = "approvals.watch", "approvals.chase"
TEAMS, LOOPBACK = "19:ops@thread.tacv2", "19:lab@thread.tacv2"
DECIDES = "approval.decide"


def decisive(card: Card) -> list[dict[str, Any]]:
    """Its buttons that decide, or ask to confirm it."""
    return [one for one in buttons(card) if one["verb"] == DECIDES]


@dataclass(frozen=True)
class Copy:
    """A card as somebody saw it in a message; ``reader`` is whom it was drawn for, or `NOBODY`."""

    card: Card
    place: Conversation
    message: str
    reader: str

    def buttons(self, verb: str) -> list[dict[str, Any]]:
        """Its buttons of one kind."""
        return [one for one in buttons(self.card) if one["verb"] == verb]


@dataclass(frozen=True)
class Row:
    """What a row of the ledger says."""

    position: int
    approval: str
    person: str
    for_person: str | None
    for_name: str | None
    conversation: str
    wish: str
    outcome: str
    reason: str
    comment: str
    shown: str
    sent: str


@dataclass
class House:
    """One tenant, its people, its chats, and one or more replicas of the bot."""

    office: Workplace
    wire: Wire
    model: Model
    seen: list[Copy] = field(default_factory=list)
    places: dict[str, Conversation] = field(default_factory=dict)
    readers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Whom the card of a message is drawn for now, where not for everybody there."""
    own: dict[tuple[str, str, str], Card] = field(default_factory=dict)
    """What one person sees in a message in the place of its card, until that is redrawn."""
    noticed: dict[tuple[str, str], Card] = field(default_factory=dict)
    position: int = 0

    @property
    def replicas(self) -> tuple[Rooms, ...]:
        """Every copy of the bot."""
        return self.office.replicas

    def chat(self, person: str) -> Conversation:
        """Somebody's personal chat."""
        return self.places[f"a:{person}"]

    def is_closed(self, at: Conversation) -> bool:
        """Whether the bot was removed there."""
        return at.id in self.office.chats.closed

    async def moves_in(self) -> None:
        """Everybody has a chat with the bot; two channels follow approvals."""
        async with self.office.pool.connection() as conn:
            for person, _ in PEOPLE:
                await people.remember(conn, self.person(person), at=self.office.clock())
                standing = Standing(person == GUEST[0], self.office.clock())
                await people.note_standing(conn, self.office.tenant, person, standing)
                chat = place(
                    f"a:{person}", Scope.PERSONAL, person=person, tenant=self.office.tenant
                )
                self.places[chat.id] = chat
        self.office.chats.guests.add(GUEST[0])
        for chat in self.places.values():
            await self.office.opens(chat)
        for name in (TEAMS, LOOPBACK):
            here = {"service_url": "http://127.0.0.1:56150/_connector"} if name == LOOPBACK else {}
            channel = await self.office.has_channel(name=name, **here)
            self.places[name] = channel
            follow = Follow(topic="approvals", on=True)
            someone = self.person(PEOPLE[0][0])
            pressed = Pressed(someone, channel, None, follow.verb, follow.pack())
            await self.office.rooms.turns.action(pressed)

    def person(self, person: str) -> Person:
        """Somebody as Teams names them."""
        return Person(self.office.tenant, person, dict(PEOPLE)[person], f"29:{person}", "UTC")

    # What people do

    async def acts(
        self,
        by: Rooms,
        person: str,
        copy: Copy,
        data: dict[str, Any],
        at: Conversation,
        *,
        in_time: bool = True,
    ) -> Answer:
        """Press a button with this payload on a card that stands, or was brought, there."""
        message = copy.message if at.id == copy.place.id else f"brought-{len(self.seen)}"
        pressed = Pressed(self.person(person), at, message, data["verb"], data)
        answer = await by.turns.action(pressed)
        await self._gets(by, answer, at, message, person, in_time=in_time)
        return answer

    async def _gets(
        self,
        by: Rooms,
        answer: Answer,
        at: Conversation,
        message: str,
        person: str,
        *,
        in_time: bool,
    ) -> None:
        """Put the answer to a press where Teams shows it: to the one who pressed, if in time."""
        card = answer.card
        if not answer.in_place:
            await self._posts(by, card, at, at.person or NOBODY)
            return
        await by.turns.placed(at, message, card)
        if in_time:
            self.seen.append(Copy(card, at, message, person))
            self._note(self.seen[-1])
            if (at.id, message) in self.office.chats.messages:
                self.own[at.id, message, person] = card
        elif answer.aside is not None and at.scope is not Scope.PERSONAL:
            await by.turns.placed(at, message, replace(card, shows=None))
        elif (at.id, message) in self.office.chats.messages:
            await self.office.chats.edit(at, message, card)
            self._see(card, at, message, person)
            await by.turns.placed(at, message, card)

    async def _posts(self, by: Rooms, card: Card, at: Conversation, reader: str) -> None:
        message = await self.office.chats.send(at, card)
        self._see(card, at, message, reader)
        await by.turns.placed(at, message, card)

    async def says(
        self,
        by: Rooms,
        person: str,
        at: Conversation,
        text: str,
        *,
        to: str = NOBODY,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> Card:
        """Type something there; what is posted is for everybody there, or ``to`` one alone.

        ``meanwhile`` happens while the answer is on its way.

        What is read as a question is answered for everybody, also where it was meant as an order:
        only a card that asks to confirm is one person's.
        """
        answer = await by.turns.message(Said(self.person(person), at, text))
        if meanwhile is not None:
            await meanwhile()
        own = [button["data"]["confirming"] for button in decisive(answer.card)]
        await self._posts(by, answer.card, at, at.person or (to if all(own) else NOBODY))
        return answer.card

    async def leaves(self, by: Rooms, at: Conversation, *, told: bool) -> None:
        """The bot is removed there; ``told``: Teams says so."""
        self.office.chats.closed.add(at.id)
        if told:
            await by.turns.left(at)

    async def comes_back(self, by: Rooms, at: Conversation) -> None:
        """The bot is added there again."""
        self.office.chats.closed.discard(at.id)
        await self.office.opens(at)
        greeting = await by.turns.greet(at)
        if greeting is not None:
            await self.office.chats.send(at, greeting)

    # What happens by itself

    async def passes(self, span: timedelta) -> None:
        """Time goes by, for the jobs as well."""
        self.office.clock.at += span
        async with self.office.pool.connection() as conn:
            await conn.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %s"
                " WHERE status = 'todo'",
                (span,),
            )

    async def looks(self, by: Rooms, *, reread: bool = False) -> None:
        """The watch looks, and what follows from it."""
        await self.office.looks(WATCH, reread=reread, by=by)
        self.notices()

    async def chases(self, by: Rooms) -> None:
        """Whoever has to be reminded is."""
        await self.office.looks(CHASE, by=by)
        self.notices()

    async def drains(self) -> None:
        """Run what is due and what will be, until nothing is left to do."""
        for _ in range(40):
            for rooms in self.replicas:
                await self.office.works(rooms)
            if not await self._waiting_jobs():
                break
            await self.passes(timedelta(seconds=20))
        assert not await self._waiting_jobs(), "jobs that never end"
        self.notices()

    async def _waiting_jobs(self) -> int:
        async with self.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def failed_jobs(self) -> list[str]:
        """Jobs that were given up."""
        async with self.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT task_name FROM procrastinate_jobs WHERE status IN ('failed', 'aborted')"
            )
            return [row[0] for row in await cursor.fetchall()]

    async def new_rows(self) -> list[Row]:
        """The rows of the ledger since it was last asked."""
        async with self.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT position, approval, person, for_person, for_name, conversation, wish,"
                " outcome, reason, comment, shown, sent FROM ledger"
                " WHERE tenant = %s AND position > %s ORDER BY position",
                (self.office.tenant, self.position),
            )
            rows = [Row(*row) for row in await cursor.fetchall()]
        if rows:
            self.position = rows[-1].position
        return rows

    async def has_written(self, sent: Sent) -> bool:
        """Whether anybody who looks now reads that this was sent: its row, and with it the claim.

        PostgreSQL says of each row which transaction wrote it.
        """
        async with self.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT FROM ledger l JOIN approvals a ON a.tenant = l.tenant AND a.id = l.approval"
                " WHERE l.tenant = %s AND l.approval = %s AND l.wish = %s AND l.outcome = 'sent'"
                " AND l.sent = %s AND (%s OR l.xmin = a.xmin)",
                (self.office.tenant, sent.approval, sent.action, sent.note, sent.late),
            )
            return await cursor.fetchone() is not None

    async def is_one_transaction(self, approval: str) -> bool:
        """Whether what was done last about an approval was written together with its row."""
        async with self.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT l.xmin = a.xmin FROM ledger l JOIN approvals a ON a.tenant = l.tenant"
                " AND a.id = l.approval WHERE l.tenant = %s AND l.approval = %s"
                " ORDER BY l.position DESC LIMIT 1",
                (self.office.tenant, approval),
            )
            row = await cursor.fetchone()
        return row is not None and row[0]

    # What is seen

    def notices(self) -> list[Copy]:
        """Look at every chat; what is new there or redrawn is a card that everybody there sees."""
        new = []
        for (where, message), card in self.office.chats.messages.items():
            if self.noticed.get((where, message)) is card:
                continue
            at = self.places[where]
            self._see(card, at, message, at.person or NOBODY)
            new.append(self.seen[-1])
        return new

    def _see(self, card: Card, at: Conversation, message: str, reader: str) -> None:
        self.own = {k: own for k, own in self.own.items() if k[:2] != (at.id, message)}
        self.noticed[at.id, message] = card
        self.readers[at.id, message] = reader
        self.seen.append(Copy(card, at, message, reader))
        self._note(self.seen[-1])

    def _note(self, copy: Copy) -> None:
        for button in buttons(copy.card):
            data = button["data"]
            shown = data.get("shown")
            tokens = shown if isinstance(shown, dict) else {data.get("approval"): shown}
            for approval, token in tokens.items():
                if token:
                    self.model.prints(token, copy.place.id, approval, copy.reader)


@asynccontextmanager
async def house(pools: Sequence[Pool], model: Model, tenant: str) -> AsyncIterator[House]:
    """A tenant of its own, with a replica for each pool."""
    wires: list[Wire] = []
    clocks: list[Callable[[], datetime]] = []

    def through(inner: httpx.AsyncBaseTransport) -> Wire:
        wires.append(Wire(lambda: clocks[0](), inner))  # noqa: PLW0108 -- it is not known yet
        return wires[0]

    policy = model.wishes.policy()
    async with workplace(
        pools[0], policy=policy, tenant=tenant, more=pools[1:], wire=through
    ) as office:
        clocks.append(office.clock)
        running = House(office, wires[0], model)
        running.wire.is_written = running.has_written
        await running.moves_in()
        try:
            yield running
        finally:
            await running.wire.quietens()
            async with office.pool.connection() as conn:
                await conn.execute("DELETE FROM procrastinate_jobs")
