"""``run`` and ``worker``: the service until it is told to stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog

from bot import logs
from bot.app import listening, retries_are_logged, service, working
from bot.errors import ConfigurationError
from bot.settings import Settings

log = structlog.get_logger()


async def serve(settings: Settings, stop: asyncio.Event, *, worker: bool) -> int:
    """Answer Teams, and run jobs if ``worker``, until ``stop`` is set; then end in order.

    Raises:
        ConfigurationError: a setting is missing or wrong, or the address cannot be used.
    """
    logs.set_up(settings.log_level, settings.log_format)
    retries_are_logged()
    async with AsyncExitStack() as stack:
        app, rooms = await stack.enter_async_context(service(settings))
        if worker:
            await stack.enter_async_context(working(rooms.jobs))
        try:
            port = await stack.enter_async_context(listening(app, settings.host, settings.port))
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can listen on {settings.host}:{settings.port} ({error.strerror}). "
                "Choose another PORT or HOST, or end what listens there."
            ) from error
        log.info("service.ready", host=settings.host, port=port, worker=worker)
        await stop.wait()
        log.info("service.stopping")
    return 0


async def work(settings: Settings, stop: asyncio.Event) -> int:
    """Run jobs alone until ``stop`` is set.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    logs.set_up(settings.log_level, settings.log_format)
    retries_are_logged()
    async with service(settings) as (_, rooms), working(rooms.jobs):
        log.info("worker.ready")
        await stop.wait()
        log.info("worker.stopping")
    return 0
