"""Troubles to order: what networks, proxies and a tired Neo do to requests."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.envelope import ApiError, failure

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PROXY_PAGE = (
    "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
)


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What goes wrong, and with which requests.

    Attributes:
        status: Answer with this status instead of the real answer.
        code: The error code in that answer's envelope.
        html: Answer with a proxy's page instead of an envelope.
        cut: Send half of the answer, then break the connection.
        close_connection: Break the connection without an answer.
        latency_seconds: Answer only after so long.
        hold: Answer only after this event is set.
        takes_effect: The request is carried out first; only its answer is late, or spoilt.
        retry_after: The Retry-After header of the answer, as it stands there.
        times: How many requests; None for all until `EmbeddedNeo.ends_trouble`.
        path: Only requests whose path contains this text.
        method: Only requests with this method.
    """

    status: int | None = None
    code: str = "internal_error"
    html: bool = False
    cut: bool = False
    close_connection: bool = False
    latency_seconds: float = 0
    hold: asyncio.Event | None = None
    takes_effect: bool = False
    retry_after: str | None = None
    times: int | None = 1
    path: str = ""
    method: str | None = None

    def _meets(self, request: web.Request) -> bool:
        return (
            self.times != 0 and self.path in request.path and self.method in {None, request.method}
        )


class Troubles:
    """The troubles that are on, oldest first; each request meets at most one."""

    def __init__(self) -> None:
        self.on: list[Trouble] = []

    @web.middleware
    async def meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request run into the first trouble that is meant for it."""
        trouble = next((t for t in self.on if t._meets(request)), None)  # noqa: SLF001 -- same file
        if trouble is None:
            return await handler(request)
        if trouble.times is not None:
            trouble.times -= 1
        return await _suffer(trouble, request, handler)


async def _suffer(trouble: Trouble, request: web.Request, handler: Handler) -> web.StreamResponse:
    answer = await handler(request) if trouble.takes_effect else None
    if trouble.latency_seconds:
        await asyncio.sleep(trouble.latency_seconds)
    if trouble.hold is not None:
        await trouble.hold.wait()
    if trouble.close_connection:
        return _broken(request)
    if trouble.html:
        return web.Response(
            status=trouble.status or 502, text=_PROXY_PAGE, content_type="text/html"
        )
    if trouble.status:
        error = ApiError(trouble.status, trouble.code, "The embedded Neo was told to fail.")
        answer = failure(error, "00000000-0000-4000-8000-00000000dead")
        if trouble.retry_after is not None:
            answer.headers["Retry-After"] = trouble.retry_after
    if answer is None:
        answer = await handler(request)
    return await _half(request, answer) if trouble.cut else answer


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
