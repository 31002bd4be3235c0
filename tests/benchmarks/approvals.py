"""How long a click on Approve takes until it is answered: alone, and with a hundred others.

Run by ``make bench-approvals``. The bot, Neo and Microsoft are a process each, on a PostgreSQL of
their own; a call to Neo takes 50 ms. Everything is on as in production, and what is pressed
are the buttons of cards that the bot delivered. It prints a table and ends with 0 whether the goals
are met or not; a second decision, a broken ledger or a click that nobody answers ends it with 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
import psycopg

from bot.app import now
from bot.sandbox.embedded import KEY, EmbeddedNeo
from bot.store.database import migrate, private_postgresql
from bot.teams.connector import CARD_TYPE
from tests.app.service import REPOSITORY, Service, settings_for, started
from tests.benchmarks.beside import Ask, NotMeasuredError, beside, does
from tests.microsoft import TENANT, Account, Message, Microsoft, running

NEO_SECONDS = 0.05
GOAL_ONE_MS, GOAL_ALL_SECONDS = 130, 1.0
SINGLE, WARM_UP, CALIBRATING = 60, 8, 20
AT_ONCE, ROUNDS, ROUNDS_ON_ONE = 100, 3, 2
# Its approvals are none of the kinds that need a number typed.
AGENT = "Mailbox Permissions"
# Apart, because Neo is asked for those of a moment, and within what the bot looks back for news.
APART = timedelta(seconds=1.1)
PEOPLE = [
    Account(f"Technician {n}", f"29:technician-{n}", f"0b000000-0000-4000-8000-{n:012}")
    for n in range(AT_ONCE)
]
# What people are made to wait for by Neo's request limit is not what is measured here.
_REQUEST_LIMIT = 1_000_000
_PATH = "/public-api/til-requests"

# The processes beside the bot


async def _microsoft(pipe: Connection) -> None:
    async with running() as microsoft:
        microsoft.members = {who.teams_id: _member(who) for who in PEOPLE}

        async def where() -> tuple[str, str]:
            return microsoft.url, microsoft.token()

        async def posted() -> int:
            return len(microsoft.messages)

        async def delivered(after: int, count: int) -> list[Message]:
            def asking() -> list[Message]:
                return [m for m in microsoft.messages[after:] if "wants to" in m.summary]

            for _ in range(6):  # each waits for ten seconds
                with suppress(TimeoutError):
                    await microsoft.until(lambda: len(asking()) >= count)
                    break
            return asking()

        await does(pipe, {"where": where, "posted": posted, "delivered": delivered})


def _member(who: Account) -> dict[str, Any]:
    named = {"id": who.teams_id, "name": who.name, "aadObjectId": who.object_id}
    return {**named, "userPrincipalName": who.upn, "tenantId": TENANT, "userRole": "user"}


async def _neo(pipe: Connection) -> None:
    async with EmbeddedNeo(now=now, rate_limit=_REQUEST_LIMIT) as neo:

        async def where() -> str:
            return neo.url

        async def takes_longer(seconds: float) -> None:
            neo.ends_trouble()
            neo.trouble(latency_seconds=seconds, times=None, path="/public-api")

        async def asks(asked: Sequence[tuple[int, Sequence[Account]]]) -> list[dict[str, Any]]:
            at = now()
            return [
                neo.has_approval(
                    number,
                    agent=AGENT,
                    approvers=[(who.object_id, who.name) for who in people],
                    ticket=str(40_000 + number),
                    at=at - place * APART,
                )
                for place, (number, people) in enumerate(asked)
            ]

        async def is_taken(_: int, __: str) -> None:
            async with taken:
                taken.notify_all()

        async def decided(approvals: set[int]) -> Counter[int]:
            with suppress(TimeoutError):
                async with asyncio.timeout(30), taken:
                    await taken.wait_for(lambda: approvals <= {n for n, _ in neo.decisions})
            return Counter(number for number, _ in neo.decisions if number in approvals)

        taken = asyncio.Condition()
        neo.before_decision(is_taken)
        await does(
            pipe,
            {"where": where, "takes_longer": takes_longer, "asks": asks, "decided": decided},
        )


# What people do


@dataclass(frozen=True, slots=True)
class Click:
    """A press of Approve that is ready to be sent."""

    approval: int
    by: Account
    body: bytes


@dataclass(slots=True)
class Bench:
    """The bot between its neighbours, and people in front of it."""

    service: Service
    directory: Microsoft
    microsoft: Ask
    neo: Ask
    conn: psycopg.AsyncConnection[Any]
    teams: aiohttp.ClientSession
    bare: httpx.AsyncClient
    asked: int = 0

    async def says(self, who: Account, text: str) -> None:
        """Somebody types into their own chat, so that the bot knows it."""
        await self._posted(json.dumps(self._activity(who, text=text)).encode())

    async def clicks(self, *asked: Sequence[Account]) -> list[Click]:
        """Approvals that ask these people, as each of them can approve it in their own chat."""
        after = await self.microsoft("posted")
        first, self.asked = self.asked + 1, self.asked + len(asked)
        await self.neo("asks", list(enumerate(asked, first)))
        cards = sum(map(len, asked))
        messages: list[Message] = await self.microsoft("delivered", after, cards)
        await self.quiet()
        found = {(click.approval, click.by): click for click in map(self._click, messages)}
        if len(found) != cards:
            raise NotMeasuredError(f"Of {cards} cards {len(found)} were delivered.")
        return [found[number, who] for number, people in enumerate(asked, first) for who in people]

    async def press(self, click: Click) -> tuple[float, str]:
        """Send it; the seconds until it was answered, and the answer."""
        began = time.perf_counter()
        answer = await self._posted(click.body)
        return time.perf_counter() - began, answer

    async def decided(self, clicks: Sequence[Click]) -> int:
        """How many of these approvals reached Neo, once everything has calmed down.

        Raises:
            NotMeasuredError: one did so twice.
        """
        approvals = {click.approval for click in clicks}
        counted: Counter[int] = await self.neo("decided", approvals)
        await self.quiet()
        if twice := [number for number, times in counted.items() if times > 1]:
            raise NotMeasuredError(f"Approvals {twice} were decided more than once.")
        return len(counted)

    def busy_seconds(self) -> float:
        """Processor time that the bot has used so far."""
        spent = psutil.Process(self.service.process.pid).cpu_times()
        return float(spent.user + spent.system)

    async def two_calls(self) -> float:
        """Seconds for the two calls to Neo that a decision takes, made by bare httpx."""
        self.asked += 1
        (approval,) = await self.neo("asks", [(self.asked, [])])
        began = time.perf_counter()
        about = {"agent_id": approval["agent_id"], "created_after": approval["created_at"]}
        found = await self.bare.get(_PATH, params=about)
        decision = {"action": "approve", "note": "by phone"}
        answer = await self.bare.post(f"{_PATH}/{self.asked}/decision", json=decision)
        seconds = time.perf_counter() - began
        if not (found.is_success and answer.is_success):
            raise NotMeasuredError(f"Neo answered {found.status_code} and {answer.status_code}.")
        return seconds

    async def slow_neo_down(self) -> None:
        """Have a call to Neo take `NEO_SECONDS` in all, measured from here by bare httpx."""
        added = 0.0
        for _ in range(2):  # a call that waits takes a little longer than the wait itself
            pairs = [await self.two_calls() for _ in range(CALIBRATING)]
            added += NEO_SECONDS - statistics.median(pairs[CALIBRATING // 2 :]) / 2
            await self.neo("takes_longer", max(added, 0.0))

    async def quiet(self) -> None:
        """Wait until no job is due: what went before shall not weigh on what comes."""
        due = (
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
            " OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))"
        )
        while (row := await (await self.conn.execute(due)).fetchone()) and row[0]:
            async for _ in self.conn.notifies(timeout=30, stop_after=1):
                pass

    def _activity(self, who: Account, kind: str = "message", **more: Any) -> dict[str, Any]:
        activity = self.directory.activity(kind, by=who, where=f"a:{who.teams_id}", **more)
        activity["conversation"]["conversationType"] = "personal"
        return activity

    def _click(self, message: Message) -> Click:
        who = next(p for p in PEOPLE if message.conversation == f"a:{p.teams_id}")
        button = next(_approve_buttons(message.card))
        data = {**button["data"], "comment": "by phone"}
        action = {"type": "Action.Execute", "verb": button["verb"], "data": data}
        value = {"action": action, "trigger": "manual"}
        named = {"name": "adaptiveCard/action", "value": value, "replyToId": message.id}
        activity = self._activity(who, "invoke", **named)
        return Click(int(data["approval"]), who, json.dumps(activity).encode())

    async def _posted(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json"}
        url = f"{self.service.url}/api/messages"
        async with self.teams.post(url, data=body, headers=headers) as response:
            answer = await response.text()
        if response.status != httpx.codes.OK:
            raise NotMeasuredError(f"The bot answered {response.status}: {answer[:300]}")
        return answer


def _approve_buttons(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "Action.Execute" and part["data"].get("verdict") == "approve":
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _approve_buttons(one)


# What is measured


async def one_by_one(bench: Bench) -> None:
    """Clicks on their own, each beside the two calls that it cannot do without."""
    pairs = [(PEOPLE[n], PEOPLE[(n + 1) % AT_ONCE]) for n in range(WARM_UP + SINGLE)]
    clicks = (await bench.clicks(*pairs))[::2]
    took: list[float] = []
    floor: list[float] = []
    for click in clicks:
        seconds, answer = await bench.press(click)
        if not _went(click, answer):
            raise NotMeasuredError(f"Approval {click.approval} was answered: {answer[:600]}")
        took.append(seconds)
        await bench.quiet()
        floor.append(await bench.two_calls())
    took, floor = took[WARM_UP:], floor[WARM_UP:]
    met = statistics.median(took) * 1e3 <= GOAL_ONE_MS
    _row("one click", _ms(took), f"goal {GOAL_ONE_MS} ms at the median: {_met(met)}")
    _row("  Neo's two calls alone", _ms(floor), "bare httpx, in turns with the clicks")
    rest = [one - other for one, other in zip(took, floor, strict=True)]
    _row("  the bot's own share", _ms(rest), "the difference, pair by pair")


async def all_at_once(bench: Bench) -> None:
    """A hundred approvals, each approved by one of the two who were asked, at one moment."""
    rounds: list[float] = []
    each: list[float] = []
    busy: list[float] = []
    told = reached = 0
    for _ in range(ROUNDS):
        pairs = [(who, PEOPLE[(n + 1) % AT_ONCE]) for n, who in enumerate(PEOPLE)]
        clicks = (await bench.clicks(*pairs))[::2]
        began, busy_before = time.perf_counter(), bench.busy_seconds()
        answers = await asyncio.gather(*(bench.press(click) for click in clicks))
        rounds.append(time.perf_counter() - began)
        busy.append((bench.busy_seconds() - busy_before) / len(clicks))
        each += [seconds for seconds, _ in answers]
        told += sum(
            _went(click, answer) for click, (_, answer) in zip(clicks, answers, strict=True)
        )
        reached += await bench.decided(clicks)
    of = ROUNDS * AT_ONCE
    met = statistics.median(each) <= GOAL_ALL_SECONDS and told == reached == of
    goal = f"goal {GOAL_ALL_SECONDS:g} s at the median: {_met(met)}"
    _row(f"{AT_ONCE} approvals at once", _ms(each), goal)
    decided = f"of {of}: {told} answered so, {reached} decided, once"
    _row("  until the last is answered", _seconds(rounds), decided)
    _row("  processor time for each", _ms(busy), "the bot's, all that it did meanwhile")


async def all_on_one(bench: Bench) -> None:
    """A hundred people approve the same approval at one moment."""
    rounds: list[float] = []
    drawn = reached = 0
    for _ in range(ROUNDS_ON_ONE):
        clicks = await bench.clicks(PEOPLE)
        began = time.perf_counter()
        answers = await asyncio.gather(*(bench.press(click) for click in clicks))
        rounds.append(time.perf_counter() - began)
        drawn += sum(CARD_TYPE in answer for _, answer in answers)
        reached += await bench.decided(clicks)
    told = f"of {ROUNDS_ON_ONE * AT_ONCE}: {drawn} answered by the card"
    _row(f"{AT_ONCE} clicks on one approval", _seconds(rounds), f"{told}; {reached} decisions")


def _went(click: Click, answer: str) -> bool:
    return f"Approved by {click.by.name}" in answer


def _met(met: bool) -> str:  # noqa: FBT001 -- a word for it
    return "met" if met else "NOT met"


def _row(what: str, figures: str, note: str = "") -> None:
    sys.stdout.write(f"  {what:28} {figures:44} {note}\n")
    sys.stdout.flush()


def _ms(took: Sequence[float]) -> str:
    high = statistics.quantiles(took, n=20)[-1]
    middle = statistics.median(took)
    return f"median {middle * 1e3:4.0f}, p95 {high * 1e3:4.0f}, max {max(took) * 1e3:4.0f} ms"


def _seconds(rounds: Sequence[float]) -> str:
    listed = " ".join(f"{seconds:.2f}" for seconds in rounds)
    return f"median {statistics.median(rounds):.2f} s ({listed})"


# The whole


async def _ledger(environment: Mapping[str, str]) -> str:
    """What ``ledger verify`` says of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "ledger", "verify"),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise NotMeasuredError(f"The ledger is not whole: {out.decode()}")
    return out.decode().strip().partition(", head")[0]


async def _read_on(service: Service, last: deque[bytes]) -> None:
    """Take the bot's log lines off its hands: a full pipe would stop it."""
    assert service.process.stderr
    async for line in service.process.stderr:
        last.append(line)


def _prepare(database: str) -> None:
    migrate(database)
    with psycopg.connect(database, autocommit=True) as conn:
        # So that `Bench.quiet` hears of each job that ends, instead of asking again and again.
        conn.execute(
            "CREATE FUNCTION tell_of_ended_job() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NOTIFY job_ended; RETURN NULL; END $$;"
            "CREATE TRIGGER tells_when_it_ends AFTER DELETE ON procrastinate_jobs"
            " FOR EACH STATEMENT EXECUTE FUNCTION tell_of_ended_job()"
        )


async def measure(database: str, *what: Callable[[Bench], Awaitable[None]]) -> dict[str, str]:
    """Start everything and measure; returns the bot's environment, to look at what it left.

    Raises:
        NotMeasuredError: something did not happen as it must.
    """
    _prepare(database)
    async with beside(_microsoft) as microsoft, beside(_neo) as neo:
        directory, neighbour = Microsoft(), EmbeddedNeo(now=now)
        directory.url, token = await microsoft("where")
        neighbour.url = await neo("where")
        environment = settings_for(database, neighbour, directory)
        bearer, key = ({"Authorization": f"Bearer {secret}"} for secret in (token, KEY))
        no_limit = aiohttp.TCPConnector(limit=0)
        async with (
            started(environment, directory, "run") as service,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as conn,
            aiohttp.ClientSession(connector=no_limit, headers=bearer) as teams,
            httpx.AsyncClient(base_url=neighbour.url, headers=key) as bare,
        ):
            last: deque[bytes] = deque(maxlen=20)
            reading = asyncio.create_task(_read_on(service, last))
            await conn.execute("LISTEN job_ended")
            bench = Bench(service, directory, microsoft, neo, conn, teams, bare)
            try:
                for who in PEOPLE:
                    await bench.says(who, "help")
                await bench.slow_neo_down()
                for part in what:
                    await part(bench)
            except NotMeasuredError:
                sys.stderr.write(b"".join(last).decode())
                raise
            finally:
                reading.cancel()
    return environment


async def main() -> None:
    """Everything, in one table."""
    sys.stdout.write(
        f"From click to answer, Neo at {NEO_SECONDS * 1e3:.0f} ms a call ({os.cpu_count()} cores,"
        f" Python {platform.python_version()}, load before {os.getloadavg()[0]:.1f})\n"
    )
    sys.stdout.flush()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        private_postgresql(Path(folder)) as database,
    ):
        environment = await measure(database, one_by_one, all_at_once, all_on_one)
        _row("the ledger", await _ledger(environment))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except NotMeasuredError as error:
        sys.exit(f"Not measured: {error}")
