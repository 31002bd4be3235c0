"""A run that fails is told once to each conversation that follows failures, and to no other."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.alerts import delivery
from bot.alerts import watch as watching
from bot.errors import ConversationClosed, SendLater, SendRejected
from bot.messaging import Conversation
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FixedKey
from bot.store import routes, runs
from cards.card import Card
from tests.workplace import MEGAN, START, TENANT, Workplace

WATCH = "alerts.watch"
APPROVALS = "approvals.watch"


def _alerts(office: Workplace, where: Conversation) -> list[Card]:
    return [c for m, c in office.chats.in_(where) if m in office.chats.alerted]


def _fails(office: Workplace, **words: Any) -> str:
    told = {"agent": "Password Reset", "error": "Access denied by Entra ID"} | words
    return str(office.neo.fails_run(**told)["execution_id"])


async def _look(office: Workplace, watch: str = WATCH, *, at: int = 1) -> None:
    await office.watches(watch, at=at)


async def _has_looked(office: Workplace) -> None:
    await office.looks(WATCH)
    office.clock.goes_on(minutes=1)


async def test_a_failed_run_is_told_once_to_each_conversation_that_follows(
    office: Workplace,
) -> None:
    follows = await office.has_channel("failures", name="19:follows@thread.tacv2")
    other = await office.has_channel("approvals", name="19:other@thread.tacv2")
    megan = await office.has_chat(MEGAN)
    await megan.types("follow failures")
    await _has_looked(office)
    run = _fails(office)
    for _ in range(3):
        await office.looks(WATCH)
        office.clock.goes_on(seconds=5)
    for place in (follows, megan.at):
        (card,) = _alerts(office, place)
        assert "Password Reset" in card.summary
        assert "Access denied by Entra ID" in card.summary
        assert run in card.summary
    assert _alerts(office, other) == []


async def test_two_watches_that_look_at_once_tell_once(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    _fails(office)
    await asyncio.gather(*(_look(office) for _ in range(4)))
    await office.works()
    assert len(_alerts(office, channel)) == 1


async def test_a_job_that_runs_twice_tells_once(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    run = _fails(office)
    await office.looks(WATCH)
    task = office.rooms.jobs.engine.configure_task(delivery.DELIVER)
    await task.defer_async(tenant=TENANT, run=run, conversation=channel.id)
    await office.works()
    assert len(_alerts(office, channel)) == 1


async def test_a_run_that_fails_long_after_it_began_is_told(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    run = office.neo.has_run(agent="Offboarding", status="RUNNING")["execution_id"]
    await _has_looked(office)
    office.clock.goes_on(hours=3)
    office.neo.has_run(agent="Dispatch")
    await office.looks(WATCH)
    assert _alerts(office, channel) == []
    office.neo.ends_run(run, status="FAILURE", error="The mailbox is on hold")
    office.clock.goes_on(seconds=5)
    await office.looks(WATCH)
    (card,) = _alerts(office, channel)
    assert "The mailbox is on hold" in card.summary


async def test_a_run_under_way_that_vanishes_is_asked_for_no_more(office: Workplace) -> None:
    run = office.neo.has_run(agent="Offboarding", status="RUNNING")["execution_id"]
    await _has_looked(office)
    office.clock.goes_on(hours=1)
    office.neo.trouble(status=404, code="not_found", path=run)
    await _look(office)
    office.neo.requests.clear()
    await _look(office)
    assert not [r for r in office.neo.requests if run in r.path]


async def test_what_failed_before_the_first_look_is_history(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    _fails(office)
    await office.looks(WATCH)
    office.clock.goes_on(seconds=5)
    await office.looks(WATCH)
    assert _alerts(office, channel) == []


async def test_who_unfollowed_hears_nothing_more(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await megan.types("follow failures")
    await _has_looked(office)
    await megan.types("unfollow failures")
    _fails(office)
    await office.looks(WATCH)
    assert _alerts(office, megan.at) == []


async def test_who_unfollows_while_an_alert_is_on_its_way_does_not_get_it(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await megan.types("follow failures")
    await _has_looked(office)
    office.chats.trouble = [SendLater("busy", status=429, retry_after_seconds=9)]
    _fails(office)
    await office.looks(WATCH)
    await megan.types("unfollow failures")
    await office.passes_time_for_jobs()
    assert _alerts(office, megan.at) == []


async def test_a_run_that_did_not_fail_is_nobodys_alert(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    office.neo.has_run(agent="Dispatch")
    office.neo.has_run(agent="Dispatch", status="SKIPPED")
    await office.looks(WATCH)
    assert _alerts(office, channel) == []


async def test_a_busy_connector_is_tried_again_after_what_it_asked_for(
    office: Workplace,
) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    office.chats.trouble = [SendLater("busy", status=429, retry_after_seconds=30)]
    _fails(office)
    await office.looks(WATCH)
    assert _alerts(office, channel) == []
    async with office.pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs"
            " WHERE task_name = %s",
            (delivery.DELIVER,),
        )
        row = await cursor.fetchone()
    assert row
    assert 20 < row[0] <= 30
    await office.passes_time_for_jobs()
    assert len(_alerts(office, channel)) == 1


@pytest.mark.parametrize(
    "trouble",
    [SendLater("no answer", may_have_arrived=True), SendRejected("too large", status=413)],
)
async def test_what_may_have_arrived_or_never_will_is_sent_at_most_once(
    office: Workplace, trouble: SendLater | SendRejected
) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    office.chats.trouble = [trouble]
    run = _fails(office)
    await office.looks(WATCH)
    task = office.rooms.jobs.engine.configure_task(delivery.DELIVER)
    await task.defer_async(tenant=TENANT, run=run, conversation=channel.id)
    await office.passes_time_for_jobs()
    assert _alerts(office, channel) == []
    async with office.pool.connection() as conn:
        told = await routes.delivery(conn, TENANT, "failures", run, channel.id)
    assert told is not None
    assert told.given_up


async def test_where_the_bot_was_removed_nothing_is_told_until_somebody_speaks(
    office: Workplace,
) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    office.chats.trouble = [ConversationClosed("removed", status=403)]
    _fails(office)
    await office.looks(WATCH)
    _fails(office, agent="Dispatch")
    await office.looks(WATCH)
    assert _alerts(office, channel) == []
    await office.opens(channel)
    run = _fails(office, agent="Offboarding")
    await office.looks(WATCH)
    (card,) = _alerts(office, channel)
    assert run in card.summary


async def test_while_neo_is_away_no_failure_is_lost(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    office.neo.trouble(status=503, times=None)
    _fails(office)
    await office.looks(WATCH)
    office.neo.ends_trouble()
    office.clock.goes_on(hours=2)
    for _ in range(60):
        office.neo.has_run(agent="Dispatch")
    await office.looks(WATCH)
    assert len(_alerts(office, channel)) == 1


async def test_a_date_in_the_future_hides_no_failure_that_comes_before_it(
    office: Workplace,
) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    tomorrow = START + timedelta(days=1)
    office.neo.has_run(agent="Dispatch", created_at=tomorrow.isoformat())
    await office.looks(WATCH)
    office.clock.goes_on(minutes=30)
    _fails(office)
    await office.looks(WATCH)
    assert len(_alerts(office, channel)) == 1


async def test_an_error_with_odd_characters_is_told_like_any_other(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    _fails(office, error="Exit code 1\u0000\u202e [click](https://example.com) <at>all</at>")
    await office.looks(WATCH)
    (card,) = _alerts(office, channel)
    assert "Exit code 1" in card.summary
    assert "\u202e" not in str(card.content)


async def test_a_shuffled_list_hides_no_failure(office: Workplace) -> None:
    channel = await office.has_channel("failures")
    await _has_looked(office)
    for minute in range(8):
        begun = START - timedelta(minutes=20 * minute)
        office.neo.has_run(agent="Dispatch", at=begun)
    _fails(office)
    shuffled = _Shuffled()
    async with httpx.AsyncClient(base_url=office.neo.url, transport=shuffled) as http:
        neo = Neo(NeoHttp(http, FixedKey(SecretStr(office.neo.key)), clock=office.clock))
        alerts = delivery.Delivery(
            office.pool, office.rooms.jobs, office.chats, office.clock, office.rooms.turns.zone
        )
        look = watching.Watch(office.pool, alerts, lambda _: neo, office.clock).look
        await look(tenant=TENANT, timestamp=0)
    assert shuffled.reversed_pages
    await office.works()
    assert len(_alerts(office, channel)) == 1


class _Shuffled(httpx.AsyncHTTPTransport):
    """Neo's answers with each list back to front."""

    reversed_pages = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        body = httpx.Response(200, content=await answer.aread()).json()
        self.reversed_pages += 1
        return httpx.Response(answer.status_code, json={**body, "data": body["data"][::-1]})


async def test_watching_a_quiet_tenant_takes_no_more_than_thirty_requests_a_minute(
    office: Workplace,
) -> None:
    await office.has_channel("failures", "approvals")
    await office.has_chat(MEGAN)
    office.neo.has_approval(481, agent="Password Reset", approvers=[MEGAN])
    for watch in (WATCH, APPROVALS):
        await office.looks(watch)
    office.neo.requests.clear()
    for second in range(0, 60, 5):
        office.clock.goes_on(seconds=5)
        for watch in (WATCH, APPROVALS):
            await _look(office, watch, at=second)
    assert len(office.neo.requests) <= 30


async def test_watching_a_busy_tenant_takes_no_more_than_a_tenth_of_neos_limit(
    office: Workplace,
) -> None:
    await office.has_channel("failures", "approvals")
    for number in range(12):
        office.neo.has_run(agent="Offboarding", status="RUNNING")
        office.neo.has_approval(500 + number, agent="Password Reset", approvers=[MEGAN])
    for watch in (WATCH, APPROVALS):
        await _look(office, watch)
    office.clock.goes_on(hours=1)
    office.neo.has_run(agent="Dispatch")
    await _look(office)
    office.neo.requests.clear()
    for second in range(0, 60, 5):
        office.clock.goes_on(seconds=5)
        for watch in (WATCH, APPROVALS):
            await _look(office, watch, at=second)
    assert 24 < len(office.neo.requests) <= 120
    async with office.pool.connection() as conn:
        assert len(await runs.open_runs(conn, TENANT, limit=99)) == 24
