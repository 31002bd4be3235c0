"""What the client costs beside bare httpx, what it holds, and what an idle bot asks of Neo.

Run by ``make bench-neo``; prints three tables. Times are ratios of interleaved blocks on one
machine, so that what else runs there weighs on both alike.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psutil
from aiohttp import web
from procrastinate.jobs import DeleteJobCondition
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from bot.alerts import watch as alerts_watch
from bot.app import now
from bot.approvals import watch as approvals_watch
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.sandbox.embedded import KEY, EmbeddedNeo
from bot.store.database import Pool, migrate, private_postgresql
from tests.workplace import MEGAN, TENANT, workplace

RUNS = int(os.environ.get("BENCH_RUNS", "1000000"))
_ROUNDS, _CALLS = 40, 50
_NO_LIMIT = 10**9
_RUN = "/public-api/executions/{}"
_PAGE = "/public-api/executions"
_HOUR_SECONDS = 3600
_LOOK_SECONDS = 5

Call = Callable[[], Awaitable[object]]


def _serve(to_parent: Connection, runs: int, *, canned: bool) -> None:
    """The other side, in a process of its own, until the pipe closes."""
    asyncio.run(_serving(to_parent, runs, canned=canned))


async def _serving(to_parent: Connection, runs: int, *, canned: bool) -> None:
    async with EmbeddedNeo(now=now, runs=runs, rate_limit=_NO_LIMIT) as neo:
        if not canned:
            to_parent.send((neo.url, ""))
            await asyncio.to_thread(_until_closed, to_parent)
            return
        # Fixed bytes: what is measured is the client, not how fast the embedded Neo answers.
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
            page = await http.get(f"{neo.url}{_PAGE}", params={"page_size": 50})
            run = page.json()["data"][0]["execution_id"]
            one = await http.get(neo.url + _RUN.format(run))
        answers = {_PAGE: page, _RUN.format(run): one}

        async def answer(request: web.Request) -> web.Response:
            told = answers[request.path]
            limits = {n: v for n, v in told.headers.items() if n.lower().startswith("x-rate")}
            return web.Response(body=told.content, content_type="application/json", headers=limits)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        to_parent.send((f"http://127.0.0.1:{runner.addresses[0][1]}", run))
        await asyncio.to_thread(_until_closed, to_parent)
        await runner.cleanup()


def _until_closed(pipe: Connection) -> None:
    try:
        pipe.recv()
    except EOFError:
        return


@contextmanager
def _server(runs: int, *, canned: bool) -> Iterator[tuple[str, str]]:
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, runs), kwargs={"canned": canned}
    )
    process.start()
    theirs.close()
    try:
        yield mine.recv()
    finally:
        mine.close()
        process.join()


def _client(http: httpx.AsyncClient) -> Neo:
    return Neo(NeoHttp(http, FixedKey(SecretStr(KEY)), clock=now))


async def overhead() -> None:
    """The client beside bare httpx, on the same requests over the same kind of connection."""
    with _server(400, canned=True) as (url, run):
        async with (
            httpx.AsyncClient(base_url=url) as plain,
            httpx.AsyncClient(base_url=url) as pooled,
        ):
            neo = _client(pooled)
            key = {"Authorization": f"Bearer {KEY}"}

            async def bare(path: str, **params: int) -> object:
                answer = await plain.get(path, headers=key, params=params)
                answer.raise_for_status()
                return answer.json()

            sys.stdout.write("Client over bare httpx (request, check, JSON): median of ratios\n")
            one = _RUN.format(run)
            await _compare("one run", lambda: bare(one), lambda: neo.runs.get(run))
            await _compare(
                "a page of 50 runs",
                lambda: bare(_PAGE, page_size=50),
                lambda: neo.runs.page(page_size=50),
            )


async def _compare(what: str, bare: Call, client: Call) -> None:
    ratios: list[float] = []
    spent: dict[str, list[float]] = {"bare": [], "client": []}
    for round_ in range(_ROUNDS + 2):
        blocks = {"bare": bare, "client": client}
        order = list(blocks.items()) if round_ % 2 else list(reversed(blocks.items()))
        took: dict[str, float] = {}
        for name, call in order:
            began = time.perf_counter()
            for _ in range(_CALLS):
                await call()
            took[name] = (time.perf_counter() - began) / _CALLS
        if round_ > 1:  # the first two warm up
            ratios.append(took["client"] / took["bare"])
            for name, seconds in took.items():
                spent[name].append(seconds)
    middle = {name: statistics.median(all_) * 1e6 for name, all_ in spent.items()}
    low, _, high = statistics.quantiles(ratios, n=4)
    sys.stdout.write(
        f"  {what:20} {statistics.median(ratios):5.2f} x  (quartiles {low:.2f} to {high:.2f};"
        f" {middle['bare']:.0f} and {middle['client']:.0f} µs)\n"
    )
    sys.stdout.flush()


async def memory() -> None:
    """What the client holds while it reads every run there is."""
    sys.stdout.write(f"Reading {RUNS:,} runs one by one: resident memory\n")
    process = psutil.Process()
    with _server(RUNS, canned=False) as (url, _):
        async with httpx.AsyncClient(base_url=url, timeout=30.0) as http:
            read, began = 0, time.perf_counter()
            async for _run in _client(http).runs.list():
                read += 1
                if read in {1_000, 10_000} or read % max(RUNS // 5, 1) == 0:
                    gc.collect()
                    mib = process.memory_info().rss / 2**20
                    took = time.perf_counter() - began
                    sys.stdout.write(f"  after {read:>9,}  {mib:6.1f} MiB  {took:6.1f} s\n")
                    sys.stdout.flush()
            if read != RUNS:
                raise SystemExit(f"Read {read:,} of {RUNS:,} runs.")


async def idle() -> None:
    """The requests of an hour in which nothing happens, counted on Neo's side."""
    with tempfile.TemporaryDirectory() as folder, private_postgresql(Path(folder)) as database:
        await asyncio.to_thread(migrate, database)
        pool: Pool = AsyncConnectionPool(database, min_size=1, max_size=10, open=False)
        async with pool, workplace(pool, runs=400) as office:
            await office.has_chat(MEGAN)
            watches = (approvals_watch.WATCH, alerts_watch.WATCH)
            tasks = [office.rooms.jobs.engine.configure_task(f"{w}/{TENANT}") for w in watches]

            async def an_hour() -> Counter[str]:
                office.neo.requests.clear()
                for second in range(0, _HOUR_SECONDS, _LOOK_SECONDS):
                    office.clock.goes_on(seconds=_LOOK_SECONDS)
                    for task in tasks:
                        await task.defer_async(tenant=TENANT, timestamp=second)
                    await office.rooms.jobs.engine.run_worker_async(
                        wait=False,
                        install_signal_handlers=False,
                        listen_notify=False,
                        delete_jobs=DeleteJobCondition.SUCCESSFUL,
                    )
                return Counter(f"{r.method} {r.path}" for r in office.neo.requests)

            asked = await an_hour()
            sys.stdout.write("Requests to Neo in an hour in which nothing happens, one tenant\n")
            for what, times in sorted(asked.items()):
                sys.stdout.write(f"  {what:32} {times:6,}\n")
            total = sum(asked.values())
            share = total / (1_200 * 60)
            sys.stdout.write(f"  {'in all':32} {total:6,}  ({share:.1%} of the tenant's budget)\n")


async def main() -> None:
    """All three."""
    await overhead()
    await memory()
    await idle()


if __name__ == "__main__":
    asyncio.run(main())
