"""The request that an agent asks to send to an outside API, in full: what is approved is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bot.neo.models import Approval
from cards import labels
from cards.card import plain
from cards.fields import CUT, flattened, masked, masked_text, scalar
from cards.parts import Room, facts, line, run

_METHODS: Final = ("method", "http_method", "verb", "request_method")
_URLS: Final = ("url", "full_url", "uri", "request_url", "endpoint", "endpoint_url", "target_url")
_HEADERS: Final = ("headers", "request_headers", "static_headers")
_BODIES: Final = ("body", "request_body", "payload", "json", "body_fields", "data")
_QUERIES: Final = ("query", "query_parameters", "params", "parameters")
_AUTHS: Final = (
    "authentication", "authentication_type", "auth", "auth_type", "authentication_name",
)  # fmt: skip
_CONFIGURATIONS: Final = (
    "configuration", "configuration_name", "config", "config_name", "api", "name",
)  # fmt: skip
_OUTSIDE = re.compile(r"external|http|rest.?api|api.?(?:request|call)|web.?hook", re.IGNORECASE)
_GUARDED = re.compile(r"auth|cookie|session|signature|token|secret|key|passw", re.IGNORECASE)
_SCHEMES = re.compile(r"(?i)\s*(bearer|basic|digest|negotiate|token|apikey)\b")
_NBSP: Final = "\u00a0"  # white space that no client folds
_NOTHING: Final = "\u200b"
_DEEPEST: Final = 16
_MOST_LINES: Final = 40
_LONGEST_HOST: Final = 253
_NO_HOST: Final = "(none that could be called)"


@dataclass(frozen=True, slots=True)
class ExternalRequest:
    """What would be sent; secrets are masked already, nothing is shortened.

    Attributes:
        method: In capitals; empty if it is not said.
        url: With its query.
        configuration: The name of the tool's configuration; empty if it is not said.
        authentication: Its kind and name in words; empty if it is not said.
        headers: Name and value, in the order they came.
        query: Parameters that stand beside the URL.
        body: Text, JSON over several lines; empty if there is none.
        fields: Those fields of ``requested_for`` that are wholly in here.
    """

    method: str
    url: str
    configuration: str
    authentication: str
    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]
    body: str
    fields: frozenset[str]

    @property
    def target(self) -> str:
        """Method and host: "POST api.example.com"; what two requests must share to be alike."""
        return f"{self.method} {_host(self.url)}".strip()


def external_request(approval: Approval) -> ExternalRequest | None:
    """The request that the approval is about; None if it is about something else."""
    asked = approval.requested_for or {}
    tool = next((v for k, v in asked.items() if k.lower().startswith("tool")), "")
    outside = bool(_OUTSIDE.search(scalar(tool)))
    for holder, held in [(None, asked), *((k, v) for k, v in asked.items())]:
        if not isinstance(held, Mapping):
            continue
        found = _Fields(held)
        url, method = found.take(_URLS), found.take(_METHODS)
        if not (isinstance(url, str) and "://" in url and (method or outside)):
            continue
        return _read(found, str(method or ""), url, holder)
    return None


class _Fields:
    """Fields of an object by any of their names; remembers which were taken."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self.held = held
        self.taken: set[str] = set()

    def take(self, names: tuple[str, ...]) -> Any:
        """The first field of these names that holds something."""
        keys = {str(key).lower(): key for key in self.held}
        key = next((keys[n] for n in names if n in keys and self.held[keys[n]]), None)
        if key is None:
            return None
        self.taken.add(key)
        return self.held[key]


def _read(found: _Fields, method: str, url: str, holder: str | None) -> ExternalRequest:
    headers, query = found.take(_HEADERS), found.take(_QUERIES)
    body, authentication = found.take(_BODIES), found.take(_AUTHS)
    configuration = found.take(_CONFIGURATIONS)
    whole = found.taken == set(found.held)
    inside = frozenset({holder} if holder and whole else found.taken if holder is None else ())
    return ExternalRequest(
        method=plain(method, 20).upper(),
        url=masked_text(url),
        configuration=_told(configuration),
        authentication=_told(authentication),
        headers=tuple((name, _header(name, value)) for name, value in _pairs(headers)),
        query=tuple(
            (name, labels.MASK if _GUARDED.search(name) else masked_text(value))
            for name, value in _pairs(query)
        ),
        body=_body(body),
        fields=inside,
    )


def _told(value: Any) -> str:
    """One value, or an object's values, on one line."""
    if isinstance(value, (Mapping, list)) and not scalar(value):
        return ", ".join(f"{name}: {said}" if name else said for name, said in flattened(value))
    return scalar(value)


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Names and values, whether they came as an object, a list of pairs or as lines of text."""
    if isinstance(value, Mapping):
        yield from ((str(name), _said(held)) for name, held in value.items())
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                named = {str(k).lower(): v for k, v in one.items()}
                name = next((named[n] for n in ("name", "key", "header") if named.get(n)), None)
                if name is not None and "value" in named:
                    yield str(name), _said(named["value"])
                else:
                    yield from _pairs(one)
            else:
                yield from _pairs(_said(one))
    elif value is not None:
        for row in _said(value).splitlines():
            name, _, held = row.partition(":")
            yield name.strip(), held.strip()


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _header(name: str, value: str) -> str:
    """The value, or for one that opens doors its scheme alone: "Bearer ••••"."""
    if not _GUARDED.search(name):
        return masked_text(value)
    scheme = _SCHEMES.match(value)
    return f"{scheme[1]} {labels.MASK}" if scheme else labels.MASK


def _body(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return masked_text(value)
    if not isinstance(value, (Mapping, list)):
        return scalar(value)
    return json.dumps(masked(value), ensure_ascii=False, indent=2, default=str)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _plain_host(url: str) -> str:
    """How computers write a host that holds other letters than a to z; empty for any other."""
    host = _host(url)
    if host.isascii():
        return ""
    try:
        # No name is longer, and to work out one that is takes the square of its length.
        return host.encode("idna").decode() if len(host) <= _LONGEST_HOST else _NO_HOST
    except UnicodeError:
        return _NO_HOST


# Drawn


def request_parts(request: ExternalRequest, room: Room) -> tuple[list[Any], bool]:
    """The request drawn, and whether all of it is there: of a cut one, say so before the buttons.

    Args:
        request: What would be sent.
        room: Four times ``text`` is the most characters of its body, address, or any header.
    """
    lines = [*_head_lines(request), *_code(request.body, room.text)]
    drawn = [line(run("It would send", weight="Bolder"), spacing="Medium")]
    complete = True
    for number, one in enumerate(lines[: room.rows * 2 + 8]):
        shown = plain(one, room.text * 4)
        complete = complete and not shown.endswith("…") and CUT not in shown
        drawn.append(_code_line(one, shown, spacing="Small" if number == 0 else "None"))
    complete = complete and len(lines) <= room.rows * 2 + 8
    named = [(label, plain(value, min(room.text, 300))) for label, value in _names(request)]
    return [*drawn, facts(named, spacing="Small")], complete


def request_words(request: ExternalRequest, room: Room) -> str:
    """The request as lines of text."""
    lines = [*_head_lines(request), *_code(request.body, room.text)]
    told = [plain(one, room.text * 4) for one in lines[: room.rows * 2 + 8]]
    named = [f"{label}: {plain(value, 300)}" for label, value in _names(request)]
    return "\n".join(["It would send:", *told, *named])


def _names(request: ExternalRequest) -> list[tuple[str, str]]:
    named = [
        ("API", request.configuration),
        ("Signs in", request.authentication),
        ("Host", _plain_host(request.url)),
    ]
    return [(label, value) for label, value in named if value]


def _head_lines(request: ExternalRequest) -> list[str]:
    return [
        f"{request.method} {request.url}".strip(),
        *(f"{name}={value}" for name, value in request.query),
        *(f"{name}: {value}" for name, value in request.headers),
    ]


def _code(body: str, most: int) -> list[str]:
    """The body in lines; a long one as one, which wraps and so needs less room."""
    lines = body.splitlines()
    if len(lines) > _MOST_LINES or len(body) > most * 4:
        return [" ".join(one.strip() for one in lines)]
    return lines


def _code_line(text: str, shown: str, **place: Any) -> Any:
    """A line of code with its indentation; two pieces, so that it is never read as Markdown."""
    start = min(len(text) - len(text.lstrip()), _DEEPEST)
    look = {"fontType": "Monospace", "size": "Small"}
    return line(run(_NBSP * start or _NOTHING, **look), run(shown, **look), **place)
