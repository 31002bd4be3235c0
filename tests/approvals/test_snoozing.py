"""Putting approvals off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.approvals.snoozing import Snoozing
from bot.errors import SendLater
from bot.messaging import Person
from bot.policies import Policy
from bot.store.database import Pool
from cards.card import Card
from tests.workplace import ADELE, ALEX, MEGAN, START, TENANT, Technician, Workplace, workplace


async def _snoozes(
    office: Workplace, who: Technician, approval: str | None = "481", **span: float
) -> Card:
    card = await _snoozing(office).snooze(
        who.person, who.at, approval, office.clock() + timedelta(**span)
    )
    await office.works()
    return card


def _snoozing(office: Workplace) -> Snoozing:
    delivery = office.rooms.turns.delivery
    return Snoozing(
        office.pool,
        delivery.truth,
        delivery.faces,
        office.chats,
        delivery.policy_of,
        office.clock,
    )


async def _snoozed(office: Workplace) -> list[tuple[str, str]]:
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT approval, name FROM snoozes ORDER BY approval, name")
        return await cursor.fetchall()


async def _asks(office: Workplace, *numbers: int) -> None:
    for number in numbers or (481,):
        office.neo.has_approval(number, agent="Password Reset", approvers=[MEGAN, ALEX])
    await office.looks("approvals.watch")


async def test_one_approval_is_put_off_and_every_card_says_so(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office)
    answer = await _snoozes(office, megan, hours=2)
    # 14:00 UTC is 15:00 where Megan is.
    assert answer.summary.startswith("Approval 481 put off until 17:00.")
    assert await _snoozed(office) == [("481", "Megan Bowen")]
    ((_, card),) = office.chats.in_(alex.at)
    assert "Megan Bowen until 17:00" in card.summary
    (row,) = await office.ledger("481")
    assert (row.wish, row.outcome, row.person) == ("snooze", "done", MEGAN[0])
    assert row.reason == f"until {(START + timedelta(hours=2)).isoformat()}"


async def test_a_later_word_replaces_the_earlier_one(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    await _snoozes(office, megan, hours=2)
    await _snoozes(office, megan, hours=1)
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT until FROM snoozes")
        assert await cursor.fetchall() == [(START + timedelta(hours=1),)]


async def test_everything_that_waits_for_the_person_is_put_off(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.neo.has_approval(490, agent="Password Reset", approvers=[ALEX])
    await _asks(office, 481, 482)
    answer = await _snoozes(office, megan, None, hours=1)
    assert answer.summary.startswith("2 approvals put off until 16:00.")
    assert await _snoozed(office) == [("481", "Megan Bowen"), ("482", "Megan Bowen")]
    assert [row.wish for row in await office.ledger("490")] == []


async def test_who_waits_for_nothing_is_told_so(office: Workplace) -> None:
    adele = await office.has_chat(ADELE)
    await _asks(office)
    answer = await _snoozes(office, adele, None, hours=1)
    assert "Nothing waits for you" in answer.summary


@pytest.mark.parametrize(
    ("span", "why"),
    [
        ({"hours": 25}, "24 hours at most"),
        ({"hours": -1}, "in the past"),
        ({"hours": 0}, "in the past"),
    ],
)
@pytest.mark.parametrize("approval", ["481", None])
async def test_it_is_refused_beyond_a_day_and_in_the_past(
    office: Workplace, span: dict[str, float], why: str, approval: str | None
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    answer = await _snoozes(office, megan, approval, **span)
    assert why in answer.summary
    assert await _snoozed(office) == []
    (row,) = await office.ledger("481")
    assert (row.wish, row.outcome) == ("snooze", "refused")
    assert why in row.reason


async def test_it_is_refused_to_who_was_not_asked_and_when_it_is_decided(
    office: Workplace,
) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    await _asks(office)
    assert "not asked" in (await _snoozes(office, adele, hours=1)).summary
    office.neo.decides_elsewhere(481, "approve", by=ALEX)
    await office.looks("approvals.watch", reread=True)
    assert "decided already" in (await _snoozes(office, megan, hours=1)).summary
    assert "no approval 999" in (await _snoozes(office, megan, "999", hours=1)).summary
    assert await _snoozed(office) == []


@pytest.mark.parametrize("approval", ["481", None])
async def test_a_guest_puts_nothing_off(office: Workplace, approval: str | None) -> None:
    megan = await office.has_chat(MEGAN)
    office.chats.guests.add(MEGAN[0])
    await _asks(office)
    answer = await _snoozes(office, megan, approval, hours=1)
    assert "Guests cannot decide approvals." in answer.summary
    assert await _snoozed(office) == []
    (row,) = await office.ledger("481")
    assert (row.wish, row.outcome) == ("snooze", "refused")


async def test_nothing_is_put_off_while_nobody_knows_who_is_a_guest(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    office.chats.roster_trouble = SendLater("no answer", status=503)
    answer = await _snoozes(office, megan, hours=1)
    assert "Teams did not say whether you are a guest." in answer.summary
    assert await _snoozed(office) == []


async def test_who_asked_for_it_themselves_puts_it_off_only_where_they_may_decide_it(
    db: Pool,
) -> None:
    rule = {"agent": "Password Reset", "not_the_requester": True}
    async with workplace(db, policy=Policy.model_validate({"rule": [rule]})) as office:
        megan = await office.has_chat(MEGAN)
        asked: dict[str, Any] = {"approvers": [MEGAN, ALEX], "requested_by": MEGAN[0]}
        office.neo.has_approval(481, agent="Password Reset", **asked)
        await office.looks("approvals.watch")
        assert "You asked for this yourself" in (await _snoozes(office, megan, hours=1)).summary
        assert "Nothing waits for you" in (await _snoozes(office, megan, None, hours=1)).summary
        assert await _snoozed(office) == []
        office.neo.has_approval(482, agent="Mailbox Permissions", **asked)
        await office.looks("approvals.watch")
        await _snoozes(office, megan, None, hours=1)
        assert await _snoozed(office) == [("482", "Megan Bowen")]


async def test_the_button_gets_a_sentence_to_show(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    snoozing, until = _snoozing(office), START + timedelta(hours=2)
    assert await snoozing.put_off(megan.person, megan.at, "481", until) == "Put off until 17:00."
    stranger = Person(TENANT, ADELE[0], ADELE[1], "29:adele")
    assert "not asked" in await snoozing.put_off(stranger, megan.at, "481", until)
    assert "not known" in await snoozing.put_off(megan.person, megan.at, "999", until)
