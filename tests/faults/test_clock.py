"""The clock jumps: an hour or a day ahead, an hour back; nothing waits until it is there again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import procrastinate
import pytest
from procrastinate import periodic
from procrastinate.testing import InMemoryConnector

from bot.alerts.watch import WATCH as FAILURES
from bot.approvals.watch import WATCH as APPROVALS
from bot.chat.lists import KnownAgents
from bot.store.database import Pool
from bot.store.jobs import opened
from bot.teams.tokens import SigningKeys
from tests.app.service import cards, click
from tests.faults.house import Clock, House, StandIns, living_in
from tests.microsoft import ISSUER, MEGAN, PERSONAL, Microsoft
from tests.teams.conftest import Clock as StandingClock
from tests.workplace import Workplace, workplace

AHEAD_AND_BACK = [{"hours": 1}, {"days": 1}, {"hours": -1}]
PEOPLE = [(MEGAN.object_id, MEGAN.name)]


async def _decides(house: House, number: int) -> str:
    house.neo.has_approval(number, agent="Mailbox Permissions", approvers=PEOPLE)
    await house.looks(APPROVALS)
    card = cards(house.microsoft, PERSONAL)[-1]
    answer = await house.hears(click(house.microsoft, card, "Approve"))
    await house.works()
    return str(answer.json()["value"])


async def test_people_are_answered_told_and_decide_however_the_clock_jumps(
    stand_ins: StandIns,
) -> None:
    clock, microsoft, neo = Clock(), stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins, worker=False, clock=clock) as house:
        await house.told("follow failures")
        await house.looks(FAILURES)
        number = 480
        for jump in [{"hours": 0}, *AHEAD_AND_BACK, {"days": -1}]:
            clock.jumps(**jump)
            number += 1
            assert "16 agents" in await house.told("agents"), jump
            assert "Approved by Megan Bowen" in await _decides(house, number), jump
            neo.fails_run(agent="Mailbox Permissions", error=f"Failure {number}.")
            await house.looks(FAILURES)
            assert f"Failure {number}." in microsoft.messages[-1].summary, jump
        # Other keys than before are believed as soon as they may be looked for again.
        clock.jumps(minutes=1)
        microsoft.keys["key-2"] = microsoft.keys.pop("key-1")
        activity = microsoft.activity(text="agents")
        token = microsoft.token(key_id="key-2", now=clock())
        answer = await house.http.post(
            f"{house.url}/api/messages",
            json=activity,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200
        assert [n for n, _ in neo.decisions] == list(range(481, 486))


async def test_keys_that_were_looked_for_before_the_clock_was_put_back_are_looked_for_again(
    microsoft: Microsoft,
) -> None:
    clock = StandingClock()
    async with httpx.AsyncClient() as http:
        keys = SigningKeys(http, metadata_url=microsoft.metadata_url, issuer=ISSUER, clock=clock)
        assert await keys.find("key-2") is None
        microsoft.keys["key-2"] = ["msteams"]
        clock.goes_on(hours=-1)
        assert await keys.find("key-2") is not None
        # And no more often than ever.
        fetches = microsoft.metadata_fetches
        assert await keys.find("key-3") is None
        assert microsoft.metadata_fetches == fetches


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    async with workplace(db) as running:
        yield running


async def test_a_decision_that_died_before_the_clock_was_put_back_is_settled_at_once(
    office: Workplace,
) -> None:
    megan = await office.has_chat((MEGAN.object_id, MEGAN.name))
    office.neo.has_approval(481, agent="Password Reset", approvers=PEOPLE)
    await office.looks(APPROVALS)
    office.neo.trouble(status=503, path="/decision", times=None)
    office.neo.trouble(status=503, path="/til-requests", times=None)
    card = office.chats.in_(megan.at)[0]
    await megan.presses("Approve", card)
    office.neo.ends_trouble()
    office.clock.goes_on(hours=-1)
    await office.looks(APPROVALS)
    assert [row.outcome for row in await office.ledger("481")][-1] == "failed"
    await megan.presses("Approve", office.chats.in_(megan.at)[0])
    assert office.neo.decisions == [(481, "approve")]


def test_what_the_library_remembers_of_what_was_due_stands_in_the_way_of_a_clock_put_back() -> None:
    engine = procrastinate.App(connector=InMemoryConnector())

    @engine.periodic(cron="* * * * * */5")
    @engine.task(name="test.look")
    async def _(timestamp: int) -> None: ...

    def due(deferrer: periodic.PeriodicDeferrer, at: float) -> int:
        return len(list(deferrer.get_previous_tasks(at=at)))

    old, now = periodic.PeriodicDeferrer(engine.periodic_registry), time.time()
    assert due(old, now) == 1
    assert due(old, now - 3600 + 60) == 0
    assert due(old, now + 3600) > 700
    # Hence a new worker, which has a new one of these.
    assert due(periodic.PeriodicDeferrer(engine.periodic_registry), now - 3600) == 1


@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_after_a_jump_of_the_clock_a_new_worker_begins_and_no_job_is_lost(
    db: Pool, by: float
) -> None:
    off, seen, begun = [0.0], asyncio.Event(), asyncio.Event()
    ran: list[int] = []
    async with opened(db, wall=lambda: time.time() + off[0]) as jobs:

        async def do(*, number: int) -> None:
            begun.set()
            ran.append(number)
            if number:
                seen.set()

        jobs.register("test.do", do)

        async def defer(number: int) -> None:
            async with db.connection() as conn:
                await jobs.defer(conn, "test.do", number=number)

        async def workers() -> list[int]:
            async with db.connection() as conn:
                found = await conn.execute("SELECT id FROM procrastinate_workers")
                return [row[0] for row in await found.fetchall()]

        await defer(0)
        working = asyncio.create_task(jobs.work())
        async with asyncio.timeout(20):
            await begun.wait()
            first = await workers()
            off[0] = by
            while True:
                if await workers() not in (first, []):
                    break
                await asyncio.sleep(0.05)
            await defer(1)
            await seen.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert ran == [0, 1]
        assert await workers() == []


async def test_names_that_could_not_be_read_before_the_clock_was_put_back_are_read_again(
    office: Workplace,
) -> None:
    megan = await office.has_chat((MEGAN.object_id, MEGAN.name))
    office.neo.has_agent("Northwind Night Shift")
    office.neo.trouble(status=503, path="/agents", times=None)
    await megan.types("runs for Northwind Night Shift")
    office.neo.ends_trouble()
    office.clock.goes_on(seconds=-2 * KnownAgents.PAUSE.total_seconds())
    card = await megan.types("runs for Northwind Night Shift")
    assert "Northwind Night Shift" in card.summary
