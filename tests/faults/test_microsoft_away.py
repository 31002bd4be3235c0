"""Microsoft's token endpoint away, and its connector refusing: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from bot.alerts.watch import WATCH as FAILURES
from bot.approvals.watch import WATCH as APPROVALS
from tests.app.service import cards, click
from tests.faults.house import Clock, House, StandIns, living_in
from tests.microsoft import MEGAN, PERSONAL, SILENCE, Microsoft

PEOPLE = [(MEGAN.object_id, MEGAN.name)]


async def _asked(house: House, text: str) -> int:
    activity = house.microsoft.activity(text=text)
    activity["conversation"]["conversationType"] = "personal"
    return (await house.hears(activity)).status_code


def _due_now(database_url: str) -> None:
    """Let the time pass for which jobs wait."""
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


def _waits(database_url: str) -> list[float]:
    """For how many seconds each job waits that is to run later."""
    with psycopg.connect(database_url) as conn:
        found = conn.execute(
            "SELECT extract(epoch FROM scheduled_at - now())::float FROM procrastinate_jobs"
            " WHERE status = 'todo' AND scheduled_at IS NOT NULL"
        )
        return [seconds for (seconds,) in found]


async def test_without_tokens_from_microsoft_it_listens_keeps_the_cards_and_answers_presses(
    stand_ins: StandIns, database_url: str
) -> None:
    microsoft, neo, clock = stand_ins.microsoft, stand_ins.neo, Clock()
    microsoft.token_refusal = "temporarily_unavailable"
    async with living_in(stand_ins, worker=False, clock=clock) as house:
        # Since its start there is none: what is asked is heard, and what happens is kept.
        assert await _asked(house, "help") == 200
        assert await _asked(house, "follow failures") == 200
        await house.looks(FAILURES)
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        neo.fails_run(agent="Mailbox Permissions", error="The directory does not answer.")
        await house.looks(APPROVALS)
        await house.looks(FAILURES)
        assert microsoft.messages == []
        microsoft.token_refusal = None
        _due_now(database_url)
        await house.works()
        told = [m.summary for m in microsoft.messages]
        assert sum("Approval 481" in said for said in told) == 1
        assert sum("The directory does not answer." in said for said in told) == 1

        # Later, the token has run out and there is no other.
        (card,) = cards(microsoft, PERSONAL)
        with psycopg.connect(database_url) as conn:  # that she is no guest is known
            conn.execute("UPDATE people SET guest = false, checked_at = %s", (clock(),))
        microsoft.tokens.clear()
        microsoft.token_refusal = "temporarily_unavailable"
        answer = await house.hears(click(microsoft, card, "Approve"))
        assert "Approved by Megan Bowen" in json.dumps(answer.json())
        await house.works()
        assert "Approved" not in card.summary
        microsoft.token_refusal = None
        _due_now(database_url)
        await house.works()
        assert "Approved by Megan Bowen" in card.summary
        assert neo.decisions == [(481, "approve")]


REFUSALS: dict[str, tuple[dict[str, Any], float]] = {
    # how it refuses, and after how many seconds it is asked again at the earliest
    "429 in seconds": ({"status": 429, "headers": {"Retry-After": "40"}}, 20),
    "429 with a date": (
        {"status": 429, "headers": {"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}},
        3000,
    ),
    "503": ({"status": 503}, -60),
}


def _told(microsoft: Microsoft) -> list[str]:
    return [
        m.summary.split("Failure ")[1][0] for m in microsoft.messages if "Failure " in m.summary
    ]


@pytest.mark.parametrize("how", REFUSALS)
async def test_what_the_connector_refuses_for_now_comes_later_in_order_and_once(
    stand_ins: StandIns, database_url: str, how: str
) -> None:
    refusal, earliest = REFUSALS[how]
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins, worker=False) as house:
        await house.told("follow failures")
        await house.looks(FAILURES)
        microsoft.refuse(**refusal, times=99, method="POST")
        for number in (1, 2, 3):
            neo.fails_run(agent="Mailbox Permissions", error=f"Failure {number}.")
        calls = len(microsoft.calls)
        await house.looks(FAILURES)
        # Those behind it wait with it, and nobody asks again at once.
        assert len(microsoft.calls) - calls <= 4
        assert _told(microsoft) == []
        (wait,) = _waits(database_url)
        assert earliest <= wait <= 3700
        microsoft.refusals.clear()
        _due_now(database_url)
        await house.works()
        assert _told(microsoft) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        # The connector has it, and broke the connection instead of saying so.
        ({"status": SILENCE}, ["1", "2", "3"]),
        ({"status": 500}, ["2", "3"]),
        ({"status": 403, "code": "MessageWritesBlocked"}, ["2", "3"]),
        ({"status": 403, "code": "ConversationBlockedByUser"}, []),
    ],
)
async def test_what_may_have_arrived_or_never_will_is_not_sent_again(
    stand_ins: StandIns, database_url: str, refusal: dict[str, Any], told: list[str]
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins, worker=False) as house:
        await house.told("follow failures")
        await house.looks(FAILURES)
        microsoft.refuse(**refusal, method="POST")
        neo.fails_run(agent="Mailbox Permissions", error="Failure 1.")
        await house.looks(FAILURES)
        for number in (2, 3):
            neo.fails_run(agent="Mailbox Permissions", error=f"Failure {number}.")
        await house.looks(FAILURES)
        for _ in range(2):
            _due_now(database_url)
            await house.works()
        assert _told(microsoft) == told
