"""The bot's Teams side on a stand-in for Microsoft, with a product that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
import psycopg
import pytest
import pytest_asyncio
import stamina
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from bot.messaging import Answer, Conversation, Person, Pressed, Said
from bot.store.people import Standing
from bot.teams.connector import Connector
from bot.teams.credentials import ClientSecret
from bot.teams.endpoint import Budget, Endpoint, Gate, build_endpoint
from bot.teams.memory import Met
from bot.teams.service_urls import ServiceHosts
from bot.teams.tokens import InboundTokens, SigningKeys
from bot.transport import AiohttpTransport, Answered, Asking
from cards.card import Card
from tests.conftest import cloned
from tests.microsoft import APP_ID, ISSUER, SECRET, TENANT, Microsoft, running, serving
from tests.teams.fortress import Fortress, fortress


@dataclass
class Clock:
    """A clock that stands until it is told to go on."""

    now: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def goes_on(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Remembered:
    """What `bot.teams.memory.Memory` promises, for tests that are not about the database."""

    clock: Clock
    taken: dict[tuple[str, str, str], dict[str, Any] | None] = field(default_factory=dict)
    places: dict[str, Conversation] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    broken: bool = False
    broken_for_answers: bool = False

    async def claim(
        self, conversation: Conversation, activity: str, *, met: Met | None = None
    ) -> bool:
        if self.broken:
            raise psycopg.OperationalError("the database is away")
        key = (conversation.tenant, conversation.id, activity)
        if key in self.taken:
            return False
        self.taken[key] = None
        if met is not None:
            await self.meet(conversation, met.person)
        return True

    async def meet(self, conversation: Conversation, person: Person | None) -> None:
        self.places[conversation.id] = conversation
        if person:
            self.people[person.id] = person

    async def keep_answer(
        self, conversation: Conversation, activity: str, answer: dict[str, Any]
    ) -> None:
        if self.broken_for_answers:
            raise psycopg.OperationalError("the database is away")
        self.taken[conversation.tenant, conversation.id, activity] = answer

    async def answer(self, conversation: Conversation, activity: str) -> dict[str, Any] | None:
        return self.taken.get((conversation.tenant, conversation.id, activity))

    async def teams_id(self, tenant: str, person: str) -> str | None:
        found = self.people.get(person)
        return found.teams_id if found else None

    async def standing(self, person: Person) -> Standing | None:
        return self.standings.get(person.id)

    async def note_standing(self, person: Person, standing: Standing) -> None:
        self.standings[person.id] = standing


def card(words: str, approval: str | None = None) -> Card:
    return Card({"type": "AdaptiveCard", "body": [{"text": words}]}, words, approval)


async def echo(said: Said) -> Answer:
    return Answer(card(f"You said: {said.text}"))


async def redraw(pressed: Pressed) -> Answer:
    return Answer(card(f"Pressed {pressed.verb}"), in_place=True)


@dataclass
class Product:
    """What `bot.teams.handler.Turns` promises; records what it is asked."""

    on_message: Callable[[Said], Awaitable[Answer]] = echo
    on_action: Callable[[Pressed], Awaitable[Answer]] = redraw
    greeting: Card | None = None
    said: list[Said] = field(default_factory=list)
    pressed: list[Pressed] = field(default_factory=list)
    greeted: list[Conversation] = field(default_factory=list)
    copies: list[tuple[str, str, str | None]] = field(default_factory=list)
    gone: list[Conversation] = field(default_factory=list)
    loses_copies: bool = False

    async def greet(self, conversation: Conversation) -> Card | None:
        first = conversation.id not in {known.id for known in self.greeted}
        self.greeted.append(conversation)
        return self.greeting if first else None

    async def message(self, said: Said) -> Answer:
        self.said.append(said)
        return await self.on_message(said)

    async def action(self, pressed: Pressed) -> Answer:
        self.pressed.append(pressed)
        return await self.on_action(pressed)

    async def placed(self, conversation: Conversation, message_id: str, card: Card) -> None:
        if self.loses_copies:
            raise psycopg.OperationalError("the database is away")
        self.copies.append((conversation.id, message_id, card.approval))

    async def left(self, conversation: Conversation) -> None:
        self.gone.append(conversation)


@dataclass
class Bot:
    """The running bot, and everything around it that a test looks at."""

    microsoft: Microsoft
    product: Product
    memory: Remembered
    clock: Clock
    http: httpx.AsyncClient
    connector: Connector
    endpoint: Endpoint
    url: str

    def token(self, **claims: Any) -> str:
        return self.microsoft.token(now=self.clock(), **claims)

    async def hears(self, activity: dict[str, Any]) -> httpx.Response:
        """Deliver an activity with a good token."""
        return await self.gets(json=activity, headers=self.authorised())

    async def gets(self, **request: Any) -> httpx.Response:
        """Deliver whatever."""
        return await self.http.post(f"{self.url}/api/messages", **request)

    def authorised(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}"}


def by_way_of(http: httpx.AsyncClient) -> Asking:
    """Requests sent by an httpx client, for a test's own transport."""

    async def ask(
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- see `Asking`
    ) -> Answered:
        response = await http.request(method, str(url), headers=dict(headers), content=content)
        return Answered(response.status_code, response.headers, response.content)

    return ask


class Dripping(httpx.AsyncBaseTransport):
    """Answers a byte now and then, for ever: never silent long enough for a read's time-out."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=_Drops())


class _Drops(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)


def quick_retries(attempts: int = 4) -> stamina.AsyncRetryingCaller:
    return stamina.AsyncRetryingCaller(
        attempts=attempts, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
    )


@asynccontextmanager
async def bot_running(
    microsoft: Microsoft, *, anonymous: bool = False, budget: Budget | None = None
) -> AsyncIterator[Bot]:
    """The bot in front of this Microsoft, for as long as the context lasts."""
    clock = Clock()
    memory, product = Remembered(clock), Product()
    hosts = ServiceHosts(("smba.trafficmanager.net",), loopback=True)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        credentials = ClientSecret(
            http,
            login_url=microsoft.url,
            tenant=TENANT,
            app_id=APP_ID,
            secret=SecretStr(SECRET),
            clock=clock,
        )
        transport = AiohttpTransport()
        stack.push_async_callback(transport.aclose)
        connector = Connector(
            transport.ask,
            credentials=None if anonymous else credentials,
            hosts=hosts,
            memory=memory,
            clock=clock,
            retrying=quick_retries(),
        )
        keys = SigningKeys(http, metadata_url=microsoft.metadata_url, issuer=ISSUER, clock=clock)
        tokens = InboundTokens(keys, app_id=APP_ID, issuer=ISSUER, clock=clock)
        endpoint = build_endpoint(
            turns=product,
            connector=connector,
            memory=memory,
            gate=Gate(tokens=None if anonymous else tokens, tenants=[TENANT], hosts=hosts),
            listen_host="127.0.0.1",
            budget=budget,
        )
        app = web.Application()
        app.router.add_post("/api/messages", endpoint.handle)
        url = await stack.enter_async_context(serving(app))
        stack.push_async_callback(endpoint.close, within_seconds=2)
        yield Bot(microsoft, product, memory, clock, http, connector, endpoint, url)


@pytest.fixture
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running() as stand_in:
        yield stand_in


@pytest.fixture
async def bot(microsoft: Microsoft) -> AsyncIterator[Bot]:
    async with bot_running(microsoft) as running_bot:
        yield running_bot


@dataclass
class Door:
    """Work that ends when the test opens the door."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def through(self) -> None:
        self.entered.set()
        await self.opened.wait()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture(scope="module")
def its_database(postgresql: str) -> Iterator[str]:
    with cloned(postgresql) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(its_database: str) -> AsyncIterator[Fortress]:
    """Started once; somebody has asked something, so that tenant and chat are known."""
    async with fortress(its_database) as running:
        await running.answers_still()
        yield running
