"""What lies between the bot and Neo, and what can happen to a process at any moment."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime
from types import coroutine
from typing import Any, Literal, TypeVar

import httpx

Loss = Literal["before", "after", "late"]
"""Neo never got the decision; it took it and its answer was lost; it gets it after a while."""

_DECISION = re.compile(r"/til-requests/(\d+)/decision$")
Done = TypeVar("Done")


@dataclass
class Sent:
    """A decision that left the bot; ``status`` is what Neo answered, None if nothing.

    ``late``: meanwhile, other things may have happened.
    """

    approval: str
    action: str
    note: str
    at: datetime
    status: int | None = None
    late: bool = False


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Carries requests to Neo, loses one decision where it is told to, and keeps count.

    A decision that is on its way arrives, whatever becomes of the process that sent it.
    """

    clock: Callable[[], datetime]
    inner: httpx.AsyncBaseTransport = field(default_factory=httpx.AsyncHTTPTransport)
    loses: Loss | None = None
    sent: list[Sent] = field(default_factory=list)
    late: list[tuple[httpx.Request, Sent]] = field(default_factory=list)
    together: list[str] = field(default_factory=list)
    """Approvals of which two decisions were on their way at one time."""
    is_written: Callable[[Sent], Awaitable[bool]] | None = None
    """Whether the ledger says that this was sent, and the claim with it; None: nobody knows."""
    unwritten: list[Sent] = field(default_factory=list)
    """What reached Neo before that: had the bot died then, nobody would know of it."""
    _under_way: dict[str, asyncio.Task[httpx.Response]] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        decision = _DECISION.search(request.url.path)
        if decision is None:
            return await self.inner.handle_async_request(request)
        number, body = decision[1], json.loads(request.content)
        sent = Sent(number, body["action"], body.get("note", ""), self.clock())
        self.sent.append(sent)
        loses, self.loses = self.loses, None
        if loses == "before":
            raise httpx.ReadError("the connection broke", request=request)
        if loses == "late":
            sent.late = True
            self.late.append((request, sent))
            raise httpx.ReadTimeout("no answer", request=request)
        response = await self._deliver(request, sent)
        if loses == "after":
            raise httpx.ReadError("the connection broke", request=request)
        return response

    async def _deliver(self, request: httpx.Request, sent: Sent) -> httpx.Response:
        if sent.approval in self._under_way:
            self.together.append(sent.approval)
        task = asyncio.create_task(self._carry(request, sent))
        self._under_way[sent.approval] = task
        return await asyncio.shield(task)

    async def _carry(self, request: httpx.Request, sent: Sent) -> httpx.Response:
        try:
            if self.is_written is not None and not await self.is_written(sent):
                self.unwritten.append(sent)
            response = await self.inner.handle_async_request(request)
            sent.status = response.status_code
            # The bot may be gone; what it does not read is still taken off the connection.
            content = await response.aread()
            await response.aclose()
            kept = [(k, v) for k, v in response.headers.raw if k.lower() != b"content-encoding"]
            return httpx.Response(response.status_code, headers=kept, content=content)
        finally:
            self._under_way.pop(sent.approval, None)

    async def arrives_late(self) -> list[Sent]:
        """Let what was late reach Neo now."""
        late, self.late = self.late, []
        for request, sent in late:
            await self._deliver(request, sent)
        return [sent for _, sent in late]

    async def quietens(self) -> None:
        """Wait for what is still under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    async def aclose(self) -> None:
        await self.inner.aclose()


@coroutine
def dying(work: Coroutine[Any, Any, Done], after: int) -> Generator[Any, Any, Done]:
    """Do the work, but cut it off at the wait that follows so many others."""
    waits = 0
    resume: Callable[[], Any] = lambda: work.send(None)  # noqa: E731 -- one of two ways to go on
    while True:
        try:
            waited_for = resume()
        except StopIteration as done:
            result: Done = done.value
            return result
        waits += 1
        task = asyncio.current_task()
        if waits == after + 1 and task is not None:
            task.cancel()
        try:
            yield waited_for
        except BaseException as error:  # noqa: BLE001 -- it is for the work to handle
            resume = _throwing(work, error)
        else:
            resume = lambda: work.send(None)  # noqa: E731 -- see above


def _throwing(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)
