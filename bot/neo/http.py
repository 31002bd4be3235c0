"""The only module that speaks HTTP to Neo: one request in, one envelope or one typed error out."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import timedelta
from typing import Any

import httpx
import stamina
from pydantic import TypeAdapter

from bot.errors import (
    NeoConflict,
    NeoError,
    NeoForbidden,
    NeoInvalid,
    NeoNotFound,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnavailable,
    NeoUnintelligible,
    NeoUnreachable,
)
from bot.neo.keys import ApiKey
from bot.neo.models import Envelope
from bot.neo.operation import Request
from bot.neo.options import Options

_ENVELOPE = TypeAdapter(Envelope[Any])

_BY_STATUS: dict[int, type[NeoError]] = {
    400: NeoInvalid,
    401: NeoUnauthorized,
    403: NeoForbidden,
    404: NeoNotFound,
    409: NeoConflict,
    422: NeoInvalid,
}

# A person waits for the answer: longer than this and it is better to say so.
LONGEST_WAIT_SECONDS = 3.0

# Neo's window is a minute; a header that names more than an hour is a mistake.
_USUAL_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 3600.0


class NeoHttp:
    """Requests to one tenant's Neo.

    Args:
        http: A client whose base URL is Neo's host; pooled, shared, closed by its owner.
        key: The tenant's API key.
    """

    def __init__(self, http: httpx.AsyncClient, key: ApiKey) -> None:
        self._http = http
        self._key = key

    async def call(self, request: Request[Any], options: Options) -> Envelope[Any]:
        """Ask, again while that is safe and the time lasts; the envelope of a success.

        Raises:
            NeoError: see `bot.errors`. After `NeoUnavailable` nobody knows whether a write was
                done.
        """
        if not request.operation.may_repeat:
            return await self._once(request, options)
        async for attempt in stamina.retry_context(
            on=_worth_retrying,
            attempts=4,
            timeout=options.within_seconds,
            wait_initial=0.1,
            wait_max=1.0,
            wait_jitter=0.2,
        ):
            with attempt:
                return await self._once(request, options)
        raise AssertionError("a retry context returns or raises")

    async def _once(self, request: Request[Any], options: Options) -> Envelope[Any]:
        operation = request.operation.name
        key = await self._key.current()
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        try:
            # The client's own time-outs start anew with each piece of an answer.
            async with asyncio.timeout(options.within_seconds):
                response = await self._http.request(
                    request.operation.method,
                    request.path,
                    headers=headers,
                    params=request.params,
                    json=request.body,
                )
        except (httpx.TimeoutException, TimeoutError) as error:
            raise NeoUnreachable("Neo did not answer in time.", operation=operation) from error
        except httpx.HTTPError as error:
            raise NeoUnreachable("Neo could not be reached.", operation=operation) from error
        if not response.is_success:
            raise failure(operation, response)
        try:
            return _ENVELOPE.validate_python(_content(response))
        except (ValueError, RecursionError):
            # `from None`: pydantic's message quotes the answer, which may hold people's data.
            raise NeoUnintelligible(
                "Neo's answer could not be understood.",
                operation=operation,
                status=response.status_code,
            ) from None


def _content(response: httpx.Response) -> Any:
    """The JSON of an answer; half a surrogate pair, which no text can hold, becomes "?"."""
    content = response.json()
    if b"\\ud" not in response.content.lower():
        return content
    return json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))


def failure(operation: str, response: httpx.Response) -> NeoError:
    """The error that a caller can act on, for an answer that is not a success."""
    error, request_id = _error_of(response)
    status = response.status_code
    told: dict[str, Any] = {
        "operation": operation,
        "status": status,
        "code": code.lower() if (code := _short(error.get("code"))) else None,
        "details": error["details"] if isinstance(error.get("details"), dict) else None,
        "request_id": request_id,
    }
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return NeoRateLimited(
            "Neo's request limit for this tenant is reached.",
            retry_after_seconds=_seconds(response.headers.get("Retry-After")),
            **told,
        )
    message = _short(error.get("message")) or f"Neo answered {status}."
    if told["code"] is None:
        # Without Neo's envelope it is somebody else's answer: a proxy, a wrong address.
        return NeoUnintelligible(message, **told)
    return _BY_STATUS.get(status, NeoUnavailable)(message, **told)


def _error_of(response: httpx.Response) -> tuple[dict[str, Any], str | None]:
    """The error of an envelope and the request's id; empty for what is not there."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}, None
    body = body if isinstance(body, dict) else {}
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    error = body["error"] if isinstance(body.get("error"), dict) else {}
    return error, _short(meta.get("request_id"))


def _short(value: object) -> str | None:
    return value[:500] if isinstance(value, str) and value else None


def _seconds(header: str | None) -> float:
    """``Retry-After`` in seconds; a minute, Neo's own window, where it is not a number."""
    try:
        seconds = float(header or "")
    except ValueError:
        return _USUAL_PAUSE_SECONDS
    if math.isnan(seconds):
        return _USUAL_PAUSE_SECONDS
    return min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS)


def _worth_retrying(error: Exception) -> bool | float | timedelta:
    """Whether a read may be asked again, and after how long where Neo said so."""
    if isinstance(error, NeoRateLimited):
        wait = error.retry_after_seconds
        return wait if 0 < wait <= LONGEST_WAIT_SECONDS else False
    return isinstance(error, NeoUnavailable) and (
        error.status is None or error.status >= httpx.codes.INTERNAL_SERVER_ERROR
    )
