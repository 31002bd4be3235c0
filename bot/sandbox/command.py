"""The command `python -m bot sandbox`: the embedded Neo alone, on this machine only."""

import argparse
import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO
from uuid import UUID, uuid4

from aiohttp import web

from bot.sandbox.library import read_library
from bot.sandbox.planner import Person
from bot.sandbox.server import Server
from bot.sandbox.state import StateError, anchor_of, restore, save
from bot.sandbox.world import PLAYGROUND_PEOPLE, World

DEFAULT_KEY = "neo_sk_dev_000000000000000000000000"
DEFAULT_ADMIN_TOKEN = "dashboard-admin-000000000000000000000000"  # noqa: S105 -- of invented data
DEFAULT_PORT = 8710
DEFAULT_PACE_SECONDS = 15.0
DEFAULT_RUNS = 400

_HOST = "127.0.0.1"
_TICK_SECONDS = 1
_KEPT_FOR = timedelta(seconds=10)
_CANNOT_START = 2


class SandboxError(Exception):
    """The embedded Neo cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Options:
    """How the embedded Neo is run; ``port`` 0 takes any free one. No repr: it holds secrets."""

    port: int = DEFAULT_PORT
    seed: int = 1
    key: str = DEFAULT_KEY
    admin_token: str = DEFAULT_ADMIN_TOKEN
    runs: int = DEFAULT_RUNS
    pace_seconds: float | None = DEFAULT_PACE_SECONDS
    state: Path | None = None
    people: Sequence[Person] = PLAYGROUND_PEOPLE


def build_world(options: Options, now: datetime) -> World:
    """A new world, or the saved one where there is a state file.

    Raises:
        StateError: the state file cannot be used.
    """
    anchor = anchor_of(options.state) if options.state else None
    world = World(
        library=read_library(),
        seed=options.seed,
        runs=options.runs,
        anchor=anchor or now,
        people=options.people,
        pace_seconds=options.pace_seconds,
    )
    if options.state:
        restore(options.state, world, now)
    world.advance(now)
    return world


async def serve(
    options: Options,
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    ready: Callable[[str], None],
    new_id: Callable[[], UUID] = uuid4,
) -> None:
    """Serve until ``stop`` is set; ``ready`` gets the URL once requests are accepted.

    Raises:
        StateError: the state file cannot be used.
        SandboxError: the port is taken, or the state cannot be written.
    """
    world = build_world(options, now())
    server = Server(world, key=options.key, admin_token=options.admin_token, now=now, new_id=new_id)
    runner = web.AppRunner(server.application(), shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, options.port)
        keeper = _Keeper(options.state, world)
        keeper.keep()
        ready(f"http://{_HOST}:{runner.addresses[0][1]}")
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _TICK_SECONDS)
            world.advance(now())
            keeper.keep_up()
    finally:
        await runner.cleanup()
    # A decision can still have come in while connections were closing.
    keeper.keep()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} is taken. End what uses it, or choose another with --port."
        else:
            message = f"Port {port} cannot be opened ({error.strerror}). Choose another: --port."
        raise SandboxError(message) from error


class _Keeper:
    """Writes the state when something changed since the last time: while it runs, now and then."""

    def __init__(self, path: Path | None, world: World) -> None:
        self._path = path
        self._world = world
        self._kept: int | None = None
        self._kept_at = world.now

    def keep_up(self) -> None:
        """Write it if the last time is long enough ago: a long life is a large file."""
        if self._world.now - self._kept_at >= _KEPT_FOR:
            self.keep()

    def keep(self) -> None:
        if self._path is None or self._kept == self._world.changes:
            return
        try:
            save(self._path, self._world)
        except OSError as error:
            raise SandboxError(
                f"The state file {self._path} cannot be written ({error.strerror}). "
                "Choose another place with --state."
            ) from error
        self._kept, self._kept_at = self._world.changes, self._world.now


def read_options(argv: Sequence[str]) -> Options:
    """Read the command line; ends the process with usage on a wrong one, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="python -m bot sandbox",
        description="Serve an embedded Neo with invented agents, runs and approvals.",
    )
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="the same seed tells the same story")
    parser.add_argument("--key", default=DEFAULT_KEY, help="the API key to accept")
    parser.add_argument(
        "--admin-token",
        default=DEFAULT_ADMIN_TOKEN,
        help="the token of the dashboard's admin, who alone makes keys",
    )
    parser.add_argument("--runs", type=_count, default=DEFAULT_RUNS, help="runs in the past")
    parser.add_argument(
        "--pace",
        type=_pace,
        default=DEFAULT_PACE_SECONDS,
        metavar="SECONDS",
        help="between new runs, on average (default %(default)s); 'none': nothing by itself",
    )
    parser.add_argument("--state", type=Path, help="file that keeps what happened")
    given = parser.parse_args(argv)
    return Options(
        port=given.port,
        seed=given.seed,
        key=given.key,
        admin_token=given.admin_token,
        runs=given.runs,
        pace_seconds=given.pace,
        state=given.state,
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65_536):  # noqa: PLR2004 -- TCP has 16 bits
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return int(text)


def _pace(text: str) -> float | None:
    if text == "none":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0.05 <= seconds < float("inf"):  # noqa: PLR2004 -- faster would only burn the machine
        raise argparse.ArgumentTypeError("seconds, at least 0.05, or 'none'")
    return seconds


async def run(
    argv: Sequence[str],
    *,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    out: TextIO,
    err: TextIO,
) -> int:
    """Run the command until ``stop`` is set or SIGINT or SIGTERM arrives; the exit code."""
    options = read_options(argv)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stop.set)

    def ready(url: str) -> None:
        shown = options.key if options.key == DEFAULT_KEY else f"…{options.key[-4:]}"
        out.write(f"Embedded Neo on {url} (key {shown})\n")
        out.flush()

    try:
        await serve(options, now=now, stop=stop, ready=ready)
    except (StateError, SandboxError) as error:
        err.write(f"{error}\n")
        return _CANNOT_START
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
    return 0


def main(argv: Sequence[str], *, now: Callable[[], datetime]) -> int:
    """Run the command in a loop of its own; the exit code (2: could not start)."""

    async def until_signalled() -> int:
        return await run(argv, now=now, stop=asyncio.Event(), out=sys.stdout, err=sys.stderr)

    try:
        return asyncio.run(until_signalled())
    except KeyboardInterrupt:
        return 0
