"""``POST /api/messages``: what Teams calls. Every bad request is answered, none breaks it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import orjson
import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.errors import ConfigurationError
from bot.settings import is_loopback
from bot.teams.activity import Inbound, Malformed, read
from bot.teams.adapter import STILL_WORKING, TeamsAdapter
from bot.teams.connector import Connector
from bot.teams.handler import Handler, Turns
from bot.teams.local import why_not_local
from bot.teams.memory import Memory
from bot.teams.service_urls import ServiceHosts
from bot.teams.tokens import Forbidden, InboundTokens, Unauthenticated
from bot.teams.turn import Outcome, Turn, told
from bot.telemetry.watched import Telemetry, WatchedTurn

log = structlog.get_logger(__name__)

LARGEST_BYTES: Final = 256 * 1024
_TOO_LARGE: Final = f"An activity has at most {LARGEST_BYTES} bytes."
_CHANNEL: Final = "msteams"


@dataclass(frozen=True, slots=True)
class Budget:
    """How long Teams is kept waiting, and waited for. It gives up after 15 s (an invoke: 5 s)."""

    message_seconds: float = 10.0
    invoke_seconds: float = 4.5
    body_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is let in.

    Attributes:
        tokens: Checks tokens; None lets this machine's own processes in without one (the demo).
        tenants: Microsoft 365 tenant ids that are served, in lower case.
        hosts: Where a service URL may point.
    """

    tokens: InboundTokens | None
    tenants: Collection[str]
    hosts: ServiceHosts

    async def admit(self, request: web.Request, inbound: Inbound) -> None:
        """Let the activity pass.

        Raises:
            Unauthenticated: it does not prove that it comes from Teams.
            Forbidden: its tenant, channel or service URL is not served.
        """
        if self.tokens is None:
            if (reason := why_not_local(request)) is not None:
                raise Forbidden(reason)
        else:
            await self.tokens.check(
                request.headers.getall("Authorization", []),
                channel=inbound.channel_id,
                service_url=inbound.service_url,
            )
        if inbound.channel_id != _CHANNEL:
            raise Forbidden("channel not served")
        if inbound.tenant not in self.tenants:
            raise Forbidden("tenant not served")
        if not self.hosts.allow(inbound.service_url):
            raise Forbidden("service URL's host not allowed")


@dataclass(slots=True)
class Endpoint:
    """The handler of the route, and the turns that outlive their request."""

    gate: Gate
    adapter: TeamsAdapter
    budget: Budget = field(default_factory=Budget)
    telemetry: Telemetry = field(default_factory=Telemetry)
    _turns: set[asyncio.Task[Outcome]] = field(default_factory=set, init=False)
    _late: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one activity: 200, or 400, 401, 403, 413, 415 for what is none of ours."""
        started = asyncio.get_running_loop().time()
        try:
            inbound = await self._admitted(request)
        except _Refused as refused:
            self.telemetry.refused(refused.status, refused.reason)
            return refused.response()
        where = {"conversation": inbound.conversation.id, "tenant": inbound.tenant}
        with self.telemetry.turn(
            inbound.type, began=started, activity=inbound.id, **where
        ) as watched:
            outcome = await self._run(Turn(inbound), started, watched)
        if outcome.body is None:
            return web.Response(status=outcome.status)
        body = orjson.dumps(outcome.body)
        return web.Response(body=body, status=outcome.status, content_type="application/json")

    async def close(self, *, within_seconds: float = 10.0) -> None:
        """Let the turns that are under way end; who waits for one that does not is told so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_seconds
        if self._turns:
            # The last quarter of the time is for telling them.
            await asyncio.wait(set(self._turns), timeout=within_seconds * 0.75)
            for turn in self._turns:
                turn.cancel()
        # A turn that is cancelled wakes its request, which may start a last task: hence the loop.
        while under_way := {*self._turns, *self._late, *self.adapter.keeping}:
            _, slow = await asyncio.wait(under_way, timeout=max(deadline - loop.time(), 0))
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def _admitted(self, request: web.Request) -> Inbound:
        _check_headers(request)
        try:
            inbound = read(await _body(request, self.budget.body_seconds))
            await self.gate.admit(request, inbound)
        except Malformed as error:
            raise _Refused(400, str(error), "malformed") from None
        except Unauthenticated as error:
            log.warning("request.unauthenticated", reason=str(error))
            raise _Refused(401, "Unauthorized.", _code(error)) from None
        except Forbidden as error:
            log.warning("request.forbidden", reason=str(error))
            raise _Refused(403, "Forbidden.", _code(error)) from None
        return inbound

    async def _run(self, turn: Turn, started: float, watched: WatchedTurn) -> Outcome:
        loop = asyncio.get_running_loop()
        budget = self.budget.invoke_seconds if turn.is_invoke else self.budget.message_seconds
        task = loop.create_task(self.adapter.take(turn))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)
        task.add_done_callback(watched.ended)
        done, _ = await asyncio.wait({task}, timeout=max(started + budget - loop.time(), 0))
        took_ms = round((loop.time() - started) * 1000)
        if done:
            intent = watched.intent
            log.info("turn.answered", type=turn.inbound.type, intent=intent, took_ms=took_ms)
            return task.result()
        log.info("turn.goes_on", type=turn.inbound.type, took_ms=took_ms)
        late = loop.create_task(self._finish(task, turn))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return told(STILL_WORKING) if turn.is_invoke else Outcome()

    async def _finish(self, task: asyncio.Task[Outcome], turn: Turn) -> None:
        await self.adapter.finish_late(turn, await task)
        log.info("turn.finished_late", type=turn.inbound.type)


def build_endpoint(
    *,
    turns: Turns,
    connector: Connector,
    memory: Memory,
    gate: Gate,
    listen_host: str,
    budget: Budget | None = None,
    telemetry: Telemetry | None = None,
) -> Endpoint:
    """Put the endpoint together.

    Raises:
        ConfigurationError: without tokens it would listen beyond this machine.
    """
    if gate.tokens is None and not is_loopback(listen_host):
        raise ConfigurationError(
            "Without an app id anybody could write to the bot. "
            "Set MICROSOFT_APP_ID, or HOST to 127.0.0.1."
        )
    adapter = TeamsAdapter(Handler(turns, connector), memory)
    return Endpoint(gate, adapter, budget or Budget(), telemetry or Telemetry())


class _Refused(Exception):
    """An HTTP status, what the caller is told, and the reason as figures have it."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    def response(self) -> web.Response:
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}  # noqa: PLR2004 -- HTTP
        body = {"error": {"message": str(self)}}
        return web.json_response(body, status=self.status, headers=headers)


def _code(refusal: Unauthenticated | Forbidden) -> str:
    """Its reason, which is one of ours, as one word."""
    return re.sub(r"\W+", "_", str(refusal)).lower()


def _check_headers(request: web.Request) -> None:
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
        raise _Refused(415, "Send application/json in UTF-8.", "media_type")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Refused(415, "Send the body without Content-Encoding.", "encoding")
    if "Upgrade" in request.headers:
        # What follows such a request is not read as its body: it would be waited for in vain.
        raise _Refused(400, "This does not change to another protocol.", "upgrade")
    if (request.content_length or 0) > LARGEST_BYTES:
        raise _Refused(413, _TOO_LARGE, "too_large")


async def _body(request: web.Request, within_seconds: float) -> bytes:
    body = b""
    try:
        if request.content.is_eof():
            body = request.content.read_nowait()  # it is all here already, as nearly always
        else:
            async with asyncio.timeout(within_seconds):
                # Read in pieces: what is too large is not read to its end.
                while len(body) <= LARGEST_BYTES and (piece := await request.content.readany()):
                    body += piece
    except TimeoutError:
        raise _Refused(408, "The body did not arrive in time.", "slow") from None
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise _Refused(400, "The body is not what its headers promise.", "cut_off") from None
    if len(body) > LARGEST_BYTES:
        raise _Refused(413, _TOO_LARGE, "too_large")
    return body
