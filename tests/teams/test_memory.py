"""What is remembered between activities, on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.messaging import Conversation, Person, Scope
from bot.store import conversations, people
from bot.store.database import Pool
from bot.store.people import Standing
from bot.teams.memory import StoreMemory
from tests.microsoft import BOT, GROUP, MEGAN, TENANT
from tests.teams.conftest import Clock

PLACE = Conversation(TENANT, GROUP, Scope.GROUP, "https://smba.trafficmanager.net/amer/", BOT)
PERSON = Person(TENANT, MEGAN.object_id, MEGAN.name, MEGAN.teams_id, "Europe/London")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(db: Pool, clock: Clock) -> StoreMemory:
    return StoreMemory(db, clock=clock)


async def test_of_eight_that_claim_an_activity_at_once_one_gets_it(memory: StoreMemory) -> None:
    got = await asyncio.gather(*(memory.claim(PLACE, "f:1") for _ in range(8)))
    assert sorted(got) == [False] * 7 + [True]
    assert await memory.claim(replace(PLACE, id="another"), "f:1")


async def test_an_answer_is_kept_for_the_repeats(memory: StoreMemory) -> None:
    await memory.claim(PLACE, "f:1")
    assert await memory.answer(PLACE, "f:1") is None
    await memory.keep_answer(PLACE, "f:1", {"status": 200, "body": {"value": "✓ Approved"}})
    assert await memory.answer(PLACE, "f:1") == {"status": 200, "body": {"value": "✓ Approved"}}
    assert await memory.answer(PLACE, "f:2") is None


async def test_where_and_who_are_overwritten_by_the_latest(db: Pool, memory: StoreMemory) -> None:
    await memory.meet(PLACE, PERSON)
    await memory.meet(replace(PLACE, service_url="https://smba.trafficmanager.net/emea/"), None)
    await memory.meet(PLACE, replace(PERSON, teams_id="29:new", zone=None))
    async with db.connection() as conn:
        assert await conversations.find(conn, TENANT, GROUP) == PLACE
        assert await people.find(conn, TENANT, MEGAN.object_id) == replace(
            PERSON, teams_id="29:new"
        )
    assert await memory.teams_id(TENANT, MEGAN.object_id) == "29:new"
    assert await memory.teams_id(TENANT, "nobody") is None


async def test_what_the_roster_said_is_kept_with_its_time(
    memory: StoreMemory, clock: Clock
) -> None:
    await memory.meet(PLACE, PERSON)
    assert await memory.standing(PERSON) is None
    await memory.note_standing(PERSON, Standing(guest=True, checked_at=clock()))
    assert await memory.standing(PERSON) == Standing(guest=True, checked_at=clock())
