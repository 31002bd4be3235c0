"""Who connects and says nothing, or says it slowly, keeps nobody else from being answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from bot.teams.listener import Listener
from tests.teams.conftest import Door
from tests.teams.fortress import Reply, reply, request

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class House:
    """A listener on a free port, with a route that answers at once and one that waits."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.port = 0
        self._open: list[asyncio.StreamWriter] = []

    async def connects(self, sends: bytes = b"") -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._open.append(writer)
        writer.write(sends)
        return reader, writer

    async def asks(self, path: str = "/") -> Reply:
        reader, _ = await self.connects(request("GET", path))
        return await reply(reader)

    async def _waits(self, _: web.Request) -> web.Response:
        await self.door.through()
        return web.Response(text="through")

    async def _answers(self, _: web.Request) -> web.Response:
        return web.Response(text="here")

    async def _echoes(self, request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    @asynccontextmanager
    async def open(self, **limits: float) -> AsyncIterator[House]:
        app = web.Application()
        app.router.add_get("/", self._answers)
        app.router.add_get("/waits", self._waits)
        app.router.add_post("/", self._echoes)
        listener = Listener(app, drain_seconds=1, **limits)  # type: ignore[arg-type]
        await listener.setup()
        try:
            await web.TCPSite(listener, "127.0.0.1", 0).start()
            self.port = listener.addresses[0][1]
            async with asyncio.timeout(20):
                yield self
        finally:
            for writer in self._open:
                writer.close()
            await listener.cleanup()


@pytest.fixture
def house(door: Door) -> House:
    return House(door)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: bot\r\nX-Slow: "])
async def test_a_head_that_does_not_arrive_is_not_waited_for(house: House, said: bytes) -> None:
    async with house.open(head_seconds=0.1):
        reader, _ = await house.connects(said)
        assert await reader.read() == b""


async def test_each_byte_of_a_head_buys_no_time(house: House) -> None:
    async with house.open(head_seconds=0.1):
        reader, writer = await house.connects(b"GET / HTTP/1.1\r\nX-Slow: ")

        async def drips() -> None:
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drips())
        try:
            with suppress(ConnectionResetError):  # how it closes while more is coming
                assert await reader.read() == b""
        finally:
            dripping.cancel()


async def test_after_an_answer_the_next_head_has_its_time_too(house: House) -> None:
    async with house.open(head_seconds=0.1):
        reader, writer = await house.connects(b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n")
        assert (await reply(reader, to_the_end=False)).status == 200
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.read() == b""


async def test_a_request_that_is_being_answered_is_not_cut_off(house: House) -> None:
    async with house.open(head_seconds=0.01, most_idle=1):
        reader, _ = await house.connects(request("GET", "/waits"))
        await house.door.entered.wait()
        for _ in range(5):
            idle, _ = await house.connects()
            assert await idle.read() == b""  # its time is over, and so is the other's
        house.door.opened.set()
        assert (await reply(reader)).body == b"through"


async def test_the_oldest_idle_connection_gives_way_to_a_new_one(house: House) -> None:
    async with house.open(most_idle=3):
        idle = [await house.connects(b"GET / HT") for _ in range(3)]
        assert (await house.asks()).body == b"here"
        assert await idle[0][0].read() == b""
        idle[1][1].write(b"TP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
        assert (await reply(idle[1][0])).body == b"here"


async def test_what_is_compressed_is_not_unpacked(house: House) -> None:
    async with house.open():
        reader, _ = await house.connects(
            request("POST", "/", ("Content-Encoding", "gzip"), ("Content-Length", "4")) + b"none"
        )
        assert (await reply(reader)).body == b"none"
