"""The second person of the demo: presses after somebody else did, and only where that is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.approvals.watch import WATCH
from bot.messaging import Scope
from bot.playground.scene import PlaygroundUser
from bot.playground.second import SecondPerson
from bot.policies import Policy, Rule
from bot.store.database import Pool
from tests.workplace import ALEX, MEGAN, Workplace, place, workplace

COLLEAGUE = PlaygroundUser(ALEX[0], ALEX[1], "alex.wilber@northwind.example")


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    policy = Policy(rule=(Rule(agent="Offboarding", people=2),))
    async with workplace(db, policy=policy) as running:
        yield running


def _second(office: Workplace) -> SecondPerson:
    channel = place("19:general@thread.tacv2", Scope.CHANNEL)
    return SecondPerson(office.rooms, channel, [COLLEAGUE], office.clock)


async def test_they_approve_what_somebody_else_has_approved(office: Workplace) -> None:
    office.neo.has_approval(481, agent="Offboarding", approvers=[MEGAN, ALEX], ticket="48213")
    megan = await office.has_chat(MEGAN)
    await office.looks(WATCH)
    second = _second(office)

    await second.agree(timestamp=0)
    assert office.neo.decisions == []

    await megan.presses("Approve…")
    await megan.presses("Approve now", typed="48213")
    assert office.neo.decisions == []
    await second.agree(timestamp=0)
    assert office.neo.decisions == [(481, "approve")]
    await office.works()
    card = office.chats.in_(megan.at)[-1][1]
    assert "Megan Bowen and Alex Wilber" in card.summary


async def test_they_press_nothing_that_they_were_not_asked_for(office: Workplace) -> None:
    office.neo.has_approval(481, agent="Offboarding", approvers=[MEGAN], ticket="48213")
    megan = await office.has_chat(MEGAN)
    await office.looks(WATCH)
    await megan.presses("Approve…")
    await megan.presses("Approve now", typed="48213")
    await _second(office).agree(timestamp=0)
    assert office.neo.decisions == []
    outcomes = [(row.person_name, row.outcome) for row in await office.ledger("481")]
    assert outcomes == [("Megan Bowen", "voted")]
