"""A stand-in for Microsoft, in process and on loopback: keys, tokens, and Teams' connector.

It answers as the documented services do, records what the bot sends, and can be told to refuse.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

APP_ID = "4f3c2b1a-0000-4000-8000-00000000b070"
TENANT = "7e9a1c00-0000-4000-8000-0000000c0de0"
SECRET = "invented-client-secret"
ISSUER = "https://api.botframework.com"
BOT = f"28:{APP_ID}"


@cache
def signing_key(key_id: str) -> rsa.RSAPrivateKey:
    """A key of that id; made once, for making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(key_id: str, endorsements: list[str]) -> dict[str, Any]:
    """The key as the connector publishes it."""
    numbers = signing_key(key_id).public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": key_id,
        "n": _base64(numbers.n),
        "e": _base64(numbers.e),
        "endorsements": endorsements,
    }


@dataclass(frozen=True)
class Account:
    """Somebody in Teams."""

    name: str
    teams_id: str
    object_id: str
    upn: str = "somebody@contosodental.example"


MEGAN = Account("Megan Bowen", "29:megan", "0a000000-0000-4000-8000-000000000001")
ALEX = Account("Alex Wilber", "29:alex", "0a000000-0000-4000-8000-000000000002")
PERSONAL = "a:personal-megan"
GROUP = "19:group@thread.v2"
CHANNEL = "19:channel@thread.tacv2"

SILENCE = 299
"""Refuse with this, and the connector takes the message, but its answer gets lost."""


@dataclass
class Message:
    """A message that the bot posted, as it stands now."""

    id: str
    conversation: str
    activity: dict[str, Any]
    edits: int = 0

    @property
    def card(self) -> dict[str, Any]:
        """The content of its only attachment."""
        content: dict[str, Any] = self.activity["attachments"][0]["content"]
        return content

    @property
    def summary(self) -> str:
        """The card's text twin."""
        return str(self.activity["summary"])


@dataclass
class Call:
    """A call that the connector got."""

    method: str
    path: str
    authorization: str | None
    body: Any


@dataclass
class Refusal:
    """How the next calls are answered."""

    status: int
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    method: str | None = None


class Microsoft:
    """Login, keys and connector behind one address. Made by `running`."""

    def __init__(self) -> None:
        self.url = ""
        self.keys = {"key-1": ["msteams"]}
        self.metadata_issuer = ISSUER
        self.keys_are_down = False
        self.instead_of_metadata: Callable[[web.Request], Awaitable[web.StreamResponse]] | None
        self.instead_of_metadata = None
        self.published: Any = None
        """What is published as the keys; None: ``keys``."""
        self.metadata_fetches = 0
        self.token_fetches = 0
        self.token_lasts_seconds = 3600
        self.token_refusal: str | None = None
        self.tokens: set[str] = set()
        self.calls: list[Call] = []
        self.messages: list[Message] = []
        self.refusals: list[Refusal] = []
        self.members = {who.teams_id: _member_of_the_tenant(who) for who in (MEGAN, ALEX)}
        self.checks_tokens = True
        self._changed = asyncio.Condition()

    @property
    def metadata_url(self) -> str:
        """For ``BOT_OPENID_METADATA_URL``."""
        return f"{self.url}/v1/.well-known/openidconfiguration"

    @property
    def service_url(self) -> str:
        """What activities name as their ``serviceUrl``."""
        return f"{self.url}/amer/"

    def token(self, *, key_id: str = "key-1", now: datetime | None = None, **claims: Any) -> str:
        """A token as the connector sends it; a claim of None is left out."""
        at = now or datetime.now(UTC)
        content = {
            "iss": ISSUER,
            "aud": APP_ID,
            "exp": int((at + timedelta(hours=1)).timestamp()),
            "nbf": int((at - timedelta(minutes=1)).timestamp()),
            "serviceurl": self.service_url,
            **claims,
        }
        kept = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(kept, signing_key(key_id), "RS256", headers={"kid": key_id})

    def activity(
        self, kind: str = "message", *, by: Account = MEGAN, where: str = PERSONAL, **more: Any
    ) -> dict[str, Any]:
        """An activity as Teams writes it; ``more`` adds or replaces fields."""
        scope = {PERSONAL: "personal", GROUP: "groupChat"}.get(where, "channel")
        return {
            "type": kind,
            "id": f"f:{uuid4()}",
            "timestamp": datetime.now(UTC).isoformat(),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": by.teams_id, "name": by.name, "aadObjectId": by.object_id},
            "recipient": {"id": BOT, "name": "Neo"},
            "conversation": {"id": where, "conversationType": scope, "tenantId": TENANT},
            "channelData": {"tenant": {"id": TENANT}},
            "entities": [{"type": "clientInfo", "timezone": "Europe/London", "locale": "en-GB"}],
            "locale": "en-GB",
            **more,
        }

    def click(self, verb: str, *, on: str | None, **more: Any) -> dict[str, Any]:
        """An Action.Execute pressed on the message ``on``."""
        data = more.pop("data", {})
        action = {"type": "Action.Execute", "verb": verb, "data": data}
        value = {"action": action, "trigger": "manual"}
        if on:
            more["replyToId"] = on
        return self.activity("invoke", name="adaptiveCard/action", value=value, **more)

    def refuse(self, status: int, code: str | None = None, **more: Any) -> None:
        """Answer the next call (or ``times`` calls, or those of a ``method``) so."""
        self.refusals.append(Refusal(status, code, **more))

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds that the bot's calls bring about."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(holds)

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        activities = "/amer/v3/conversations/{conversation}/activities"
        app.router.add_get("/v1/.well-known/openidconfiguration", self._metadata)
        app.router.add_get("/v1/.well-known/keys", self._keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._grant)
        app.router.add_post("/amer/v3/conversations", self._open)
        app.router.add_post(activities, self._post)
        app.router.add_put(activities + "/{message}", self._edit)
        app.router.add_get("/amer/v3/conversations/{conversation}/members/{member}", self._member)
        return app

    async def _metadata(self, request: web.Request) -> web.StreamResponse:
        self.metadata_fetches += 1
        if self.instead_of_metadata:
            return await self.instead_of_metadata(request)
        if self.keys_are_down:
            return web.Response(status=503)
        found = {"issuer": self.metadata_issuer, "jwks_uri": f"{self.url}/v1/.well-known/keys"}
        return web.json_response(found)

    async def _keys(self, _: web.Request) -> web.Response:
        if self.published is not None:
            return web.json_response(self.published)
        return web.json_response({"keys": [published(*item) for item in self.keys.items()]})

    async def _grant(self, request: web.Request) -> web.Response:
        self.token_fetches += 1
        form = await request.post()
        wrong = self.token_refusal
        if (form.get("client_id"), form.get("client_secret")) != (APP_ID, SECRET):
            wrong = "invalid_client"
        if wrong:
            return web.json_response({"error": wrong, "error_description": "…"}, status=401)
        token = f"granted-{self.token_fetches}-{request.match_info['tenant']}"
        self.tokens = {token}
        granted = {"access_token": token, "expires_in": self.token_lasts_seconds}
        return web.json_response({"token_type": "Bearer", **granted})

    async def _open(self, request: web.Request) -> web.Response:
        if refused := await self._taken(request):
            return refused
        body = self.calls[-1].body
        return web.json_response({"id": f"a:personal-{body['members'][0]['id']}"}, status=201)

    async def _post(self, request: web.Request) -> web.Response:
        refused = await self._taken(request)
        if refused and refused.status != SILENCE:
            return refused
        where = request.match_info["conversation"]
        message = Message(f"m-{len(self.messages) + 1}", where, self.calls[-1].body)
        self.messages.append(message)
        await self._tell()
        if refused and request.transport:
            request.transport.close()
        return web.json_response({"id": message.id}, status=201)

    async def _edit(self, request: web.Request) -> web.Response:
        if refused := await self._taken(request):
            return refused
        named = request.match_info["message"]
        found = next((m for m in self.messages if m.id == named), None)
        if found is None:
            return web.json_response({"error": {"code": "ActivityNotFound"}}, status=404)
        found.activity, found.edits = self.calls[-1].body, found.edits + 1
        await self._tell()
        return web.json_response({"id": named})

    async def _member(self, request: web.Request) -> web.Response:
        if refused := await self._taken(request):
            return refused
        found = self.members.get(request.match_info["member"])
        if found is None:
            code = "MemberNotFoundInConversation"
            return web.json_response({"error": {"code": code}}, status=404)
        return web.json_response(found)

    async def _taken(self, request: web.Request) -> web.Response | None:
        """Record the call; what it is refused with, or None."""
        raw = await request.read()
        authorization = request.headers.get("Authorization")
        body = json.loads(raw) if raw else None
        self.calls.append(Call(request.method, request.raw_path, authorization, body))
        await self._tell()
        known = authorization in {f"Bearer {token}" for token in self.tokens}
        if self.checks_tokens and not known:
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        for refusal in self.refusals:
            if refusal.method in {None, request.method} and refusal.times > 0:
                refusal.times -= 1
                error = {"error": {"code": refusal.code}} if refusal.code else {}
                return web.json_response(error, status=refusal.status, headers=refusal.headers)
        return None

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def running() -> AsyncIterator[Microsoft]:
    """Microsoft, for as long as the context lasts."""
    microsoft = Microsoft()
    async with serving(microsoft.app()) as url:
        microsoft.url = url
        yield microsoft


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port of loopback; yields its URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def deliver(
    http: httpx.AsyncClient, url: str, activity: dict[str, Any], token: str | None
) -> httpx.Response:
    """Send an activity to the bot at ``url`` as the connector does."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await http.post(f"{url}/api/messages", json=activity, headers=headers)


def _member_of_the_tenant(who: Account) -> dict[str, Any]:
    named = {"id": who.teams_id, "name": who.name, "aadObjectId": who.object_id}
    return {**named, "userPrincipalName": who.upn, "tenantId": TENANT, "userRole": "user"}


def _base64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
