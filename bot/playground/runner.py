"""Starts Microsoft's Agents Playground in front of a bot, and stops it for certain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from bot.errors import ConfigurationError
from bot.node import Node, find_node, npm_ci

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from bot.playground.scene import Scene

_HERE = Path(__file__).resolve().parent
_CLI = Path("node_modules", "@microsoft", "m365agentsplayground", "cli.js")
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_TAIL_CHARACTERS = 4_000
_LISTENING = re.compile(r"Listening on (\d+)")


class Playground:
    """The Playground as an async context manager: running inside, stopped afterwards.

    It answers on loopback alone. It ends with this process even if that is killed: its standard
    input is a pipe held by us, and `loopback.cjs` ends it when the pipe closes. Leaving the
    context closes the pipe, then asks (SIGTERM), then kills, each after a bound. It has a process
    group of its own, so that Ctrl-C reaches us first and things end in order.

    Args:
        scene: Tenant, people and conversations to show.
        bot_endpoint: The bot's ``/api/messages``, e.g. ``http://127.0.0.1:3978/api/messages``.
        folder: Where npm installs it; ignored by git.
        port: The port of its page; 0 finds a free one.
        say: Told in one line what is done, where it takes a while.
        node: Which Node.js; found by `find_node` by default.

    Attributes:
        url: Of the page, once running, e.g. ``http://127.0.0.1:56150``.
        connector_url: The service URL that its activities carry.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        bot_endpoint: str,
        folder: Path,
        port: int = 0,
        say: Callable[[str], None],
        node: Node | None = None,
    ) -> None:
        self._scene = scene
        self._bot_endpoint = bot_endpoint
        self._folder = folder
        self._port = port
        self._say = say
        self._node = node
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tail = ""
        self._work = tempfile.TemporaryDirectory(prefix="playground-", ignore_cleanup_errors=True)
        self._log = Path(self._work.name, "playground.log")
        self.url = ""

    @property
    def connector_url(self) -> str:
        """The service URL that its activities carry."""
        return f"{self.url.replace('127.0.0.1', 'localhost')}/_connector"

    async def __aenter__(self) -> Self:
        """Install if need be, start, and wait until the page answers.

        Raises:
            ConfigurationError: Node.js or the Playground cannot be had, the port is taken, or it
                did not start; the message says which, with its last words.
        """
        try:
            node = self._node
            if node is None:
                node = await asyncio.to_thread(find_node, say=self._say)
            await asyncio.to_thread(npm_ci, node, _HERE, self._folder, say=self._say)
            await self._start(node)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def wait(self) -> int:
        """Until it ends by itself; its exit status."""
        if self._process is None:
            raise RuntimeError("The Playground is not running.")
        return await self._process.wait()

    async def _start(self, node: Node) -> None:
        work = Path(self._work.name)
        config = work / ".m365agentsplayground.yml"
        config.write_text(json.dumps(self._scene.as_config(), indent=2), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *node.node,
            "--require",
            str(_HERE / "loopback.cjs"),
            str((self._folder / _CLI).resolve()),
            *("start", "-e", self._bot_endpoint, "-c", "msteams", "-p", str(self._port), "--dt"),
            cwd=work,
            env=os.environ
            | {
                "BROWSER": "none",
                "TEAMSAPPTESTER_BROWSER": "none",  # the one that this version reads
                "APPLICATION_INSIGHTS_NO_STATSBEAT": "1",
                "M365_AGENTS_PLAYGROUND_LOGFILE": str(self._log),
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
        )
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(self._process, listening))
        try:
            port = await asyncio.wait_for(listening, _START_SECONDS)
        except TimeoutError as error:
            raise self._failed(f"said nothing for {_START_SECONDS:.0f} s") from error
        if self._port and port != self._port:
            raise ConfigurationError(
                f"Port {self._port} is taken, so the Playground cannot use it. End what listens "
                "there, or choose another port."
            )
        self.url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_START_SECONDS) as client:
                page = await client.get(self.url)
        except httpx.HTTPError as error:
            # It reads its configuration after it listens, and ends where that is wrong.
            await asyncio.wait({self._reader}, timeout=_STOP_SECONDS)
            raise self._failed("does not answer") from error
        if page.status_code != httpx.codes.OK:
            raise self._failed(f"answered {page.status_code} at {self.url}")

    async def _read(
        self, process: asyncio.subprocess.Process, listening: asyncio.Future[int]
    ) -> None:
        """Drain its output, for a full pipe would stop it; keep the end for error messages."""
        stdout = process.stdout
        while stdout is not None and (piece := await stdout.read(65_536)):
            self._tail = (self._tail + piece.decode("utf-8", "replace"))[-_TAIL_CHARACTERS:]
            if not listening.done() and (found := _LISTENING.search(self._tail)):
                listening.set_result(int(found[1]))
        if not listening.done():
            listening.set_exception(self._failed("ended before it listened"))

    def _failed(self, what: str) -> ConfigurationError:
        # Once it runs, it writes into its log what it would have printed.
        log = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        words = f"{self._tail}{log[-_TAIL_CHARACTERS:]}".strip()
        return ConfigurationError(f"The Playground {what}. Its last words:\n{words}")

    async def _stop(self) -> None:
        process = self._process
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            for harder in (process.terminate, lambda: _kill_group(process)):
                try:
                    await asyncio.wait_for(process.wait(), _STOP_SECONDS)
                    break
                except TimeoutError:
                    with contextlib.suppress(ProcessLookupError):  # it went just now
                        harder()
            await process.wait()
        if self._reader is not None:
            await self._reader
        self._work.cleanup()


def _kill_group(process: asyncio.subprocess.Process) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
