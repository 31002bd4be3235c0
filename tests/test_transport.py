"""aiohttp's pool under httpx: what comes over a real socket, and what is said when it breaks."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.app import neo_client, now
from bot.errors import NeoUnintelligible
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.options import Options
from bot.settings import Settings
from bot.transport import LARGEST_BYTES, AiohttpTransport, TooLarge
from tests.neo.wire import thing

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SOON = httpx.Timeout(5.0, read=0.2)


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """The address of what answers each connection so."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with (
        listening(serve) as url,
        neo_client(Settings.model_construct(neo_api_url=url)) as client,
    ):
        client.timeout = SOON
        yield client


async def _head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_request_arrives_as_httpx_built_it_and_the_answer_as_it_was_sent() -> None:
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await _head(reader) + await reader.readexactly(12))
        body = gzip.compress(b'{"data": 1}')
        writer.write(
            b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nX-RateLimit-Remaining: 7\r\n"
            b"Set-Cookie: a=b\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )
        came.append(await _head(reader))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    async with served(serve) as client:
        first = await client.post(
            "/a%2Fb", params={"q": "x y"}, json={"to": "new"}, headers={"Authorization": "Bearer k"}
        )
        second = await client.get("/next")
    assert (first.status_code, first.json()) == (201, {"data": 1})
    assert first.headers["x-ratelimit-remaining"] == "7"
    assert second.status_code == 302, "no redirect is followed"
    head = came[0].decode().lower()
    assert head.startswith("post /a%2fb?q=x+y http/1.1\r\n")
    assert head.endswith('\r\n\r\n{"to":"new"}')
    for header in ("authorization: bearer k", "content-type: application/json", "user-agent: "):
        assert head.count(header) == 1
    assert b"a=b" not in came[1], "no cookie is kept"


async def _never_answers(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hangs_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await _head(reader)


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    writer.transport.abort()


async def _talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    writer.write(b"220 mail.example ESMTP\r\n\r\n")


async def _stops_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


async def _stalls_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _stops_halfway(reader, writer)
    await reader.read()


@pytest.mark.parametrize(
    "serve",
    [_never_answers, _hangs_up, _resets, _talks_nonsense, _stops_halfway, _stalls_halfway],
    ids=lambda serve: serve.__name__.strip("_"),
)
async def test_what_breaks_after_it_was_sent_never_counts_as_never_sent(serve: Serve) -> None:
    async with served(serve) as client:
        with pytest.raises(httpx.TransportError) as raised:
            await client.post("/decision", json={}, headers={"Authorization": "Bearer secret-key"})
    assert not isinstance(raised.value, httpx.ConnectError | httpx.ConnectTimeout)
    assert isinstance(raised.value, httpx.TimeoutException) == (
        serve in {_never_answers, _stalls_halfway}
    )
    assert "secret-key" not in repr(raised.value)


async def test_a_decision_is_sent_once_on_a_connection_that_was_just_closed() -> None:
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await _head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        came.append(await _head(reader))

    async with served(serve) as client:
        await client.get("/first")
        with pytest.raises(httpx.ReadError):
            await client.post("/decision")
    assert [one.split()[0] for one in came] == [b"GET", b"POST"]


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with listening(_hangs_up) as url:
        pass
    async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_stream_is_read_piece_by_piece_and_closed_when_left() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
        await reader.read()
        left.set()

    async with served(serve) as client:
        async with client.stream("GET", "/events") as response:
            pieces = response.aiter_bytes()
            assert await anext(pieces) == b"data: one\n\n"
            await pieces.aclose()  # type: ignore[attr-defined]  # a generator, as httpx makes it
        await asyncio.wait_for(left.wait(), 5)


async def test_a_hundred_calls_at_once_are_under_way_at_once() -> None:
    everybody = asyncio.Barrier(100)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        await everybody.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with (
        listening(serve) as url,
        neo_client(Settings.model_construct(neo_api_url=url)) as client,
        asyncio.timeout(10),
    ):
        answers = await asyncio.gather(*(client.get("/") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}


async def _answered_empty(came: list[bytes], reader: asyncio.StreamReader) -> bytes:
    came.append(await _head(reader))
    return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_the_environments_proxy_is_used_and_what_it_excepts_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxied: list[bytes] = []
    direct: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await _answered_empty(proxied, reader))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await _answered_empty(direct, reader))

    async with listening(proxy) as way, listening(serve) as url:
        monkeypatch.setenv("http_proxy", way.replace("http://", "http://neo:pass%40word@"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as client:
            await client.get("http://neo.example/page")
            await client.get(f"{url}/page")
    assert proxied[0].startswith(b"GET http://neo.example/page HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bmVvOnBhc3NAd29yZA==" in proxied[0], "neo:pass@word"
    assert direct[0].startswith(b"GET /page HTTP/1.1\r\n")


async def test_a_password_file_of_the_account_does_not_stand_in_the_way_of_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passwords = tmp_path / "netrc"
    passwords.write_text("machine 127.0.0.1 login somebody password else\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("NETRC", str(passwords))
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await _answered_empty(came, reader))

    async with served(serve) as client:
        answer = await client.get("/page", headers={"Authorization": "Bearer key"})
    assert answer.status_code == httpx.codes.OK
    assert came[0].lower().count(b"authorization:") == 1
    assert b"Bearer key" in came[0]


async def _promises_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    await _pours(writer, b" " * 65_536)


async def _never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _pours(writer, b"10000\r\n" + b" " * 65_536 + b"\r\n")


async def _bursts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _head(reader)
    bomb = gzip.compress(bytes(2 * LARGEST_BYTES), 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(bomb) + bomb)
    await reader.read()


async def _pours(writer: asyncio.StreamWriter, piece: bytes) -> None:
    with suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()


TOO_LARGE = pytest.mark.parametrize(
    "serve", [_promises_much, _never_ends, _bursts], ids=lambda serve: serve.__name__.strip("_")
)


@TOO_LARGE
async def test_no_answer_is_read_beyond_what_makes_sense(serve: Serve) -> None:
    async with served(serve) as client, asyncio.timeout(20):
        with pytest.raises(TooLarge):
            await client.get("/page")


@TOO_LARGE
async def test_neos_too_large_answer_is_none_of_neos_and_is_not_asked_for_again(
    serve: Serve,
) -> None:
    asked: list[str] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("once")
        await serve(reader, writer)

    async with served(counted) as client:
        neo = NeoHttp(client, FixedKey(SecretStr("neo_sk_test")), clock=now)
        with pytest.raises(NeoUnintelligible) as raised:
            await neo.call(thing(), Options(within_seconds=20))
    assert raised.value.status == 200
    assert asked == ["once"]


async def test_an_answer_of_the_largest_size_is_read() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGEST_BYTES)
        writer.write(bytes(LARGEST_BYTES))
        await writer.drain()

    async with served(serve) as client:
        assert len((await client.get("/page")).content) == LARGEST_BYTES


async def test_a_packing_that_is_not_known_is_no_answer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        packed = gzip.compress(gzip.compress(b'{"data": 1}'))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(packed) + packed)
        await writer.drain()

    async with served(serve) as client:
        assert (await client.get("/page")).content.startswith(b"\x1f\x8b")
