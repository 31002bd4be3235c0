"""Troubles to order: what networks, proxies and a tired Neo do to requests."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bot.sandbox.calls import Answer
from bot.sandbox.contract import read_json
from bot.sandbox.envelope import ApiError, failure, read_bytes, success

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTROL_PATH = "/sandbox/troubles"
HEADER = "X-Sandbox-Trouble"
SKEW = web.RequestKey("skew", timedelta)
"""By how much the clock is wrong that stamps the answer to a request."""

FAILED_REQUEST_ID = "00000000-0000-4000-8000-00000000dead"
"""The request id of failures that were ordered, so that they are told from real ones."""

_PROXY_PAGE = (
    "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
)
_UNKNOWN = "SOMETHING_NEW"
_STATUS_LIKE = re.compile(r"(^|_)(status|state|type|audience|access|outcome)$")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_LONGEST_WAIT_SECONDS = 600
_LARGEST_SKEW_SECONDS = 366 * 86_400
_OF_OTHERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Origin", "Sec-Fetch-Site")
"""What only proxies and browsers send."""
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


class Trouble(BaseModel):
    """What goes wrong, and with which requests.

    Attributes:
        status: Answer with this status instead of the real answer.
        code: The error code in that answer's envelope; empty for the usual one of its status.
        html: Answer with a proxy's page instead of an envelope.
        cut: Send half of the answer, or of a stream's parts, then break the connection.
        close_connection: Break the connection without an answer.
        latency_seconds: Answer only after so long.
        hold: Answer only after this event is set.
        takes_effect: The request is carried out first; only its answer is late, or spoilt.
        retry_after: The Retry-After header of the answer, as it stands there.
        unknown_fields: Add fields that nobody knows to every object of the data.
        unknown_enums: Put words that nobody knows in place of statuses, states and types.
        wrong_envelope: Leave out the envelope ("bare", a list without anything around it; True
            means the same) or one part of it.
        clock_skew_seconds: Let the answer's date, budget reset and instants be off by so much.
        times: How many requests; None for all until the troubles are ended.
        path: Only requests whose path contains this text.
        method: Only requests with this method.
    """

    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, coerce_numbers_to_str=True
    )

    status: int | None = Field(default=None, ge=200, le=599)
    code: str = ""
    html: bool = False
    cut: bool = False
    close_connection: bool = False
    latency_seconds: float = Field(default=0, ge=0, le=_LONGEST_WAIT_SECONDS, allow_inf_nan=False)
    hold: asyncio.Event | None = None
    takes_effect: bool = False
    retry_after: str | None = Field(default=None, pattern=r"^[^\x00-\x1f\x7f]*$")
    unknown_fields: bool = False
    unknown_enums: bool = False
    wrong_envelope: bool | Literal["bare", "without_data", "without_meta"] = False
    clock_skew_seconds: float = Field(
        default=0, ge=-_LARGEST_SKEW_SECONDS, le=_LARGEST_SKEW_SECONDS, allow_inf_nan=False
    )
    times: int | None = Field(default=1, ge=0)
    path: str = ""
    method: Annotated[str, StringConstraints(to_upper=True)] | None = None

    def meets(self, request: web.Request) -> bool:
        """Whether this trouble is meant for a request."""
        return (
            self.times != 0 and self.path in request.path and self.method in {None, request.method}
        )

    @property
    def replaces_answer(self) -> bool:
        """Whether nothing of the real answer is sent."""
        return bool(self.close_connection or self.html or self.status)

    async def delays(self) -> None:
        """Wait for as long as the answer is to be late."""
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        if self.hold is not None:
            await self.hold.wait()


TROUBLE = web.RequestKey("trouble", Trouble)
"""What a request runs into; whoever streams an answer heeds it while the answer goes out."""

WORDS = frozenset(Trouble.model_fields) - {"hold"}
"""What can be ordered from outside."""
HEADER_WORDS = WORDS - {"times", "path", "method"}
"""What can be ordered with a header: it is for this one request anyway."""


def order(words: Mapping[str, Any], known: frozenset[str] = WORDS) -> Trouble:
    """The trouble that words from outside describe.

    Raises:
        ApiError: 400 that says which words are known, or what is wrong with a value.
    """
    for word in words:
        if word not in known:
            listed = ", ".join(sorted(known))
            message = f"There is no such trouble. Known are: {listed}."
            raise ApiError(400, "validation_error", message, {"field": word[:100]})
    try:
        return Trouble(**words)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        message = f"{field}: {first['msg']}."
        raise ApiError(400, "validation_error", message, {"field": field}) from None


def order_of_header(text: str) -> Trouble:
    """The trouble of a header such as ``status=503, retry_after=2``; a word alone means true."""
    words = {}
    for part in text.split(","):
        word, equals, value = part.partition("=")
        if word.strip():
            words[word.strip()] = value.strip() if equals else True
    return order(words, HEADER_WORDS)


class Troubles:
    """The troubles that are on, oldest first; each request meets at most one.

    Args:
        new_id: Makes request ids.
        may_order: Whether a request may order its own trouble.
    """

    def __init__(
        self, new_id: Callable[[], UUID], may_order: Callable[[web.Request], bool]
    ) -> None:
        self.on: list[Trouble] = []
        self._new_id = new_id
        self._may_order = may_order

    @web.middleware
    async def meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request run into the trouble it asks for, or the first that is meant for it."""
        try:
            if request.path == CONTROL_PATH and _comes_from_here(request):
                return await self._control(request)
            if HEADER in request.headers and self._may_order(request):
                trouble: Trouble | None = order_of_header(request.headers[HEADER])
            else:
                trouble = next((each for each in self.on if each.meets(request)), None)
        except ApiError as error:
            return failure(error, str(self._new_id()))
        if trouble is None:
            return await handler(request)
        if trouble.times is not None:
            trouble.times -= 1
        return await self._suffer(trouble, request, handler)

    async def _control(self, request: web.Request) -> web.Response:
        """Add, list or end troubles; asks for no key and costs no budget."""
        if request.method == "POST":
            self.on.append(order(read_json(await read_bytes(request))))
        elif request.method == "DELETE":
            self.on.clear()
        elif request.method != "GET":
            message = "Only GET, POST and DELETE can be used here."
            allowed = {"Allow": "DELETE, GET, POST"}
            raise ApiError(405, "method_not_allowed", message, headers=allowed)
        self.on = [trouble for trouble in self.on if trouble.times != 0]
        listed = [trouble.model_dump(exclude={"hold"}) for trouble in self.on]
        return success(Answer(listed), str(self._new_id()), timedelta())

    async def _suffer(
        self, trouble: Trouble, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        request[TROUBLE] = trouble
        request[SKEW] = timedelta(seconds=trouble.clock_skew_seconds)
        answer = await handler(request) if trouble.takes_effect else None
        if answer is not None and answer.prepared:  # a stream, which heeded the trouble itself
            return answer
        await trouble.delays()
        if trouble.close_connection:
            return _broken(request)
        if trouble.html:
            return web.Response(
                status=trouble.status or 502, text=_PROXY_PAGE, content_type="text/html"
            )
        if trouble.status:
            answer = _failed(trouble)
        if answer is None:
            answer = await handler(request)
        if answer.prepared:
            return answer
        answer = _spoilt(trouble, answer)
        return await _half(request, answer) if trouble.cut else answer


def _failed(trouble: Trouble) -> web.Response:
    status = trouble.status or 500
    headers = {} if trouble.retry_after is None else {"Retry-After": trouble.retry_after}
    is_limit = status == web.HTTPTooManyRequests.status_code
    if is_limit:
        headers["X-RateLimit-Remaining"] = "0"
    code = trouble.code or ("rate_limit_exceeded" if is_limit else "internal_error")
    message = "The embedded Neo was told to fail."
    error = ApiError(status, code, message, headers=headers)
    return failure(error, FAILED_REQUEST_ID)


def _comes_from_here(request: web.Request) -> bool:
    """Whether a program of this machine asks: no web page in a browser can send all of this."""
    if any(name in request.headers for name in _OF_OTHERS):
        return False
    host = request.headers.get("Host", "")
    name = re.sub(r":\d+$", "", host).lower()
    try:
        is_loopback = ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
    is_json = request.method != "POST" or request.content_type == "application/json"
    return is_loopback and name in _LOOPBACK_NAMES and is_json


def _spoilt(trouble: Trouble, answer: web.StreamResponse) -> web.StreamResponse:
    """The answer with its content changed; what is no JSON stays as it is."""
    changes = (
        trouble.unknown_fields,
        trouble.unknown_enums,
        trouble.wrong_envelope,
        trouble.clock_skew_seconds,
    )
    is_json = answer.content_type == "application/json"
    if not (any(changes) and is_json and isinstance(answer, web.Response)):
        return answer
    content = json.loads(answer.text or "null")
    if isinstance(content, dict) and "data" in content:
        content["data"] = changed(content["data"], trouble)
    if trouble.wrong_envelope and isinstance(content, dict):
        content = _without_envelope(content, str(trouble.wrong_envelope))
    answer.text = json.dumps(content)
    return answer


def changed(value: Any, trouble: Trouble, name: str = "") -> Any:
    """Data, or a part of a stream, with what a trouble adds, replaces and shifts in it.

    Args:
        value: The data.
        trouble: Of which `unknown_fields`, `unknown_enums` and `clock_skew_seconds` count here.
        name: The field that it is the value of.
    """
    if isinstance(value, list):
        return [changed(each, trouble, name) for each in value]
    if isinstance(value, dict):
        told = {key: changed(each, trouble, key) for key, each in value.items()}
        added = {"something_new": {"nested": [1, None]}} if trouble.unknown_fields else {}
        return told | added
    if not isinstance(value, str):
        return value
    if trouble.unknown_enums and _STATUS_LIKE.search(name):
        return _UNKNOWN
    if trouble.clock_skew_seconds and _INSTANT.fullmatch(value):
        moved = datetime.fromisoformat(value) + timedelta(seconds=trouble.clock_skew_seconds)
        return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def _without_envelope(content: dict[str, Any], how: str) -> Any:
    if how in {"without_data", "without_meta"}:
        left_out = how.removeprefix("without_")
        return {name: part for name, part in content.items() if name != left_out}
    data = content.get("data", content)
    return data if isinstance(data, list) else [data]


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) else None
    whole = body if isinstance(body, bytes) else b"{}"
    half = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    half.content_length = len(whole)
    await half.prepare(request)
    await half.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
