"""Processes beside the one that measures, asked over a pipe."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

Ask = Callable[..., Awaitable[Any]]


class NotMeasuredError(Exception):
    """Something did not happen as it must; figures would mean nothing."""


async def does(pipe: Connection, work: Mapping[str, Ask]) -> None:
    """Do what the parent asks for, until it closes the pipe."""
    with suppress(EOFError):
        while True:
            name, args = await asyncio.to_thread(pipe.recv)
            pipe.send(await work[name](*args))


@asynccontextmanager
async def beside(child: Callable[[Connection], Any]) -> AsyncIterator[Ask]:
    """A process beside this one, and how it is asked, one thing at a time."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(child, theirs))
    process.start()
    theirs.close()

    async def ask(name: str, *args: object) -> Any:
        mine.send((name, args))
        return await asyncio.to_thread(mine.recv)

    try:
        yield ask
    finally:
        mine.close()
        await asyncio.to_thread(process.join)


def _run(child: Callable[[Connection], Any], pipe: Connection) -> None:
    asyncio.run(child(pipe))
