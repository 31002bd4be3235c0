"""The demo: the embedded Neo, the bot and Microsoft's Agents Playground, on this machine alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fasteners
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import SecretStr

from bot import logs
from bot.app import Rooms, listening, now, retries_are_logged, service
from bot.approvals.watch import WATCH
from bot.errors import ConfigurationError
from bot.playground.runner import Playground
from bot.playground.scene import PlaygroundUser, Scene
from bot.playground.second import AGREE, EVERY, SecondPerson
from bot.policies import Policy, PolicyFile, Rule
from bot.sandbox import command as sandbox
from bot.sandbox.state import StateError
from bot.settings import Settings
from bot.store import approvals, conversations, routes
from bot.store.conversations import Conversation, Scope

T = TypeVar("T")

SCENE = Scene(
    tenant="7f5d3c1a-0b6e-4e9a-8d2f-1c4b6a8e0d3f",
    bot="28:5b2f9a10-3c4d-4e8f-9a6b-7c8d9e0f1a2b",
    me=PlaygroundUser(
        "1a6f0c52-8e1b-4f7d-9b3a-2d4c6e8f0a11", "Megan Bowen", "megan.bowen@northwind.example"
    ),
    colleagues=(
        PlaygroundUser(
            "2b7a1d63-9f2c-4a8e-8c4b-3e5d7f9a1b22", "Alex Wilber", "alex.wilber@northwind.example"
        ),
        PlaygroundUser(
            "3c8b2e74-a03d-4b9f-9d5c-4f6e8a0b2c33", "Adele Vance", "adele.vance@northwind.example"
        ),
        PlaygroundUser(
            "4d9c3f85-b14e-4ca0-8e6d-5a7f9b1c3d44",
            "Isaiah Langer",
            "isaiah.langer@northwind.example",
        ),
        PlaygroundUser(
            "5ead4a96-c25f-4db1-9f7e-6b8a0c2d4e55", "Lee Gu", "lee.gu@northwind.example"
        ),
        PlaygroundUser(
            "6fbe5ba7-d36a-4ec2-8a8f-7c9b1d3e5f66",
            "Patti Fernandez",
            "patti.fernandez@northwind.example",
        ),
    ),
    team_object_id="70cf6cb8-e47b-4fd3-9b90-8dac2e4f6a77",
)
POLICY = Policy(rule=tuple(Rule(agent=one, people=2) for one in ("Backup Watch", "Offboarding")))
"""What touches servers, backups and leavers takes two people; everything else is the default."""
POLICY_FILE = PolicyFile(POLICY)
PEOPLE = tuple((one.object_id, one.name) for one in (SCENE.me, *SCENE.colleagues))
"""Whom the embedded Neo can ask; the first sits at the keyboard."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the demo consists of, once everything answers.

    Attributes:
        url: The Playground's page.
        neo_url: The embedded Neo.
        bot_url: The bot.
        over: Done when a part ends by itself; says which.
    """

    url: str
    neo_url: str
    bot_url: str
    rooms: Rooms
    over: asyncio.Future[str]


async def demo(
    settings: Settings,
    stop: asyncio.Event,
    *,
    port: int,
    seed: int,
    pace: float | None,
    say: Callable[[str], None],
) -> int:
    """Run everything until ``stop`` is set or a part of it ends.

    Raises:
        ConfigurationError: a part cannot start; the message says which and what to do.
    """
    logs.set_up("warning", settings.log_format)
    async with running(settings, port=port, seed=seed, pace=pace, say=say) as parts:
        say("")
        say(f"  Open {parts.url}")
        say("")
        say("  You are Megan Bowen, a technician. An approval comes by itself within a minute.")
        say("  The channel General of the team follows approvals and failed runs.")
        say("  What deletes, resets or costs something asks you for its ticket's number.")
        say("  Ctrl-C ends everything; the next start goes on from here.")
        await _first(stop.wait(), parts.over)
        say("Ending…")
    return 0


async def _first(stopped: Coroutine[Any, Any, Any], over: asyncio.Future[str]) -> None:
    """Wait until told to stop.

    Raises:
        ConfigurationError: a part ended by itself.
    """
    told = asyncio.ensure_future(stopped)
    either: set[asyncio.Future[Any]] = {told, over}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not told.done():
        told.cancel()
        raise ConfigurationError(f"{over.result()} ended by itself. Start the demo again.")


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    port: int,
    seed: int,
    pace: float | None,
    say: Callable[[str], None],
    playground_folder: Path = Path(".playground"),
    runs: int = sandbox.DEFAULT_RUNS,
    neo_url: str = "",
    alone: bool = True,
) -> AsyncIterator[Running]:
    """The demo's parts; everything is over when this ends.

    Args:
        settings: As read at start; a policy of its own is kept.
        port: The port of the Playground's page; 0 finds a free one.
        seed: The embedded Neo's.
        pace: Seconds between its new runs; None: its default.
        say: Told in one line what is done.
        playground_folder: Where the Playground is installed.
        runs: How many runs the embedded Neo has behind it.
        neo_url: An embedded Neo that runs already and takes the sandbox's own key; else one is
            started, with a life of its own.
        alone: Whoever tries it is alone: where two people have to approve, a colleague is the
            second by itself.

    Raises:
        ConfigurationError: a part cannot start.
    """
    retries_are_logged()
    folder = settings.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        lock = fasteners.InterProcessLock(folder / "running.lock")
        if not lock.acquire(blocking=False):
            lock.lockfile.close()  # which it leaves open
            raise ConfigurationError(
                f"A demo runs in {folder} already. End it, or set DATA_DIR to another folder."
            )
        stack.callback(lock.release)
        if not neo_url:
            say("Starting the embedded Neo…")
            options = sandbox.Options(
                port=0,
                seed=seed,
                runs=runs,
                pace_seconds=pace or sandbox.DEFAULT_PACE_SECONDS,
                state=folder / f"neo-{seed}.json",
                people=PEOPLE,
            )
            neo_url = await stack.enter_async_context(embedded_neo(options))
        say("Starting the bot and its database…")
        mine = settings_for_trying(settings, neo_url, folder)
        app, rooms, _ = await stack.enter_async_context(service(mine, anonymous=True))
        opened = asyncio.Event()
        app.middlewares.append(_hears_first(opened))
        await forget_playground(rooms)
        bot_port = await stack.enter_async_context(listening(app, mine.host, 0))
        bot_url = f"http://127.0.0.1:{bot_port}"
        playground = await stack.enter_async_context(
            Playground(
                SCENE,
                bot_endpoint=f"{bot_url}/api/messages",
                folder=playground_folder,
                port=port,
                say=say,
            )
        )
        begun = begin(rooms, opened, playground.connector_url, alone=alone)
        ends = {
            await stack.enter_async_context(_alongside(begun)): "The work on jobs",
            await stack.enter_async_context(_alongside(playground.wait())): "The Playground",
        }
        over = await stack.enter_async_context(_alongside(_first_of(ends)))
        yield Running(playground.url, neo_url, bot_url, rooms, over)


def settings_for_trying(settings: Settings, neo_url: str, folder: Path) -> Settings:
    """The settings with the embedded Neo, the scene's tenant, and all data in one folder."""
    return settings.model_copy(
        update={
            "neo_api_url": neo_url,
            "neo_api_key": SecretStr(sandbox.DEFAULT_KEY),
            "teams_tenants": (SCENE.tenant,),
            "tenants_file": None,
            "policy_file": settings.policy_file if settings.policy_file.path else POLICY_FILE,
            "database_url": SecretStr(""),
            "data_dir": folder,
            "host": "127.0.0.1",
        }
    )


async def _first_of(ends: Mapping[asyncio.Task[Any], str]) -> str:
    """Which of the parts ended first."""
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    return ends[done.pop()]


@asynccontextmanager
async def _alongside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """A task for as long as the context lasts."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def embedded_neo(options: sandbox.Options) -> AsyncIterator[str]:
    """The embedded Neo, living; yields its URL.

    Raises:
        ConfigurationError: it cannot start or go on.
    """
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.ensure_future(
        sandbox.serve(options, now=now, stop=stop, ready=ready.set_result)
    )
    try:
        either: set[asyncio.Future[Any]] = {serving, ready}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await serving  # it could not start: says why
        yield ready.result()
    except (sandbox.SandboxError, StateError) as error:
        raise ConfigurationError(str(error)) from error
    finally:
        stop.set()
        await asyncio.wait({serving})
    serving.result()


def _hears_first(opened: asyncio.Event) -> Middleware:
    """Sets the event once the Playground's page is open: it sends nothing before."""

    @web.middleware
    async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        opened.set()
        return answer

    return hear


async def forget_playground(rooms: Rooms) -> None:
    """The Playground has forgotten every message; what is open is told to it anew."""
    async with rooms.pool.connection() as conn:
        await conversations.forget_messages(conn, SCENE.tenant, at=now())
        await approvals.forget_waiting(conn, SCENE.tenant, watch=WATCH)


async def begin(
    rooms: Rooms, opened: asyncio.Event, connector_url: str, *, alone: bool = True
) -> None:
    """Work from when the page is open: it never shows what was sent before.

    At the very first start the channel General follows everything.
    """
    await opened.wait()
    general = Conversation(
        tenant=SCENE.tenant,
        id=SCENE.team,
        scope=Scope.CHANNEL,
        service_url=connector_url,
        bot_id=SCENE.bot,
    )
    async with rooms.pool.connection() as conn:
        first = not await conversations.known(conn, SCENE.tenant, SCENE.team)
        await conversations.remember(conn, general, at=now())
        if first:
            me = SCENE.me.object_id
            await routes.follow(conn, SCENE.tenant, SCENE.team, "approvals", person=me, at=now())
            await routes.follow(conn, SCENE.tenant, SCENE.team, "failures", person=me, at=now())
    if alone:
        agree = SecondPerson(rooms, general, SCENE.colleagues, now).agree
        rooms.jobs.every(EVERY, AGREE, agree)
    await rooms.jobs.work()
