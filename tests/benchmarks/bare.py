"""What the endpoint is measured against, and what both of them write to.

``handler``: the least that a bot of Teams can do, on plain aiohttp: verify the token, read the
JSON, post one reply. ``connector``: takes every message. Each prints its port, then one number for
each line it is sent: the messages that it has answered or taken.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.serialization import load_pem_public_key


@dataclass(slots=True)
class Connector:
    """Takes messages as Teams' connector does."""

    taken: int = 0
    cards: int = 0

    def app(self) -> web.Application:
        """The route."""
        app = web.Application()
        app.router.add_post("/amer/v3/conversations/{conversation}/activities", self._post)
        return app

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.taken += 1
        self.cards += b"AdaptiveCard" in body
        return web.json_response({"id": str(self.taken)}, status=201)


@dataclass(slots=True)
class Handler:
    """The bare handler (a): nothing is remembered, nobody is turned away but by the token."""

    public_key: Any
    audience: str
    issuer: str
    session: aiohttp.ClientSession | None = None
    taken: int = 0

    def app(self) -> web.Application:
        """The route, and the pooled session."""
        app = web.Application()
        app.router.add_post("/api/messages", self._answer)
        app.cleanup_ctx.append(self._pooled)
        return app

    async def _pooled(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self.session:
            yield

    async def _answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            jwt.decode(
                token, self.public_key, ["RS256"], audience=self.audience, issuer=self.issuer
            )
        except jwt.PyJWTError:
            return web.Response(status=401)
        activity = await request.json()
        where = quote(activity["conversation"]["id"], safe="")
        url = f"{activity['serviceUrl']}v3/conversations/{where}/activities"
        assert self.session
        reply = {"type": "message", "text": f"You said {activity['text']}."}
        async with self.session.post(url, json=reply) as answer:
            await answer.read()
        self.taken += 1
        return web.Response()


async def _serve(app: web.Application, count: Callable[[], object]) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 -- this is how it tells
    while await asyncio.to_thread(sys.stdin.readline):
        print(count(), flush=True)  # noqa: T201 -- likewise
    await runner.cleanup()


def main(command: str, *rest: str) -> None:
    """Serve until the standard input is closed; ``handler`` takes a key file, audience, issuer."""
    if command == "connector":
        connector = Connector()
        asyncio.run(_serve(connector.app(), lambda: f"{connector.taken} {connector.cards}"))
        return
    key, audience, issuer = rest
    handler = Handler(load_pem_public_key(Path(key).read_bytes()), audience, issuer)
    asyncio.run(_serve(handler.app(), lambda: handler.taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
