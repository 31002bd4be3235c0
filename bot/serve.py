"""``run`` and ``worker``: the service until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

import structlog
from aiohttp import web

from bot import logs
from bot.app import listening, retries_are_logged, service, working
from bot.errors import ConfigurationError
from bot.monitor import Monitor
from bot.settings import Settings

log = structlog.get_logger()


async def serve(settings: Settings, stop: asyncio.Event, *, worker: bool) -> int:
    """Answer Teams, and run jobs if ``worker``, until ``stop`` is set; then end in order.

    From the moment it is told to end, it says that it is not ready; for a balancer to notice, it
    answers people for ``stop_after_seconds`` more.

    Raises:
        ConfigurationError: a setting is missing or wrong, or an address cannot be used.
    """
    _set_up(settings)
    async with AsyncExitStack() as stack:
        app, rooms, monitor = await stack.enter_async_context(service(settings))
        monitor.works = worker
        told = await _tells_figures(stack, settings, monitor)
        if worker:
            await stack.enter_async_context(working(rooms.jobs, until=stop))
        port = await _listens(stack, app, settings.host, settings.port, "PORT or HOST")
        _settle_down()
        log.info("service.ready", host=settings.host, port=port, worker=worker, **told)
        await stop.wait()
        monitor.ending = True
        log.info("service.stopping")
        await asyncio.sleep(settings.stop_after_seconds)
    return 0


async def work(settings: Settings, stop: asyncio.Event) -> int:
    """Run jobs alone until ``stop`` is set.

    Raises:
        ConfigurationError: a setting is missing or wrong, or an address cannot be used.
    """
    _set_up(settings)
    async with AsyncExitStack() as stack:
        _, rooms, monitor = await stack.enter_async_context(service(settings))
        monitor.works, monitor.answers = True, False
        told = await _tells_figures(stack, settings, monitor)
        await stack.enter_async_context(working(rooms.jobs, until=stop))
        _settle_down()
        log.info("worker.ready", **told)
        await stop.wait()
        monitor.ending = True
        log.info("worker.stopping")
    return 0


def _set_up(settings: Settings) -> None:
    logs.set_up(settings.log_level, settings.log_format)
    if settings.log_level != "debug":
        logs.loop_is_quiet(asyncio.get_running_loop())
    retries_are_logged()


async def _tells_figures(
    stack: AsyncExitStack, settings: Settings, monitor: Monitor
) -> dict[str, int]:
    """Answer `/metrics` and `/readyz` at a port of their own, if that is wished, up to the end."""
    if settings.metrics_port is None:
        return {}
    app = web.Application()
    app.router.add_routes(monitor.routes("everybody"))
    names, host = "METRICS_PORT or METRICS_HOST", settings.metrics_host
    return {"metrics_port": await _listens(stack, app, host, settings.metrics_port, names)}


async def _listens(
    stack: AsyncExitStack, app: web.Application, host: str, port: int, names: str
) -> int:
    try:
        return await stack.enter_async_context(listening(app, host, port))
    except OSError as error:
        raise ConfigurationError(
            f"Nothing can listen on {host}:{port} ({error.strerror}). "
            f"Choose another {names}, or end what listens there."
        ) from error


def _settle_down() -> None:
    """Leave what was loaded at start out of every later search for garbage: it stays for good.

    And search less often: a click makes thousands of objects, which nearly all go by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
