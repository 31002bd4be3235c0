"""A host that is allowed no longer is not written to, whoever was spoken with there before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from procrastinate.jobs import DeleteJobCondition

from bot.alerts.watch import WATCH
from bot.app import Rooms, listening, service
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import load
from tests.microsoft import CHANNEL, TENANT, Microsoft, deliver


@asynccontextmanager
async def _running(environment: dict[str, str]) -> AsyncIterator[tuple[Rooms, str]]:
    """The service without its worker, and its address."""
    settings = load(_env_file=None, **{name.lower(): v for name, v in environment.items()})
    async with AsyncExitStack() as stack:
        app, rooms, _ = await stack.enter_async_context(service(settings))
        port = await stack.enter_async_context(listening(app, settings.host, 0))
        yield rooms, f"http://127.0.0.1:{port}"


async def _looks(rooms: Rooms, number: int) -> None:
    """The watch for failures looks once, and every job that follows from it is run."""
    task = rooms.jobs.engine.configure_task(f"{WATCH}/{TENANT}")
    await task.defer_async(tenant=TENANT, timestamp=number)
    await rooms.jobs.engine.run_worker_async(
        wait=False,
        install_signal_handlers=False,
        listen_notify=False,
        delete_jobs=DeleteJobCondition.SUCCESSFUL,
    )


async def _alerts(rooms: Rooms) -> list[tuple[str | None, str | None]]:
    """Of each alert, the message that it became, or why it was given up."""
    async with rooms.pool.connection() as conn:
        rows = await conn.execute("SELECT message, given_up FROM deliveries ORDER BY queued_at")
        return list(await rows.fetchall())


async def test_a_stored_conversation_is_written_to_only_while_its_host_is_allowed(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    async with httpx.AsyncClient() as http, _running(environment) as (rooms, url):
        follow = microsoft.activity(text="<at>Neo</at> follow failures", where=CHANNEL)
        assert (await deliver(http, url, follow, microsoft.token())).status_code == 200
        await _looks(rooms, 1)
        neo.fails_run(agent="Password Reset", error="Access denied")
        await _looks(rooms, 2)
        told = microsoft.messages[-1]
        assert "Access denied" in told.summary
        assert await _alerts(rooms) == [(told.id, None)]

    elsewhere = {"BOT_SERVICE_HOSTS": "smba.trafficmanager.net"}
    async with _running(environment | elsewhere) as (rooms, _):
        before = len(microsoft.calls), microsoft.token_fetches
        neo.fails_run(agent="Password Reset", error="Access denied again")
        await _looks(rooms, 3)
        assert (len(microsoft.calls), microsoft.token_fetches) == before
        assert await _alerts(rooms) == [(told.id, None), (None, "HostNotAllowed")]
