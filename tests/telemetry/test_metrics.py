"""Figures have few labels, all of them ours, whatever comes from outside."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import REGISTRY

from bot.chat.query import INTENTS
from bot.telemetry.metrics import FIGURES
from bot.telemetry.watched import Telemetry, note_intent, note_outcome


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(CollectorRegistry())


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.metrics.registry.get_sample_value(name, labels)


async def _turn(telemetry: Telemetry, kind: str, intent: str | None = None) -> None:
    async def work() -> None:
        if intent is not None:
            note_intent(intent)

    began = asyncio.get_running_loop().time()
    with telemetry.turn(kind, began=began, tenant="t", activity="a") as turn:
        task = asyncio.create_task(work())
        task.add_done_callback(turn.ended)
    await task
    await asyncio.sleep(0)


async def test_a_turn_is_told_by_what_it_was_about(telemetry: Telemetry) -> None:
    for intent in INTENTS:
        await _turn(telemetry, "message", intent)
    for intent in INTENTS:
        name = "neo_bot_turn_seconds_count"
        assert value(telemetry, name, intent=intent, outcome="answered") == 1


async def test_a_kind_of_activity_that_nobody_knows_is_no_label(telemetry: Telemetry) -> None:
    await _turn(telemetry, "xyzzy")
    name = "neo_bot_turn_seconds_count"
    assert value(telemetry, name, intent="other", outcome="answered") == 1
    assert b"xyzzy" not in telemetry.metrics.written()


async def test_turns_at_once_do_not_tell_of_each_other(telemetry: Telemetry) -> None:
    async def broken() -> None:
        note_outcome("broken")

    began = asyncio.get_running_loop().time()
    with telemetry.turn("message", began=began, tenant="t") as one:
        first = asyncio.create_task(broken())
        first.add_done_callback(one.ended)
    await asyncio.gather(first, *(_turn(telemetry, "message", "runs") for _ in range(3)))
    name = "neo_bot_turn_seconds_count"
    assert value(telemetry, name, intent="message", outcome="broken") == 1
    assert value(telemetry, name, intent="runs", outcome="answered") == 3


async def test_a_turn_that_is_cut_off_is_counted_as_broken(telemetry: Telemetry) -> None:
    began = asyncio.get_running_loop().time()
    with telemetry.turn("invoke", began=began, tenant="t") as turn:
        task = asyncio.create_task(asyncio.Event().wait())
        task.add_done_callback(turn.ended)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    name = "neo_bot_turn_seconds_count"
    assert value(telemetry, name, intent="invoke", outcome="broken") == 1


@pytest.mark.parametrize(
    ("status", "label"), [(200, "200"), (None, "none"), (999_999, "other"), (0, "other")]
)
def test_a_status_is_a_label_only_where_http_has_it(
    telemetry: Telemetry, status: int | None, label: str
) -> None:
    telemetry.neo_request("runs.list", "asking", status, 0.1)
    name = "neo_bot_neo_requests_total"
    assert value(telemetry, name, operation="runs.list", status=label) == 1


def test_of_a_database_that_is_away_no_old_figure_is_told(telemetry: Telemetry) -> None:
    telemetry.metrics.queue_is({"waiting": 7, "later": 0, "running": 0, "failed": 0}, 12.5)
    assert value(telemetry, "neo_bot_queue_jobs", state="waiting") == 7
    telemetry.metrics.queue_is(None)
    waiting = value(telemetry, "neo_bot_queue_jobs", state="waiting")
    oldest = value(telemetry, "neo_bot_queue_oldest_seconds")
    assert waiting != waiting  # noqa: PLR0124 -- not a number
    assert oldest != oldest  # noqa: PLR0124 -- likewise
    assert value(telemetry, "neo_bot_database_up") == 0


def test_every_figure_is_there_and_none_is_the_whole_worlds(telemetry: Telemetry) -> None:
    families = {family.name for family in telemetry.metrics.registry.collect()}
    assert families == {one.name.removesuffix("_total") for one in FIGURES}
    everywhere = {family.name for family in REGISTRY.collect()}
    assert not families & everywhere
