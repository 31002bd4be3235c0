"""However those asked put things off or go away, somebody hears of what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.approvals.chasing import CHASE
from bot.policies import Policy
from bot.store.database import Pool
from tests.workplace import ADELE, ALEX, MEGAN, Technician, Workplace, workplace

DUTY = "19:duty@thread.tacv2"
POLICY: dict[str, Any] = {
    "high_risk": [],
    "remind_after": ["30m", "2h"],
    "business_hours": {
        "zone": "UTC",
        "days": ["mon", "tue", "wed"],
        "opens": "00:00",
        "closes": "24:00",
    },
    "second_group": {"name": "Leads", "people": [ADELE[0]], "after": "4h"},
    "duty_channel": {"id": DUTY, "after": "8h"},
}


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    async with workplace(db, policy=Policy.model_validate(POLICY)) as running:
        yield running


async def _asks(office: Workplace, number: int, *approvers: tuple[str, str]) -> None:
    office.neo.has_approval(number, agent="Password Reset", approvers=approvers)
    await office.looks("approvals.watch")


async def _told(office: Workplace) -> list[str]:
    return [row.reason for row in await office.ledger("481") if row.wish == "remind"]


async def _delegates(office: Workplace, who: Technician, to: tuple[str, str]) -> None:
    await who.types(f"delegate my approvals to {to[1]} for 2 days")
    await who.presses("Delegate")
    await office.works()


async def test_a_snooze_that_is_renewed_holds_others_back_for_a_day_and_no_longer(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await office.has_chat(ADELE)
    await office.has_channel(name=DUTY)
    await _asks(office, 481, MEGAN)
    for _ in range(2):
        await megan.types("snooze 481 12h")
        office.clock.goes_on(hours=11, minutes=59)
        await office.looks(CHASE)
    assert await _told(office) == []
    await megan.types("snooze 481 12h")
    office.clock.goes_on(minutes=2)
    await office.looks(CHASE)
    # Megan's own reminders stay put off.
    assert await _told(office) == [f"second group: {ADELE[0]}", "duty channel"]


async def test_where_the_stand_in_is_away_too_all_who_may_decide_are_reminded(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office, 480, MEGAN, ALEX, ADELE)
    await _asks(office, 481, MEGAN)
    await _delegates(office, megan, ALEX)
    await _delegates(office, alex, ADELE)
    office.clock.goes_on(minutes=31)
    await office.looks(CHASE)
    assert await _told(office) == ["reminder 1: Megan Bowen, Alex Wilber"]
    # A stand-in who is back and put it off has heard: nobody who is away does in their place.
    await alex.types("end my delegation")
    await alex.types("snooze 481 3h")
    office.clock.goes_on(minutes=90)
    await office.looks(CHASE)
    assert await _told(office) == ["reminder 1: Megan Bowen, Alex Wilber"]
