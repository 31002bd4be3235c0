"""What an HTTP answer says: Neo's envelope, or the error that a caller can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

import httpx
from pydantic import TypeAdapter
from pydantic_core import from_json

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
)
from bot.neo.models import Envelope
from bot.neo.retries import USUAL_PAUSE_SECONDS, pause_of

Hide = Callable[[str], str]

_ENVELOPE = TypeAdapter(Envelope[Any])

_BY_STATUS: dict[int, type[NeoError]] = {
    400: NeoInvalid,
    401: NeoUnauthorized,
    403: NeoForbidden,
    404: NeoNotFound,
    409: NeoConflict,
    422: NeoInvalid,
}

# An error may be kept for long, in a job or a log: it holds what helps, not all that was said.
_LONGEST_TEXT = 500
_MOST_DETAILS = 4_000
_DEEPEST = 8

# What is deeper than this `from_json` does not read, and one answer must not hold up all others.
_DEEPEST_READ = 200
_MOST_DIGITS = 4_000
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)

_ANY_KEY = re.compile(r"neo_sk_[\w-]+", re.IGNORECASE)
MASK: Final = "neo_sk_***"


def envelope(content: bytes) -> Envelope[Any]:
    """The envelope of a success.

    Raises:
        ValueError: this is none.
        RecursionError: nothing so deep is one.
    """
    return _ENVELOPE.validate_python(_json(content))


def document(content: bytes) -> dict[str, Any]:
    """Neo's description of itself.

    Raises:
        ValueError: this is none.
        RecursionError: nothing so deep is one.
    """
    described = _json(content)
    if not isinstance(described, dict) or not isinstance(described.get("paths"), dict):
        raise ValueError("An OpenAPI document has paths.")  # noqa: TRY004 -- as JSON's own
    return described


def _json(content: bytes) -> Any:
    """JSON without what no text column holds: NUL is left out, half a surrogate pair is "?"."""
    try:
        read = from_json(content)
    except ValueError:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        lenient = json.loads(_shallow(text), parse_int=_integer)
        read = json.loads(json.dumps(lenient, ensure_ascii=False).encode(errors="replace"))
    return _without_nul(read) if b"\\u0000" in content else read


def _integer(digits: str) -> int | str:
    """A whole number; as text where it is longer than Python reads one."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _shallow(text: str) -> str:
    """The same JSON; what is nested too deep to be handled safely is in it as text."""
    parts: list[str] = []
    depth = done = began = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth == _DEEPEST_READ + 1:
                began = mark.start()
        elif mark[0] in "]}":
            if depth == _DEEPEST_READ + 1:
                parts += text[done:began], json.dumps(text[began : mark.end()])
                done = mark.end()
            depth -= 1
    return "".join((*parts, text[done:]))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(held) for key, held in value.items()}
    return [_without_nul(held) for held in value] if isinstance(value, list) else value


def is_json(response: httpx.Response) -> bool:
    """Whether an answer says that it is JSON, or does not say what it is."""
    kind = response.headers.get("Content-Type")
    return kind is None or "json" in kind.lower()


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, in whatever case, and what else looks like a key of Neo's."""
    for secret in secrets:
        text = re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE)
    return _ANY_KEY.sub(MASK, text)


def odd(operation: str, response: httpx.Response) -> NeoUnintelligible:
    """The error for a success that is not in Neo's form."""
    return NeoUnintelligible(
        "Neo's answer could not be understood.", operation=operation, status=response.status_code
    )


def failure(operation: str, response: httpx.Response, *, hide: Hide, now: datetime) -> NeoError:
    """The error for an answer that is not a success, without what `hide` takes out."""
    error, request_id = _error_of(response)
    status = response.status_code
    code = _short(error.get("code"), hide)
    told: dict[str, Any] = {
        "operation": operation,
        "status": status,
        "code": code.lower() if code else None,
        "details": _kept(error.get("details"), hide),
        "request_id": _short(request_id, hide),
    }
    if status == httpx.codes.TOO_MANY_REQUESTS:
        pause = pause_of(response.headers, now=now)
        return NeoRateLimited(
            "Neo's request limit for this tenant is reached.",
            retry_after_seconds=USUAL_PAUSE_SECONDS if pause is None else pause,
            **told,
        )
    # A redirect is never Neo's word, and without Neo's envelope it is somebody else's answer: a
    # proxy, a wrong address.
    if status < httpx.codes.BAD_REQUEST or code is None:
        said = f"Neo answered {status}, but not in Neo's form: is a proxy in between?"
        return NeoUnintelligible(said, **told)
    message = _short(error.get("message"), hide) or f"Neo answered {status}."
    return _BY_STATUS.get(status, NeoUnavailable)(message, **told)


def _error_of(response: httpx.Response) -> tuple[dict[str, Any], object]:
    """The error of an envelope and the request's id; empty for what is not there."""
    try:
        body = _json(response.content) if is_json(response) else None
    except (ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else {}
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    error = body["error"] if isinstance(body.get("error"), dict) else {}
    return error, meta.get("request_id")


def _short(value: object, hide: Hide) -> str | None:
    # Hidden first: half a secret is found no longer.
    return hide(value)[:_LONGEST_TEXT] if isinstance(value, str) and value else None


def _kept(details: object, hide: Hide) -> dict[str, Any] | None:
    """What is kept of an error's details: the field first, then what there is room for."""
    if not isinstance(details, Mapping):
        return None
    kept: dict[str, Any] = {}
    room = _MOST_DETAILS
    # The field first. Measured before anything is hidden: a million details are not gone through.
    for name in dict.fromkeys(("field", *islice(details, _MOST_DETAILS))):
        if name in details:
            room -= len(name) + len(json.dumps(details[name]))
            if room < 0:
                break
            kept[hide(name)] = _hidden(details[name], hide)
    return kept


def _hidden(value: Any, hide: Hide, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {hide(name): _hidden(inner, hide, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, hide, depth + 1) for inner in value]
    return _short(value, hide) or "" if isinstance(value, str) else value
