"""An answer that comes too late for its invoke reaches whoever pressed, whatever they pressed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bot.messaging import Answer, Pressed
from bot.policies import Policy
from bot.store.database import Pool
from bot.teams.adapter import STILL_WORKING
from bot.teams.endpoint import Budget
from cards.card import Card
from tests.microsoft import CHANNEL, MEGAN, PERSONAL, TENANT, Message, Microsoft
from tests.teams.conftest import Bot, Door, bot_running
from tests.workplace import ALEX, Workplace, button_of, workplace

ME = (MEGAN.object_id, MEGAN.name)
RISKY, HARMLESS = "Password Reset", "Mailbox Permissions"
EVIDENCE = "What it did so far, and earlier decisions"
TOLD = "No such request was decided"


@dataclass
class Scene:
    """The real bot behind the real endpoint; what is pressed late waits at a door."""

    bot: Bot
    office: Workplace
    door: Door

    @property
    def messages(self) -> list[Message]:
        return self.bot.microsoft.messages

    async def types(self, text: str, *, where: str) -> Message:
        await self.bot.hears(self.bot.microsoft.activity(text=text, where=where))
        return self.messages[-1]

    async def presses(
        self, title: str, on: Message, card: dict[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """Press a button of the card as it stands, or as it was drawn for Megan alone."""
        button = button_of(Card(card or on.card, ""), title)
        data = {**button["data"], **more.pop("data", {})}
        click = self.bot.microsoft.click(button["verb"], on=on.id, data=data, where=on.conversation)
        click["value"] |= more
        return await self.bot.hears(click)

    async def presses_late(
        self, title: str, on: Message, card: dict[str, Any] | None = None, **more: Any
    ) -> None:
        """The same, and the answer is ready only after Teams was told to wait."""

        async def held(pressed: Pressed) -> Answer:
            answer = await self.office.rooms.turns.action(pressed)
            await self.door.through()
            return answer

        self.bot.product.on_action = held
        self.bot.endpoint.budget = Budget(invoke_seconds=0.05)
        answer = await self.presses(title, on, card, **more)
        assert answer.json()["value"] == STILL_WORKING
        self.door.opened.set()
        await self.bot.endpoint.close()


@pytest.fixture
async def opens(db: Pool, microsoft: Microsoft, door: Door) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def scene(agent: str = HARMLESS, **policy: Any) -> Scene:
            read = Policy.model_validate({"remind_after": [], **policy})
            office = await stack.enter_async_context(workplace(db, policy=read, tenant=TENANT))
            bot = await stack.enter_async_context(bot_running(microsoft))
            bot.product.on_message = office.rooms.turns.message
            bot.product.on_action = office.rooms.turns.action
            for number in (481, 482):
                office.neo.has_approval(number, agent=agent, approvers=[ME, ALEX])
            await office.looks("approvals.watch")
            return Scene(bot, office, door)

        yield scene


TWO = {"rule": [{"people": 2}]}
SCENES: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    # agent, policy, what is pressed, what comes in the own chat, what is said in a channel
    "a number to type": (RISKY, {}, "Approve…", "Approve this?", "needs its ticket's number"),
    "the first vote of two": (
        HARMLESS, TWO, "Approve", "You have approved it", "Your approval counts"
    ),
    "what it did so far": (HARMLESS, {}, EVIDENCE, TOLD, TOLD),
    "put off": (HARMLESS, {}, "Snooze 2 h", "Put off until", "Put off until"),
    "a look": (HARMLESS, {}, "Refresh", "Approve or reject it", "type “approval 481”"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "policy", "title", "drawn"),
    [scene[:4] for scene in SCENES.values()],
    ids=SCENES,
)
async def test_in_the_own_chat_the_pressed_card_is_redrawn(
    opens: Callable[..., Any], agent: str, policy: dict[str, Any], title: str, drawn: str
) -> None:
    scene = await opens(agent, **policy)
    pressed = await scene.types("approval 481", where=PERSONAL)
    await scene.presses_late(title, pressed)
    assert pressed.edits == 1
    assert drawn in pressed.summary
    assert scene.messages == [pressed]


@pytest.mark.parametrize(
    ("agent", "policy", "title", "said"),
    [(*scene[:3], scene[4]) for scene in SCENES.values()],
    ids=SCENES,
)
async def test_in_a_channel_it_is_told_in_words_that_all_may_read(
    opens: Callable[..., Any], agent: str, policy: dict[str, Any], title: str, said: str
) -> None:
    scene = await opens(agent, **policy)
    shared = await scene.types("approval 481", where=CHANNEL)
    await scene.presses_late(title, shared)
    assert shared.edits == 0, "it is everybody's card"
    _, told = scene.messages
    assert said in told.summary
    assert "Asked: you" not in told.summary
    assert "You have approved" not in told.summary


async def test_the_results_of_several_are_drawn_over_the_list_in_the_own_chat(
    opens: Callable[..., Any],
) -> None:
    scene = await opens(high_risk=[])
    listed = await scene.types("pending approvals", where=PERSONAL)
    await scene.presses_late("Approve ticked", listed, data={"ticked": "481,482"})
    assert "✓ 2 approved" in listed.summary
    assert scene.messages == [listed]


async def test_the_results_of_several_are_a_message_for_all_in_a_channel(
    opens: Callable[..., Any],
) -> None:
    scene = await opens(high_risk=[])
    listed = await scene.types("pending approvals", where=CHANNEL)
    own = (await scene.presses("Decide several…", listed)).json()["value"]
    await scene.presses_late("Approve ticked", listed, own, data={"ticked": "481,9999"})
    assert listed.edits == 0
    _, told = scene.messages
    assert told.summary.startswith("⚠ Megan Bowen: 1 approved, 1 not")


async def test_what_one_may_tick_is_not_shown_to_all_in_a_channel(
    opens: Callable[..., Any],
) -> None:
    scene = await opens(high_risk=[])
    listed = await scene.types("pending approvals", where=CHANNEL)
    await scene.presses_late("Decide several…", listed)
    assert listed.edits == 0
    _, told = scene.messages
    assert told.summary.startswith("Megan Bowen, about what you pressed.")
    assert "type “pending approvals” in your own chat" in told.summary


async def test_what_a_client_draws_by_itself_is_no_message_for_all(
    opens: Callable[..., Any],
) -> None:
    scene = await opens()
    shared = await scene.types("approval 481", where=CHANNEL)
    await scene.presses_late("Refresh", shared, trigger="automatic")
    assert scene.messages == [shared]
    assert shared.edits == 0
