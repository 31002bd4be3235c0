"""The bot in a terminal: typed questions, buttons by number, decisions that reach Neo."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition
from typing import TextIO

import pytest

from bot.settings import Settings
from bot.terminal import chat


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


async def test_questions_are_answered_and_a_numbered_button_decides_in_neo(
    settings: Settings, data_dir: Path
) -> None:
    paper = Paper()

    def lines() -> Iterator[str]:
        paper.waits_for("Ctrl-D ends.")
        at = len(paper.getvalue())
        yield "agents\n"
        paper.waits_for("16 agents", after=at)
        at = len(paper.getvalue())
        yield "99\n"
        paper.waits_for("no button 99", after=at)
        at = len(paper.getvalue())
        shown = paper.waits_for("[1] Approve", after=at)  # one comes by itself
        button = _number_of("Approve", shown[at:])
        at = len(paper.getvalue())
        yield "\n"
        yield f"{button} client confirmed by phone\n"
        told = paper.waits_for("Approved by Megan Bowen", after=at)
        assert "client confirmed by phone" in told[at:]

    assert await _chats(settings, paper, Fingers(lines)) == 0  # type: ignore[arg-type] # a file
    state = json.loads((data_dir / "chat" / "neo-1.json").read_text(encoding="utf-8"))
    assert "client confirmed by phone" in json.dumps(state)


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
