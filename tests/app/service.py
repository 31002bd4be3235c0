"""The service as a process of its own, which a test starts, asks, stops and kills."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from psycopg.conninfo import conninfo_to_dict

from bot.sandbox.embedded import EmbeddedNeo
from tests.microsoft import APP_ID, SECRET, TENANT, Message, Microsoft

REPOSITORY = Path(__file__).parent.parent.parent
# The last one: what the tests reach of the product is counted in this process too.
_INHERITED = ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG")


def present() -> datetime:
    """The real time: the service has its own process and so its own clock."""
    return datetime.now(UTC)


def settings_for(database_url: str, neo: EmbeddedNeo, microsoft: Microsoft) -> dict[str, str]:
    """The environment of a service between these."""
    return {
        "NEO_API_URL": neo.url,
        "NEO_API_KEY": neo.key,
        "MICROSOFT_APP_ID": APP_ID,
        "MICROSOFT_APP_PASSWORD": SECRET,
        "MICROSOFT_APP_TENANT_ID": TENANT,
        "BOT_OPENID_METADATA_URL": microsoft.metadata_url,
        "BOT_LOGIN_URL": microsoft.url,
        "BOT_SERVICE_HOSTS": "127.0.0.1",
        "DATABASE_URL": as_url(database_url),
        "PORT": "0",
        "LOG_FORMAT": "json",
    }


def as_url(conninfo: str) -> str:
    """The same database as a URL, which is how settings name it."""
    if conninfo.startswith("postgresql://"):
        return conninfo
    parts = conninfo_to_dict(conninfo)
    host = str(parts.get("host", ""))
    where = f"?host={host}" + (f"&port={parts['port']}" if parts.get("port") else "")
    return f"postgresql://{parts.get('user', '')}@/{parts['dbname']}{where}"


@dataclass
class Service:
    """One process of the product and the lines that it logs."""

    process: Process
    microsoft: Microsoft
    http: httpx.AsyncClient
    lines: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def hears(self, activity: dict[str, Any], **claims: Any) -> httpx.Response:
        """Deliver a signed activity as Teams does."""
        headers = {"Authorization": f"Bearer {self.microsoft.token(**claims)}"}
        return await self.http.post(f"{self.url}/api/messages", json=activity, headers=headers)

    async def logs(self, event: str) -> dict[str, Any]:
        """Read on until it logs this event."""
        assert self.process.stderr
        async with asyncio.timeout(30):
            async for raw in self.process.stderr:
                try:
                    line: dict[str, Any] = json.loads(raw)
                except ValueError:
                    line = {"event": raw.decode()}
                self.lines.append(line)
                if line["event"] == event:
                    return line
        raise AssertionError(f"{event} was never logged: {self.lines}")

    async def says_to_its_end(self) -> list[dict[str, Any]]:
        """SIGTERM; every line that it has logged."""
        self.process.terminate()
        with suppress(AssertionError):
            await self.logs("nothing is called so")
        return self.lines

    async def stops(self) -> int:
        """SIGTERM; the exit status, which has to come within ten seconds."""
        self.process.terminate()
        async with asyncio.timeout(10):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    async def dies(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await self.process.communicate()


@asynccontextmanager
async def started(
    environment: dict[str, str], microsoft: Microsoft, *command: str
) -> AsyncIterator[Service]:
    """``python -m bot`` with this command; ended with the context, if not before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *command,
        cwd=REPOSITORY,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ} | environment,
        stderr=PIPE,
    )
    async with httpx.AsyncClient(timeout=10) as http:
        service = Service(process, microsoft, http)
        try:
            if command[0] == "worker":
                await service.logs("worker.ready")
            else:
                ready = await service.logs("service.ready")
                service.url = f"http://127.0.0.1:{ready['port']}"
            yield service
        finally:
            if process.returncode is None:
                await service.dies()


def cards(microsoft: Microsoft, where: str) -> list[Message]:
    """The cards of open approvals there."""
    return [m for m in microsoft.messages if m.conversation == where and "wants to" in m.summary]


def button_of(message: Message, title: str) -> dict[str, Any]:
    def search(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("type") == "Action.Execute" and part.get("title") == title:
                return part
            part = list(part.values())
        found = (search(one) for one in part) if isinstance(part, list) else ()
        return next((one for one in found if one), None)

    found: dict[str, Any] | None = search(message.card)
    assert found, f"no {title} on {message.summary}"
    return found


def click(microsoft: Microsoft, message: Message, title: str, **more: Any) -> dict[str, Any]:
    """The activity of a press on a button of a card, as Teams sends it."""
    button = button_of(message, title)
    data = {**button["data"], "comment": "by phone"}
    return microsoft.click(
        button["verb"], on=message.id, where=message.conversation, data=data, **more
    )
