"""The sockets that Teams' requests come in by: how long one may dawdle, how many may be idle."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

HEAD_SECONDS: Final = 75.0
"""A request's head has to be there that long after the connection, or its last answer."""
LINGER_SECONDS: Final = 2.0
"""What still comes of a body that was refused is read for so long, so that the answer arrives."""
MOST_IDLE: Final = 500
"""Connections without a request that are kept; with one more the oldest is closed."""


class Listener(web.AppRunner):
    """Serves an application to whoever connects, friend or not.

    Args:
        app: The application.
        drain_seconds: How long requests that are under way may take when it ends.
        head_seconds: See `HEAD_SECONDS`.
        most_idle: See `MOST_IDLE`.
    """

    __slots__ = ("_most_idle", "_options")

    def __init__(
        self,
        app: web.Application,
        *,
        drain_seconds: float,
        head_seconds: float = HEAD_SECONDS,
        most_idle: int = MOST_IDLE,
    ) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=drain_seconds)
        self._most_idle = most_idle
        self._options: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": head_seconds,
            "lingering_time": LINGER_SECONDS,
            # Nothing compressed is accepted, so nothing is unpacked, not even to throw it away.
            "auto_decompress": False,
        }

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            most_idle=self._most_idle,
            options=self._options,
        )


class _Server(web.Server):
    """aiohttp's, with connections of our kind, and not too many that wait for nothing."""

    def __init__(self, *handler: Any, most_idle: int, options: dict[str, Any], **more: Any) -> None:
        super().__init__(*handler, loop=asyncio.get_running_loop(), **more)
        self._most_idle = most_idle
        self._options = options

    def __call__(self) -> _Connection:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Keep the newest connections: among those without a request the oldest gives way."""
        super().connection_made(handler, transport)
        if len(self._connections) <= self._most_idle:
            return
        idle = [one for one in self._connections if isinstance(one, _Connection) and one.is_idle]
        if len(idle) > self._most_idle:
            log.info("connection.gave_way", idle=len(idle))
            idle[0].force_close()


class _Connection(web.RequestHandler):
    """aiohttp's, which tells nobody what it could not read."""

    __slots__ = ()

    @property
    def is_idle(self) -> bool:
        """Whether it is open without a request that has arrived."""
        return self._current_request is None and self.transport is not None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP. aiohttp's own answer and log quote it, and a token with it."""
        if status >= 500 or request.writer.output_size > 0:  # noqa: PLR2004 -- HTTP
            return super().handle_error(request, status, exc, message)
        log.warning("request.malformed", reason=type(exc).__name__)
        refusal = web.json_response({"error": {"message": "That is not HTTP."}}, status=status)
        refusal.force_close()
        return refusal
