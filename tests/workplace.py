"""A tenant at work, for tests: an embedded Neo, a database, chats whose messages can be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from procrastinate import JobContext
from procrastinate.jobs import DeleteJobCondition, Job
from pydantic import SecretStr

from bot.app import Rooms, furnish
from bot.approvals.watch import WATCH
from bot.approvals.who_may import CLAIM_LASTS
from bot.errors import ConversationClosed, MessageGone, SendError
from bot.messaging import Answer, Conversation, Mention, Person, Pressed, Said, Scope
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.options import Options
from bot.policies import Policy
from bot.sandbox.embedded import EmbeddedNeo
from bot.store import conversations, ledger
from bot.store.database import Pool
from bot.store.ledger import Entry
from cards.actions import Follow
from cards.card import Card

TENANT = "7f5d3c1a-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
ELSEWHERE = "99999999-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)

MEGAN = ("1a6f0c52-8e1b-4f7d-9b3a-2d4c6e8f0a11", "Megan Bowen")
ALEX = ("2b7a1d63-9f2c-4a8e-8c4b-3e5d7f9a1b22", "Alex Wilber")
ADELE = ("3c8b2e74-a03d-4b9f-9d5c-4f6e8a0b2c33", "Adele Vance")
GUEST = ("4d9c3f85-b14e-4ca0-8e6d-5a7f9b1c3d44", "Isaiah Langer")
LEE = ("5ead4096-c25f-4db1-9f7e-6b80ac2d4e55", "Lee Gu")
PATTI = ("6fbe51a7-d360-4ec2-a08f-7c91bd3e5f66", "Patti Fernandez")


# Nothing has to be confirmed, nobody is reminded: for tests that are about something else.
RELAXED = Policy(high_risk=frozenset(), remind_after=())


class Clock:
    """The time, as a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def goes_on(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Chats:
    """Every chat: what stands in it, in order. Fulfils `Messenger` and `Roster`."""

    messages: dict[tuple[str, str], Card] = field(default_factory=dict)
    alerted: list[str] = field(default_factory=list)
    edits: list[tuple[str, str]] = field(default_factory=list)
    trouble: list[SendError] = field(default_factory=list)
    roster_trouble: SendError | None = None
    guests: set[str] = field(default_factory=set)
    reachable: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens while the next card is on its way."""

    async def send(self, conversation: Conversation, card: Card, *, alert: bool = False) -> str:
        self._stumble(conversation)
        message = f"m{len(self.messages) + 1}"
        self.messages[conversation.id, message] = card
        if alert:
            self.alerted.append(message)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        return message

    async def edit(self, conversation: Conversation, message: str, card: Card) -> None:
        self._stumble(conversation)
        if (conversation.id, message) not in self.messages:
            raise MessageGone("gone", status=404)
        self.messages[conversation.id, message] = card
        self.edits.append((conversation.id, message))

    async def open_personal(self, conversation: Conversation, person: str) -> Conversation:
        if person not in self.reachable:
            raise ConversationClosed("no app", status=403)
        return replace(conversation, id=f"a:{person}", scope=Scope.PERSONAL, person=person)

    async def is_guest(self, person: Person, conversation: Conversation) -> bool:
        if self.roster_trouble is not None:
            raise self.roster_trouble
        return person.id in self.guests

    def in_(self, conversation: Conversation) -> list[tuple[str, Card]]:
        return [(m, card) for (c, m), card in self.messages.items() if c == conversation.id]

    def _stumble(self, conversation: Conversation) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        if conversation.id in self.closed:
            raise ConversationClosed("the bot was removed", status=403)


@dataclass
class Technician:
    """Somebody who types and presses; ``at`` is where."""

    person: Person
    at: Conversation
    office: Workplace

    def goes_to(self, place: Conversation) -> Technician:
        return replace(self, at=place)

    async def types(self, text: str, *mentions: Mention) -> Card:
        said = Said(self.person, self.at, text, mentions)
        answer = await self.office.rooms.turns.message(said)
        return await self._sees(answer, None)

    async def presses(
        self, title: str, on: tuple[str, Card] | None = None, *, comment: str = "", **forged: Any
    ) -> Card:
        message, card = on or self.office.chats.in_(self.at)[-1]
        button = button_of(card, title)
        data = {**button["data"], "comment": comment, **forged}
        pressed = Pressed(self.person, self.at, message, button["verb"], data)
        return await self._sees(await self.office.rooms.turns.action(pressed), message)

    async def refreshes(self, on: tuple[str, Card] | None = None) -> Card:
        """Their client draws their own view of the newest card there, as Teams does by itself."""
        message, card = on or self.office.chats.in_(self.at)[-1]
        action = card.content["refresh"]["action"]
        pressed = Pressed(self.person, self.at, message, action["verb"], action["data"])
        answer = await self.office.rooms.turns.action(pressed)
        await self.office.rooms.turns.placed(self.at, message, answer.card)
        return answer.card

    async def _sees(self, answer: Answer, message: str | None) -> Card:
        chats = self.office.chats
        if answer.in_place and message is not None:
            chats.messages[self.at.id, message] = answer.card
        else:
            message = await chats.send(self.at, answer.card)
        await self.office.rooms.turns.placed(self.at, message, answer.card)
        return answer.card


@dataclass
class Workplace:
    """Everything a scenario needs."""

    neo: EmbeddedNeo
    pool: Pool
    rooms: Rooms
    chats: Chats
    clock: Clock
    tenant: str = TENANT
    replicas: tuple[Rooms, ...] = ()
    """Every copy of the bot; ``rooms`` is the first."""

    async def has_chat(self, who: tuple[str, str], *, tenant: str | None = None) -> Technician:
        """A person and the personal chat they have with the bot."""
        tenant = tenant or self.tenant
        person = Person(tenant, who[0], who[1], f"29:{who[0]}", zone="Europe/Berlin")
        chat = place(f"a:{who[0]}", Scope.PERSONAL, person=who[0], tenant=tenant)
        await self.opens(chat)
        return Technician(person, chat, self)

    async def has_channel(
        self,
        *topics: str,
        name: str = "19:ops@thread.tacv2",
        service_url: str = "https://smba.trafficmanager.net/emea/",
    ) -> Conversation:
        """A channel that follows topics."""
        channel = place(name, Scope.CHANNEL, tenant=self.tenant)
        channel = replace(channel, service_url=service_url)
        await self.opens(channel)
        for topic in topics:
            someone = Person(self.tenant, MEGAN[0], MEGAN[1], f"29:{MEGAN[0]}")
            wish = Follow.model_validate({"topic": topic, "on": True})
            pressed = Pressed(someone, channel, None, wish.verb, wish.pack())
            await self.rooms.turns.action(pressed)
        return channel

    async def opens(self, conversation: Conversation) -> None:
        async with self.pool.connection() as conn:
            await conversations.remember(conn, conversation, at=self.clock())

    async def looks(self, watch: str, *, reread: bool = False, by: Rooms | None = None) -> None:
        """One look of a watch, and everything that follows from it."""
        await (
            (by or self.rooms)
            .jobs.engine.configure_task(f"{watch}/{self.tenant}")
            .defer_async(tenant=self.tenant, timestamp=0 if reread else 1)
        )
        await self.works(by)

    async def watches(self, watch: str, *, at: int = 1) -> None:
        """One look without a worker, and without what follows; ``at`` is when, as jobs count."""
        engine, name = self.rooms.jobs.engine, f"{watch}/{self.tenant}"
        job = Job(queue="default", lock=name, queueing_lock=name, task_name=name)
        context = JobContext(app=engine, job=job, start_timestamp=0.0, abort_reason=lambda: None)
        await engine.tasks[name].func(context, tenant=self.tenant, timestamp=at)

    async def works(self, by: Rooms | None = None) -> None:
        """Run every job that is due."""
        await (by or self.rooms).jobs.engine.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
        )

    async def passes_time_for_jobs(self) -> None:
        """Make every queued job due now, and run them."""
        async with self.pool.connection() as conn:
            await conn.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
            )
        await self.works()

    async def settles(self) -> None:
        """Whoever was deciding has given no sign for too long, and the watch looks."""
        self.clock.goes_on(seconds=CLAIM_LASTS.total_seconds())
        await self.looks(WATCH)

    async def ledger(self, approval: str) -> list[Entry]:
        async with self.pool.connection() as conn:
            return list(await ledger.of(conn, self.tenant, approval))


def place(
    name: str, scope: Scope, *, person: str | None = None, tenant: str = TENANT
) -> Conversation:
    return Conversation(
        tenant=tenant,
        id=name,
        scope=scope,
        service_url="https://smba.trafficmanager.net/emea/",
        bot_id="28:bot",
        person=person,
        zone="Europe/Berlin",
    )


@asynccontextmanager
async def workplace(
    pool: Pool,
    *,
    runs: int = 0,
    policy: Policy = RELAXED,
    tenant: str = TENANT,
    more: Sequence[Pool] = (),
    wire: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None,
) -> AsyncIterator[Workplace]:
    """An embedded Neo in which nothing happens by itself, and the bot in front of it.

    ``more``: a pool for each further replica. ``wire``: what every request to Neo goes through.
    """
    clock, chats = Clock(), Chats()
    async with AsyncExitStack() as stack:
        people = (MEGAN, ALEX, ADELE, GUEST, LEE, PATTI)
        neo = await stack.enter_async_context(EmbeddedNeo(now=clock, runs=runs, people=people))
        transport = httpx.AsyncHTTPTransport()
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=neo.url, timeout=5.0, transport=wire(transport) if wire else transport
            )
        )
        replicas = [
            await stack.enter_async_context(
                furnish(
                    own,
                    neo=_neo(neo, http, clock),
                    tenants=(tenant,),
                    messenger=chats,
                    roster=chats,
                    policies={tenant: policy},
                    decide_within_seconds=1.0,
                    clock=clock,
                )
            )
            for own in (pool, *more)
        ]
        rooms = replicas[0]
        yield Workplace(neo, pool, rooms, chats, clock, tenant=tenant, replicas=tuple(replicas))


def _neo(embedded: EmbeddedNeo, http: httpx.AsyncClient, clock: Clock) -> Callable[[str], Neo]:
    key = FixedKey(SecretStr(embedded.key))
    to_neo = NeoHttp(http, key, clock=clock, elapsed=lambda: clock().timestamp())
    client = Neo(to_neo, Options(within_seconds=0.5))
    return lambda _: client


def buttons(card: Card) -> list[dict[str, Any]]:
    """Every Action.Execute of a card, in order."""
    return list(_executes(card.content))


def titles(card: Card) -> list[str]:
    return [button.get("title") or button.get("tooltip") or "" for button in buttons(card)]


def decisive(card: Card) -> bool:
    """Whether it lets its reader decide."""
    return {"Approve", "Reject"} <= set(titles(card))


def button_of(card: Card, title: str) -> dict[str, Any]:
    found = [b for b in buttons(card) if title in {b.get("title"), b.get("tooltip")}]
    assert found, f"no button {title!r} among {titles(card)}"
    return found[0]


def _executes(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "Action.Execute":
            yield part
        for key, value in part.items():
            if key not in {"data", "fallback"}:
                yield from _executes(value)
    elif isinstance(part, list):
        for one in part:
            yield from _executes(one)
