"""The same bot in a terminal: cards by their text twins, buttons by number."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TextIO

from pydantic import SecretStr

from bot import logs
from bot.app import (
    database,
    furnish,
    neo_client,
    neo_of,
    now,
    retries_are_logged,
    tenant_keys,
    working,
)
from bot.demo import SCENE, embedded_neo
from bot.errors import ConversationClosed
from bot.messaging import Conversation, Person, Pressed, Said, Scope
from bot.sandbox import command as sandbox
from bot.settings import Settings
from bot.store import conversations
from bot.turns import Turns
from cards.actions import COMMENT_INPUT
from cards.card import Card

HINT = (
    "Type a question, or the number of a button; a comment may follow the number "
    "(“1 client confirmed”). Ctrl-D ends."
)


@dataclass(slots=True)
class Screen:
    """A `Messenger` and `Roster` that prints.

    Attributes:
        out: Where to.
        buttons: The buttons of the card printed last.
        message: The message that carries them.
    """

    out: TextIO
    buttons: list[dict[str, Any]] = field(default_factory=list)
    message: str | None = None
    _shown: dict[str, str] = field(default_factory=dict)

    async def send(self, conversation: Conversation, card: Card, *, alert: bool = False) -> str:
        """Print a card; its number is the message's id."""
        message = str(len(self._shown) + 1)
        self.draw(message, card)
        return message

    async def edit(self, conversation: Conversation, message: str, card: Card) -> None:
        """Print what a card has become, if that is anything new."""
        if card.summary != self._shown.get(message):
            self.draw(message, card)

    async def open_personal(self, conversation: Conversation, person: str) -> Conversation:
        """There is one chat, and it is not with anybody else."""
        raise ConversationClosed("In the terminal there is one person.")

    async def is_guest(self, person: Person, conversation: Conversation) -> bool:
        """Whoever sits at the terminal is none."""
        return False

    def draw(self, message: str, card: Card) -> None:
        """Print a card and number its buttons."""
        self._shown[message] = card.summary
        self.message, self.buttons = message, list(_executes(card.content))
        titles = [b.get("title") or b.get("tooltip") or b["verb"] for b in self.buttons]
        numbered = [f"  [{number}] {title}" for number, title in enumerate(titles, start=1)]
        self.out.write("\n".join(["", card.summary, *numbered, ""]) + "\n")
        self.out.flush()


async def chat(
    settings: Settings,
    stop: asyncio.Event,
    *,
    seed: int,
    pace: float | None,
    typed: TextIO = sys.stdin,
    out: TextIO = sys.stdout,
) -> int:
    """Talk until the input ends or ``stop`` is set.

    Raises:
        ConfigurationError: a part cannot start.
    """
    logs.set_up("error", settings.log_format)
    retries_are_logged()
    folder = settings.data_dir / "chat"
    folder.mkdir(parents=True, exist_ok=True)
    me = Person(SCENE.tenant, SCENE.me.object_id, SCENE.me.name, SCENE.me.object_id)
    place = Conversation(
        tenant=SCENE.tenant,
        id="terminal",
        scope=Scope.PERSONAL,
        service_url="http://127.0.0.1",
        bot_id=SCENE.bot,
        person=me.id,
    )
    options = sandbox.Options(
        port=0,
        seed=seed,
        pace_seconds=pace or sandbox.DEFAULT_PACE_SECONDS,
        state=folder / f"neo-{seed}.json",
        people=[(one.object_id, one.name) for one in (SCENE.me, *SCENE.colleagues)],
    )
    screen = Screen(out)
    async with AsyncExitStack() as stack:
        neo_url = await stack.enter_async_context(embedded_neo(options))
        mine = settings.model_copy(
            update={
                "neo_api_url": neo_url,
                "neo_api_key": SecretStr(options.key),
                "teams_tenants": (SCENE.tenant,),
                "tenants_file": None,
                "database_url": SecretStr(""),
                "data_dir": folder,
            }
        )
        pool = await stack.enter_async_context(database(mine))
        http = await stack.enter_async_context(neo_client(mine))
        keys = await stack.enter_async_context(tenant_keys(mine))
        rooms = await stack.enter_async_context(
            furnish(
                pool,
                neo=neo_of(keys, http, watching_share=settings.neo_watching_share),
                tenants=tuple(keys),
                messenger=screen,
                roster=screen,
            )
        )
        async with pool.connection() as conn:
            await conversations.forget_messages(conn, SCENE.tenant, at=now())
            await conversations.remember(conn, place, at=now())
        out.write(f"{HINT}\n")
        if (greeting := await rooms.turns.greet(place)) is not None:
            await screen.send(place, greeting)
        await stack.enter_async_context(working(rooms.jobs))
        lines = _lines(typed)
        while (line := await _next(lines, stop)) is not None:
            if line.strip():
                await _turn(rooms.turns, screen, me, place, line.strip())
    return 0


async def _turn(turns: Turns, screen: Screen, me: Person, place: Conversation, line: str) -> None:
    number, _, comment = line.partition(" ")
    if not number.isdecimal():
        answer = await turns.message(Said(me, place, line))
    elif not 1 <= int(number) <= len(screen.buttons):
        screen.out.write(f"The card above has no button {number}.\n")
        return
    else:
        button, message = screen.buttons[int(number) - 1], screen.message
        data = {**button.get("data", {}), COMMENT_INPUT: comment}
        answer = await turns.action(Pressed(me, place, message, button["verb"], data))
        if answer.in_place and message is not None:
            screen.draw(message, answer.card)
            await turns.placed(place, message, answer.card)
            return
    await turns.placed(place, await screen.send(place, answer.card), answer.card)


def _executes(part: Any) -> Iterator[dict[str, Any]]:
    """Every Action.Execute of a card, in the order in which they are drawn."""
    if isinstance(part, dict):
        if part.get("type") == "Action.Execute":
            yield part
        for key, value in part.items():
            if key not in {"data", "fallback"}:
                yield from _executes(value)
    elif isinstance(part, list):
        for one in part:
            yield from _executes(one)


def _lines(typed: TextIO) -> asyncio.Queue[str | None]:
    """What is typed, line by line, then None; read by a daemon thread, for no wait ends it."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        try:
            for line in typed:
                put(line)
        finally:
            put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


async def _next(lines: asyncio.Queue[str | None], stop: asyncio.Event) -> str | None:
    """The next line; None at the end of the input or when told to stop."""
    line = asyncio.ensure_future(lines.get())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({line, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if line.done():
        return line.result()
    line.cancel()
    return None
