"""What stands between the service and PostgreSQL, and can be cut or fall silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict


@dataclass(eq=False)
class Relay:
    """Passes on what both sides say, on a port of loopback. Made by `relaying`."""

    server: str
    """The socket file of PostgreSQL."""
    port: int = 0
    silent: bool = False
    accepted: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _talking: asyncio.Event = field(default_factory=asyncio.Event)
    _swallowed: asyncio.Event = field(default_factory=asyncio.Event)

    async def opens(self) -> None:
        """Take connections, on the same port as before."""
        self._talking.set()
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def is_cut(self) -> None:
        """Every connection breaks, and no new one is taken."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def falls_silent(self) -> None:
        """Connections are taken, and what is sent; an answer never comes."""
        self.silent = True
        self._swallowed.clear()

    async def swallowed(self) -> None:
        """Wait until something was sent into the silence."""
        await self._swallowed.wait()

    async def speaks_again(self) -> None:
        """What was silent is lost; new connections are passed on."""
        self.silent = False
        for writer in self._writers:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        upstream, downstream = await asyncio.open_unix_connection(self.server)
        both = {writer, downstream}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, downstream), self._pump(upstream, writer))
        finally:
            self._writers -= both
            for one in both:
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if self.silent:
                    self._swallowed.set()
                else:
                    writer.write(piece)
        # What is silent does not even say that the other side is gone.
        if not self.silent:
            writer.close()


@asynccontextmanager
async def relaying(database_url: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay in front of a database, and the URL that leads through it."""
    parts = conninfo_to_dict(database_url)
    relay = Relay(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}")
    await relay.opens()
    try:
        user, name = parts.get("user", ""), parts["dbname"]
        yield relay, f"postgresql://{user}@127.0.0.1:{relay.port}/{name}"
    finally:
        await relay.is_cut()
