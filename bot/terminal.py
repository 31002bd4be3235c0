"""The same bot in a terminal: cards by their text twins, buttons by number, choices by letter."""

from __future__ import annotations

import asyncio
import contextlib
import string
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TextIO

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
from bot.demo import PEOPLE, SCENE, embedded_neo, settings_for_trying
from bot.errors import ConversationClosed
from bot.messaging import Conversation, Person, Pressed, Said, Scope
from bot.playground.second import AGREE, EVERY, SecondPerson
from bot.sandbox import command as sandbox
from bot.settings import Settings
from bot.store import conversations
from bot.turns import Turns
from cards.actions import COMMENT_INPUT, TICKED_INPUT, TYPED_INPUT
from cards.card import Card

HINT = (
    "Type a question, or the number of a button; a comment may follow the number "
    "(“1 client confirmed”). Ctrl-D ends."
)
# What has to stand between a button's number and the comment, by the field that asks for it.
ASKS = {
    TYPED_INPUT: "Type the number that it asks for after the button's: “1 48213 client confirmed”.",
    TICKED_INPUT: "Type letters after the button's number: “1 a,c client confirmed”.",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What can be filled in on a card.

    Attributes:
        fields: What stands in each field already, by its id.
        choices: What can be ticked, by the letter it is printed with.
    """

    fields: Mapping[str, str]
    choices: Mapping[str, str]

    def filled(self, typed: str) -> dict[str, str]:
        """The fields as a client sends them: what was typed after a button's number.

        Raises:
            ValueError: a letter that no choice has; the message says which.
        """
        fields, comment = dict(self.fields), typed.strip()
        if TYPED_INPUT in fields:
            fields[TYPED_INPUT], _, comment = comment.partition(" ")
        elif TICKED_INPUT in fields:
            letters, _, comment = comment.partition(" ")
            fields[TICKED_INPUT] = ",".join(self._ticked(letters))
        # What stands in the field already is the comment, unless another is typed.
        fields[COMMENT_INPUT] = comment.strip() or fields.get(COMMENT_INPUT, "")
        return fields

    def _ticked(self, letters: str) -> Iterator[str]:
        for letter in filter(None, letters.lower().split(",")):
            if letter not in self.choices:
                raise ValueError(f"The card has no choice {letter}.")
            yield self.choices[letter]


@dataclass(frozen=True, slots=True)
class Button:
    """A button, the message that carries it, and the form that it sends."""

    message: str
    verb: str
    data: Mapping[str, Any]
    form: Form


@dataclass(slots=True)
class Screen:
    """A `Messenger` and `Roster` that prints.

    Attributes:
        out: Where to.
        buttons: Every button that was printed, in order. A number is given once: a card that
            comes by itself while somebody types does not become the one that they press.
    """

    out: TextIO
    buttons: list[Button] = field(default_factory=list)
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
        """Print a card; letter its choices and number its buttons."""
        self._shown[message] = card.summary
        inputs = [*_parts(card.content, "Input.Text"), *_parts(card.content, "Input.ChoiceSet")]
        offered = [choice for one in inputs for choice in one.get("choices", ())]
        lettered = dict(zip(string.ascii_lowercase, offered, strict=False))
        form = Form(
            {one["id"]: one.get("value") or "" for one in inputs},
            {letter: choice["value"] for letter, choice in lettered.items()},
        )
        lines = ["", card.summary]
        lines += [f"  ({letter}) {choice['title']}" for letter, choice in lettered.items()]
        for one in _parts(card.content, "Action.Execute"):
            self.buttons.append(Button(message, one["verb"], one.get("data", {}), form))
            title = one.get("title") or one.get("tooltip") or one["verb"]
            lines.append(f"  [{len(self.buttons)}] {title}")
        if form.fields.get(COMMENT_INPUT):
            lines.append(f"  Comment: {form.fields[COMMENT_INPUT]}")
        lines += [hint for id_, hint in ASKS.items() if id_ in form.fields]
        self.out.write("\n".join([*lines, "", ""]))
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
        people=PEOPLE,
    )
    screen = Screen(out)
    async with AsyncExitStack() as stack:
        neo_url = await stack.enter_async_context(embedded_neo(options))
        mine = settings_for_trying(settings, neo_url, folder)
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
                policies={tenant.id: tenant.policy.policy for tenant in mine.tenants()},
            )
        )
        async with pool.connection() as conn:
            await conversations.forget_messages(conn, SCENE.tenant, at=now())
            await conversations.remember(conn, place, at=now())
        out.write(f"{HINT}\n")
        if (greeting := await rooms.turns.greet(place)) is not None:
            await screen.send(place, greeting)
        agree = SecondPerson(rooms, place, SCENE.colleagues, now).agree
        rooms.jobs.every(EVERY, AGREE, agree)
        await stack.enter_async_context(working(rooms.jobs))
        lines = _lines(typed)
        while (line := await _next(lines, stop)) is not None:
            if line.strip():
                await _turn(rooms.turns, screen, me, place, line.strip())
    return 0


async def _turn(turns: Turns, screen: Screen, me: Person, place: Conversation, line: str) -> None:
    number, _, typed = line.partition(" ")
    if not number.isdecimal():
        answer = await turns.message(Said(me, place, line))
    elif not 1 <= int(number) <= len(screen.buttons):
        screen.out.write(f"There is no button {number}.\n")
        return
    else:
        button = screen.buttons[int(number) - 1]
        try:
            data = {**button.data, **button.form.filled(typed)}
        except ValueError as error:
            screen.out.write(f"{error}\n")
            return
        answer = await turns.action(Pressed(me, place, button.message, button.verb, data))
        if answer.in_place:
            screen.draw(button.message, answer.card)
            await turns.placed(place, button.message, answer.card)
            return
    await turns.placed(place, await screen.send(place, answer.card), answer.card)


def _parts(part: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Everything of one kind on a card, in the order in which it is drawn."""
    if isinstance(part, dict):
        if part.get("type") == kind:
            yield part
        for key, value in part.items():
            if key not in {"data", "fallback", "refresh"}:
                yield from _parts(value, kind)
    elif isinstance(part, list):
        for one in part:
            yield from _parts(one, kind)


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
