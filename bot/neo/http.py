"""Calls to one tenant's Neo: one request in, one envelope or one typed error out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import httpx

from bot.errors import NeoError, NeoUnauthorized, NeoUnavailable, NeoUnreachable
from bot.neo import answers
from bot.neo.budget import Budget, Turn
from bot.neo.exchange import Call, Exchange, understood, unreachable
from bot.neo.keys import ApiKey
from bot.neo.models import Envelope, NeoModel
from bot.neo.operation import Operation, Request
from bot.neo.options import Options, Purpose
from bot.neo.sharing import Answer, SharedReads
from bot.neo.vocabulary import Vocabulary
from bot.telemetry.watched import NeoCall, Telemetry

T = TypeVar("T")

_DOCUMENT = Operation("document", "GET", "/public-api/openapi.json", NeoModel)
_BROKEN = 500  # from this HTTP status on it is Neo's own trouble
_EVENT_STREAM = "text/event-stream"


class NeoHttp:
    """Requests to one tenant's Neo.

    Args:
        http: A client whose base URL is Neo's host; pooled, shared, closed by its owner.
        key: The tenant's API key.
        clock: The present (aware UTC); read only where Neo's answer has no date of its own.
        watching_share: What `Purpose.WATCHING` may use of the tenant's request limit.
        elapsed: Seconds on a clock that never jumps.
        telemetry: Where calls are counted.

    Attributes:
        vocabulary: Neo's words for how runs and approvals stand; empty until they are read.
        trouble: What stood between this bot and Neo at the last call, if anything did.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        key: ApiKey,
        *,
        clock: Callable[[], datetime],
        watching_share: float = 0.1,
        elapsed: Callable[[], float] = time.monotonic,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._budget = Budget(watching_share=watching_share, clock=clock, elapsed=elapsed)
        self._reads = SharedReads(self._budget)
        self._exchange = Exchange(
            http,
            key,
            self._budget,
            clock,
            on_other_key=self._reads.forget_answers,
            telemetry=self._telemetry,
        )
        self.vocabulary = Vocabulary()
        self.trouble: type[NeoError] | None = None

    @property
    def budget(self) -> Budget:
        """The tenant's request budget; read its figures."""
        return self._budget

    @property
    def answers_forgotten(self) -> int:
        """How often kept answers were given up before their time."""
        return self._reads.forgotten

    async def call(self, request: Request[Any], options: Options) -> Envelope[Any]:
        """Ask, again while that is safe and the time lasts; the envelope of a success.

        Equal reads under way share one request, and each gets objects of its own.

        Raises:
            NeoError: see `bot.errors`. After `NeoUnavailable` nobody knows whether a write was
                done.
        """
        try:
            with self._watched(request, options) as watched:
                if request.operation.method == "GET":
                    envelope, shared = await self._read(request, options, answers.envelope)
                else:
                    envelope, shared = await self._written(request, options), False
                watched.answered(envelope.meta.request_id, shared=shared)
        except (NeoUnavailable, NeoUnauthorized) as error:
            if isinstance(error, NeoUnauthorized) or (error.status or _BROKEN) >= _BROKEN:
                self.trouble = type(error)
            raise
        if not shared:
            self.trouble = None
        return envelope

    async def _written(self, request: Request[Any], options: Options) -> Envelope[Any]:
        turn = self._turn(request, options)
        try:
            return (await self._in_time(Call(request, turn), options, self._write)).take()
        finally:
            # Refused or lost, it tells that something is not as it was thought to be.
            self._reads.forget()

    async def document(self, options: Options) -> dict[str, Any]:
        """Neo's own description of its API, an OpenAPI document.

        Shape: ``GET /public-api/openapi.json``, without an envelope.

        Raises:
            NeoError: as `call`.
        """
        request = Request(_DOCUMENT)
        with self._watched(request, options) as watched:
            described, shared = await self._read(request, options, answers.document)
            watched.answered(None, shared=shared)
        return described

    def streaming(
        self,
        request: Request[Any],
        options: Options,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """A stream of server-sent events, open while the ``async with`` lasts.

        It is opened as `call` asks. The budget counts it, and people wait for nobody else's
        stream: open, it is no longer under way. A stream may be silent for as long as
        ``within_seconds``; how long it is read in all is for the reader to say.

        Raises:
            NeoError: as `call`; `NeoUnreachable` also where the stream breaks while it is read.
        """
        return self._streaming(request, options, headers)

    @asynccontextmanager
    async def _streaming(
        self, request: Request[Any], options: Options, headers: Mapping[str, str] | None
    ) -> AsyncIterator[httpx.Response]:
        call = Call(request, self._turn(request, options), headers=headers, stream=True)
        with self._watched(request, options):
            response = await self._in_time(call, options, self._opened)
        broken: NeoUnreachable | None = None
        try:
            yield response
        except httpx.HTTPError as error:
            broken = unreachable(call, error)
        finally:
            await response.aclose()
        if broken:
            try:
                raise broken
            except NeoUnreachable:
                # What httpx raised is still being handled outside of here; it holds the key.
                broken.__context__ = None
                raise

    async def _opened(self, call: Call) -> httpx.Response:
        response = await self._exchange.asked(call)
        if _EVENT_STREAM in response.headers.get("Content-Type", "").lower():
            return response
        await response.aclose()
        raise answers.odd(call.turn.operation, response)

    def _watched(self, request: Request[Any], options: Options) -> NeoCall:
        quiet = options.purpose is Purpose.WATCHING
        return self._telemetry.neo_call(request.operation.name, quiet=quiet)

    async def _read(
        self, request: Request[Any], options: Options, read: Callable[[bytes], T]
    ) -> tuple[T, bool]:
        """What was read, and whether it was another's request that was answered."""
        name, shared = request.operation.name, True

        async def ask(turn: Turn) -> Answer[T]:
            nonlocal shared
            shared = False
            call = Call(request, turn)
            return understood(call, await self._exchange.asked(call), read)

        try:
            answer: Answer[T] = await self._reads.read(request.identity, name, options, ask)
            return answer.take(), shared
        except TimeoutError:
            pass
        raise _late(name)

    async def _write(self, call: Call) -> Answer[Envelope[Any]]:
        return understood(call, await self._exchange.asked(call), answers.envelope)

    async def _in_time(
        self, call: Call, options: Options, doing: Callable[[Call], Coroutine[Any, Any, T]]
    ) -> T:
        try:
            # The HTTP client's own time-outs start anew with each piece of an answer.
            async with asyncio.timeout(options.within_seconds):
                return await doing(call)
        except TimeoutError:
            pass
        raise call.turn.held or _late(call.turn.operation)

    def _turn(self, request: Request[Any], options: Options) -> Turn:
        deadline = self._budget.elapsed() + options.within_seconds
        return Turn(request.operation.name, options.purpose, deadline)


def _late(operation: str) -> NeoUnreachable:
    return NeoUnreachable("Neo did not answer in time.", operation=operation)
