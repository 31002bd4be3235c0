"""``run`` as it is deployed: a process between Teams, Neo and a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest

from bot.sandbox.embedded import EmbeddedNeo
from tests.app.service import Service, cards, click, started
from tests.microsoft import ALEX, MEGAN, PERSONAL, Account, Microsoft

pytestmark = pytest.mark.long

PEOPLE = [(MEGAN.object_id, MEGAN.name), (ALEX.object_id, ALEX.name)]
ALEXS = "a:personal-alex"


async def _speaks(service: Service, who: Account = MEGAN, where: str = PERSONAL) -> None:
    """Somebody says something there, so that the bot knows the chat; scope said as Teams does."""
    activity = service.microsoft.activity(by=who, where=where, text="help")
    activity["conversation"]["conversationType"] = "personal"
    before = len(service.microsoft.messages)
    assert (await service.hears(activity)).status_code == 200
    await service.microsoft.until(lambda: len(service.microsoft.messages) > before)


async def test_the_service_answers_finds_delivers_decides_and_ends_in_order(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    async with started(environment, microsoft, "run") as service:
        health = await service.http.get(f"{service.url}/healthz")
        assert health.json() == {"status": "ok"}

        question = microsoft.activity(text="agents")
        for _ in range(2):  # Teams repeats what it thinks was lost
            assert (await service.hears(question)).status_code == 200
        await microsoft.until(lambda: microsoft.messages)
        assert "16 agents" in microsoft.messages[0].summary

        stranger = microsoft.activity(text="agents")
        stranger["channelData"]["tenant"]["id"] = "99999999-0000-4000-8000-000000000000"
        assert (await service.hears(stranger)).status_code == 403
        forged = {"aud": "somebody-else"}
        assert (await service.hears(microsoft.activity(text="hi"), **forged)).status_code == 401

        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL))
        (card,) = cards(microsoft, PERSONAL)
        answer = await service.hears(click(microsoft, card, "Approve"))
        redrawn = answer.json()
        assert redrawn["type"] == "application/vnd.microsoft.card.adaptive"
        assert "Approved by Megan Bowen" in str(redrawn["value"])
        assert neo.decisions == [(481, "approve")]
        await microsoft.until(lambda: "Approved by Megan Bowen" in card.summary)

        assert [m.summary for m in microsoft.messages if "16 agents" in m.summary] == [
            microsoft.messages[0].summary
        ]
        assert await service.stops() == 0


async def _until(microsoft: Microsoft, holds: Callable[[], object]) -> None:
    """Wait as long as it takes to find the jobs of a dead worker, which is 12 s after its death."""
    for _ in range(3):
        with suppress(TimeoutError):
            return await microsoft.until(holds)
    raise AssertionError([message.summary for message in microsoft.messages])


async def test_a_process_killed_after_neo_took_a_decision_leaves_no_card_untrue(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo, database_url: str
) -> None:
    async with started(environment, microsoft, "run") as service:
        await _speaks(service)
        await _speaks(service, ALEX, ALEXS)
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL) and cards(microsoft, ALEXS))
        copies = cards(microsoft, PERSONAL) + cards(microsoft, ALEXS)
        never, taken = asyncio.Event(), asyncio.Event()

        async def is_taken(_: int, __: str) -> None:
            taken.set()  # nothing can come between this and Neo's record

        neo.before_decision(is_taken)
        neo.trouble(hold=never, takes_effect=True, path="/decision")
        press = asyncio.create_task(service.hears(click(microsoft, copies[0], "Approve")))
        async with asyncio.timeout(10):
            await taken.wait()
        await service.dies()
        await asyncio.gather(press, return_exceptions=True)
        never.set()
        assert neo.decisions == [(481, "approve")]
        assert all("Approved" not in copy.summary for copy in copies)

    # The time that the claim of a dead process is respected for, passed in the database.
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE approvals SET deciding_at = deciding_at - interval '15 seconds'")
    async with started(environment, microsoft, "run") as service:
        await _until(
            microsoft, lambda: all("Approved by Megan Bowen" in copy.summary for copy in copies)
        )
        assert all("Approve" not in str(copy.card.get("actions")) for copy in copies)
        assert neo.decisions == [(481, "approve")]
        with psycopg.connect(database_url) as conn:
            rows = conn.execute(
                "SELECT outcome, person, comment FROM ledger"
                " WHERE approval = '481' ORDER BY position"
            ).fetchall()
        assert [outcome for outcome, *_ in rows] == ["sent", "decided"]
        assert rows[-1][1:] == (MEGAN.object_id, "by phone")
        assert await service.stops() == 0


async def test_answering_and_working_can_be_processes_of_their_own(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    async with (
        started(environment, microsoft, "run", "--no-worker") as service,
        started(environment, microsoft, "worker") as worker,
    ):
        await _speaks(service)
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL))
        (card,) = cards(microsoft, PERSONAL)
        answer = await service.hears(click(microsoft, card, "Reject"))
        assert "Rejected by Megan Bowen" in str(answer.json()["value"])
        await microsoft.until(lambda: "Rejected by Megan Bowen" in card.summary)
        assert await service.stops() == 0
        assert await worker.stops() == 0
