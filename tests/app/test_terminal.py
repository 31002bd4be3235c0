"""The bot in a terminal: questions, buttons by number, choices by letter, decisions in Neo."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition
from typing import TextIO
from zoneinfo import ZoneInfo

import pytest

from bot.neo.models import Approval
from bot.settings import Settings
from bot.terminal import Screen, chat
from cards.actions import COMMENT_INPUT, TICKED_INPUT
from cards.approvals import ApprovalsView, approvals
from cards.card import Card
from cards.words import Reader

pytestmark = pytest.mark.long


class Paper(io.StringIO):
    """What is printed; a reader can wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = Condition()

    def write(self, text: str) -> int:
        with self.printed:
            count = super().write(text)
            self.printed.notify_all()
        return count

    def waits_for(self, text: str, *, after: int = 0) -> str:
        """Everything printed, once this is among what follows the first ``after`` characters."""
        with self.printed:
            assert self.printed.wait_for(lambda: text in self.getvalue()[after:], timeout=20), (
                f"{text!r} was not printed: {self.getvalue()[after:]}"
            )
            return self.getvalue()


class Fingers(io.TextIOBase):
    """Types each line once what is on the paper asks for it."""

    def __init__(self, lines: Callable[[], Iterator[str]]) -> None:
        self._lines = lines()

    def __iter__(self) -> Iterator[str]:  # type: ignore[override] # lines, as a file gives them
        return self._lines


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, _env_file=None)


async def _chats(settings: Settings, paper: Paper, typed: TextIO) -> int:
    stop = asyncio.Event()
    async with asyncio.timeout(60):
        return await chat(settings, stop, seed=1, pace=3600.0, typed=typed, out=paper)


def _number_of(title: str, printed: str) -> str:
    found = re.findall(rf"\[(\d+)\] {re.escape(title)}$", printed, re.MULTILINE)
    assert found, f"no button {title!r} in {printed}"
    return str(found[-1])


async def test_a_question_is_answered_and_a_number_without_a_button_is_said(
    settings: Settings,
) -> None:
    paper = Paper()

    def lines() -> Iterator[str]:
        paper.waits_for("Ctrl-D ends.")
        yield "agents\n"
        paper.waits_for("16 agents")
        yield "999\n"
        paper.waits_for("no button 999")

    assert await _chats(settings, paper, Fingers(lines)) == 0  # type: ignore[arg-type] # a file


async def test_a_risky_approval_is_confirmed_with_its_number_and_reaches_neo(
    settings: Settings, data_dir: Path
) -> None:
    paper = Paper()

    def lines() -> Iterator[str]:
        shown = paper.waits_for("Approve…")  # one comes by itself
        at = len(shown)
        yield f"{_number_of('Approve…', shown)} client confirmed by phone\n"
        shown = paper.waits_for("Approve now", after=at)
        number = re.findall(r"type the (?:ticket|approval)'s number: (\S+)", shown[at:])[0]
        at = len(shown)
        yield f"{_number_of('Approve now', shown)} 12345\n"
        shown = paper.waits_for("Approve now", after=at)
        assert f"“12345” is not the number {number}. Nothing was decided." in shown[at:]
        at = len(shown)
        yield "\n"
        yield f"{_number_of('Approve now', shown)} {number}\n"
        told = paper.waits_for("Approved by Megan Bowen", after=at)
        assert "client confirmed by phone" in told[at:]

    assert await _chats(settings, paper, Fingers(lines)) == 0  # type: ignore[arg-type] # a file
    state = json.loads((data_dir / "chat" / "neo-1.json").read_text(encoding="utf-8"))
    assert "client confirmed by phone" in json.dumps(state)


def _printed(card: Card) -> tuple[Screen, str]:
    paper = io.StringIO()
    screen = Screen(paper)
    screen.draw("1", card)
    return screen, paper.getvalue()


def _list(*numbers: str) -> Card:
    listed = [
        Approval.model_validate(
            {"id": number, "agent_name": "Password Reset", "requested_for": {"action": "Reset it"}}
        )
        for number in numbers
    ]
    view = ApprovalsView(
        approvals=listed,
        status="pending",
        mine=True,
        total_known=len(listed),
        question="my pending approvals",
        tick={one.id: f"token-{one.id}" for one in listed},
    )
    return approvals(view, Reader(now=datetime(2026, 11, 23, tzinfo=UTC), zone=ZoneInfo("UTC")))


def test_choices_are_ticked_by_their_letters_and_a_comment_follows() -> None:
    screen, printed = _printed(_list("481", "482", "483"))
    assert re.search(r"^  \(a\) Password Reset wants to reset it", printed, re.MULTILINE)
    assert "“1 a,c client confirmed”" in printed
    form = screen.buttons[int(_number_of("Approve ticked", printed)) - 1].form
    assert form.filled("a,C  client confirmed") == {
        TICKED_INPUT: "481,483",
        COMMENT_INPUT: "client confirmed",
    }
    assert form.filled("") == {TICKED_INPUT: "", COMMENT_INPUT: ""}
    with pytest.raises(ValueError, match="no choice d"):
        form.filled("a,d")


def test_a_card_that_comes_while_somebody_types_does_not_take_their_number() -> None:
    screen, printed = _printed(_list("481"))
    before = int(_number_of("Approve ticked", printed))
    screen.draw("2", _list("482"))
    assert screen.buttons[before - 1].message == "1"
    assert screen.buttons[before - 1].form.filled("a")[TICKED_INPUT] == "481"
    assert screen.buttons[-1].message == "2"


async def test_a_chat_that_is_told_to_stop_ends(settings: Settings) -> None:
    paper, stop = Paper(), asyncio.Event()

    def lines() -> Iterator[str]:
        paper.waits_for("Ctrl-D ends.")
        loop.call_soon_threadsafe(stop.set)
        yield "\n"

    loop = asyncio.get_running_loop()
    typed: TextIO = Fingers(lines)  # type: ignore[assignment] # a file
    async with asyncio.timeout(60):
        assert await chat(settings, stop, seed=1, pace=3600.0, typed=typed, out=paper) == 0
