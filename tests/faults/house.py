"""The service in the process of the test, on every stand-in, with a clock that may be handed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import httpx
import psycopg
from procrastinate.jobs import DeleteJobCondition

from bot.app import Rooms, listening, service, working
from bot.neo.models import Approval
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import Settings
from bot.store import approvals
from bot.store.database import Connection
from tests.microsoft import MEGAN, PERSONAL, TENANT, Account, Message, Microsoft


def settings_of(environment: dict[str, str]) -> Settings:
    """The settings that a process with this environment would read."""
    fields: dict[str, Any] = {name.lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **fields)


class Clock:
    """The real time, moved by as much as a test says."""

    def __init__(self) -> None:
        self.off = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.off

    def jumps(self, **by: float) -> None:
        """Be wrong by so much more."""
        self.off += timedelta(**by)


@dataclass
class StandIns:
    """Everything around the service; ``environment`` is what leads it there."""

    microsoft: Microsoft
    neo: EmbeddedNeo
    environment: dict[str, str]


@dataclass
class House:
    """The running service and what a test looks at."""

    url: str
    rooms: Rooms
    microsoft: Microsoft
    neo: EmbeddedNeo
    http: httpx.AsyncClient
    clock: Callable[[], datetime]

    async def hears(self, activity: dict[str, Any]) -> httpx.Response:
        """Deliver a signed activity as Teams does."""
        headers = {"Authorization": f"Bearer {self.microsoft.token(now=self.clock())}"}
        return await self.http.post(f"{self.url}/api/messages", json=activity, headers=headers)

    async def told(self, text: str, *, by: Account = MEGAN, where: str = PERSONAL) -> str:
        """Somebody asks; the next card that is posted there, as text."""
        before = len(self._in(where))
        activity = self.microsoft.activity(by=by, where=where, text=text)
        activity["conversation"]["conversationType"] = "personal"
        answer = await self.hears(activity)
        assert answer.status_code == 200
        await self.microsoft.until(lambda: len(self._in(where)) > before)
        return self._in(where)[before].summary

    async def announces(self, conn: Connection, tenant: str, approval: dict[str, Any]) -> None:
        """Do as the watch does when it has found an approval."""
        found = Approval.model_validate(approval)
        await approvals.write(conn, tenant, found, at=self.clock())
        await self.rooms.turns.delivery.announce(conn, tenant, found, None)

    async def looks(self, watch: str) -> None:
        """One look of a watch, and everything that follows from it; for a house without worker."""
        task = self.rooms.jobs.engine.configure_task(f"{watch}/{TENANT}")
        await task.defer_async(tenant=TENANT, timestamp=0)
        await self.works()

    async def works(self) -> None:
        """Run every job that is due."""
        await self.rooms.jobs.engine.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
        )

    async def resumes(self) -> None:
        """The worker is at work again, and what the lost connections left is taken up.

        That happens by itself some twelve seconds after a dead worker's last sign of life.
        """
        async with self.rooms.pool.connection() as conn:
            found = await (await conn.execute("SELECT now()")).fetchone()
            assert found
            (back_at,) = found
        async with asyncio.timeout(20):
            await self._sign_of_life(back_at)
        async with self.rooms.pool.connection() as conn:
            await conn.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '12 s'"
                " WHERE last_heartbeat < %s",
                (back_at,),
            )
        await self.rooms.jobs.retry_stalled(timestamp=0)

    async def _sign_of_life(self, since: datetime) -> None:
        statement = "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > %s"
        while True:
            async with self.rooms.pool.connection() as conn:
                if await (await conn.execute(statement, (since,))).fetchone():
                    return
            await asyncio.sleep(0.1)

    def _in(self, where: str) -> list[Message]:
        return [m for m in self.microsoft.messages if m.conversation == where]


@asynccontextmanager
async def living_in(
    stand_ins: StandIns,
    *,
    worker: bool = True,
    clock: Callable[[], datetime] | None = None,
) -> AsyncIterator[House]:
    """The service as `run` puts it together."""
    now = clock or Clock()
    async with AsyncExitStack() as stack:
        app, rooms, _ = await stack.enter_async_context(
            service(settings_of(stand_ins.environment), clock=now)
        )
        if worker:
            await stack.enter_async_context(working(rooms.jobs))
        port = await stack.enter_async_context(listening(app, "127.0.0.1", 0))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
        yield House(
            f"http://127.0.0.1:{port}", rooms, stand_ins.microsoft, stand_ins.neo, http, now
        )


async def is_recorded(database_url: str, message: str) -> None:
    """Wait until the bot has written down that it has sent a message."""
    await holds(database_url, "SELECT true FROM deliveries WHERE message = %s", message)


async def holds(database_url: str, question: LiteralString, *values: object) -> None:
    """Wait until the database answers a question with yes."""
    conn = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
    async with asyncio.timeout(30), conn:
        while True:
            if await (await conn.execute(question, values)).fetchone() == (True,):
                return
            await asyncio.sleep(0.02)
