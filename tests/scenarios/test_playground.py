"""The whole thing as a person meets it: Chromium, the Playground, the bot, the embedded Neo."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from bot import settings as all_settings
from bot.app import now
from bot.demo import SCENE, Running, running
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.neo.models import Approval, ApprovalState, Outcome, Run
from bot.sandbox import command as sandbox
from tests.browser.chromium import needs_chromium, opened_page
from tests.playground.drive import PlaygroundPage
from tests.scenarios.screenshots import keep

pytestmark = [pytest.mark.browser, pytest.mark.long, needs_chromium]

TOLD_WITHIN = timedelta(seconds=10)
FAILURE_MILLISECONDS = 60_000


@dataclass
class Desk:
    """A technician's desk, and Neo's own record to hold it against."""

    page: PlaygroundPage
    neo: Neo
    demo: Running

    async def approval(self, number: str) -> Approval:
        return next(iter([a async for a in self.neo.approvals.list() if a.id == number]))

    async def failures_since(self, moment: datetime) -> list[Run]:
        page = await self.neo.runs.page(page_size=200)
        return [
            run
            for run in page.items
            if run.outcome is Outcome.FAILED and run.updated_at and run.updated_at > moment
        ]


@pytest.fixture
async def desk(data_dir: Path) -> AsyncIterator[Desk]:
    settings = all_settings.load(_env_file=None, data_dir=data_dir)
    async with (
        running(settings, port=0, seed=1, pace=3.0, say=lambda _: None) as demo,
        httpx.AsyncClient(base_url=demo.neo_url) as http,
        opened_page() as page,
    ):
        there = PlaygroundPage(page, SCENE)
        await there.open(demo.url)
        yield Desk(
            there, Neo(NeoHttp(http, FixedKey(SecretStr(sandbox.DEFAULT_KEY)), clock=now)), demo
        )


async def test_a_technician_is_greeted_decides_asks_and_hears_of_failures(desk: Desk) -> None:
    await _is_greeted_once(desk)
    await _decides(desk)
    begun = datetime.now(UTC)
    await _asks(desk)
    await _hears_of_failures(desk, begun)


async def _is_greeted_once(desk: Desk) -> None:
    for place in ("group", "channel", "personal"):
        await desk.page.go_to(place)
        greeting = await desk.page.wait_for_card("Neo's agents, here in Teams")
        for question in ("Pending approvals", "Failed runs", "Agents", "Status"):
            await expect(greeting.get_by_role("button", name=question)).to_be_visible()
        cards = await desk.page.cards()
        assert sum("Neo's agents, here in Teams" in card for card in cards) == 1
    await keep(greeting, "greeting")


async def _decides(desk: Desk) -> None:
    """The approval came by itself; it is one that asks for a number to be typed."""
    card = await desk.page.wait_for_card("wants to", "Asked", "you", "Approve…")
    text = await card.inner_text()
    number = re.search(r"Approval (\d+)", text)
    assert number is not None
    before = await desk.approval(number[1])
    assert before.state is ApprovalState.PENDING
    assert (before.agent_name or "") in text
    assert "waiting" in text
    mark = f"Approval {number[1]} "

    comment = "Client confirmed by phone"
    await desk.page.fill(comment, on=mark)
    await keep(desk.page.card(mark), "chat", whole_window=True)
    await keep(desk.page.card(mark), "approval-waiting")
    await desk.page.press("Approve…", on=mark)
    confirming = await desk.page.wait_for_card(mark, "Approve this?")
    await expect(confirming.get_by_label("Comment")).to_have_value(comment)
    assert (await desk.approval(number[1])).state is ApprovalState.PENDING
    await desk.page.fill(before.ticket_number or before.id, on=mark, label="Number")
    await keep(desk.page.card(mark), "approval-confirming")
    await desk.page.press("Approve now", on=mark)
    decided = await desk.page.wait_for_card(f"Approval {number[1]}", "Approved by Megan Bowen")
    await expect(decided).to_contain_text(comment)
    await expect(decided.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    await keep(decided, "approval-decided")

    recorded = await desk.approval(number[1])
    assert recorded.state is ApprovalState.APPROVED
    assert recorded.comment is not None
    assert comment in recorded.comment
    assert SCENE.me.name in recorded.comment
    assert SCENE.me.object_id in recorded.comment

    await desk.page.go_to("general")
    copy = await desk.page.wait_for_card(f"Approval {number[1]}", "Approved by Megan Bowen")
    await expect(copy).to_contain_text(comment)
    await desk.page.go_to("personal")


async def _asks(desk: Desk) -> None:
    page = desk.page
    await page.type("show failed runs")
    failed = await page.wait_for_card("failed runs", "Refresh")
    await expect(failed).to_contain_text("✕")
    await keep(failed, "failed-runs")
    await page.type("show failed runs for onboarding since yesterday")
    await page.wait_for_card("Onboarding L1 since yesterday")
    await page.type("pending approvals")
    await page.wait_for_card("pending approval", "Refresh")
    await page.type("agents")
    await page.wait_for_card("16 agents")
    await page.type("status")
    status = await page.wait_for_card("runs today", "agents on")
    await keep(status, "status")
    ended = next(
        r for r in (await desk.neo.runs.page(page_size=200)).items if r.outcome is Outcome.FAILED
    )
    await page.type(f"run {ended.id}")
    card = await page.wait_for_card(f"{ended.agent_name} failed")
    await expect(card).to_contain_text("1 ✓")
    await keep(card, "run")
    await expect(card.get_by_role("button").first).to_be_visible()
    assert (ended.error or "").split()[0] in (await card.inner_text())
    await page.type("help")
    await page.wait_for_card("show failed runs", "pending approvals")
    await page.type("make me a sandwich")
    await page.wait_for_card("I did not understand that")


async def _hears_of_failures(desk: Desk, begun: datetime) -> None:
    """In the channel that follows failures: each within ten seconds, each once."""
    await desk.page.go_to("general")
    alerts = (
        desk.page.page.locator(".ac-adaptiveCard")
        .filter(has_text="✕")
        .filter(has_text="Show the run")
    )
    told = await alerts.count()
    await expect(alerts).not_to_have_count(told, timeout=FAILURE_MILLISECONDS)
    seen_at = datetime.now(UTC)
    newest = max(await desk.failures_since(begun), key=lambda run: run.updated_at or begun)
    assert newest.updated_at is not None
    assert seen_at - newest.updated_at <= TOLD_WITHIN
    texts = [await one.inner_text() for one in await alerts.all()]
    for run in await desk.failures_since(begun):
        told_times = sum(run.id in text for text in texts)
        assert told_times <= 1
        if run.updated_at and seen_at - run.updated_at > TOLD_WITHIN:
            assert told_times == 1, (run.agent_name, run.id)
    assert newest.id in texts[0]
    await keep(alerts.first, "alert", whole_window=True)
