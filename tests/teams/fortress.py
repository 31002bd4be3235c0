"""The whole service on loopback, and sockets that send it whatever bytes a test likes."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot import logs
from bot.app import Rooms, listening, service
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import load
from tests.app.service import settings_for
from tests.microsoft import ALEX, MEGAN, Microsoft, running

PATIENCE_SECONDS = 20
"""How long a test waits for an answer that has to come."""

_TABLES = ("activities", "approvals", "conversations", "delegations", "ledger", "people", "routes")

_BROKEN = re.compile(r"turn\.broken|Traceback|Unhandled|Error handling|never retrieved")


class Clock:
    """The present, put forward as a test says: tokens and keys grow old without waiting."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def goes_on(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass(frozen=True)
class Reply:
    """The first answer of a connection, and whatever came after it."""

    status: int
    headers: dict[str, str]
    body: bytes
    more: bytes = b""


@dataclass(frozen=True)
class Traces:
    """What a turn leaves behind, wherever it gets to."""

    neo: int
    teams: int
    rows: tuple[int, ...]
    broken: int


@dataclass
class Fortress:
    """The running service, what surrounds it, and what it wrote into its log."""

    app: web.Application
    rooms: Rooms
    neo: EmbeddedNeo
    microsoft: Microsoft
    clock: Clock
    url: str
    log: io.StringIO = field(repr=False)
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)
    _broken: list[str] = field(default_factory=list, repr=False)
    _read_to: int = 0

    def token(self, **claims: Any) -> str:
        """A good token, but for ``claims``."""
        return self.microsoft.token(now=self.clock(), **claims)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged under that name."""
        read = (json.loads(line) for line in self.log.getvalue().splitlines())
        return [line for line in read if line["event"] == event]

    @property
    def broken(self) -> list[str]:
        """The lines that say that something broke; what was read before is not read again."""
        self.log.seek(self._read_to)
        self._broken += [line for line in self.log if _BROKEN.search(line)]
        self._read_to = self.log.tell()
        return self._broken

    async def traces(self) -> Traces:
        """How much has happened so far."""
        async with self.rooms.pool.connection() as conn:
            counted = [await conn.execute(f"SELECT count(*) FROM {name}") for name in _TABLES]  # noqa: S608 -- a constant
            rows = [row[0] for each in counted if (row := await each.fetchone())]
        calls = len(self.neo.requests), len(self.microsoft.calls)
        return Traces(*calls, tuple(rows), len(self.broken))

    def forgets_tokens(self) -> None:
        """Sign anew: the clock was put forward."""
        self._tokens.clear()

    async def sends(self, sent: bytes, *, to_the_end: bool = True) -> Reply:
        """Open a connection, send that, and read the answer, and what follows it."""
        reader, writer = await self.connects()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                with suppress(ConnectionError):
                    writer.write(sent)
                    await writer.drain()
                return await reply(reader, to_the_end=to_the_end)
        finally:
            writer.close()

    async def connects(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which nothing was sent yet."""
        where = urlsplit(self.url)
        return await asyncio.open_connection(where.hostname, where.port)

    async def hears(self, activity: dict[str, Any], *, key_id: str = "key-1") -> Reply:
        """Deliver an activity as Teams does, which uses a token for a while."""
        token = self._tokens.get(key_id)
        if token is None:
            token = self._tokens[key_id] = self.token(key_id=key_id)
        return await self.sends(posted(activity, token), to_the_end=False)

    async def answers_still(self) -> None:
        """A valid turn is answered: 200, and a card in Teams."""
        before = len(self.microsoft.messages)
        reply = await self.hears(self.microsoft.activity(text="help"))
        assert reply.status == 200
        assert len(self.microsoft.messages) == before + 1


def posted(activity: Any, token: str | None = None, *more: tuple[str, str]) -> bytes:
    """The request that delivers an activity (bytes are sent as they are)."""
    body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    return request("POST", "/api/messages", *headers, *more) + body


def request(method: str, target: str, *headers: tuple[str, str], version: str = "1.1") -> bytes:
    """The head of a request, the last on its connection."""
    given = [("Host", "bot"), ("Connection", "close"), *headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in given)
    return f"{method} {target} HTTP/{version}\r\n{lines}\r\n".encode()


async def reply(reader: asyncio.StreamReader, *, to_the_end: bool = True) -> Reply:
    """Read an answer, and what follows it on its connection; status 0 if there is none."""
    came = bytearray()
    with suppress(ConnectionError):
        while (to_the_end or not _whole(came)) and (piece := await reader.read(65_536)):
            came += piece
    head, _, rest = bytes(came).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    said = re.fullmatch(r"HTTP/[0-9.]+ (\d{3}).*", first)
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    length = int(headers.get("content-length", "0"))
    return Reply(int(said[1]) if said else 0, headers, rest[:length], rest[length:])


def _whole(came: bytearray) -> bool:
    head, end, rest = bytes(came).partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and len(rest) >= int(length[1] if length else 0)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that the process logs meanwhile, down to debug, as ``run`` writes it."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("debug", "json", stream=stream)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        yield stream
    finally:
        structlog.configure(**config)
        root.handlers, root.level = handlers, level


@asynccontextmanager
async def fortress(database_url: str) -> AsyncIterator[Fortress]:
    """The service as ``run --no-worker`` has it: what it asks of Neo, somebody asked of it."""
    clock = Clock()
    people = [(who.object_id, who.name) for who in (MEGAN, ALEX)]
    async with AsyncExitStack() as stack:
        log = stack.enter_context(logged())
        microsoft = await stack.enter_async_context(running())
        neo = await stack.enter_async_context(EmbeddedNeo(now=clock, people=people))
        environment = settings_for(database_url, neo, microsoft)
        settings = load(**{name.lower(): value for name, value in environment.items()})
        app, rooms, _ = await stack.enter_async_context(service(settings, clock=clock))
        port = await stack.enter_async_context(listening(app, settings.host, 0))
        url = f"http://{settings.host}:{port}"
        yield Fortress(app, rooms, neo, microsoft, clock, url, log)
