"""A Neo at the other end of a wire that the test holds in its hand: no socket, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import SecretStr

from bot.app import now
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.models import NeoModel
from bot.neo.operation import Operation, Request

KEY = "neo_sk_test_222222222222222222222222"
THING = Operation("things.get", "GET", "/public-api/things/{thing}", NeoModel)
THINGS = Operation("things.list", "GET", "/public-api/things", NeoModel, many=True)
CHANGE = Operation("things.change", "POST", "/public-api/things/{thing}", NeoModel)
PUT = Operation("things.put", "PUT", "/public-api/things/{thing}", NeoModel, repeatable=True)

Reply = httpx.Response | Exception


def thing(name: str = "1") -> Request[NeoModel]:
    return Request(THING, {"thing": name})


def change(name: str = "1") -> Request[NeoModel]:
    return Request(CHANGE, {"thing": name}, body={"to": "new"})


def put(name: str = "1") -> Request[NeoModel]:
    return Request(PUT, {"thing": name}, body={"to": "new"})


def success(data: Any = None, **headers: str) -> httpx.Response:
    body = {"data": {"id": 1, "parts": []} if data is None else data, "meta": {"request_id": "r"}}
    return httpx.Response(200, json=body, headers=headers)


def refusal(status: int, *, headers: dict[str, str] | None = None, **error: Any) -> httpx.Response:
    body = {"error": {"code": "SOME_CODE", "message": "No.", **error}, "meta": {"request_id": "r"}}
    return httpx.Response(status, json=body, headers=headers)


class Wire(httpx.AsyncBaseTransport):
    """Answers as told, once the gate is open; remembers what came, and what was given up."""

    def __init__(self, answer: Callable[[httpx.Request], Reply] = lambda _: success()) -> None:
        self.answer = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.requests: list[httpx.Request] = []
        self.given_up = 0
        self._heard = asyncio.Condition()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._heard:
            self.requests.append(request)
            self._heard.notify_all()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def hears(self, times: int) -> None:
        """Wait until so many requests have come."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.requests) >= times)

    def sends(self, *answers: Reply) -> None:
        """These one after the other, the last for ever."""
        left = list(answers)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def neo(self, **options: Any) -> NeoHttp:
        """A client at this end of the wire."""
        key = options.pop("key", FixedKey(SecretStr(KEY)))
        http = httpx.AsyncClient(base_url="https://neo.example", transport=self, verify=False)  # noqa: S501 -- nothing is encrypted
        return NeoHttp(http, key, **{"clock": now, **options})


class Ticks:
    """Seconds, as a test lets them pass."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


async def settled() -> None:
    """Let everything run that can run without time or news from outside."""
    for _ in range(20):
        await asyncio.sleep(0)
