"""A log line says what broke and where, and leaves the words to those who look at debug level."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import Any, Literal

import pytest
import structlog

from bot import logs
from bot.errors import NeoInvalid

MARK = "xyzzymark"


def _lines(printed: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def _breaks() -> None:
    raise NeoInvalid(f"{MARK} is wrong", operation="x")


@pytest.mark.parametrize("foreign", [True, False])
@pytest.mark.parametrize("level", ["info", "debug"])
def test_an_error_is_told_by_kind_and_place_and_in_words_at_debug_level_alone(
    level: Literal["info", "debug"], *, foreign: bool
) -> None:
    printed = io.StringIO()
    logs.set_up(level, "json", stream=printed)
    try:
        _breaks()
    except NeoInvalid:
        if foreign:
            logging.getLogger("somebody.else").exception("it broke")
        else:
            structlog.get_logger().exception("it broke")
    (line,) = _lines(printed)
    assert line["event"] == "it broke"
    if level == "debug":
        assert MARK in str(line)
    else:
        assert MARK not in str(line)
        assert line["error"] == "NeoInvalid"
        assert line["at"].startswith("_breaks:")


async def test_what_breaks_in_the_event_loop_unnoticed_is_told_by_its_kind() -> None:
    printed = io.StringIO()
    logs.set_up("info", "json", stream=printed)
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    try:
        logs.loop_is_quiet(loop)
        loop.call_soon(_breaks)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": MARK})
    finally:
        loop.set_exception_handler(before)
    first, second = _lines(printed)
    assert (first["event"], first["error"]) == ("loop.broken", "NeoInvalid")
    assert first["at"].startswith("_breaks:")
    assert second["event"] == "loop.broken"
    assert MARK not in printed.getvalue()
