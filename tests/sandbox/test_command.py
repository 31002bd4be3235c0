"""The command: one line when ready, a clear word when it cannot, a quick end."""

import asyncio
import io
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from bot.sandbox.command import (
    DEFAULT_KEY,
    Options,
    _Keeper,
    build_world,
    read_options,
    run,
    serve,
)
from tests.sandbox.conftest import START, Clock

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from datetime import UTC, datetime
from bot.sandbox.command import main
sys.exit(main(sys.argv[1:], now=lambda: datetime.now(UTC)))
"""


def start(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- this test's own program
        [sys.executable, "-c", PROGRAM, *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_a_second_and_the_state_is_kept(
    tmp_path: Path, number: signal.Signals
) -> None:
    with start("--port", "0", "--state", str(tmp_path / "neo.json")) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.send_signal(number)
        began = time.monotonic()
        rest, complaints = process.communicate(timeout=10)

    assert re.match(r"Embedded Neo on http://127\.0\.0\.1:\d+ ", line)
    assert DEFAULT_KEY in line
    assert (process.returncode, rest, complaints) == (0, "", "")
    assert time.monotonic() - began < 1.5
    assert (tmp_path / "neo.json").exists()


async def test_a_taken_port_is_named_and_nothing_starts() -> None:
    taken = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    out, err = io.StringIO(), io.StringIO()
    async with taken:
        code = await run(["--port", str(port)], now=Clock(), stop=asyncio.Event(), out=out, err=err)

    assert code == 2
    assert f"Port {port} is taken" in err.getvalue()
    assert out.getvalue() == ""


async def test_a_damaged_state_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "neo.json").write_text("{", encoding="utf-8")
    err = io.StringIO()

    code = await run(
        ["--port", "0", "--state", str(tmp_path / "neo.json")],
        now=Clock(),
        stop=asyncio.Event(),
        out=io.StringIO(),
        err=err,
    )

    assert code == 2
    assert "Delete it" in err.getvalue()
    assert err.getvalue().count("\n") == 1


async def test_a_key_of_ones_own_shows_only_its_end() -> None:
    stop, out = asyncio.Event(), io.StringIO()
    stop.set()

    code = await run(
        ["--port", "0", "--key", "neo_sk_live_secretsecret9876"],
        now=Clock(),
        stop=stop,
        out=out,
        err=io.StringIO(),
    )

    assert code == 0
    assert "(key …9876)" in out.getvalue()
    assert "secret" not in out.getvalue()
    assert "secret" not in repr(Options(key="secret"))


async def test_what_is_served_is_the_living_world() -> None:
    clock, stop = Clock(), asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(Options(port=0, key="k"), now=clock, stop=stop, ready=ready.set_result)
    )
    url = await ready
    clock.goes_on(10)
    async with (
        ClientSession(headers={"Authorization": "Bearer k"}) as session,
        session.get(f"{url}/public-api/til-requests?status=PENDING") as response,
    ):
        pending = (await response.json())["data"]
    stop.set()
    await serving

    newest = pending[0]
    assert newest["approvers"][0]["user_name"] == "Alex Wilber"
    assert newest["created_at"] > START.isoformat()
    assert newest["requested_for"]["action"]


async def test_it_listens_on_loopback_alone_whatever_host_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104 -- not to be taken
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(Options(port=0), now=Clock(), stop=stop, ready=ready.set_result)
    )
    port = int((await ready).rpartition(":")[2])
    listens = [
        one.laddr.ip
        for one in psutil.Process().net_connections("inet")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port
    ]
    stop.set()
    await serving
    assert listens == ["127.0.0.1"]


@pytest.mark.parametrize(
    "argv",
    [
        ["--host", "0.0.0.0"],  # noqa: S104 -- refused
        ["--port", "70000"],
        ["--pace", "0"],
        ["--runs", "-1"],
        ["--pace", "often"],
    ],
)
def test_a_wrong_option_ends_with_usage(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(argv)
    assert ended.value.code == 2
    assert argv[0] in capsys.readouterr().err


def test_the_pace_can_be_switched_off() -> None:
    assert read_options(["--pace", "none"]).pace_seconds is None
    assert read_options([]).pace_seconds == 15


def test_while_it_runs_the_state_is_written_every_ten_seconds_at_most(tmp_path: Path) -> None:
    path = tmp_path / "neo.json"
    world = build_world(Options(state=path, pace_seconds=1), START)
    keeper = _Keeper(path, world)
    keeper.keep()
    before = path.read_bytes()

    world.advance(START + timedelta(seconds=9))
    keeper.keep_up()
    assert path.read_bytes() == before
    world.advance(START + timedelta(seconds=10))
    keeper.keep_up()
    assert path.read_bytes() != before
