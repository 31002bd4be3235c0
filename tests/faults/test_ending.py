"""The process is told to end, or is killed, while it has much to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest

from tests.app.service import REPOSITORY, Service, cards, click, started
from tests.faults.house import StandIns, holds, is_recorded
from tests.microsoft import ALEX, MEGAN, PERSONAL, Message

PEOPLE = [(MEGAN.object_id, MEGAN.name), (ALEX.object_id, ALEX.name)]
CARD = "application/vnd.microsoft.card.adaptive"


def _chats(many: int) -> list[str]:
    return [f"a:personal-{number}" for number in range(many)]


async def _asked(service: Service, text: str, where: str) -> httpx.Response:
    activity = service.microsoft.activity(where=where, text=text)
    activity["conversation"]["conversationType"] = "personal"
    return await service.hears(activity)


async def _approvals(service: Service, stand_ins: StandIns, numbers: range) -> None:
    """Megan is known, and has a card of each."""
    await _asked(service, "help", PERSONAL)
    for number in numbers:
        stand_ins.neo.has_approval(number, agent="Mailbox Permissions", approvers=PEOPLE[:1])
    microsoft = stand_ins.microsoft
    await microsoft.until(lambda: len(cards(microsoft, PERSONAL)) == len(numbers))


async def _verifies(stand_ins: StandIns) -> None:
    """The ledger's chain holds, as the command says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "ledger", "verify"),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"]} | stand_ins.environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)


def _ledger(database_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as conn:
        return conn.execute(
            "SELECT approval, outcome FROM ledger WHERE approval <> '' ORDER BY position"
        ).fetchall()


async def test_sigterm_under_load_answers_everybody_and_ends_within_ten_seconds(
    stand_ins: StandIns, database_url: str
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    numbers = range(481, 485)
    async with started(stand_ins.environment, microsoft, "run") as service:
        await _approvals(service, stand_ins, numbers)
        for card in cards(microsoft, PERSONAL):
            await is_recorded(database_url, card.id)
        # Some decisions are taken and their answers late, some questions wait for long.
        taken, answers = asyncio.Semaphore(0), asyncio.Event()

        async def is_taken(_: int, __: str) -> None:
            taken.release()

        neo.before_decision(is_taken)
        neo.trouble(hold=answers, takes_effect=True, path="/decision", times=None)
        presses = [
            asyncio.create_task(service.hears(click(microsoft, card, "Approve")))
            for card in cards(microsoft, PERSONAL)
        ]
        for _ in numbers:
            await taken.acquire()
        never = asyncio.Event()
        neo.trouble(hold=never, path="/executions", times=None)
        chats = _chats(20)
        questions = [asyncio.create_task(_asked(service, "failed runs", chat)) for chat in chats]
        # What has not been read by then is sent again by Teams.
        await holds(
            database_url,
            "SELECT count(*) = %s FROM activities WHERE conversation = ANY(%s)",
            len(chats),
            chats,
        )

        ending = asyncio.create_task(service.stops())
        answers.set()
        assert await ending == 0
        for answer in await asyncio.gather(*presses):
            assert answer.status_code == 200
            assert answer.json()["type"] == CARD
            assert "Approved by Megan Bowen" in json.dumps(answer.json())
        for answer in await asyncio.gather(*questions):
            assert answer.status_code == 200
        for chat in chats:
            (said,) = [m.summary for m in microsoft.messages if m.conversation == chat]
            assert "is being restarted" in said or "Neo did not answer" in said
        with pytest.raises(httpx.ConnectError):
            await _asked(service, "help", PERSONAL)
        never.set()
        neo.ends_trouble()
    assert sorted(neo.decisions) == [(number, "approve") for number in numbers]
    # Copies that nobody redrew before the end are redrawn by whoever comes next.
    async with started(stand_ins.environment, microsoft, "worker") as worker:
        await microsoft.until(
            lambda: all(
                "Approved by Megan Bowen" in m.summary
                for m in microsoft.messages
                if "Mailbox Permissions" in m.summary and m.conversation == PERSONAL
            )
        )
        assert await worker.stops() == 0
    outcomes = _ledger(database_url)
    for number in numbers:
        assert [o for a, o in outcomes if a == str(number)] == ["sent", "decided"]


async def test_killed_under_load_it_decides_once_and_tells_everybody_after_a_restart(
    stand_ins: StandIns, database_url: str
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    numbers, taken = range(481, 485), asyncio.Semaphore(0)
    arrives = {number for number in numbers if number % 2}
    never = asyncio.Event()
    async with started(stand_ins.environment, microsoft, "run") as service:
        await _approvals(service, stand_ins, numbers)
        await _asked(service, "follow failures", PERSONAL)
        for card in cards(microsoft, PERSONAL):
            await is_recorded(database_url, card.id)

        async def is_taken(number: int, _: str) -> None:
            taken.release()

        neo.before_decision(is_taken)
        # Of some the answer is lost, of others the decision itself.
        for number in numbers:
            path = f"/{number}/decision"
            neo.trouble(hold=never, takes_effect=number in arrives, path=path, times=1)
        presses = [
            asyncio.create_task(service.hears(click(microsoft, card, "Approve")))
            for card in cards(microsoft, PERSONAL)
        ]
        await neo.hears("/decision", method="POST", times=len(numbers))
        for _ in arrives:
            await taken.acquire()
        for number in range(4):
            neo.fails_run(agent="Mailbox Permissions", error=f"Failure {number} of four.")
        await microsoft.until(lambda: "Failure" in microsoft.messages[-1].summary)
        await service.dies()
        await asyncio.gather(*presses, return_exceptions=True)
    assert sorted(neo.decisions) == [(number, "approve") for number in sorted(arrives)]
    never.set()
    neo.ends_trouble()
    with psycopg.connect(database_url) as conn:
        # The time that a dead process's claims and jobs are respected for, passed in the database.
        conn.execute("UPDATE approvals SET deciding_at = deciding_at - interval '15 seconds'")
        conn.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '12 s'"
        )
    async with started(stand_ins.environment, microsoft, "run") as service:
        await _waits(stand_ins, lambda: _settled(stand_ins, open_ones=len(numbers) - len(arrives)))
        # Those that never reached Neo are open again, and decided when they are pressed again.
        for card in _open(stand_ins):
            answer = await service.hears(click(microsoft, card, "Approve"))
            assert "Approved by Megan Bowen" in json.dumps(answer.json())
        assert await service.stops() == 0
    assert sorted(neo.decisions) == [(number, "approve") for number in numbers]
    # The one that was on its way may have arrived or not; none is told twice.
    assert all(_told(stand_ins, number) <= 1 for number in range(4))
    outcomes = _ledger(database_url)
    for number in numbers:
        assert [o for a, o in outcomes if a == str(number)][-1] == "decided"
    await _verifies(stand_ins)


def _open(stand_ins: StandIns) -> list[Message]:
    return [m for m in cards(stand_ins.microsoft, PERSONAL) if "'title': 'Approve'" in str(m.card)]


def _settled(stand_ins: StandIns, *, open_ones: int) -> bool:
    told = [number for number in range(4) if _told(stand_ins, number)]
    return len(_open(stand_ins)) == open_ones and len(told) >= 3


def _told(stand_ins: StandIns, number: int) -> int:
    failure = f"Failure {number} of four."
    return sum(
        failure in m.summary and m.conversation == PERSONAL for m in stand_ins.microsoft.messages
    )


async def _waits(stand_ins: StandIns, holds: Callable[[], bool]) -> None:
    """As `Microsoft.until`, for what a new process does after its start."""
    for _ in range(3):
        with suppress(TimeoutError):
            return await stand_ins.microsoft.until(holds)
    raise AssertionError([message.summary for message in stand_ins.microsoft.messages])
