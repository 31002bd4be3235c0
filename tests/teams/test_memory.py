"""What is remembered between activities, on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.messaging import Conversation, Person, Scope
from bot.store import conversations, people
from bot.store.database import Pool
from bot.store.people import Standing
from bot.teams.memory import Met, StoreMemory
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


async def test_of_eight_replicas_that_hear_of_somebody_at_once_one_takes_the_activity(
    db: Pool, clock: Clock
) -> None:
    replicas = [StoreMemory(db, clock=clock) for _ in range(8)]
    got = await asyncio.gather(*(one.claim(PLACE, "f:1", met=Met(PERSON)) for one in replicas))
    assert sorted(got) == [False] * 7 + [True]
    again = await asyncio.gather(*(replicas[0].claim(PLACE, "f:1", met=Met(None)) for _ in "ab"))
    assert again == [False, False]


async def test_crowds_that_speak_in_several_replicas_do_not_wait_for_each_other_for_ever(
    db: Pool, clock: Clock
) -> None:
    replicas = [StoreMemory(db, clock=clock) for _ in range(4)]
    places = [replace(PLACE, id=f"19:{n}@thread.v2") for n in range(12)]
    crowd = [replace(PERSON, id=f"{n:032}", teams_id=f"29:{n}") for n in range(12)]

    def said(replica: int, n: int) -> tuple[Conversation, Person]:
        # Everybody speaks everywhere, in another order in each replica.
        return places[(5 * n + replica) % 12], crowd[(7 * n + 3 * replica) % 12]

    async with asyncio.timeout(30):
        got = await asyncio.gather(
            *(
                one.claim(place, f"f:{number}:{n}", met=Met(person))
                for number, one in enumerate(replicas)
                for n in range(60)
                for place, person in [said(number, n)]
            )
        )
    assert got == [True] * 240


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
