"""What had waited long before the bot was there, or while it was away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.approvals.chasing import CHASE, chased_since
from bot.approvals.hours import DEFAULT
from bot.policies import Policy
from bot.store.database import Pool
from cards.card import Card
from tests.workplace import (
    ADELE,
    MEGAN,
    Technician,
    Workplace,
    button_of,
    decisive,
    workplace,
)

WATCH = "approvals.watch"
DUTY = "19:duty@thread.tacv2"
POLICY: dict[str, Any] = {
    "high_risk": [],
    "business_hours": {"zone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri"]},
    "second_group": {"name": "Leads", "people": [ADELE[0]], "after": "90m", "may_decide": True},
    "duty_channel": {"id": DUTY, "after": "100m"},
    "remind_after": ["30m", "1h"],
}


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    async with workplace(db, policy=Policy.model_validate(POLICY)) as running:
        yield running


def _asks(office: Workplace, number: int, *, ago: timedelta = timedelta(0)) -> None:
    office.neo.has_approval(
        number,
        agent="Mailbox Permissions",
        approvers=[MEGAN],
        ticket=f"48{number}",
        at=office.clock() - ago,
    )


def _told_again(office: Workplace, who: Technician) -> list[Card]:
    """The cards in somebody's chat that say why they come."""
    said = ("Reminder: ", "Nobody of those asked")
    cards = [card for _, card in office.chats.in_(who.at)]
    return [card for card in cards if card.summary.startswith(said)]


@pytest.mark.parametrize(
    ("asked", "seen", "since"),
    [
        ("23T14:00:00", "23T14:00:03", "23T14:00:03"),
        # Neo's clock is ahead.
        ("23T14:00:03", "23T14:00:00", "23T14:00:03"),
        # From Friday noon to Monday noon are eight hours of work.
        ("20T12:00:00", "23T12:00:00", "23T12:00:00"),
        ("20T12:00:00", "23T12:00:01", None),
        ("16T09:00:00", "23T12:00:00", None),
    ],
    ids=["at once", "clocks apart", "over a weekend", "for longer than a day", "for a week"],
)
def test_stages_count_from_when_the_bot_had_it(asked: str, seen: str, since: str | None) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)

    expected = moment(since) if since else None
    assert chased_since(DEFAULT, moment(asked), moment(seen)) == expected


async def test_a_fresh_install_chases_nothing_old_and_everything_new_on_time(
    office: Workplace,
) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    duty = await office.has_channel(name=DUTY)
    for number in range(200):
        _asks(office, 1000 + number, ago=timedelta(days=5, minutes=number))
    await office.looks(WATCH)
    await office.looks(CHASE)
    assert len(office.chats.in_(megan.at)) == 200
    # Looking for the run behind each would use up what the watchers may ask of Neo.
    assert not [r for r in office.neo.requests if "/runs" in r.path]
    office.clock.goes_on(minutes=2)
    _asks(office, 481)
    await office.looks(WATCH)
    for minutes, reminders, escalated, on_duty in (
        (29, 0, 0, 0),
        (1, 1, 0, 0),
        (30, 2, 0, 0),
        (30, 2, 1, 0),
        (10, 2, 1, 1),
    ):
        office.clock.goes_on(minutes=minutes)
        await office.looks(CHASE)
        assert len(office.chats.in_(megan.at)) == 201 + reminders, "each once, and reminders"
        assert len(office.chats.in_(adele.at)) == escalated
        assert len(office.chats.in_(duty)) == on_duty
    again = [card.approval for _, card in office.chats.in_(megan.at)][201:]
    assert again == ["481", "481"]
    # What is old is decided as ever.
    old = next(pair for pair in office.chats.in_(megan.at) if pair[1].approval == "1007")
    assert "5 days" in old[1].summary
    assert decisive(old[1])
    assert button_of(await megan.types("pending approvals"), "Approve ticked")


async def test_after_an_outage_the_stages_come_one_after_the_other(office: Workplace) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    _asks(office, 481, ago=timedelta(hours=4))
    await office.looks(WATCH)
    await office.looks(CHASE)
    assert not _told_again(office, megan)
    assert not _told_again(office, adele)
    office.clock.goes_on(minutes=30)
    await office.looks(CHASE)
    (card,) = _told_again(office, megan)
    # The whole of the time is told.
    assert "waiting for 4 h 30 min of working time" in card.summary
    assert not _told_again(office, adele)
