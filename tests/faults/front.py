"""Neo's one host in front of an embedded Neo: it knows tenants by their keys, and can be slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from bot.sandbox.embedded import EmbeddedNeo
from tests.microsoft import serving


@dataclass(eq=False)
class Front:
    """Passes requests on; those with a held key wait. Made by `in_front_of`."""

    neo: EmbeddedNeo
    held: set[str] = field(default_factory=set)
    waiting: int = 0
    came: list[tuple[str, str]] = field(default_factory=list)
    """The key and the path of each request."""
    url: str = ""
    _go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _http: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)

    def holds(self, key: str) -> None:
        """Answer no request with this key until `lets_go`."""
        self.held.add(key)

    def lets_go(self) -> None:
        """Answer everybody."""
        self.held.clear()
        self._go_on.set()

    async def pass_on(self, request: web.Request) -> web.Response:
        """The handler of every path."""
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.came.append((key, request.path))
        body = await request.read()
        if key in self.held:
            self.waiting += 1
            await self._go_on.wait()
            self.waiting -= 1
        headers = {"Authorization": f"Bearer {self.neo.key}", "Content-Type": "application/json"}
        async with self._http.request(
            request.method, f"{self.neo.url}{request.path_qs}", data=body, headers=headers
        ) as answer:
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type=answer.content_type,
            )

    async def close(self) -> None:
        """Let everybody go."""
        self.lets_go()
        await self._http.close()


@asynccontextmanager
async def in_front_of(neo: EmbeddedNeo) -> AsyncIterator[Front]:
    """A front, for as long as the context lasts."""
    front = Front(neo)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.pass_on)
    async with serving(app) as front.url:
        try:
            yield front
        finally:
            await front.close()
