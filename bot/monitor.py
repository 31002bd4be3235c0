"""What is told of a running process: `/healthz`, `/readyz` with reasons, and `/metrics`.

Not ready is a process that cannot answer people truthfully: it does not reach the database, has
never had Microsoft's keys, or is told to end. Everything else that is wrong is told as well, and
leaves it ready: another process would have the same trouble, and people still get a true answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Generic, Literal, TypeVar

import psycopg
import structlog
from aiohttp import web
from psycopg_pool import PoolTimeout

from bot.errors import NeoUnauthorized
from bot.neo.client import Neo
from bot.neo.keys import ApiKey
from bot.store import queue
from bot.store.database import Pool
from bot.store.jobs import Jobs
from bot.teams.credentials import Credentials, TokenUnavailable
from bot.teams.local import why_not_local
from bot.teams.tokens import SigningKeys
from bot.telemetry.metrics import CONTENT_TYPE
from bot.telemetry.watched import Telemetry

T = TypeVar("T")

log = structlog.get_logger()

# Whoever asks is answered within two seconds, whatever is away.
WITHIN_SECONDS: Final = 2.0
# However many ask at once, the database is asked once a second, and Microsoft twice a minute.
DATABASE_LASTS_SECONDS: Final = 1.0
TOKEN_LASTS_SECONDS: Final = 30.0

_NO_DATABASE: Final = (
    "The database does not answer. Start it; check DATABASE_URL and the way there."
)
_NO_KEYS: Final = (
    "Microsoft's keys could not be fetched, so nobody can be let in. Check outbound HTTPS to the"
    " host of BOT_OPENID_METADATA_URL; it is tried again every few seconds."
)
_ENDING: Final = "It was told to end. Send people to another process."
_NO_WORKER: Final = (
    "No jobs run in this process at the moment, so no cards are sent from here. It goes on by"
    " itself once the database answers; if it stays, restart."
)
_SLOW: Final = "It could not be found out in time. Look again in a moment."
_NO_NEO_KEY: Final = (
    "No key for this tenant's Neo is held. The log says why (`key.not_read`, `neo.no_key`)."
)
_NEO_REFUSES: Final = (
    "Neo refused the key at the last call. Make a new one and put it where the old one was."
)
_NEO_AWAY: Final = (
    "Neo gave no usable answer at the last call. People are told so; it is tried at each call."
)

Audience = Literal["everybody", "this machine", "nobody"]
"""Who is told everything at an address. Others are told whether it is ready, and no more."""


class Shared(Generic[T]):
    """An answer that all who ask at once share, and that lasts a while.

    Args:
        ask: Finds it out; does not raise.
        lasts_seconds: For so long nobody asks again.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, lasts_seconds: float) -> None:
        self._ask = ask
        self._lasts_seconds = lasts_seconds
        self._under_way: asyncio.Task[T] | None = None
        self._answered_at: float | None = None

    async def answer(self, *, within_seconds: float = WITHIN_SECONDS) -> T | None:
        """The answer; None where it takes longer, which does not end the asking."""
        task = self._task()
        await asyncio.wait({task}, timeout=within_seconds)
        return task.result() if task.done() and not task.cancelled() else None

    async def close(self) -> None:
        """Nobody waits for it any more."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait({self._under_way})

    def _task(self) -> asyncio.Task[T]:
        young = (
            self._answered_at is not None and monotonic() - self._answered_at < self._lasts_seconds
        )
        if self._under_way is None or (self._under_way.done() and not young):
            self._under_way = asyncio.create_task(self._asked())
        return self._under_way

    async def _asked(self) -> T:
        try:
            return await self._ask()
        finally:
            self._answered_at = monotonic()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        name: Of the thing.
        reason: What is wrong and what to do; empty where nothing is.
        needed: Whether it is not ready because of it.
    """

    name: str
    reason: str
    needed: bool

    def said(self) -> dict[str, str]:
        """How it stands, for JSON."""
        if not self.reason:
            return {"status": "ok"}
        return {"status": "failed" if self.needed else "degraded", "reason": self.reason}


@dataclass(slots=True)
class Monitor:
    """Looks at a process from within.

    Args:
        pool: The database.
        telemetry: Its figures.
        neo: A tenant's Neo.
        own: The served tenants' keys for Neo.
        signing_keys: Microsoft's; None where no tokens are asked for (the demo).
        credentials: The bot's own to Microsoft; None likewise.
        jobs: The job engine.
    """

    pool: Pool
    telemetry: Telemetry
    neo: Callable[[str], Neo]
    own: Mapping[str, ApiKey]
    signing_keys: SigningKeys | None
    credentials: Credentials | None
    jobs: Jobs
    works: bool = False
    """Whether this process is to run jobs."""
    answers: bool = True
    """Whether this process answers people; one that does not is there for its jobs."""
    ending: bool = False
    """Whether it was told to end."""
    _queue: Shared[queue.Queue | None] = field(init=False)
    _keys: Shared[bool] = field(init=False)
    _token: Shared[str] = field(init=False)

    def __post_init__(self) -> None:
        self._queue = Shared(self._look_at_queue, lasts_seconds=DATABASE_LASTS_SECONDS)
        self._keys = Shared(self._look_for_keys, lasts_seconds=DATABASE_LASTS_SECONDS)
        self._token = Shared(self._look_for_token, lasts_seconds=TOKEN_LASTS_SECONDS)

    async def close(self) -> None:
        """End what is under way."""
        for one in (self._queue, self._keys, self._token):
            await one.close()

    def routes(self, told: Audience) -> Sequence[web.RouteDef]:
        """What is answered on one address, and who is told everything there."""

        def is_told(request: web.Request) -> bool:
            if told == "this machine":
                return why_not_local(request) is None
            return told == "everybody"

        async def readyz(request: web.Request) -> web.Response:
            found = await self.findings()
            words = {one.name: one.said() for one in found} if is_told(request) else None
            return _answer(found, words)

        async def metrics(request: web.Request) -> web.Response:
            if not is_told(request):
                raise web.HTTPNotFound
            return web.Response(body=await self.figures(), headers={"Content-Type": CONTENT_TYPE})

        return [
            web.get("/healthz", _healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
        ]

    async def figures(self) -> bytes:
        """Every figure, as Prometheus reads it; without the queue where the database is away."""
        metrics = self.telemetry.metrics
        metrics.ready.set(_is_ready(await self.findings()))
        found = await self._queue.answer()
        if found is None:
            metrics.queue_is(None)
        else:
            metrics.queue_is(found.jobs, found.oldest_seconds)
        for tenant in self.own:
            budget = self.neo(tenant).budget
            metrics.neo_budget_left[(tenant,)].set(budget.remaining)
            metrics.neo_budget_limit[(tenant,)].set(budget.limit)
        return metrics.written()

    async def findings(self) -> Sequence[Finding]:
        """Everything that is looked at, within some two seconds."""
        database, keys, token = await asyncio.gather(
            self._queue.answer(), self._keys.answer(), self._token.answer()
        )
        found = [
            Finding("process", _ENDING if self.ending else "", needed=True),
            Finding("database", "" if database else _NO_DATABASE, needed=True),
        ]
        if self.signing_keys is not None and self.answers:
            found.append(Finding("microsoft_keys", "" if keys else _NO_KEYS, needed=True))
        if self.credentials is not None:
            found.append(
                Finding("microsoft_token", _SLOW if token is None else token, needed=False)
            )
        if self.works:
            resting = "" if self.jobs.working else _NO_WORKER
            found.append(Finding("jobs", resting, needed=not self.answers))
        for tenant, key in self.own.items():
            found.append(Finding(f"neo {tenant}", self._neo_trouble(tenant, key), needed=False))
        return found

    def _neo_trouble(self, tenant: str, key: ApiKey) -> str:
        trouble = self.neo(tenant).trouble
        if not key.held:
            return _NO_NEO_KEY
        if trouble is None:
            return ""
        return _NEO_REFUSES if issubclass(trouble, NeoUnauthorized) else _NEO_AWAY

    async def _look_at_queue(self) -> queue.Queue | None:
        try:
            return await queue.figures(self.pool)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            log.debug("monitor.no_database", error=type(error).__name__)
            return None

    async def _look_for_keys(self) -> bool:
        return self.signing_keys is None or await self.signing_keys.known()

    async def _look_for_token(self) -> str:
        try:
            if self.credentials is not None:
                await self.credentials.token()
        except TokenUnavailable as error:
            return str(error)
        return ""


def _is_ready(found: Sequence[Finding]) -> bool:
    return not any(one.reason and one.needed for one in found)


def _answer(
    found: Sequence[Finding], words: Mapping[str, Mapping[str, str]] | None
) -> web.Response:
    ready = _is_ready(found)
    body: dict[str, object] = {"status": "ready" if ready else "not ready"}
    if words is not None:
        body["checks"] = words
    return web.json_response(body, status=200 if ready else 503)


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
