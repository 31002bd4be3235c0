"""What each reader's own card says and offers, beside the plain cases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from bot.approvals.chasing import CHASE
from bot.messaging import Person, Said
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store import people
from bot.store.database import Pool
from bot.store.people import Standing
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    GUEST,
    MEGAN,
    START,
    TENANT,
    Workplace,
    decisive,
    titles,
    workplace,
)

WATCH = "approvals.watch"
Opening = Callable[..., Any]


@pytest.fixture
async def opens(db: Pool) -> AsyncIterator[Opening]:
    """Opens an office with a policy in which nothing needs its number typed."""
    async with AsyncExitStack() as stack:

        async def office(**policy: Any) -> Workplace:
            words = {"high_risk": [], "remind_after": [], "business_hours": {"zone": "UTC"}}
            read = Policy.model_validate(words | policy)
            return await stack.enter_async_context(workplace(db, policy=read))

        yield office


async def _asks(office: Workplace, *approvers: tuple[str, str], **words: Any) -> None:
    office.neo.has_approval(481, agent="Mailbox Permissions", approvers=approvers, **words)
    await office.looks(WATCH)


async def _met(office: Workplace, *who: tuple[str, str]) -> None:
    """These people have spoken to the bot: Teams has told their accounts."""
    async with office.pool.connection() as conn:
        for one in who:
            person = Person(TENANT, one[0], one[1], f"29:{one[0]}")
            await people.remember(conn, person, at=office.clock())


def _last(office: Workplace, where: Any) -> Card:
    return office.chats.in_(where)[-1][1]


def _to_be_seen(card: Card) -> Card:
    """The card without what clients run by themselves."""
    return replace(card, content={"body": card.content["body"]})


async def test_a_card_waits_for_who_has_not_approved_and_for_the_second_group_once_it_heard(
    opens: Opening,
) -> None:
    leads = {"name": "Leads", "people": [ADELE[0]], "after": "1h", "may_decide": True}
    office = await opens(rule=[{"people": 2}], second_group=leads)
    await _met(office, MEGAN, ALEX)
    channel = await office.has_channel("approvals")
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN, ALEX)
    assert "Waiting for Megan Bowen or Alex Wilber." in _last(office, channel).summary
    await megan.presses("Approve")
    await office.works()
    assert "Waiting for Alex Wilber." in _last(office, channel).summary
    office.clock.goes_on(hours=1)
    await office.looks(CHASE)
    assert "Waiting for Alex Wilber or Leads." in _last(office, channel).summary


async def test_who_has_approved_is_not_waited_for_under_another_spelling_of_their_name(
    opens: Opening,
) -> None:
    office = await opens(rule=[{"people": 2}])
    await _met(office, MEGAN, ALEX)
    channel = await office.has_channel("approvals")
    megan = await office.has_chat((MEGAN[0], "Bowen, Megan"))
    await _asks(office, MEGAN, ALEX)
    await megan.presses("Approve")
    await office.works()
    card = _last(office, channel)
    assert "1 of 2 approved: Bowen, Megan" in card.summary
    assert "Waiting for Alex Wilber." in card.summary


async def test_who_has_approved_may_still_reject_and_not_approve_again(opens: Opening) -> None:
    office = await opens(rule=[{"people": 2}])
    megan = await office.has_chat(MEGAN)
    await office.has_chat(ALEX)
    await _asks(office, MEGAN, ALEX)
    card = await megan.presses("Approve")
    assert "You have approved it. Somebody else has to, too" in card.summary
    await office.works()
    for mine in (card, _last(office, megan.at)):
        assert "Approve" not in titles(mine)
        assert "Reject" in titles(mine)
    await megan.presses("Reject", comment="on second thoughts")
    assert office.neo.decisions == [(481, "reject")]


async def test_a_refused_order_in_a_channel_shows_nobodys_own_view_and_says_whom_it_is_about(
    opens: Opening,
) -> None:
    office = await opens(rule=[{"people": 2}])
    await _met(office, MEGAN, ALEX)
    channel, megan = await office.has_channel("approvals"), await office.has_chat(MEGAN)
    await _asks(office, MEGAN, ALEX)
    await megan.presses("Approve")
    posted = await megan.goes_to(channel).types("approve 481")
    assert posted.summary.startswith("Megan Bowen: You have approved this already.")
    assert "Waiting for Alex Wilber." in posted.summary
    for hers in ("Asked: you", "You have approved it"):
        assert hers not in posted.summary
    assert not {"Approve", "Reject"} & set(titles(_to_be_seen(posted)))
    in_her_chat = await megan.types("approve 481")
    assert in_her_chat.summary.startswith("You have approved this already.")
    assert "Reject" in titles(in_her_chat)


async def test_who_was_asked_and_sees_no_buttons_gets_them_by_refresh(opens: Opening) -> None:
    office = await opens()
    await _met(office, MEGAN)
    channel = await office.has_channel("approvals")
    await _asks(office, MEGAN, ALEX)
    everybody = office.chats.in_(channel)[-1]
    # Teams draws Megan's own view by itself; Alex never spoke to the bot, so nobody knows his
    # account.
    assert everybody[1].content["refresh"]["userIds"] == [f"29:{MEGAN[0]}"]
    assert not decisive(everybody[1])
    on_it = (everybody[0], _to_be_seen(everybody[1]))
    alex = (await office.has_chat(ALEX)).goes_to(channel)
    assert decisive(await alex.presses("Refresh", on=on_it))
    adele = (await office.has_chat(ADELE)).goes_to(channel)
    bystander = await adele.presses("Refresh", on=on_it)
    assert not decisive(bystander)
    assert "Refresh" not in titles(_to_be_seen(bystander)), "it would bring nothing else"


async def test_whom_neo_names_as_the_requester_by_name_alone_gets_no_buttons(
    opens: Opening,
) -> None:
    office = await opens(rule=[{"not_the_requester": True}])
    await _met(office, MEGAN)
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    # The name that counts is the one she goes by in Teams, whatever Neo calls an approver.
    await _asks(office, (MEGAN[0], "Bowen, M."), ALEX, requested_by_name="Megan Bowen")
    hers = _last(office, megan.at)
    assert not {"Approve", "Reject"} & set(titles(hers))
    assert "You asked for this yourself" in hers.summary
    assert decisive(_last(office, alex.at))


async def test_who_presses_again_while_their_own_decision_is_under_way_is_told_so(
    opens: Opening,
) -> None:
    office = await opens()
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office, MEGAN, ALEX)
    hers, his = office.chats.in_(megan.at)[-1], office.chats.in_(alex.at)[-1]

    async def meanwhile(_number: int, _verdict: str) -> None:
        office.neo.before_decision(None)
        await megan.presses("Reject", on=hers)
        await alex.presses("Reject", on=his)

    office.neo.before_decision(meanwhile)
    await megan.presses("Approve", on=hers)
    assert office.neo.decisions == [(481, "approve")]
    refused = [row.reason for row in await office.ledger("481") if row.outcome == "refused"]
    assert refused == [
        "Your own decision is on its way to Neo already. This press changed nothing.",
        "Megan Bowen is deciding it at this moment. Your decision was not taken.",
    ]


async def test_finding_the_run_behind_it_makes_no_card_outdated(opens: Opening) -> None:
    office = await opens()
    megan = await office.has_chat(MEGAN)
    office.neo.has_approval(481, agent="Mailbox Permissions", approvers=[MEGAN])
    answer = await office.rooms.turns.message(Said(megan.person, megan.at, "approval 481"))
    await office.works()
    async with office.pool.connection() as conn:
        known = await stored.find(conn, TENANT, "481")
    assert known is not None
    assert known.run is not None, "found while the answer was on its way"
    message = await office.chats.send(megan.at, answer.card)
    await office.rooms.turns.placed(megan.at, message, answer.card)
    await office.works()
    assert office.chats.edits == []


async def test_where_two_are_needed_and_one_was_asked_the_card_says_how_it_can_go_on(
    opens: Opening,
) -> None:
    office = await opens(rule=[{"people": 2}])
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    stuck = "as things stand it cannot go through here. Decide it in Neo"
    assert stuck in _last(office, megan.at).summary
    assert stuck in (await megan.presses("Approve")).summary
    assert office.neo.decisions == []
    # Whoever stands in for her is the second person.
    office.neo.has_approval(400, agent="Mailbox Permissions", approvers=[ALEX])
    await office.looks(WATCH)
    alex = await office.has_chat(ALEX)
    await megan.types("delegate my approvals to Alex Wilber until Friday")
    await megan.presses("Delegate")
    await office.works()
    message, card = next(c for c in office.chats.in_(alex.at) if c[1].approval == "481")
    assert stuck not in card.summary
    await alex.presses("Approve", on=(message, card))
    assert office.neo.decisions == [(481, "approve")]


async def test_an_asked_guest_reads_why_instead_of_buttons_once_teams_has_said_so(
    opens: Opening,
) -> None:
    office = await opens()
    megan, guest = await office.has_chat(MEGAN), await office.has_chat(GUEST)
    async with office.pool.connection() as conn:
        await people.remember(conn, guest.person, at=START)
        await people.note_standing(conn, TENANT, GUEST[0], Standing(guest=True, checked_at=START))
    await _asks(office, MEGAN, GUEST)
    assert "Guests cannot decide approvals." in _last(office, guest.at).summary
    assert not {"Approve", "Reject"} & set(titles(_last(office, guest.at)))
    assert "Approve" in titles(_last(office, megan.at))
    # After an hour the roster is asked again, which takes a press.
    office.clock.goes_on(hours=1)
    assert "Approve" in titles(await guest.types("approval 481"))
