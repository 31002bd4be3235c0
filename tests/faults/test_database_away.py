"""PostgreSQL away for a while: refused, cut, or silent.

The minute is shortened to what a test can wait for. Nothing here grows with the length of an
outage: a connection is tried for whenever one is needed, and the worker at most every
`LONGEST_PAUSE_SECONDS` of `bot.store.jobs`.
"""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bot.approvals.watch import WATCH as APPROVALS
from bot.approvals.who_may import CLAIM_LASTS
from tests.app.service import cards, click
from tests.faults.house import Clock, House, StandIns, is_recorded, living_in
from tests.faults.relay import Relay
from tests.microsoft import ALEX, MEGAN, PERSONAL

AWAY = "cannot use its own database"
PEOPLE = [(MEGAN.object_id, MEGAN.name), (ALEX.object_id, ALEX.name)]


async def _goes(relay: Relay, how: str) -> None:
    if how == "silent":
        relay.falls_silent()
    else:
        await relay.is_cut()


async def _comes_back(relay: Relay, how: str) -> None:
    if how == "silent":
        await relay.speaks_again()
    else:
        await relay.opens()


async def _is_back(house: House) -> None:
    async with asyncio.timeout(15):
        while AWAY in await house.told("help"):
            pass


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_without_a_database_everybody_is_told_so_in_time_and_nothing_is_lost_or_doubled(
    stand_ins: StandIns, relay: Relay, database_url: str, how: str
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins) as house:
        await house.told("follow failures")
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE[:1])
        await microsoft.until(lambda: cards(microsoft, PERSONAL))
        (card,) = cards(microsoft, PERSONAL)
        await is_recorded(database_url, card.id)

        await _goes(relay, how)
        async with asyncio.timeout(15):  # what Teams waits
            said = await house.told("agents")
        assert AWAY in said
        assert "Nothing was changed. Try again in a minute." in said
        answer = await house.hears(click(microsoft, card, "Approve"))
        assert answer.status_code == 200
        assert AWAY in answer.json()["value"]
        assert "Nothing was changed." in answer.json()["value"]
        assert neo.decisions == []
        # Meanwhile something happens in Neo.
        neo.fails_run(agent="Mailbox Permissions", error="The directory does not answer.")

        await _comes_back(relay, how)
        await _is_back(house)
        await house.resumes()
        failed = "The directory does not answer."
        await microsoft.until(lambda: any(failed in m.summary for m in microsoft.messages))
        answer = await house.hears(click(microsoft, card, "Approve"))
        assert "Approved by Megan Bowen" in str(answer.json()["value"])
        await microsoft.until(lambda: "Approved by Megan Bowen" in card.summary)
        assert neo.decisions == [(481, "approve")]
        assert sum(failed in message.summary for message in microsoft.messages) == 1
        assert [m.id for m in microsoft.messages if "by phone" in m.summary] == [card.id]
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT outcome FROM ledger WHERE approval = '481' ORDER BY position")
        assert [outcome for (outcome,) in rows] == ["sent", "decided"]


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_a_decision_under_way_when_the_database_goes_is_called_uncertain_and_settled_later(
    stand_ins: StandIns, relay: Relay, database_url: str, how: str
) -> None:
    microsoft, neo, clock = stand_ins.microsoft, stand_ins.neo, Clock()
    async with living_in(stand_ins, clock=clock, worker=False) as house:
        await house.told("help")
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE[:1])
        await house.looks(APPROVALS)
        (card,) = cards(microsoft, PERSONAL)

        async def goes(_: int, __: str) -> None:
            await _goes(relay, how)

        neo.before_decision(goes)
        before = len(microsoft.messages)
        await house.hears(click(microsoft, card, "Approve"))
        await microsoft.until(lambda: len(microsoft.messages) > before)
        said = microsoft.messages[before].summary
        assert AWAY in said
        assert "It is not certain whether anything was changed." in said
        assert "Look again" in said
        assert neo.decisions == [(481, "approve")]

        await _comes_back(relay, how)
        await _is_back(house)
        clock.jumps(seconds=CLAIM_LASTS.total_seconds())
        await house.looks(APPROVALS)
        assert "Approved by Megan Bowen" in card.summary
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT outcome FROM ledger WHERE approval = '481' ORDER BY position")
        assert [outcome for (outcome,) in rows] == ["sent", "decided"]
