"""A key is a secret in an Azure Key Vault: Azure's own client, against a vault on this machine."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot import logs
from bot.errors import ConfigurationError
from bot.neo.keys import KeyRing
from bot.neo.vault import VaultKey, vault_client
from bot.tenants import VaultSecret
from tests.workplace import Clock

FIRST, SECOND = "neo_sk_test_first", "neo_sk_test_second"
HOST = "northwind.vault.azure.net"
NAME = "TENANTS_FILE, Northwind IT"


async def settled(key: VaultKey) -> None:
    """Wait for what is being read meanwhile."""
    if key._reading is not None:
        await asyncio.wait({key._reading})


async def used(key: VaultKey) -> str:
    return (await key.current()).get_secret_value()


class StaticToken:
    """Somebody whom Azure knows, or not."""

    known = True

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if not self.known:
            raise ClientAuthenticationError("hush: no identity here")
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken("token-of-this-service", 4_000_000_000)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@dataclass
class Vault:
    """A key vault on this machine, over TLS, as Azure's client insists."""

    secrets: dict[str, str] = field(default_factory=lambda: {"neo-key": FIRST})
    asked: list[str] = field(default_factory=list)
    before: Callable[[], Awaitable[web.Response | None]] | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer token-of-this-service":
            challenge = (
                'Bearer authorization="https://login.microsoftonline.com/northwind",'
                ' resource="https://vault.azure.net"'
            )
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        name = "/".join(request.path.split("/")[2:]).rstrip("/")
        self.asked.append(name)
        if self.before is not None and (instead := await self.before()) is not None:
            return instead
        if name not in self.secrets:
            return fails(404, "SecretNotFound")
        identity = f"https://{HOST}/secrets/{name}"
        return web.json_response({"id": identity, "value": self.secrets[name], "attributes": {}})


def fails(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": "hush"}}, status=status)


class ToThisMachine(AbstractResolver):
    """Finds every host here, on one port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self._port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None: ...


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the vault, with its private key; it vouches for itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(private, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("vault") / "vault.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        made.public_bytes(pem)
        + private.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


Connect = Callable[..., VaultKey]


@asynccontextmanager
async def serving(vault: Vault, certificate: Path) -> AsyncIterator[int]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_get("/{path:.*}", vault.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def token() -> StaticToken:
    return StaticToken()


@pytest.fixture
async def connect(
    vault: Vault, token: StaticToken, certificate: Path, clock: Clock
) -> AsyncIterator[Connect]:
    """Makes a key that is kept in the vault; Azure's own client asks for it."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(vault, certificate))
        # The session is closed by the client's transport.
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=ToThisMachine(port)), auto_decompress=False
        )
        client = vault_client(
            HOST,
            token,
            transport=AioHttpTransport(session=session, connection_verify=str(certificate)),
            retry_backoff_factor=0,
        )
        await stack.enter_async_context(client)

        def key(*, version: str | None = None) -> VaultKey:
            where = VaultSecret(HOST, "neo-key", version)
            made = VaultKey(
                client, where, name=NAME, ring=KeyRing(), elapsed=lambda: clock().timestamp()
            )
            stack.push_async_callback(made.close)
            return made

        yield key


async def test_a_vault_gives_the_newest_version_or_the_one_that_is_named(
    connect: Connect, vault: Vault
) -> None:
    vault.secrets["neo-key/1a2b"] = SECOND
    assert await used(connect()) == FIRST
    assert await used(connect(version="1a2b")) == SECOND


async def test_a_key_that_was_rotated_in_the_vault_is_taken(
    connect: Connect, vault: Vault, clock: Clock
) -> None:
    key = connect()
    refused = await key.current()
    vault.secrets["neo-key"] = SECOND
    clock.goes_on(minutes=9, seconds=59)
    assert await key.current() == refused
    assert vault.asked == ["neo-key"]
    clock.goes_on(seconds=1)
    await key.current()
    await settled(key)
    assert await used(key) == SECOND
    assert vault.asked == ["neo-key"] * 2


async def test_a_key_that_was_rotated_and_is_refused_is_taken_at_once(
    connect: Connect, vault: Vault
) -> None:
    key = connect()
    refused = await key.current()
    vault.secrets["neo-key"] = SECOND
    found = await asyncio.gather(*(key.renewed(refused) for _ in range(8)))
    assert set(found) == {SecretStr(SECOND)}
    assert vault.asked == ["neo-key"] * 2


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "Forbidden", "Key Vault Secrets User"),
        (404, "SecretNotFound", "has no such secret"),
        (400, "BadParameter", "answered 400"),
        (503, "Down", "answered 503"),
    ],
)
async def test_what_a_vault_refuses_is_explained_and_its_words_are_not_repeated(
    connect: Connect, vault: Vault, status: int, code: str, said: str
) -> None:
    async def refuse() -> web.Response:
        return fails(status, code)

    vault.before = refuse
    with pytest.raises(ConfigurationError, match=said) as caught:
        await connect().current()
    told = str(caught.value)
    assert f"{NAME}: the key in {HOST}, secret neo-key cannot be used" in told
    assert "hush" not in told
    assert caught.value.__cause__ is None


async def test_who_is_nobody_to_azure_is_told_how_to_become_somebody(
    connect: Connect, token: StaticToken
) -> None:
    token.known = False
    with pytest.raises(ConfigurationError, match="managed identity") as caught:
        await connect().current()
    assert "hush" not in str(caught.value)


async def test_a_vault_that_is_not_there_is_not_waited_for(
    token: StaticToken, clock: Clock, unused: int
) -> None:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=ToThisMachine(unused)), auto_decompress=False
    )
    transport = AioHttpTransport(session=session)
    async with vault_client(HOST, token, transport=transport, retry_backoff_factor=0) as client:
        key = VaultKey(
            client,
            VaultSecret(HOST, "neo-key"),
            name=NAME,
            ring=KeyRing(),
            elapsed=lambda: clock().timestamp(),
        )
        with pytest.raises(ConfigurationError, match=r"cannot be reached \(ServiceRequestError\)"):
            await key.current()


@pytest.fixture
def unused() -> Iterator[int]:
    """A port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_a_vault_in_trouble_leaves_the_key_that_is_known(
    connect: Connect, vault: Vault, clock: Clock
) -> None:
    key = connect()
    known = await key.current()
    key._within_seconds = 0.2
    never = asyncio.Event()

    async def hold() -> web.Response | None:
        await never.wait()
        return None

    vault.before = hold
    clock.goes_on(minutes=10)
    with capture_logs() as lines:
        assert await key.current() == known
        await settled(key)
        assert await key.renewed(known) is None  # it has just been tried
    assert "did not answer in time" in lines[0]["reason"]
    assert len(lines) == 1
    never.set()
    vault.before = None
    vault.secrets["neo-key"] = SECOND
    key._within_seconds = 10.0
    clock.goes_on(seconds=5)
    assert await key.renewed(known) == SecretStr(SECOND)


async def test_azures_own_lines_hold_no_secret_and_no_address(connect: Connect) -> None:
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    printed = io.StringIO()
    try:
        logs.set_up("debug", "json", stream=printed)
        assert await used(connect()) == FIRST
    finally:
        structlog.configure(**config)
        root.handlers, root.level = handlers, level
    for hidden in (FIRST, "token-of-this-service", "/secrets/"):
        assert hidden not in printed.getvalue()
