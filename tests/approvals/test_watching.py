"""Approvals of Neo reach the people who were asked, once, and their cards stay true."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.errors import ConversationClosed, SendLater, SendRejected
from bot.messaging import Conversation
from bot.store import conversations
from bot.store.database import Pool
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    MEGAN,
    START,
    TENANT,
    Technician,
    Workplace,
    decisive,
    titles,
    workplace,
)

WATCH = "approvals.watch"


def _ask(office: Workplace, number: int = 481, **words: Any) -> None:
    asked = {"agent": "Password Reset", "approvers": [MEGAN, ALEX]} | words
    office.neo.has_approval(number, **asked)


def _cards(office: Workplace, where: Technician | Conversation) -> list[Card]:
    place = where.at if isinstance(where, Technician) else where
    return [card for _, card in office.chats.in_(place) if card.approval]


async def test_a_new_approval_stands_once_with_each_approver_and_in_each_channel_that_follows(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    adele = await office.has_chat(ADELE)
    follows = await office.has_channel("approvals", name="19:follows@thread.tacv2")
    hears = await office.has_channel("failures", name="19:hears@thread.tacv2")
    _ask(office)
    for reread in (False, True, False):
        await office.looks(WATCH, reread=reread)
    for place in (megan, alex, follows):
        (card,) = _cards(office, place)
        assert decisive(card)
    assert _cards(office, adele) == _cards(office, hears) == []
    assert len(office.chats.alerted) == 3


async def test_two_watches_that_look_at_once_tell_once(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await asyncio.gather(*(office.watches(WATCH, at=n % 2) for n in range(4)))
    await office.works()
    assert len(_cards(office, megan)) == 1


async def test_a_chat_is_opened_with_an_approver_who_never_spoke(office: Workplace) -> None:
    await office.has_chat(ADELE)
    office.chats.reachable.add(MEGAN[0])
    _ask(office)
    await office.looks(WATCH)
    async with office.pool.connection() as conn:
        (chat,) = await conversations.personal(conn, TENANT, [MEGAN[0], ALEX[0]])
    (card,) = _cards(office, chat)
    assert "Approve" in titles(card)
    await office.looks(WATCH, reread=True)
    assert len(_cards(office, chat)) == 1


async def test_who_cannot_be_reached_keeps_nobody_else_from_it(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office, approvers=[ALEX, ADELE, MEGAN])
    await office.looks(WATCH)
    assert len(_cards(office, megan)) == 1
    assert await _failed_jobs(office) == 0


async def test_who_gets_the_bot_later_is_shown_what_waits_for_them(office: Workplace) -> None:
    await office.has_chat(ADELE)
    for number in range(481, 486):
        _ask(office, number)
        office.clock.goes_on(minutes=1)
    _ask(office, 490, approvers=[ALEX])
    await office.looks(WATCH)
    megan = await office.has_chat(MEGAN)
    greeting = await office.rooms.turns.greet(megan.at)
    assert greeting is not None
    assert await office.rooms.turns.greet(megan.at) is None
    await office.passes_time_for_jobs()
    assert [card.approval for card in _cards(office, megan)] == ["483", "484", "485"]

    office.clock.goes_on(minutes=10)
    await office.rooms.turns.left(megan.at)
    await office.opens(megan.at)
    assert await office.rooms.turns.greet(megan.at) is not None
    await office.passes_time_for_jobs()
    assert [c.approval for c in _cards(office, megan)][3:] == ["483", "484", "485"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("decided", "Approved by Alex Wilber"),
        ("changed", "delete the mailbox"),
        ("removed", "no longer in Neo"),
    ],
)
async def test_what_happens_to_it_in_neo_redraws_every_copy(
    office: Workplace, what: str, said: str
) -> None:
    megan = await office.has_chat(MEGAN)
    channel = await office.has_channel("approvals")
    _ask(office)
    await office.looks(WATCH)
    await megan.types("approval 481")
    office.clock.goes_on(minutes=1)
    if what == "decided":
        office.neo.decides_elsewhere(481, "approve", by=ALEX, note="seen in Neo")
    elif what == "changed":
        office.neo.changes_approval(481, requested_for={"action": "Delete the mailbox"})
    else:
        office.neo.removes_approval(481)
    await office.looks(WATCH, reread=True)
    copies = _cards(office, megan) + _cards(office, channel)
    assert len(copies) == 3
    for copy in copies:
        assert said in copy.summary
        assert ("Approve" in titles(copy)) is (what == "changed")
    before = len(office.chats.edits)
    await office.looks(WATCH, reread=True)
    assert len(office.chats.edits) == before


async def test_an_approval_that_comes_back_is_asked_again_on_the_same_card(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await office.looks(WATCH)
    office.neo.removes_approval(481)
    await office.looks(WATCH, reread=True)
    _ask(office)
    await office.looks(WATCH)
    (card,) = _cards(office, megan)
    assert "Approve" in titles(card)


async def test_what_was_decided_before_anybody_saw_it_is_not_sent(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    office.neo.decides_elsewhere(481, "reject", by=ALEX)
    await office.looks(WATCH, reread=True)
    assert _cards(office, megan) == []


async def test_what_was_decided_on_its_way_is_not_sent(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.chats.trouble = [SendLater("busy", status=429, retry_after_seconds=1)]
    _ask(office)
    await office.looks(WATCH)
    assert _cards(office, megan) == []
    office.neo.decides_elsewhere(481, "reject", by=ALEX)
    await office.looks(WATCH, reread=True)
    await office.passes_time_for_jobs()
    assert _cards(office, megan) == []


async def test_a_busy_connector_is_tried_again_and_a_refusal_is_not(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.chats.trouble = [SendLater("busy", status=429), SendRejected("too large", status=413)]
    _ask(office)
    await office.looks(WATCH)
    _ask(office, 482)
    await office.looks(WATCH)
    await office.passes_time_for_jobs()
    await office.passes_time_for_jobs()
    assert len(_cards(office, megan)) == 1
    assert office.chats.trouble == []


async def test_where_the_bot_was_removed_nothing_is_sent_until_somebody_speaks(
    office: Workplace,
) -> None:
    channel = await office.has_channel("approvals")
    office.chats.trouble = [ConversationClosed("removed", status=403)]
    _ask(office)
    await office.looks(WATCH)
    _ask(office, 482)
    await office.looks(WATCH)
    assert _cards(office, channel) == []
    await office.opens(channel)
    _ask(office, 483)
    await office.looks(WATCH)
    assert [card.approval for card in _cards(office, channel)] == ["483"]


async def test_an_edit_that_a_busy_connector_refuses_is_made_later(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await office.looks(WATCH)
    office.chats.trouble = [SendLater("busy", status=503)]
    office.neo.decides_elsewhere(481, "reject", by=ALEX)
    await office.looks(WATCH, reread=True)
    await office.passes_time_for_jobs()
    (card,) = _cards(office, megan)
    assert "Rejected by Alex Wilber" in card.summary


async def test_a_copy_that_somebody_deleted_is_forgotten(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await office.looks(WATCH)
    office.chats.messages.clear()
    office.neo.decides_elsewhere(481, "reject", by=ALEX)
    await office.looks(WATCH, reread=True)
    assert await _failed_jobs(office) == 0
    assert office.chats.in_(megan.at) == []


async def test_a_channel_hears_from_follow_until_unfollow(office: Workplace) -> None:
    channel = await office.has_channel()
    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    assert "now follows approvals" in (await megan.types("follow approvals")).summary
    assert "already follows" in (await megan.types("follow approvals")).summary
    _ask(office)
    await office.looks(WATCH)
    assert len(_cards(office, channel)) == 1
    assert "no longer follows" in (await megan.types("unfollow approvals")).summary
    assert "did not follow" in (await megan.types("unfollow approvals")).summary
    _ask(office, 482)
    await office.looks(WATCH)
    assert len(_cards(office, channel)) == 1


async def test_what_was_asked_long_before_the_first_look_is_not_announced(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office, 480, at=START - timedelta(days=9))
    _ask(office, 481, at=START - timedelta(days=3))
    await office.looks(WATCH)
    assert [card.approval for card in _cards(office, megan)] == ["481"]


async def test_a_date_in_the_future_hides_nothing_that_comes_before_it(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    office.neo.changes_approval(481, created_at=(START + timedelta(days=1)).isoformat())
    await office.looks(WATCH)
    office.clock.goes_on(minutes=30)
    _ask(office, 482)
    await office.looks(WATCH)
    assert [card.approval for card in _cards(office, megan)] == ["481", "482"]


async def test_odd_characters_in_one_approval_keep_no_other_from_anybody(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office, 481, action="Reset\u0000 the password")
    _ask(office, 482)
    await office.looks(WATCH)
    assert sorted(str(card.approval) for card in _cards(office, megan)) == ["481", "482"]


@pytest.mark.parametrize("levels", [190, 197, 260, 700])
async def test_a_request_nested_ever_so_deep_is_shown_and_decided_and_holds_up_no_other(
    office: Workplace, levels: int
) -> None:
    megan = await office.has_chat(MEGAN)
    deep: dict[str, Any] = {"path": "/users/lee"}
    for _ in range(levels):
        deep = {"more": deep}
    _ask(office, 480, body=deep)
    office.clock.goes_on(seconds=3)
    _ask(office, 481)
    await office.looks(WATCH)
    cards = office.chats.in_(megan.at)
    assert [card.approval for _, card in cards] == ["480", "481"]
    assert "Approved by Megan Bowen" in (await megan.presses("Approve", on=cards[0])).summary
    await office.looks(WATCH, reread=True)
    assert "Approved by Megan Bowen" in _cards(office, megan)[0].summary


class Renamed(httpx.AsyncBaseTransport):
    """Neo's answers, in which approval 480 has an id that is too long to be kept."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.id = ",".join(map(str, range(10_000))).encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        content = (await response.aread()).replace(b'"id": 480', b'"id": "%b"' % self.id)
        return httpx.Response(response.status_code, content=content)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def test_what_cannot_be_taken_keeps_no_other_from_anybody_and_is_tried_again(
    db: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    wires: list[Renamed] = []

    def wire(inner: httpx.AsyncBaseTransport) -> Renamed:
        wires.append(Renamed(inner))
        return wires[0]

    async with workplace(db, wire=wire) as office:
        megan = await office.has_chat(MEGAN)
        for number in (479, 480, 481):
            _ask(office, number)
            office.clock.goes_on(seconds=3)
        await office.looks(WATCH)
        assert [card.approval for card in _cards(office, megan)] == ["479", "481"]
        logged = [line for line in capsys.readouterr().out.splitlines() if "not_taken" in line]
        assert logged, "by its id"
        office.clock.goes_on(minutes=30)
        _ask(office, 482)
        await office.looks(WATCH)
        wires[0].id = b"480"
        await office.looks(WATCH)
        shown = [card.approval for card in _cards(office, megan)]
        assert shown == ["479", "481", "482", "480"]


async def test_an_agent_that_neo_does_not_take_for_one_holds_up_nothing(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    for number in (480, 481, 482):
        _ask(office, number)
        office.clock.goes_on(seconds=3)
    office.neo.changes_approval(480, agent_id="agt_7f")
    office.neo.changes_approval(481, agent_id="agt_7f")
    await office.looks(WATCH)
    first = office.chats.in_(megan.at)[0]
    assert "Approved by Megan Bowen" in (await megan.presses("Approve", on=first)).summary
    office.neo.removes_approval(481)
    office.neo.removes_approval(482)
    await office.looks(WATCH, reread=True)
    for card in _cards(office, megan)[1:]:
        assert "no longer in Neo" in card.summary


async def test_while_neo_is_away_nothing_is_lost(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await office.looks(WATCH)
    office.neo.trouble(status=503, times=None)
    _ask(office)
    await office.looks(WATCH)
    assert _cards(office, megan) == []
    office.neo.ends_trouble()
    office.clock.goes_on(hours=2)
    await office.looks(WATCH)
    assert len(_cards(office, megan)) == 1


async def test_a_minute_of_watching_a_quiet_tenant_takes_twelve_requests(
    office: Workplace,
) -> None:
    await office.has_chat(MEGAN)
    for number in range(481, 489):
        _ask(office, number)
    await office.looks(WATCH)
    office.neo.requests.clear()
    for second in range(0, 60, 5):
        office.clock.goes_on(seconds=5)
        await office.watches(WATCH, at=second)
    assert len(office.neo.requests) == 12


async def test_a_decision_neo_takes_after_its_answer_was_given_up_is_credited(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await office.looks(WATCH)
    office.neo.trouble(close_connection=True, path="/decision")  # not taken, as far as one sees
    card = await megan.presses("Approve", comment="by phone")
    assert "being checked" in card.summary
    assert "Approve" not in titles(card)
    assert [row.outcome for row in await office.ledger("481")] == ["sent", "failed"]

    # Neo was slow, and took it in the end.
    note = f"by phone\n— Megan Bowen ({MEGAN[0]}) in Microsoft Teams"
    office.neo.decides_elsewhere(481, "approve", by=("key", "API key"), note=note)
    await office.settles()
    for copy in _cards(office, megan):
        assert "Approved by Megan Bowen" in copy.summary
    outcomes = [row.outcome for row in await office.ledger("481")]
    assert outcomes == ["sent", "failed", "decided"]


async def test_a_decision_that_never_reached_neo_can_be_made_again(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    _ask(office)
    await office.looks(WATCH)
    office.neo.trouble(close_connection=True, path="/decision")
    await megan.presses("Approve")
    await office.settles()
    (card,) = _cards(office, megan)
    assert "Approve" in titles(card)
    assert "Approved by Megan Bowen" in (await megan.presses("Approve")).summary
    assert office.neo.decisions == [(481, "approve")]
    reasons = [(row.outcome, row.reason) for row in await office.ledger("481")]
    assert ("failed", "not taken, as found afterwards") in reasons


async def _failed_jobs(office: Workplace) -> int:
    async with office.pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"
        )
        row = await cursor.fetchone()
    assert row
    return int(row[0])


async def test_somebody_asked_later_gets_the_card_too_and_nobody_a_second_one(
    office: Workplace,
) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    office.neo.has_approval(481, agent="Password Reset", approvers=[MEGAN])
    await office.looks(WATCH)
    office.clock.goes_on(seconds=10)
    both = [{"user_id": who[0], "user_name": who[1]} for who in (MEGAN, ADELE)]
    office.neo.changes_approval(481, approvers=both)
    await office.looks(WATCH, reread=True)
    assert len(office.chats.in_(megan.at)) == 1
    assert "Approve" in titles(office.chats.in_(adele.at)[-1][1])


async def test_a_bot_that_comes_back_makes_its_old_cards_true(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.neo.has_approval(481, agent="Password Reset", approvers=[MEGAN])
    await office.looks(WATCH)
    await office.rooms.turns.left(megan.at)
    office.neo.decides_elsewhere(481, "approve", by=ALEX)
    await office.looks(WATCH, reread=True)
    assert "Approve" in titles(office.chats.in_(megan.at)[-1][1])
    await office.opens(megan.at)
    await office.rooms.turns.greet(megan.at)
    await office.works()
    assert "Approved by Alex Wilber" in office.chats.in_(megan.at)[-1][1].summary
