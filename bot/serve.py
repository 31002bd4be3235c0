"""``run`` and ``worker``: the service until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
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
            await stack.enter_async_context(working(rooms.jobs, until=stop))
        try:
            port = await stack.enter_async_context(listening(app, settings.host, settings.port))
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can listen on {settings.host}:{settings.port} ({error.strerror}). "
                "Choose another PORT or HOST, or end what listens there."
            ) from error
        _settle_down()
        log.info("service.ready", host=settings.host, port=port, worker=worker)
        await stop.wait()
        log.info("service.stopping")
    return 0


def _settle_down() -> None:
    """Leave what was loaded at start out of every later search for garbage: it stays for good.

    And search less often: a click makes thousands of objects, which nearly all go by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def work(settings: Settings, stop: asyncio.Event) -> int:
    """Run jobs alone until ``stop`` is set.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    logs.set_up(settings.log_level, settings.log_format)
    retries_are_logged()
    async with service(settings) as (_, rooms), working(rooms.jobs, until=stop):
        _settle_down()
        log.info("worker.ready")
        await stop.wait()
        log.info("worker.stopping")
    return 0
