"""The demo as a whole: one at a time, and a part that ends is named."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot import settings as all_settings
from bot.demo import demo
from bot.errors import ConfigurationError

pytestmark = pytest.mark.long

_HOLD = """
import sys, fasteners
with fasteners.InterProcessLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


async def _demo(data_dir: Path, opened: asyncio.Event, stop: asyncio.Event) -> int:
    """The demo; ``opened`` is set once it names its URL."""

    def say(line: str) -> None:
        if "Open http" in line:
            opened.set()

    # Whatever address is set, the demo is for this machine.
    settings = all_settings.load(_env_file=None, data_dir=data_dir, host="0.0.0.0")  # noqa: S104
    return await demo(settings, stop, port=0, seed=1, pace=60.0, say=say)


async def test_a_second_demo_in_the_same_folder_is_refused(data_dir: Path) -> None:
    (data_dir / "demo").mkdir()
    first = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _HOLD,
        str(data_dir / "demo" / "running.lock"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdin is not None
    assert first.stdout is not None
    assert await first.stdout.readline() == b"held\n"
    with pytest.raises(ConfigurationError, match="already"):
        await _demo(data_dir, asyncio.Event(), asyncio.Event())
    first.stdin.close()
    assert await asyncio.wait_for(first.wait(), 10) == 0


async def test_a_playground_that_ends_by_itself_ends_the_demo_and_is_named(data_dir: Path) -> None:
    opened = asyncio.Event()
    running = asyncio.create_task(_demo(data_dir, opened, asyncio.Event()))
    await asyncio.wait_for(opened.wait(), 120)
    mine = psutil.Process().children()
    playground = next(p for p in mine if any("cli.js" in word for word in p.cmdline()))
    playground.kill()
    with pytest.raises(ConfigurationError, match="Playground ended by itself"):
        await asyncio.wait_for(running, 30)


def _listens(process: psutil.Process) -> list[str]:
    """The addresses on which a process listens."""
    found = process.net_connections("inet")
    return [one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN]


async def test_all_of_the_demo_listens_on_loopback_alone(data_dir: Path) -> None:
    opened, stop = asyncio.Event(), asyncio.Event()
    me = psutil.Process()
    before = {one.laddr for one in me.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    running = asyncio.create_task(_demo(data_dir, opened, stop))
    await asyncio.wait_for(opened.wait(), 120)
    mine = [
        one.laddr.ip
        for one in me.net_connections("inet")
        if one.status == psutil.CONN_LISTEN and one.laddr not in before
    ]
    others = [ip for child in me.children(recursive=True) for ip in _listens(child)]
    stop.set()
    assert await asyncio.wait_for(running, 30) == 0
    assert mine == ["127.0.0.1"] * 2, "the embedded Neo and the bot"
    assert others == ["127.0.0.1"], "the Playground; the database listens on a socket file"


async def test_a_demo_that_is_told_to_stop_leaves_nothing_running(data_dir: Path) -> None:
    stop = asyncio.Event()
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    assert await asyncio.wait_for(_demo(data_dir, stop, stop), 120) == 0
    after = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert [p.cmdline() for p in after if p.is_running() and p.status() != "zombie"] == []
