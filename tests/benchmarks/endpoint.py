"""The endpoint beside a bare aiohttp handler: how many messages a second, and how long each waits.

Run by ``make bench``. wrk sends signed messages over 16 connections, in turns to the bare handler
(`tests.benchmarks.bare`) and to ``python -m bot run``, which answers each with its help card;
everything is on: PostgreSQL, tenants, repeats, jobs, logs, metrics. With ``--turns N`` the bot
alone is sent that many, and what it holds and how fast it is are printed along the way. Ends with
0 whether the goals are met or not, and with 1 if a message was refused or not answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.app import now
from bot.sandbox.embedded import EmbeddedNeo
from bot.store.database import private_postgresql
from tests.app.service import REPOSITORY, settings_for
from tests.benchmarks.beside import NotMeasuredError
from tests.microsoft import APP_ID, ISSUER, Account, Microsoft, running, signing_key

GOAL_SPEED, GOAL_P99 = 0.5, 2.0
CONNECTIONS, PEOPLE = 16, 200
WARM_UP_SECONDS, SECONDS, ROUNDS = 5, 10, 3
_ROUTE = "/api/messages"
_SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass(frozen=True, slots=True)
class Figures:
    """What wrk saw of one round, and what the server used for it."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    failed: int
    busy_seconds: float

    @property
    def speed(self) -> float:
        """Messages a second."""
        return self.requests / self.seconds

    @property
    def each_us(self) -> float:
        """Microseconds of the server's processor time for each message."""
        return self.busy_seconds / self.requests * 1e6

    def __str__(self) -> str:
        return (
            f"{self.speed:6.0f}/s, median {self.p50_ms:5.1f} ms, p99 {self.p99_ms:5.1f} ms, max"
            f" {self.max_ms:4.0f} ms, {self.each_us:4.0f} µs of a core each"
        )


@dataclass(slots=True)
class Target:
    """A server that is sent messages."""

    name: str
    url: str
    process: Process
    sent: int = 0
    rounds: int = 0

    @property
    def busy_seconds(self) -> float:
        """Processor time that it has used so far."""
        spent = psutil.Process(self.process.pid).cpu_times()
        return float(spent.user + spent.system)

    @property
    def held_bytes(self) -> int:
        """Memory that it holds."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    async def ends(self) -> None:
        """Let it finish what it has begun."""
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@dataclass(frozen=True, slots=True)
class Load:
    """wrk and what it sends."""

    template: Path
    token: str

    async def on(self, target: Target, seconds: float) -> Figures:
        """Send messages for so long.

        Raises:
            NotMeasuredError: one was not answered with 2xx.
        """
        target.rounds += 1
        before = target.busy_seconds
        wrk = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "20s"),
            *("-s", str(_SCRIPT), target.url + _ROUTE, "--", str(self.template), str(PEOPLE)),
            *(f"{target.name}-{target.rounds}", self.token),
            stdout=PIPE,
        )
        out, _ = await wrk.communicate()
        busy = target.busy_seconds - before
        figures = Figures(**json.loads(out.decode().strip().splitlines()[-1]), busy_seconds=busy)
        if figures.failed or not figures.requests:
            raise NotMeasuredError(f"{target.name}: {figures.failed} failed: {out.decode()}")
        target.sent += figures.requests
        return figures


@asynccontextmanager
async def _bare(*command: str) -> AsyncIterator[tuple[str, Process]]:
    """`tests.benchmarks.bare`; yields its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.bare", *command),
        cwd=REPOSITORY,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert process.stdin
    assert process.stdout
    port = int(await process.stdout.readline())
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.stdin.close()
        await process.wait()


async def _counted(process: Process) -> list[int]:
    """What it has counted so far."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"\n")
    return [int(word) for word in (await process.stdout.readline()).split()]


@asynccontextmanager
async def _bot(environment: Mapping[str, str], log: Path) -> AsyncIterator[Target]:
    """The bot, logging into a file, as it would under systemd."""
    with log.open("wb") as lines:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], **environment},
            stderr=lines,
        )
    target = Target("bot", "", process)
    try:
        target.url = await asyncio.to_thread(_listens, log)
        yield target
    finally:
        await target.ends()


def _listens(log: Path) -> str:
    """Its address, once it has logged it.

    Raises:
        NotMeasuredError: it has not within half a minute.
    """
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            if '"service.ready"' in line:
                return f"http://127.0.0.1:{json.loads(line)['port']}"
        time.sleep(0.2)
    raise NotMeasuredError(f"The bot did not start: {log.read_text()}")


def _template(microsoft: Microsoft, service_url: str) -> str:
    """A message, with ACTIVITY and PERSON where they are to be filled in."""
    person = "0b000000-0000-4000-8000-PERSON"
    who = Account("Technician PERSON", "29:technician-PERSON", person)
    activity = microsoft.activity(by=who, where="a:PERSON", text="help", id="ACTIVITY")
    activity["conversation"]["conversationType"] = "personal"
    return json.dumps({**activity, "serviceUrl": service_url})


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything, running."""

    load: Load
    bot: Target
    bare: Target
    connector: Process
    database: str

    async def check(self) -> None:
        """See that every message was answered, each of the bot's with a card, once.

        Raises:
            NotMeasuredError: one was not.
        """
        # wrk leaves when its time is over: what was under way then is answered, but not counted.
        await self.bot.ends()
        taken, cards = await _counted(self.connector)
        with psycopg.connect(self.database) as conn:
            (rows,) = conn.execute("SELECT count(*) FROM activities").fetchone() or (0,)
        under_way = CONNECTIONS * (self.bot.rounds + self.bare.rounds)
        if not 0 <= taken - self.bot.sent - self.bare.sent <= under_way:
            raise NotMeasuredError(f"{self.bot.sent} and {self.bare.sent} sent, {taken} answered.")
        if not cards >= self.bot.sent or not rows == cards:
            raise NotMeasuredError(f"{self.bot.sent} sent, {rows} written down, {cards} cards.")


@asynccontextmanager
async def _everything(folder: Path, database: str) -> AsyncIterator[Bench]:
    numbers = signing_key("key-1").public_key()
    (folder / "key.pem").write_bytes(
        numbers.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    async with (
        running() as microsoft,
        EmbeddedNeo(now=now) as neo,
        _bare("connector") as (connector_url, connector),
        _bare("handler", str(folder / "key.pem"), APP_ID, ISSUER) as (bare_url, bare),
        _bot(settings_for(database, neo, microsoft), folder / "log") as bot,
    ):
        service_url = f"{connector_url}/amer/"
        (folder / "message.json").write_text(_template(microsoft, service_url))
        load = Load(folder / "message.json", microsoft.token(serviceurl=service_url))
        beside = Target("bare", bare_url, bare)
        yield Bench(load, bot, beside, connector, database)


async def side_by_side(bench: Bench) -> None:
    """In turns, so that a busy machine weighs on both."""
    found: dict[str, list[Figures]] = {"bare": [], "bot": []}
    for target in (bench.bare, bench.bot):
        await bench.load.on(target, WARM_UP_SECONDS)
    for number in range(1, ROUNDS + 1):
        for target in (bench.bare, bench.bot):
            figures = await bench.load.on(target, SECONDS)
            found[target.name].append(figures)
            _say(f"  round {number}  {target.name:4}  {figures}")
    await bench.check()
    pairs = list(zip(found["bot"], found["bare"], strict=True))
    speeds = [bot.speed / bare.speed for bot, bare in pairs]
    slowest = [bot.p99_ms / bare.p99_ms for bot, bare in pairs]
    speed, p99 = statistics.median(speeds), statistics.median(slowest)
    _say(f"  speed  {speed:.2f} of bare  ({_listed(speeds)})  goal {GOAL_SPEED:g}: ", end="")
    _say("met" if speed >= GOAL_SPEED else "NOT met")
    _say(f"  p99    {p99:.2f} of bare  ({_listed(slowest)})  goal {GOAL_P99:g}: ", end="")
    _say("met" if p99 <= GOAL_P99 else "NOT met")


async def at_length(bench: Bench, turns: int) -> None:
    """Many turns: neither what it holds nor what each costs may grow."""
    _say("     turns  resident  messages/s    p99  a core each")
    while bench.bot.sent < turns:
        figures = await bench.load.on(bench.bot, SECONDS)
        held = bench.bot.held_bytes / 2**20
        _say(
            f"  {bench.bot.sent:8,} {held:6.1f} MiB {figures.speed:10.0f}"
            f" {figures.p99_ms:5.1f} ms {figures.each_us:8.0f} µs"
        )
    await bench.check()


def _listed(ratios: list[float]) -> str:
    return " ".join(f"{ratio:.2f}" for ratio in ratios)


def _say(line: str, end: str = "\n") -> None:
    sys.stdout.write(line + end)
    sys.stdout.flush()


async def main(argv: list[str]) -> None:
    """Everything, in one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.endpoint")
    parser.add_argument("--turns", type=int, help="the bot alone, for so many turns")
    options: Any = parser.parse_args(argv)
    if not shutil.which("wrk"):
        raise NotMeasuredError("wrk is not installed (Debian: apt-get install wrk).")
    _say(
        f"help, signed, {CONNECTIONS} connections ({os.cpu_count()} cores, Python"
        f" {platform.python_version()}, load before {os.getloadavg()[0]:.1f})"
    )
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        private_postgresql(Path(folder) / "postgresql") as database,
    ):
        async with _everything(Path(folder), database) as bench:
            if options.turns:
                await at_length(bench, options.turns)
            else:
                await side_by_side(bench)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
    except (NotMeasuredError, httpx.HTTPError) as error:
        sys.exit(f"Not measured: {error}")
