"""Own views, confirmed decisions, two people, several at once, orders in text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.messaging import Person
from bot.policies import Policy
from bot.store import people
from bot.store.database import Pool
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    MEGAN,
    RELAXED,
    TENANT,
    Technician,
    Workplace,
    button_of,
    decisive,
    titles,
    workplace,
)

WATCH = "approvals.watch"
TWO = RELAXED.model_copy(
    update={"rule": Policy.model_validate({"rule": [{"agent": "*", "people": 2}]}).rule}
)
Opening = Callable[[Policy], Any]


@pytest.fixture
async def opens(db: Pool) -> AsyncIterator[Opening]:
    """Opens an office with a policy."""
    async with AsyncExitStack() as stack:

        async def office(policy: Policy) -> Workplace:
            return await stack.enter_async_context(workplace(db, policy=policy))

        yield office


async def _asked(office: Workplace, number: int = 481, **words: Any) -> dict[str, Any]:
    words = {"agent": "Password Reset", "approvers": [MEGAN, ALEX]} | words
    asked = office.neo.has_approval(number, **words)
    await office.looks(WATCH)
    return asked


async def _met(office: Workplace, *who: tuple[str, str]) -> None:
    """These people have spoken to the bot: Teams has told their accounts."""
    async with office.pool.connection() as conn:
        for one in who:
            person = Person(TENANT, one[0], one[1], f"29:{one[0]}")
            await people.remember(conn, person, at=office.clock())


async def _outcomes(office: Workplace, number: int = 481) -> list[tuple[str, str, str]]:
    return [(row.person_name, row.wish, row.outcome) for row in await office.ledger(str(number))]


def _last(office: Workplace, who: Technician) -> tuple[str, Card]:
    return office.chats.in_(who.at)[-1]


# Own views


async def test_in_a_channel_everybody_sees_whom_it_waits_for_and_approvers_get_their_own_view(
    office: Workplace,
) -> None:
    await _met(office, MEGAN, ALEX)
    channel = await office.has_channel("approvals")
    await _asked(office)
    base = office.chats.in_(channel)[-1][1]
    assert "Approve" not in titles(base)
    assert "Waiting for Megan Bowen or Alex Wilber" in base.summary
    refresh = base.content["refresh"]
    assert sorted(refresh["userIds"]) == sorted([f"29:{MEGAN[0]}", f"29:{ALEX[0]}"])
    assert refresh["action"]["verb"] == "approval.show"

    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    own = await megan.refreshes()
    assert decisive(own)
    adele = (await office.has_chat(ADELE)).goes_to(channel)
    bystander = await adele.refreshes()
    assert "Approve" not in titles(bystander)
    assert "not asked" in bystander.summary


async def test_a_client_that_cannot_refresh_gets_buttons_that_check(office: Workplace) -> None:
    await _met(office, MEGAN, ALEX)
    channel = await office.has_channel("approvals", service_url="http://127.0.0.1:56150/_connector")
    await _asked(office)
    base = office.chats.in_(channel)[-1][1]
    assert "refresh" not in base.content
    assert decisive(base)
    adele = (await office.has_chat(ADELE)).goes_to(channel)
    assert "not asked" in (await adele.presses("Approve")).summary
    assert office.neo.decisions == []


async def test_more_than_sixty_approvers_get_buttons_that_check(office: Workplace) -> None:
    crowd = [(f"00000000-0000-4000-8000-{n:012d}", f"Person {n}") for n in range(60)]
    await _met(office, MEGAN)
    channel = await office.has_channel("approvals")
    await _asked(office, approvers=[MEGAN, *crowd])
    base = office.chats.in_(channel)[-1][1]
    assert "refresh" not in base.content
    assert decisive(base)


async def test_ones_own_view_decides_for_nobody_else(office: Workplace) -> None:
    await _met(office, MEGAN, ALEX)
    channel = await office.has_channel("approvals")
    await _asked(office)
    message = office.chats.in_(channel)[-1][0]
    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    alex = (await office.has_chat(ALEX)).goes_to(channel)
    own = await megan.refreshes()
    copied = await alex.presses("Approve", on=(message, own))
    assert "not made for you" in copied.summary
    assert office.neo.decisions == []
    done = await megan.presses("Approve", on=(message, own))
    assert "Approved by Megan Bowen" in done.summary
    await office.works()
    everybody = office.chats.in_(channel)[-1][1]
    assert "Approved by Megan Bowen" in everybody.summary
    assert "refresh" not in everybody.content


async def test_what_changed_is_marked(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office, user="lee.gu@contosodental.example")
    office.clock.goes_on(minutes=1)
    changed = {"action": "Reset the password of sam.lee@contosodental.example"}
    office.neo.changes_approval(481, requested_for=changed)
    card = await megan.presses("Approve")
    assert "changed since" in card.summary
    assert "lee.gu@contosodental.example" in card.summary, "what it was"
    assert "sam.lee@contosodental.example" in card.summary, "what it is"
    assert office.neo.decisions == []


# Confirming


async def test_what_is_risky_is_approved_only_with_the_tickets_number(opens: Opening) -> None:
    office = await opens(Policy(remind_after=()))
    megan = await office.has_chat(MEGAN)
    await _asked(office, ticket="48213")
    asked = await megan.presses("Approve…", comment="client confirmed")
    assert "48213" in asked.summary
    assert "client confirmed" in str(asked.content)
    assert office.neo.decisions == []
    assert await _outcomes(office) == [], "to be asked is no refusal"

    empty = await megan.presses("Approve now", comment="client confirmed")
    assert "Type the number 48213" in empty.summary
    wrong = await megan.presses("Approve now", comment="client confirmed", typed="48214")
    assert "48214" in wrong.summary
    assert office.neo.decisions == []
    done = await megan.presses("Approve now", comment="client confirmed", typed="#48213")
    assert "Approved by Megan Bowen" in done.summary
    assert office.neo.decisions == [(481, "approve")]
    assert [o for _, _, o in await _outcomes(office)] == ["refused", "refused", "sent", "decided"]


async def test_a_risky_one_is_rejected_without_a_number(opens: Opening) -> None:
    office = await opens(Policy(remind_after=()))
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    assert "Rejected" in (await megan.presses("Reject")).summary
    assert office.neo.decisions == [(481, "reject")]


async def test_a_payload_that_says_it_was_confirmed_is_not_believed(opens: Opening) -> None:
    office = await opens(Policy(remind_after=()))
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    await megan.presses("Approve…", confirming=True, typed="approved")
    assert office.neo.decisions == []


async def test_a_rejection_says_why_where_the_tenant_asks_for_it(opens: Opening) -> None:
    office = await opens(RELAXED.model_copy(update={"comment_to_reject": True}))
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    assert "Say why" in (await megan.presses("Reject")).summary
    assert office.neo.decisions == []
    assert "Rejected" in (await megan.presses("Reject", comment="wrong mailbox")).summary


# Orders in text


async def test_an_order_is_answered_by_a_card_to_confirm_and_decides_nothing_itself(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    card = await megan.types("approve 481 client confirmed")
    assert office.neo.decisions == []
    assert "client confirmed" in str(card.content)
    done = await megan.presses("Approve now", comment="client confirmed")
    assert "Approved by Megan Bowen" in done.summary
    assert office.neo.decision_bodies[0]["note"].startswith("client confirmed\n")


async def test_an_order_of_somebody_who_was_not_asked_gets_no_buttons(office: Workplace) -> None:
    adele = await office.has_chat(ADELE)
    await _asked(office)
    card = await adele.types("reject 481: wrong mailbox")
    assert "not asked" in card.summary
    assert not {"Approve now", "Reject now", "Approve", "Reject"} & set(titles(card))


async def test_nobody_else_confirms_an_order(office: Workplace) -> None:
    channel = await office.has_channel()
    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    alex = (await office.has_chat(ALEX)).goes_to(channel)
    await _asked(office)
    await megan.types("reject 481: wrong mailbox")
    card = await alex.presses("Reject now")
    assert "not made for you" in card.summary
    assert office.neo.decisions == []


@pytest.mark.parametrize(
    "text", ["approve all", "approve 481?", "don't approve 481", "approve everything", "approve"]
)
async def test_what_is_unclear_confirms_nothing(office: Workplace, text: str) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    card = await megan.types(text)
    assert "Approve now" not in titles(card)
    assert office.neo.decisions == []


# Two people


async def test_the_first_of_two_is_recorded_and_shown_and_the_second_sends(
    opens: Opening,
) -> None:
    office = await opens(TWO)
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    first = await megan.presses("Approve", comment="client confirmed")
    assert office.neo.decisions == []
    assert "1 of 2" in first.summary
    await office.works()
    assert "Megan Bowen" in _last(office, alex)[1].summary
    assert "1 of 2" in _last(office, alex)[1].summary

    again = await megan.presses(
        "Approve", on=(_last(office, megan)[0], _seen_by_alex(office, alex))
    )
    assert office.neo.decisions == []
    assert again
    done = await alex.presses("Approve", comment="seen")
    assert office.neo.decisions == [(481, "approve")]
    assert "Alex Wilber" in done.summary
    assert "Megan Bowen" in done.summary
    note = office.neo.decision_bodies[0]["note"]
    assert note.startswith("seen\n")
    assert f"Megan Bowen ({MEGAN[0]})" in note
    assert note.endswith(f"Alex Wilber ({ALEX[0]}) in Microsoft Teams")
    recorded = await _outcomes(office)
    assert ("Megan Bowen", "approve", "voted") in recorded
    assert ("Alex Wilber", "approve", "decided") in recorded


def _seen_by_alex(office: Workplace, alex: Technician) -> Card:
    return _last(office, alex)[1]


async def test_the_same_person_is_not_two(opens: Opening) -> None:
    office = await opens(TWO)
    channel = await office.has_channel(service_url="http://127.0.0.1:1/")
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    message, card = _last(office, megan)
    await megan.presses("Approve", on=(message, card))
    second = await megan.presses("Approve", on=(message, card))
    assert "approved this already" in second.summary
    elsewhere = megan.goes_to(channel)
    shown = await elsewhere.types("approve 481")
    assert "approved this already" in shown.summary
    assert office.neo.decisions == []


async def test_two_first_approvals_at_once_are_the_two(opens: Opening) -> None:
    office = await opens(TWO)
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    await asyncio.gather(*(who.presses("Approve", _last(office, who)) for who in (megan, alex)))
    assert office.neo.decisions == [(481, "approve")]
    outcomes = [o for _, _, o in await _outcomes(office)]
    assert sorted(outcomes) == ["decided", "sent", "voted"]


async def test_a_rejection_by_either_ends_it(opens: Opening) -> None:
    office = await opens(TWO)
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    await megan.presses("Approve")
    await alex.presses("Reject", _last(office, alex), comment="no")
    assert office.neo.decisions == [(481, "reject")]
    assert "Megan" not in office.neo.decision_bodies[0]["note"]


async def test_an_approval_given_on_something_else_does_not_count(opens: Opening) -> None:
    office = await opens(TWO)
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    await megan.presses("Approve")
    office.clock.goes_on(minutes=1)
    office.neo.changes_approval(481, requested_for={"action": "Delete the mailbox"})
    await office.looks(WATCH, reread=True)
    card = await alex.presses("Approve", _last(office, alex))
    assert office.neo.decisions == []
    assert "1 of 2" in card.summary
    assert "Alex Wilber" in card.summary


# Several at once


async def test_several_are_ticked_and_each_is_decided_by_itself(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    for number in (481, 482, 483):
        await _asked(office, number, ticket=f"48{number}")
    await _asked(office, 484, approvers=[ALEX], ticket="48484")
    card = await megan.types("pending approvals")
    office.neo.decides_elsewhere(482, "reject", by=ALEX)
    shown = button_of(card, "Approve ticked")["data"]["shown"]
    assert set(shown) == {"481", "482", "483"}

    result = await megan.presses(
        "Approve ticked",
        comment="all confirmed",
        ticked="481,482,484,9999",
        shown=shown | {"484": shown["481"]},
    )
    assert office.neo.decisions == [(481, "approve")]
    assert office.neo.decision_bodies[0]["note"].startswith("all confirmed\n")
    assert "1 approved, 3 not" in result.summary
    assert "decided already" in result.summary
    assert [o for _, _, o in await _outcomes(office, 481)] == ["sent", "decided"]
    assert [o for _, _, o in await _outcomes(office, 482)] == ["refused"]
    assert [o for _, _, o in await _outcomes(office, 484)] == ["refused"]
    await office.works()
    alone = [c for _, c in office.chats.in_(megan.at) if c.approval == "481"]
    assert "Approved by Megan Bowen" in alone[0].summary


async def test_one_of_several_that_breaks_leaves_the_others_their_results(
    office: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    megan = await office.has_chat(MEGAN)
    for number in (481, 482, 483):
        await _asked(office, number, ticket=f"48{number}")
    await megan.types("pending approvals")
    async with office.pool.connection() as conn:
        # What stands here of one of them can no longer be read.
        await conn.execute("UPDATE approvals SET body = '{}' WHERE id = '482'")
    result = await megan.presses("Approve ticked", comment="seen", ticked="481,482,483")
    assert sorted(office.neo.decisions) == [(481, "approve"), (483, "approve")]
    assert "2 approved, 1 not" in result.summary
    assert "not certain whether this was decided" in result.summary
    assert "482" in result.summary
    (logged,) = [line for line in capsys.readouterr().out.splitlines() if "decision.broke" in line]
    assert "error=ValidationError" in logged


async def test_what_is_risky_cannot_be_ticked(opens: Opening) -> None:
    office = await opens(Policy(remind_after=()))
    megan = await office.has_chat(MEGAN)
    await _asked(office, 481)
    await _asked(office, 482)
    card = await megan.types("pending approvals")
    assert "Approve ticked" not in titles(card)
    forged = await megan.presses(
        "Approve…",
        verb="approvals.decide",
        shown={"481": button_of(_last_of(office, megan, "481"), "Approve…")["data"]["shown"]},
        ticked="481",
        on=_place_of(office, megan, "481"),
    )
    assert office.neo.decisions == []
    assert forged


def _last_of(office: Workplace, who: Technician, number: str) -> Card:
    return _place_of(office, who, number)[1]


def _place_of(office: Workplace, who: Technician, number: str) -> tuple[str, Card]:
    return next(pair for pair in office.chats.in_(who.at) if pair[1].approval == number)


async def test_in_a_channel_each_ticks_in_a_view_of_their_own(office: Workplace) -> None:
    channel = await office.has_channel()
    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    for number in (481, 482):
        await _asked(office, number, ticket=f"48{number}")
    card = await megan.types("pending approvals")
    assert "Approve ticked" not in titles(card)
    own = await megan.presses("Decide several…")
    assert "Reject ticked" in titles(own)
    result = await megan.presses("Reject ticked", ticked="481,482", comment="duplicates")
    assert "2 rejected" in result.summary
    assert sorted(office.neo.decisions) == [(481, "reject"), (482, "reject")]


async def test_nothing_ticked_decides_nothing_and_keeps_the_comment(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    for number in (481, 482):
        await _asked(office, number, ticket=f"48{number}")
    await megan.types("pending approvals")
    card = await megan.presses("Approve ticked", ticked="", comment="all confirmed")
    assert "Nothing was ticked" in card.summary
    assert "all confirmed" in str(card.content)
    assert office.neo.decisions == []
