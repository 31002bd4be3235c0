"""Sends requests to Neo: one call's attempts, each with its key and its turn in the budget."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import SecretStr

from bot.errors import (
    ConfigurationError,
    NeoError,
    NeoInvalid,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnintelligible,
    NeoUnreachable,
)
from bot.neo import answers, retries
from bot.neo.budget import WINDOW_SECONDS, Budget, Turn
from bot.neo.keys import ApiKey
from bot.neo.operation import Request
from bot.neo.sharing import Answer
from bot.telemetry.watched import Telemetry
from bot.transport import TooLarge

T = TypeVar("T")
K = TypeVar("K", SecretStr, SecretStr | None)

log = structlog.get_logger()

_SHORTEST_SECRET = 8
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(slots=True, eq=False)
class Call:
    """One call with all its attempts.

    Attributes:
        request: What is asked.
        turn: Its place in the budget, and its deadline.
        headers: Sent beside the usual ones.
        stream: Whether a success is left open, to be read by the caller.
        tries: How many attempts there were.
        renewed: Whether a new key was asked for.
        keys: Those that were sent: none may stand in an error.
    """

    request: Request[Any]
    turn: Turn
    headers: Mapping[str, str] | None = None
    stream: bool = False
    tries: int = 0
    renewed: bool = False
    keys: list[SecretStr] = field(default_factory=list)

    def hide(self, text: str) -> str:
        """The text without the keys that were sent, or whatever looks like one."""
        return answers.hidden(text, self._secrets())

    def without_keys(self, content: bytes) -> bytes:
        """The content of an answer, should the other side repeat a key that was sent."""
        for secret in self._secrets():
            content = content.replace(secret.encode(), answers.MASK.encode())
        return content

    def _secrets(self) -> list[str]:
        # What is shorter is no secret but a word.
        keys = (key.get_secret_value() for key in self.keys)
        return [key for key in keys if len(key) >= _SHORTEST_SECRET]


class Exchange:
    """Sends one tenant's requests.

    Args:
        http: A client whose base URL is Neo's host.
        key: The tenant's API key.
        budget: The tenant's budget.
        clock: The present (aware UTC).
        on_other_key: Called when another key is used than before: what the old one was answered
            may be another tenant's.
        telemetry: Where requests are counted.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        key: ApiKey,
        budget: Budget,
        clock: Callable[[], datetime],
        *,
        on_other_key: Callable[[], None],
        telemetry: Telemetry,
    ) -> None:
        self._http = http
        self._base = str(http.base_url).rstrip("/")
        self._used: SecretStr | None = None
        self._on_other_key = on_other_key
        self._key = key
        self._budget = budget
        self._clock = clock
        self._telemetry = telemetry

    async def asked(self, call: Call) -> httpx.Response:
        """The answer of a success, after as many attempts as it takes and is safe.

        Raises:
            NeoError: see `bot.errors`.
        """
        self._budget.begin(call.turn)
        try:
            try:
                return await self._attempt(call)
            except NeoError as error:
                failed = error
            # Only now: a call that goes well, as most do, does not pay for what begins here.
            return await self._repeatedly(call, failed)
        finally:
            self._budget.end(call.turn)

    async def _repeatedly(self, call: Call, first: NeoError) -> httpx.Response:
        """Go on after the first attempt, which failed."""
        failed: NeoError | None = first
        async for attempt in retries.attempts(lambda error: self._again(call, error)):
            with attempt:
                error, failed = failed, None
                if error:
                    raise error
                return await self._attempt(call)
        raise AssertionError("a retry context returns or raises")

    def _again(self, call: Call, error: Exception) -> bool | float:
        decision = retries.after_failure(
            error,
            may_repeat=call.request.operation.may_repeat,
            tries=call.tries,
            left_seconds=call.turn.deadline - self._budget.elapsed(),
        )
        if decision and isinstance(error, NeoError):
            call.turn.held = error
        return decision

    async def _attempt(self, call: Call) -> httpx.Response:
        """One attempt; a refused key is renewed once, for then nothing was done."""
        call.tries += 1
        key = await self._usable(call, self._key.current())
        response = await self._send(call, key)
        if response.status_code == httpx.codes.UNAUTHORIZED and not call.renewed:
            call.renewed = True
            other = await self._usable(call, self._key.renewed(key))
            if other is not None and other != key:
                log.info("neo.key_renewed", operation=call.turn.operation)
                response = await self._send(call, other)
        if response.is_success:
            return response
        name, now = call.turn.operation, self._clock()
        error = answers.failure(name, response, hide=call.hide, now=now)
        if isinstance(error, NeoRateLimited):
            # Whoever stands in between does not stop a tenant's decisions for longer than Neo's
            # own window is.
            most = math.inf if error.code else WINDOW_SECONDS
            self._budget.pause(min(error.retry_after_seconds, most))
        raise error

    async def _usable(self, call: Call, reading: Awaitable[K]) -> K:
        """A key; that there is none is for an administrator, who finds the reason in the log."""
        try:
            key = await reading
            if key is None or _is_sendable(key):
                return key
        except ConfigurationError as error:
            log.warning("neo.no_key", operation=call.turn.operation, means=str(error))
        raise NeoUnauthorized(
            "There is no key for Neo that can be used.", operation=call.turn.operation
        )

    async def _send(self, call: Call, key: SecretStr) -> httpx.Response:
        """One request; its answer is read, except a success that is to be streamed."""
        number = await self._budget.admit(call.turn)
        call.keys.append(key)
        if key != self._used:
            self._used = key
            self._on_other_key()
        status: int | None = None
        began = perf_counter()
        try:
            response = await self._http.send(
                self._built(call, key), stream=call.stream, follow_redirects=False
            )
            status = response.status_code
            self._budget.heard(number, response.headers)
            if call.stream and not response.is_success:
                await response.aread()
        except (httpx.InvalidURL, UnicodeEncodeError):
            trouble: NeoError = NeoInvalid(
                "This is too long, or holds characters that cannot be sent to Neo.",
                operation=call.turn.operation,
            )
        except TooLarge as error:
            trouble = NeoUnintelligible(
                "Neo's answer is larger than any that makes sense.",
                operation=call.turn.operation,
                status=error.status,
            )
        except httpx.HTTPError as error:
            trouble = unreachable(call, error)
        else:
            return response
        finally:
            purpose, took = call.turn.purpose.name.lower(), perf_counter() - began
            self._telemetry.neo_request(call.turn.operation, purpose, status, took)
        # Raised here, not above: what httpx raised holds the request with its key.
        raise trouble

    def _built(self, call: Call, key: SecretStr) -> httpx.Request:
        own = self._http.timeout
        # Who waits for a whole answer keeps the time himself, and those who share one each their
        # own. A stream is silent for no longer than the time that is left.
        left = max(call.turn.deadline - self._budget.elapsed(), 0.0) if call.stream else None
        headers = self._http.headers.copy()
        headers.update(call.headers)
        query = f"?{httpx.QueryParams(call.request.params)}" if call.request.params else ""
        # Put together before it is parsed: the client itself would parse it again for each part.
        request = httpx.Request(
            call.request.operation.method,
            f"{self._base}{call.request.path}{query}",
            headers=headers,
            json=call.request.body,
            extensions={
                "timeout": httpx.Timeout(left, connect=own.connect, pool=own.pool).as_dict()
            },
        )
        # Not in a variable: log lines may show the variables of a traceback.
        request.headers["Authorization"] = f"Bearer {key.get_secret_value()}"
        return request


def understood(call: Call, response: httpx.Response, read: Callable[[bytes], T]) -> Answer[T]:
    """What a success says.

    Raises:
        NeoUnintelligible: nothing that `read` can make sense of.
    """
    content = call.without_keys(response.content)
    try:
        if answers.is_json(response):
            return Answer(content, read, read(content))
    except (ValueError, RecursionError):
        pass
    # Raised here, not above: a parser's error quotes the answer, which may be people's data.
    raise answers.odd(call.turn.operation, response)


def unreachable(call: Call, error: httpx.HTTPError) -> NeoUnreachable:
    """The error for an exchange that did not come to its end."""
    sent = not isinstance(error, _NOTHING_SENT)
    late = sent and isinstance(error, httpx.TimeoutException)
    # A refused connection or certificate is for an administrator to read; what else httpx says may
    # quote what was sent.
    reason = type(error).__name__
    if not sent and str(error):
        reason += f": {call.hide(str(error))[:300]}"
    return NeoUnreachable(
        "Neo did not answer in time." if late else "Neo could not be reached.",
        operation=call.turn.operation,
        details={"reason": reason},
        sent=sent,
    )


def _is_sendable(key: SecretStr) -> bool:
    return all("!" <= character <= "~" for character in key.get_secret_value() or " ")
