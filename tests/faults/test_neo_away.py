"""Neo away for ten minutes: people are told so, and nothing is lost or doubled."""

from __future__ import annotations

from time import monotonic
from typing import Any

from bot.alerts.watch import WATCH as FAILURES
from bot.approvals.watch import WATCH as APPROVALS
from tests.app.service import cards, click
from tests.faults.house import Clock, House, StandIns, living_in
from tests.microsoft import MEGAN, PERSONAL

PEOPLE = [(MEGAN.object_id, MEGAN.name)]
AGENT = "Mailbox Permissions"
# What looking may use of Neo's limit: a tenth of 1,200 requests a minute.
SHARE_A_MINUTE = 120


async def _looks(house: House) -> None:
    await house.looks(FAILURES)
    await house.looks(APPROVALS)


async def _presses(house: House, message: Any) -> str:
    answer = await house.hears(click(house.microsoft, message, "Approve"))
    assert answer.status_code == 200
    return str(answer.json()["value"])


async def test_neo_away_for_ten_minutes_is_told_and_what_happened_meanwhile_comes_once_in_order(
    stand_ins: StandIns,
) -> None:
    clock, neo = Clock(), stand_ins.neo
    async with living_in(stand_ins, worker=False, clock=clock) as house:
        await house.told("follow failures")
        neo.has_approval(481, agent=AGENT, approvers=PEOPLE)
        await _looks(house)
        (card,) = cards(house.microsoft, PERSONAL)
        neo.trouble(status=503, times=None)

        asked_before, began = len(neo.requests), monotonic()
        for minutes in (5, 5):
            clock.jumps(minutes=minutes)
            await _looks(house)
        asked, took = len(neo.requests) - asked_before, monotonic() - began
        assert 4 <= asked <= SHARE_A_MINUTE * (1 + took / 60)

        answer = await house.told("show failed runs")
        assert "Neo did not answer. Nothing was changed." in answer
        assert "Try again" in answer
        assert "Nothing was decided. Try again" in await _presses(house, card)
        assert neo.decisions == []

        neo.has_approval(482, agent=AGENT, approvers=PEOPLE)
        neo.fails_run(agent=AGENT, error="The first failure.")
        clock.jumps(seconds=1)
        neo.fails_run(agent=AGENT, error="The second failure.")
        neo.ends_trouble()
        clock.jumps(minutes=1)
        for _ in range(3):
            await _looks(house)
            clock.jumps(seconds=5)

        told = "\n".join(m.summary for m in house.microsoft.messages)
        assert told.count("The first failure.") == told.count("The second failure.") == 1
        assert told.index("The first failure.") < told.index("The second failure.")
        asking = cards(house.microsoft, PERSONAL)
        assert len(asking) == 2
        for one in asking:
            assert "Approved by Megan Bowen" in await _presses(house, one)
        assert sorted(neo.decisions) == [(481, "approve"), (482, "approve")]
