"""What every answer has in common: the envelope, errors, the rate limit's headers."""

import math
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.calls import Answer

BODY_LIMIT_BYTES = 1_000_000
"""How large a body may be."""


class ApiError(Exception):
    """An answer that says no.

    Args:
        status: HTTP status.
        code: Neo's code, by which clients branch.
        message: For people.
        details: What else is known, such as the offending field.
        headers: What this answer carries beside what every answer does.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = headers or {}


def invalid(field: str, message: str) -> ApiError:
    """A 400 that names the field."""
    return ApiError(400, "validation_error", message, {"field": field})


def not_found(message: str) -> ApiError:
    """A 404, also for what belongs to another tenant."""
    return ApiError(404, "not_found", message)


async def read_bytes(request: web.Request) -> bytes:
    """The body as it was sent.

    Raises:
        ApiError: 413 above `BODY_LIMIT_BYTES`, 400 for one that breaks off or is packed wrongly.
    """
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        message = f"The body must not be larger than {BODY_LIMIT_BYTES} bytes."
        raise ApiError(413, "body_too_large", message) from None
    except (web.RequestPayloadError, ValueError, OSError):
        raise invalid("body", "The body cannot be read as it was sent.") from None


def success(answer: Answer, request_id: str, took: timedelta) -> web.Response:
    """The success envelope around an answer."""
    meta: dict[str, Any] = {
        "request_id": request_id,
        "timings_ms": {"total": round(took.total_seconds() * 1000, 1)},
        "warnings": [],
    }
    if answer.page is not None:
        meta["pagination"] = answer.page
    return web.json_response({"data": answer.data, "meta": meta}, status=answer.status)


def failure(error: ApiError, request_id: str) -> web.Response:
    """The failure envelope."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    return web.json_response(
        {"error": body, "meta": {"request_id": request_id}},
        status=error.status,
        headers=error.headers,
    )


class RateLimit:
    """Requests in a sliding window, shared by all who use the tenant.

    Args:
        limit: Requests in a window.
        window: The window's length.
    """

    def __init__(self, limit: int = 1_200, window: timedelta = timedelta(seconds=60)) -> None:
        self.limit = limit
        self.window = window
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime) -> bool:
        """Count one request; False when the window is full (a refused one does not count)."""
        self._forget(now)
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    def spend(self, remaining: int, now: datetime) -> None:
        """Leave so many requests in the window that begins now, as if others had used the rest."""
        self._taken = deque([now] * max(self.limit - remaining, 0))

    def headers(self, now: datetime, skew: timedelta = timedelta()) -> dict[str, str]:
        """X-RateLimit-* as of now; the reset is when the oldest request leaves the window.

        `skew` is by how much the clock that tells the reset is wrong.
        """
        self._forget(now)
        reset = (self._taken[0] if self._taken else now) + self.window + skew
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - len(self._taken), 0)),
            "X-RateLimit-Reset": str(math.ceil(reset.timestamp())),
        }

    def retry_after_seconds(self, now: datetime) -> int:
        """Whole seconds until a request fits again."""
        if not self._taken:
            return 1
        return max(math.ceil((self._taken[0] + self.window - now).total_seconds()), 1)

    def _forget(self, now: datetime) -> None:
        while self._taken and self._taken[0] <= now - self.window:
            self._taken.popleft()
