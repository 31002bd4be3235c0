"""The only module that speaks HTTP to Neo: one request in, one envelope or one typed error out."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import stamina
from pydantic import SecretStr, TypeAdapter

from bot.errors import (
    NeoConflict,
    NeoError,
    NeoForbidden,
    NeoInvalid,
    NeoNotFound,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnavailable,
)

T = TypeVar("T")

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
        answer_seconds: How long one answer may take, from first to last byte.
        read_seconds: Within this from the first request on, a read may be asked again.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        key: SecretStr,
        *,
        answer_seconds: float = 10.0,
        read_seconds: float = 4.0,
    ) -> None:
        self._http = http
        self._key = key
        self._answer_seconds = answer_seconds
        self._read_seconds = read_seconds

    async def read(
        self, operation: str, path: str, shape: TypeAdapter[T], params: Mapping[str, Any]
    ) -> T:
        """GET, retried while that is worthwhile and the time lasts.

        Raises:
            NeoError: see `bot.errors`.
        """
        async for attempt in stamina.retry_context(
            on=_worth_retrying,
            attempts=4,
            timeout=self._read_seconds,
            wait_initial=0.1,
            wait_max=1.0,
            wait_jitter=0.2,
        ):
            with attempt:
                return await self._send(operation, "GET", path, shape, params=params)
        raise AssertionError("a retry context returns or raises")

    async def write_once(
        self, operation: str, path: str, shape: TypeAdapter[T], body: Mapping[str, Any]
    ) -> T:
        """POST, never repeated: a repeat could do the thing twice.

        Raises:
            NeoError: see `bot.errors`. After `NeoUnavailable` nobody knows whether it was done.
        """
        return await self._send(operation, "POST", path, shape, json=body)

    async def _send(
        self,
        operation: str,
        method: str,
        path: str,
        shape: TypeAdapter[T],
        **content: Any,
    ) -> T:
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        try:
            # The client's own time-outs start anew with each piece of an answer.
            async with asyncio.timeout(self._answer_seconds):
                response = await self._http.request(method, path, headers=headers, **content)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise NeoUnavailable("Neo did not answer in time.", operation=operation) from error
        except httpx.HTTPError as error:
            raise NeoUnavailable("Neo could not be reached.", operation=operation) from error
        if not response.is_success:
            raise failure(operation, response)
        try:
            return shape.validate_python(_content(response))
        except (ValueError, RecursionError):
            # `from None`: pydantic's message quotes the answer, which may hold people's data.
            raise NeoUnavailable(
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
    code, message, field, request_id = _error_parts(response)
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return NeoRateLimited(
            "Neo's request limit for this tenant is reached.",
            operation=operation,
            status=status,
            code=code,
            request_id=request_id,
            retry_after_seconds=_seconds(response.headers.get("Retry-After")),
        )
    kind = _BY_STATUS.get(status)
    if kind is None or code is None:
        # Without Neo's envelope it is somebody else's answer: a proxy, a wrong address.
        return NeoUnavailable(
            message or f"Neo answered {status}.",
            operation=operation,
            status=status,
            code=code,
            request_id=request_id,
        )
    details: dict[str, Any] = {"field": field} if kind is NeoInvalid else {}
    return kind(
        message or f"Neo answered {status}.",
        operation=operation,
        status=status,
        code=code,
        request_id=request_id,
        **details,
    )


def _error_parts(
    response: httpx.Response,
) -> tuple[str | None, str | None, str | None, str | None]:
    """Code, message, field and request id of an error envelope; None for what is not there."""
    try:
        body = response.json()
    except ValueError:
        return None, None, None, None
    body = body if isinstance(body, dict) else {}
    error = body["error"] if isinstance(body.get("error"), dict) else {}
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    details = error["details"] if isinstance(error.get("details"), dict) else {}

    def text(value: object) -> str | None:
        return value[:500] if isinstance(value, str) and value else None

    code = text(error.get("code"))
    return (
        code.lower() if code else None,
        text(error.get("message")),
        text(details.get("field")),
        text(meta.get("request_id")),
    )


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
