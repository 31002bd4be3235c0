"""What comes in with a request, read strictly: a bad value is a 400 that names its field."""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.envelope import ApiError, invalid
from bot.sandbox.reports import month_bounds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_ON_PAGE = 200
_USUAL_ON_PAGE = 50
_LONGEST_INTEGER = 18


def page_size(request: web.Request) -> int:
    """1 to 200, 50 if not given."""
    text = request.query.get("page_size")
    if text is None:
        return _USUAL_ON_PAGE
    size = _integer(text, "page_size")
    if not 1 <= size <= _MOST_ON_PAGE:
        raise invalid("page_size", "page_size must be between 1 and 200.")
    return size


def integer(request: web.Request, name: str) -> int | None:
    """A whole number from the query."""
    text = request.query.get(name)
    return None if text is None else _integer(text, name)


def path_integer(request: web.Request, name: str) -> int:
    """A whole number from the path."""
    return _integer(request.match_info[name], name)


def _integer(text: str, field: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_INTEGER):
        raise invalid(field, f"{field} must be a whole number.")
    return int(text)


def words(request: web.Request, name: str) -> frozenset[str] | None:
    """Comma-separated values in upper case; None when nothing is asked for."""
    text = request.query.get(name, "")
    found = frozenset(word.strip().upper() for word in text.split(",") if word.strip())
    return found or None


def flag(request: web.Request, name: str, *, default: bool) -> bool:
    """Read true or false."""
    text = request.query.get(name)
    if text is None:
        return default
    if text.lower() not in {"true", "false"}:
        raise invalid(name, f"{name} must be true or false.")
    return text.lower() == "true"


def instant(request: web.Request, name: str) -> datetime | None:
    """An ISO 8601 instant; without an offset it is UTC."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, f"{name} must be an ISO 8601 date and time.") from None


def month(request: web.Request, now: datetime) -> str:
    """YYYY-MM, the running month if not given."""
    text = request.query.get("month", f"{now:%Y-%m}")
    try:
        begin, _end = month_bounds(text)
    except (ValueError, OverflowError):
        raise invalid("month", "month must be written YYYY-MM.") from None
    if f"{begin:%Y-%m}" != text:
        raise invalid("month", "month must be written YYYY-MM.")
    return text


def cursor_of(kind: str, at: datetime, identifier: int) -> str:
    """A cursor that names the last item of a page, so new items do not shift the next one."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(json.dumps([kind, micros, identifier]).encode()).decode()


def cursor(request: web.Request, kind: str) -> tuple[datetime, int] | None:
    """The (instant, id) of the last item already seen."""
    text = request.query.get("cursor")
    if text is None:
        return None
    try:
        named, micros, identifier = json.loads(
            base64.b64decode(text, altchars=b"-_", validate=True)
        )
        if named == kind and type(micros) is int and type(identifier) is int:
            return _EPOCH + timedelta(microseconds=micros), identifier
    except (binascii.Error, ValueError, TypeError, OverflowError):
        pass
    raise invalid("cursor", "The cursor is not one that this list gave out.")


async def json_object(request: web.Request) -> dict[str, Any]:
    """The request's body.

    Raises:
        ApiError: it is no JSON object, or too large.
    """
    try:
        body = json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(
            413, "validation_error", "The body is too large.", {"field": "body"}
        ) from None
    except (ValueError, RecursionError):
        raise invalid("body", "The body must be a JSON object.") from None
    if not isinstance(body, dict):
        raise invalid("body", "The body must be a JSON object.")
    return body


def text_or_none(body: dict[str, Any], name: str) -> str:
    """An optional text of the body; empty when absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, f"{name} must be text.")
    return value or ""
