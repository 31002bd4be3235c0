"""Out of office: a colleague decides, and it is plain to see who, for whom, until when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.approvals.delegating import Delegating
from bot.errors import SendLater
from bot.messaging import Answer, Mention, Pressed
from bot.policies import Policy
from bot.store import people
from bot.store.circumstances import Delegation
from bot.store.database import Pool
from bot.store.delegations import in_force
from bot.store.ledger import Entry
from bot.store.people import Standing
from cards.actions import Delegate, EndDelegation
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    GUEST,
    MEGAN,
    START,
    TENANT,
    Technician,
    Workplace,
    button_of,
    titles,
    workplace,
)

FRIDAY = START + timedelta(days=4, hours=9)  # midnight after Friday, in Berlin
LEE = ("5eaf4a96-c25f-4db1-9f7e-6b8a0c2d4e55", "Lee Gu")
MEGAN_TOO = ("6fb05ba7-d36f-4ec2-8a8f-7c9b1d3e5f66", "Megan Bowden")


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    group = {"name": "Leads", "people": [LEE[0]], "may_decide": True}
    policy = Policy.model_validate({"high_risk": [], "remind_after": [], "second_group": group})
    async with workplace(db, policy=policy) as running:
        await _asks(running, 481, MEGAN)
        await _asks(running, 400, ALEX, MEGAN_TOO)
        running.neo.decides_elsewhere(400, "reject", by=ALEX)
        await running.looks("approvals.watch", reread=True)
        yield running


async def _asks(office: Workplace, number: int, *approvers: tuple[str, str], **words: Any) -> None:
    office.neo.has_approval(number, agent="Password Reset", approvers=approvers, **words)
    await office.looks("approvals.watch")


def _delegating(office: Workplace) -> Delegating:
    delivery = office.rooms.turns.delivery
    return Delegating(
        pool=office.pool,
        truth=delivery.truth,
        delivery=delivery,
        faces=delivery.faces,
        roster=office.chats,
        policy_of=delivery.policy_of,
        clock=office.clock,
    )


async def _proposes(office: Workplace, who: Technician, to: str, **given: Any) -> Card:
    words: dict[str, Any] = {"mention": None, "until": FRIDAY} | given
    return await _delegating(office).propose(
        who.person, who.at, to, words["mention"], words["until"]
    )


async def _presses(office: Workplace, who: Technician, card: Card, title: str) -> Answer:
    data = button_of(card, title)["data"]
    pressed = Pressed(who.person, who.at, "m1", data["verb"], data)
    if data["verb"] == "delegation.end":
        answer = await _delegating(office).end(pressed, EndDelegation.model_validate(data))
    else:
        answer = await _delegating(office).start(pressed, Delegate.model_validate(data))
    await office.works()
    return answer


async def _delegates(office: Workplace, who: Technician, to: tuple[str, str]) -> Answer:
    """Without a card between: what a pressed button carries."""
    wish = Delegate(by=who.person.id, to=to[0], until=FRIDAY.isoformat())
    pressed = Pressed(who.person, who.at, "m1", wish.verb, wish.pack())
    answer = await _delegating(office).start(pressed, wish)
    await office.works()
    return answer


async def _in_force(office: Workplace) -> list[Delegation]:
    async with office.pool.connection() as conn:
        return await in_force(conn, TENANT, at=office.clock())


async def _pairs(office: Workplace) -> list[tuple[str, str]]:
    return [(one.name, one.delegate_name) for one in await _in_force(office)]


async def _rows(office: Workplace) -> list[Entry]:
    return [row for row in await office.ledger("") if "deleg" in row.wish]


async def test_it_starts_when_it_was_confirmed_and_the_delegate_gets_the_cards(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office, 482, MEGAN)
    asked = await _proposes(office, megan, "alex")
    assert asked.summary.startswith(
        "Have Alex Wilber decide for you? Until the end of Fri 27 Nov. Nothing has changed yet."
    )
    assert await _in_force(office) == []
    answer = await _presses(office, megan, asked, "Delegate")
    assert answer.in_place
    assert answer.aside is None
    assert "Alex Wilber decides for Megan Bowen. Until the end of Fri 27 Nov." in (
        answer.card.summary
    )
    assert await _pairs(office) == [("Megan Bowen", "Alex Wilber")]
    cards = [card for _, card in office.chats.in_(alex.at)]
    assert sorted(str(card.approval) for card in cards) == ["481", "482"]
    assert all("Approve" in titles(card) for card in cards)
    assert "Alex Wilber" in office.chats.in_(megan.at)[0][1].summary
    (row,) = await _rows(office)
    assert (row.wish, row.outcome, row.person, row.for_person, row.for_name) == (
        "delegate",
        "done",
        MEGAN[0],
        ALEX[0],
        "Alex Wilber",
    )


async def test_what_is_asked_later_comes_to_the_delegate_too(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _delegates(office, megan, ALEX)
    await _asks(office, 490, MEGAN)
    assert {card.approval for _, card in office.chats.in_(alex.at)} == {"481", "490"}


async def test_somebody_is_found_by_their_mention(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    async with office.pool.connection() as conn:
        await people.remember(conn, replace(alex.person, name="A. Wilber"), at=START)
    mention = Mention(alex.person.teams_id, "Somebody Else", "<at>Somebody Else</at>")
    card = await _proposes(office, megan, "", mention=mention)
    assert "Have A. Wilber decide for you?" in card.summary
    # Whose account was never seen is looked for by name.
    mention = Mention("29:unseen", "Alex Wilber", "<at>Alex Wilber</at>")
    async with office.pool.connection() as conn:
        await people.remember(conn, alex.person, at=START)
    assert "Have Alex Wilber" in (await _proposes(office, megan, "", mention=mention)).summary


async def test_several_of_a_name_and_nobody_are_offered_as_buttons(office: Workplace) -> None:
    alex = await office.has_chat(ALEX)
    several = await _proposes(office, alex, "megan")
    assert "Which “megan”?" in several.summary
    assert titles(several) == ["Delegate to Megan Bowden", "Delegate to Megan Bowen"]
    nobody = await _proposes(office, alex, "Nestor")
    assert "no approver called “Nestor”" in nobody.summary
    assert "Delegate to Megan Bowen" in titles(nobody)
    assert "Delegate to Alex Wilber" not in titles(nobody)
    await _presses(office, alex, several, "Delegate to Megan Bowen")
    assert await _pairs(office) == [("Alex Wilber", "Megan Bowen")]


async def test_without_an_end_the_card_asks_until_when(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    card = await _proposes(office, megan, "Alex Wilber", until=None)
    assert "Until when does Alex Wilber decide for you?" in card.summary
    assert titles(card)[:3] == ["Until tonight", "Until tomorrow", "Until Friday"]
    assert await _in_force(office) == []
    await _presses(office, megan, card, "Until Friday")
    (one,) = await _in_force(office)
    assert one.until == FRIDAY


@pytest.mark.parametrize(
    ("to", "until", "why"),
    [
        (MEGAN, FRIDAY, "you yourself"),
        (ADELE, FRIDAY, "Neo does not ask them"),
        (ALEX, START, "in the past"),
        (ALEX, START + timedelta(days=61), "60 days at most"),
    ],
)
async def test_what_may_not_be_is_refused_with_the_reason(
    office: Workplace, to: tuple[str, str], until: Any, why: str
) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    async with office.pool.connection() as conn:
        await people.remember(conn, adele.person, at=START)
    card = await _proposes(office, megan, to[1], until=until)
    assert why in card.summary
    wish = Delegate(by=MEGAN[0], to=to[0], until=until.isoformat())
    pressed = Pressed(megan.person, megan.at, "m1", wish.verb, wish.pack())
    answer = await _delegating(office).start(pressed, wish)
    assert answer.aside is not None
    assert why in answer.aside
    assert await _in_force(office) == []
    assert [(row.outcome, why in row.reason) for row in await _rows(office)] == [
        ("refused", True),
        ("refused", True),
    ]


async def test_who_was_asked_long_ago_cannot_delegate_and_the_second_group_can(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    assert (await _delegates(office, megan, LEE)).aside is None
    office.clock.goes_on(days=91)
    answer = await _proposes(office, megan, "Alex Wilber", until=office.clock() + timedelta(days=1))
    assert "I know no approver" in answer.summary or "Neo has not asked you" in answer.summary


async def test_no_guest_delegates_or_is_a_delegate(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    guest = await office.has_chat(GUEST)
    await _asks(office, 500, GUEST)
    async with office.pool.connection() as conn:
        await people.remember(conn, guest.person, at=START)
        await people.note_standing(conn, TENANT, GUEST[0], Standing(guest=True, checked_at=START))
    assert "are a guest" in (await _proposes(office, megan, "Isaiah Langer")).summary
    office.chats.guests.add(GUEST[0])
    assert "Guests cannot" in str((await _delegates(office, guest, ALEX)).aside)
    office.chats.roster_trouble = SendLater("busy", status=503)
    assert "did not say" in str((await _delegates(office, alex, MEGAN)).aside)
    assert await _in_force(office) == []


async def test_there_is_no_chain(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _delegates(office, alex, MEGAN_TOO)
    assert "away themselves" in str((await _delegates(office, megan, ALEX)).aside)
    # Somebody's delegate may go away; whom they stood in for does not pass on with that.
    await _delegates(office, megan, LEE)
    assert await _pairs(office) == [
        ("Alex Wilber", "Megan Bowden"),
        ("Megan Bowen", LEE[0]),
    ]


@pytest.mark.parametrize(
    "given", [{}, {"until": None}, {"to": "megan b"}], ids=["confirm", "until when", "which"]
)
async def test_who_stands_in_for_others_reads_that_it_is_not_passed_on(
    office: Workplace, given: dict[str, Any]
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    asks = {"to": "Megan Bowden"} | given
    assert "for others" not in (await _proposes(office, alex, **asks)).summary
    await _delegates(office, megan, ALEX)
    card = await _proposes(office, alex, **asks)
    assert "It does not pass on what you decide for others: Megan Bowen." in card.summary
    assert "for others: Megan Bowen." in json.dumps(card.content)


async def test_a_new_one_replaces_the_old_and_says_so(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _delegates(office, megan, ALEX)
    asked = await _proposes(office, megan, "megan bowden")
    assert "Instead of Alex Wilber." in asked.summary
    answer = await _presses(office, megan, asked, "Delegate")
    assert "Alex Wilber no longer does." in answer.card.summary
    assert await _pairs(office) == [("Megan Bowen", "Megan Bowden")]


async def test_pressed_twice_it_is_one(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    first = await _delegates(office, megan, ALEX)
    again = await _delegates(office, megan, ALEX)
    assert "Alex Wilber decides for Megan Bowen" in again.card.summary
    assert again.aside is first.aside is None
    assert len(await _rows(office)) == 1


async def test_two_replicas_at_once_leave_one_in_force(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    wishes = [
        Delegate(by=MEGAN[0], to=to[0], until=FRIDAY.isoformat()) for to in (ALEX, MEGAN_TOO) * 4
    ]
    await asyncio.gather(
        *(
            _delegating(office).start(
                Pressed(megan.person, megan.at, "m1", wish.verb, wish.pack()), wish
            )
            for wish in wishes
        )
    )
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT count(*) FROM delegations WHERE ended_at IS NULL")
        assert await cursor.fetchall() == [(1,)]
    assert len(await _in_force(office)) == 1


async def test_nobody_confirms_for_somebody_else(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    asked = await _proposes(office, megan, "Alex Wilber")
    answer = await _presses(office, alex, asked, "Delegate")
    assert answer.aside == "Only the person who asked for this can confirm it. Nothing was changed."
    assert await _in_force(office) == []
    assert [row.outcome for row in await _rows(office)] == ["refused"]


@pytest.mark.parametrize(
    "until", ["2026-11-27T17:00:00", "next Friday", "9999-12-31T23:59:59-23:59"]
)
async def test_a_forged_end_starts_nothing(office: Workplace, until: str) -> None:
    megan = await office.has_chat(MEGAN)
    wish = Delegate(by=MEGAN[0], to=ALEX[0], until=until)
    pressed = Pressed(megan.person, megan.at, "m1", wish.verb, wish.pack())
    answer = await _delegating(office).start(pressed, wish)
    assert (
        answer.aside == "That button did not work: its date cannot be read. Type your wish again."
    )
    assert await _in_force(office) == []


async def test_both_sides_see_it_and_either_ends_it_and_nobody_else(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    adele = await office.has_chat(ADELE)
    await _delegates(office, megan, ALEX)
    mine = await _delegating(office).mine(megan.person, megan.at)
    theirs = await _delegating(office).mine(alex.person, alex.at)
    assert "Alex Wilber decides for you until the end of Fri 27 Nov" in mine.summary
    assert "You decide for Megan Bowen until the end of Fri 27 Nov" in theirs.summary
    nobody = await _delegating(office).mine(adele.person, adele.at)
    assert "Nobody decides for you" in nobody.summary
    refused = await _presses(office, adele, mine, "End: Alex Wilber")
    assert "Only the two people" in str(refused.aside)
    answer = await _presses(office, alex, theirs, "End: Megan Bowen")
    assert "Alex Wilber no longer decides for Megan Bowen" in answer.card.summary
    assert await _in_force(office) == []
    assert "Approve" not in titles(office.chats.in_(alex.at)[-1][1])
    again = await _presses(office, megan, mine, "End: Alex Wilber")
    assert again.aside == "That delegation has ended already."
    assert [(r.wish, r.outcome, r.person_name, r.for_name) for r in await _rows(office)] == [
        ("delegate", "done", "Megan Bowen", "Alex Wilber"),
        ("end delegation", "refused", "Adele Vance", "Megan Bowen"),
        ("end delegation", "done", "Alex Wilber", "Megan Bowen"),
    ]


async def test_who_is_back_ends_their_own(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    delegating = _delegating(office)
    assert "Nobody decides for you" in (await delegating.end_mine(megan.person, megan.at)).summary
    await _delegates(office, megan, ALEX)
    card = await delegating.end_mine(megan.person, megan.at)
    assert "Alex Wilber no longer decides for Megan Bowen" in card.summary
    assert await _in_force(office) == []


async def test_it_is_typed_pressed_and_listed_in_chat(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await megan.types("delegate my approvals to Alex Wilber until Friday")
    await megan.presses("Delegate")
    await office.works()
    assert await _pairs(office) == [("Megan Bowen", "Alex Wilber")]
    assert "You decide for Megan Bowen" in (await alex.types("my delegations")).summary
    await alex.presses("End: Megan Bowen")
    assert await _in_force(office) == []


async def test_who_stands_in_for_two_decides_for_the_one_who_did_not_ask_for_it(db: Pool) -> None:
    rule = [{"not_the_requester": True}]
    policy = Policy.model_validate({"high_risk": [], "remind_after": [], "rule": rule})
    async with workplace(db, policy=policy) as office:
        await _asks(office, 400, MEGAN, ALEX, ADELE)
        adele = await office.has_chat(ADELE)
        for who in (MEGAN, ALEX):
            assert (await _delegates(office, await office.has_chat(who), ADELE)).aside is None
        await _asks(office, 481, MEGAN, ALEX, requested_by=MEGAN[0])
        message, card = office.chats.in_(adele.at)[-1]
        assert "You decide for Alex Wilber" in card.summary
        await adele.presses("Approve", on=(message, card))
        note = office.neo.decision_bodies[-1]["note"]
        assert f"in the name of Alex Wilber ({ALEX[0]})" in note
        decided = next(row for row in await office.ledger("481") if row.outcome == "decided")
        assert (decided.person, decided.for_name) == (ADELE[0], "Alex Wilber")
