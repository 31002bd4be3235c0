"""Three people at one approval: who was asked decides, who was not is refused, all see the same.

Megan sits at the page. Her colleagues press and write as the Playground sends it; what Neo itself
recorded is held against what the page shows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot import settings as all_settings
from bot.app import now
from bot.demo import PEOPLE, SCENE, running
from bot.playground.scene import PlaygroundUser
from bot.sandbox import command as sandbox
from bot.sandbox.embedded import EmbeddedNeo
from tests.browser.chromium import needs_chromium, opened_page
from tests.playground.colleague import Colleague, Posted, Wire, words
from tests.playground.drive import PlaygroundPage
from tests.scenarios.screenshots import keep

pytestmark = [pytest.mark.browser, pytest.mark.long, needs_chromium]

ACCESS, LEAVER, RESET, VISIT, CALENDAR = 481, 482, 483, 484, 485
MEGAN = PEOPLE[0]


@dataclass
class Team:
    """Megan's page, her colleagues, and Neo."""

    page: PlaygroundPage
    wire: Wire
    neo: EmbeddedNeo
    alex: Colleague
    adele: Colleague
    lee: Colleague

    def in_general(self, approval: int) -> Posted:
        """The approval's card in the channel, as everybody there has it."""
        return self.wire.find(SCENE.team, f"Approval {approval}")

    async def neo_says(self, approval: int, action: str, *names: str) -> str:
        """The note of the one decision that Neo took."""
        taken = [verdict for number, verdict in self.neo.decisions if number == approval]
        assert taken == [action]
        decision = self.neo.decision_on(approval)
        assert decision is not None
        for name in names:
            assert name in decision.note
        return decision.note


def _person(user: PlaygroundUser) -> tuple[str, str]:
    return user.object_id, user.name


@pytest.fixture
async def team(data_dir: Path) -> AsyncIterator[Team]:
    settings = all_settings.load(_env_file=None, data_dir=data_dir)
    alex, adele, _, lee, _ = SCENE.colleagues
    async with AsyncExitStack() as stack:
        neo = await stack.enter_async_context(
            EmbeddedNeo(now=now, people=PEOPLE, key=sandbox.DEFAULT_KEY)
        )
        asked = [
            (ACCESS, "Mailbox Permissions", [_person(alex), _person(adele)], "48301"),
            (LEAVER, "Offboarding", [MEGAN, _person(adele)], "48302"),
            (RESET, "Password Reset", [MEGAN], "48303"),
            (VISIT, "VIP Escalation", [MEGAN], "48304"),
            (CALENDAR, "Mailbox Permissions", [MEGAN], "48305"),
        ]
        for number, agent, approvers, ticket in asked:
            neo.has_approval(number, agent=agent, approvers=approvers, ticket=ticket)
        demo = await stack.enter_async_context(
            running(
                settings,
                port=0,
                seed=1,
                pace=None,
                say=lambda _: None,
                neo_url=neo.url,
                alone=False,
            )
        )
        page = await stack.enter_async_context(opened_page())
        wire = Wire()
        wire.listen(page)
        there = PlaygroundPage(page, SCENE)
        await there.open(demo.url)

        def colleague(user: PlaygroundUser) -> Colleague:
            return Colleague(user, SCENE, demo.url, demo.bot_url)

        yield Team(there, wire, neo, colleague(alex), colleague(adele), colleague(lee))


async def test_three_people_decide_and_are_refused_and_all_see_the_same(team: Team) -> None:
    await team.page.go_to("general")
    for number in (ACCESS, LEAVER, RESET, VISIT, CALENDAR):
        await team.page.wait_for_card(f"Approval {number}")
    await _who_was_not_asked_is_refused_and_who_was_decides(team)
    await _two_people_approve(team)
    await _an_order_in_text_is_confirmed(team)
    await _several_are_ticked(team)
    await _what_happened_is_told(team)
    assert sorted(number for number, _ in team.neo.decisions) == [
        ACCESS,
        LEAVER,
        RESET,
        VISIT,
        CALENDAR,
    ]


async def _who_was_not_asked_is_refused_and_who_was_decides(team: Team) -> None:
    page, before = team.page, team.in_general(ACCESS)
    refused = words(await team.lee.presses("Approve", on=before, comment="Let me help"))
    assert "You were not asked to decide this." in refused
    assert "Waiting for Alex Wilber or Adele Vance" in refused
    assert team.neo.decisions == []
    card = page.card(f"Approval {ACCESS}")
    await expect(card).not_to_contain_text("You were not asked")
    await expect(card).not_to_contain_text("Lee Gu")

    # Megan was not asked either: her own press says so, on her page alone.
    await page.press("Approve", on=f"Approval {ACCESS}")
    await page.wait_for_card(f"Approval {ACCESS}", "You were not asked to decide this.")
    assert team.neo.decisions == []

    decided = words(await team.alex.presses("Approve", on=before, comment="Owner agreed"))
    assert "Approved by Alex Wilber" in decided
    seen = await page.wait_for_card(f"Approval {ACCESS}", "Approved by Alex Wilber")
    await expect(seen).to_contain_text("Owner agreed")
    await expect(seen.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    await team.neo_says(ACCESS, "approve", "Alex Wilber", "Owner agreed")


async def _two_people_approve(team: Team) -> None:
    page, mark = team.page, f"Approval {LEAVER}"
    await page.go_to("personal")
    await page.press("Approve…", on=mark)
    await page.wait_for_card(mark, "Approve this?")
    await page.fill("12345", on=mark, label="Number")
    await page.press("Approve now", on=mark)
    await page.wait_for_card(mark, "“12345” is not the number 48302")
    assert not [number for number, _ in team.neo.decisions if number == LEAVER]
    await page.fill("48302", on=mark, label="Number")
    await page.press("Approve now", on=mark)
    mine = await page.wait_for_card(mark, "1 of 2")
    await expect(mine).to_contain_text("Megan Bowen")
    await keep(mine, "approval-one-of-two")
    assert not [number for number, _ in team.neo.decisions if number == LEAVER]

    await page.go_to("general")
    shared = await page.wait_for_card(mark, "1 of 2")
    await expect(shared).to_contain_text("Megan Bowen")
    asked = await team.adele.presses("Approve…", on=team.in_general(LEAVER))
    assert "48302" in words(asked)
    to_confirm = Posted(
        team.in_general(LEAVER).conversation, team.in_general(LEAVER).message, asked
    )
    decided = words(await team.adele.presses("Approve now", on=to_confirm, typed="#48302"))
    assert "Adele Vance" in decided
    both = await page.wait_for_card(mark, "Approved by", "Adele Vance")
    await expect(both).to_contain_text("Megan Bowen")
    await team.neo_says(LEAVER, "approve", "Adele Vance", "Megan Bowen")


async def _an_order_in_text_is_confirmed(team: Team) -> None:
    """A text opens a card; a colleague's text too, and then nobody else can press on it."""
    page, mark = team.page, f"Approval {RESET}"
    await team.lee.says(f"approve {RESET} I am sure", conversation=SCENE.team)
    told = await page.wait_for_card(mark, "You were not asked to decide this. Nothing was changed.")
    await expect(told.get_by_role("button", name="Approve now")).to_have_count(0)

    await page.go_to("personal")
    await page.type(f"approve {RESET} client confirmed by phone")
    await page.wait_for_card(mark, "Approve this?")
    assert not [number for number, _ in team.neo.decisions if number == RESET]
    await page.fill("48303", on="Approve this?", label="Number")
    await page.press("Approve now", on="Approve this?")
    done = await page.wait_for_card(mark, "Approved by Megan Bowen")
    await expect(done).to_contain_text("client confirmed by phone")
    await team.neo_says(RESET, "approve", "Megan Bowen", "client confirmed by phone")


async def _several_are_ticked(team: Team) -> None:
    page = team.page
    await page.type("pending approvals")
    listed = await page.wait_for_card("Tick those that you decide")
    for ticket in ("48304", "48305"):
        await listed.get_by_role("checkbox", name=ticket).check()
    await page.fill("Agreed with both clients", on="Tick those that you decide")
    await keep(listed, "approvals-ticked")
    await page.press("Approve ticked", on="Tick those that you decide")
    result = await page.wait_for_card("2 approved", "Agreed with both clients")
    await expect(result).to_contain_text("48304")
    await expect(result).to_contain_text("48305")
    await page.wait_for_card(f"Approval {VISIT}", "Approved by Megan Bowen")
    for number in (VISIT, CALENDAR):
        await team.neo_says(number, "approve", "Megan Bowen", "Agreed with both clients")


async def _what_happened_is_told(team: Team) -> None:
    """The ledger has the refusals, the wrong number, both people and the decision."""
    page = team.page
    await page.type(f"history {ACCESS}")
    told = await page.wait_for_card("Lee Gu", "You were not asked to decide this.")
    await expect(told).to_contain_text("Alex Wilber")
    await expect(told).to_contain_text("Owner agreed")
    await page.type(f"history {LEAVER}")
    both = await page.wait_for_card("“\u201812345\u2019 is not the number 48302")
    await expect(both).to_contain_text("Megan Bowen")
    await expect(both).to_contain_text("Adele Vance")
    await keep(both, "history")
