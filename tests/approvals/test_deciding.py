"""The right person, what they saw, once; and every copy of the card tells the truth."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from bot.approvals.sending import may_have_arrived
from bot.errors import (
    NeoError,
    NeoInvalid,
    NeoRateLimited,
    NeoUnavailable,
    NeoUnintelligible,
    NeoUnreachable,
    SendLater,
)
from bot.store import approvals as stored
from bot.store import claims
from bot.store.ledger import Entry
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    ELSEWHERE,
    GUEST,
    MEGAN,
    TENANT,
    Workplace,
    button_of,
    decisive,
    titles,
)

WATCH = "approvals.watch"


async def _asked(office: Workplace, **words: Any) -> dict[str, Any]:
    words = {"approvers": [MEGAN, ALEX]} | words
    asked = office.neo.has_approval(481, agent="Password Reset", **words)
    await office.looks(WATCH)
    return asked


async def _outcomes(office: Workplace) -> list[tuple[str, str]]:
    return [(row.outcome, row.reason) for row in await office.ledger("481")]


async def test_an_approver_approves_and_every_copy_says_who_when_and_why(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    channel = await office.has_channel("approvals")
    asked = await _asked(office)
    for place in (megan.at, alex.at, channel):
        assert decisive(office.chats.in_(place)[-1][1])

    card = await megan.presses("Approve", comment="Client confirmed by phone")
    await office.works()

    assert office.neo.decisions == [(481, "approve")]
    noted = office.neo.decision_bodies[0]["note"]
    assert noted == f"Client confirmed by phone\n— Megan Bowen ({MEGAN[0]}) in Microsoft Teams"
    copies = [card, *(office.chats.in_(p)[-1][1] for p in (megan.at, alex.at, channel))]
    for copy in copies:
        assert "Approved by Megan Bowen" in copy.summary
        assert "Client confirmed by phone" in copy.summary
        assert "Approve" not in titles(copy)
    show = button_of(office.chats.in_(alex.at)[-1][1], "Show the run")
    assert show["data"]["text"] == f"run {asked['execution_id']}"
    assert [o for o, _ in await _outcomes(office)] == ["sent", "decided"]


async def test_a_rejection_is_sent_as_one(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    card = await megan.presses("Reject", comment="wrong mailbox")
    assert office.neo.decisions == [(481, "reject")]
    assert "Rejected by Megan Bowen" in card.summary


async def test_who_was_not_asked_decides_nothing_and_is_told_who_was(office: Workplace) -> None:
    await office.has_chat(MEGAN)
    channel = await office.has_channel("approvals")
    adele = (await office.has_chat(ADELE)).goes_to(channel)
    await _asked(office)
    card = await adele.presses("Approve", comment="let me")
    assert "You were not asked" in card.summary
    assert "Megan Bowen" in card.summary
    assert "Approve" not in titles(card)
    assert office.neo.decisions == []
    assert await _outcomes(office) == [("refused", "You were not asked to decide this.")]


async def test_a_name_alike_is_not_the_person(office: Workplace) -> None:
    channel = await office.has_channel("approvals")
    namesake = (await office.has_chat((ADELE[0], MEGAN[1]))).goes_to(channel)
    await _asked(office)
    await namesake.presses("Approve")
    assert office.neo.decisions == []


async def test_nobody_decides_what_nobody_was_asked(office: Workplace) -> None:
    channel = await office.has_channel("approvals")
    megan = (await office.has_chat(MEGAN)).goes_to(channel)
    await _asked(office, approvers=[])
    card = office.chats.in_(channel)[-1][1]
    assert "Approve" not in titles(card)
    other = office.neo.has_approval(482, agent="Password Reset", approvers=[MEGAN])
    assert other
    await office.looks(WATCH)
    forged = await megan.presses("Approve", approval="481")
    assert office.neo.decisions == []
    assert "Approved" not in forged.summary


async def test_a_guest_decides_nothing_even_if_asked(office: Workplace) -> None:
    guest = await office.has_chat(GUEST)
    office.chats.guests.add(GUEST[0])
    await _asked(office, approvers=[GUEST])
    card = await guest.presses("Approve")
    assert "Guests cannot decide" in card.summary
    assert office.neo.decisions == []


async def test_when_teams_does_not_say_who_is_a_guest_nothing_is_decided(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.chats.roster_trouble = SendLater("away", status=503)
    card = await megan.presses("Approve", comment="yes")
    assert "Nothing was decided" in card.summary
    assert office.neo.decisions == []
    assert "Approve" in titles(card)
    assert "yes" in str(card.content)


async def test_people_of_a_tenant_that_is_not_served_decide_nothing(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    stranger = await office.has_chat(MEGAN, tenant=ELSEWHERE)
    await stranger.presses("Approve", office.chats.in_(megan.at)[-1])
    assert office.neo.decisions == []


async def test_what_has_changed_since_is_shown_anew_and_not_decided(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.clock.goes_on(minutes=1)
    office.neo.changes_approval(481, requested_for={"action": "Delete the mailbox"})
    card = await megan.presses("Approve", comment="fine")
    assert "changed since" in card.summary
    assert "delete the mailbox" in card.summary
    assert office.neo.decisions == []

    again = await megan.presses("Approve", comment="fine")
    assert "Approved by Megan Bowen" in again.summary
    assert office.neo.decisions == [(481, "approve")]


async def test_what_was_decided_elsewhere_is_shown_and_not_decided_again(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.decides_elsewhere(481, "reject", by=ALEX)
    card = await megan.presses("Approve")
    assert "Rejected by Alex Wilber" in card.summary
    assert office.neo.decisions == []


async def test_a_faster_decision_in_neo_wins_and_is_shown(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)

    async def somebody_is_faster(identifier: int, _: str) -> None:
        office.neo.before_decision(None)
        office.neo.decides_elsewhere(identifier, "reject", by=ALEX)

    office.neo.before_decision(somebody_is_faster)
    card = await megan.presses("Approve")
    assert "Somebody was faster" in card.summary
    assert "Rejected by Alex Wilber" in card.summary
    assert ("failed", "overtaken") in await _outcomes(office)


async def test_eight_clicks_at_once_decide_once(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    cards = await asyncio.gather(
        *(who.presses("Approve", office.chats.in_(who.at)[-1]) for who in (megan, alex) * 4)
    )
    assert office.neo.decisions == [(481, "approve")]
    outcomes = [o for o, _ in await _outcomes(office)]
    assert outcomes.count("decided") == 1
    assert len(outcomes) == 9  # eight clicks, and the one decision
    assert any("Approved by" in card.summary for card in cards)


async def test_a_button_of_another_conversation_decides_nothing(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    channel = await office.has_channel("approvals")
    await _asked(office)
    forwarded = office.chats.in_(channel)[-1]
    card = await megan.presses("Approve", forwarded)
    assert "not made for you here" in card.summary
    assert office.neo.decisions == []


@pytest.mark.parametrize(
    "forged", [{"approval": "482"}, {"shown": "0" * 64 + ".x"}, {"shown": "."}]
)
async def test_an_edited_button_decides_nothing(office: Workplace, forged: dict[str, str]) -> None:
    megan = await office.has_chat(MEGAN)
    office.neo.has_approval(482, agent="Offboarding", approvers=[MEGAN])
    await _asked(office)
    mine = next(m for m in office.chats.in_(megan.at) if m[1].approval == "481")
    await megan.presses("Approve", mine, **forged)
    assert office.neo.decisions == []


async def test_when_neo_is_away_the_card_says_so_and_keeps_the_comment(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.trouble(status=503, times=None)
    card = await megan.presses("Approve", comment="Client confirmed")
    assert "Nothing was decided" in card.summary
    assert "Client confirmed" in str(card.content)
    assert "Approve" in titles(card)
    office.neo.ends_trouble()
    assert "Approved by" in (await megan.presses("Approve")).summary


async def test_a_decision_without_an_answer_is_looked_up_and_credited(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.trouble(close_connection=True, takes_effect=True, path="/decision")
    card = await megan.presses("Approve", comment="by phone")
    assert "Approved by Megan Bowen" in card.summary
    assert office.neo.decisions == [(481, "approve")]
    assert [o for o, _ in await _outcomes(office)] == ["sent", "failed", "decided"]


async def test_a_process_that_dies_after_neo_took_it_leaves_no_card_untrue(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)

    # The click is cut off while Neo has it: nothing after the request runs.
    answers, taken = asyncio.Event(), asyncio.Event()

    async def is_taken(_: int, __: str) -> None:
        taken.set()  # nothing can come between this and Neo's record

    office.neo.before_decision(is_taken)
    office.neo.trouble(hold=answers, takes_effect=True, path="/decision")
    click = asyncio.create_task(megan.presses("Approve", comment="by phone"))
    await asyncio.wait_for(taken.wait(), 5)
    click.cancel()
    with pytest.raises(asyncio.CancelledError):
        await click
    assert "Approved" not in office.chats.in_(alex.at)[-1][1].summary

    answers.set()
    await office.settles()
    for who in (megan, alex):
        card = office.chats.in_(who.at)[-1][1]
        assert "Approved by Megan Bowen" in card.summary
        assert "Approve" not in titles(card)
    assert ("decided", "found afterwards") in await _outcomes(office)


async def test_an_approval_that_is_gone_says_so(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.removes_approval(481)
    card = await megan.presses("Approve")
    assert "no longer" in card.summary
    assert titles(card) == [] or "Approve" not in titles(card)


async def test_a_card_asked_for_by_number_is_kept_true_too(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    asked: Card = await megan.types("approval 481")
    assert "Approve" in titles(asked)
    await megan.presses("Approve", office.chats.in_(megan.at)[0])
    await office.works()
    assert all("Approved by" in c.summary for _, c in office.chats.in_(megan.at))


async def test_the_ledger_refuses_to_be_changed(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    await megan.presses("Approve")
    async with office.pool.connection() as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute("DELETE FROM ledger")


async def test_the_claim_of_a_dead_process_is_taken_over(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    async with office.pool.connection() as conn:
        known = await stored.find(conn, TENANT, "481")
        assert known is not None
        sent = Entry(
            tenant=TENANT,
            at=office.clock(),
            approval="481",
            person=ALEX[0],
            person_name=ALEX[1],
            conversation=megan.at.id,
            wish="approve",
            outcome="sent",
            reason="",
            comment="",
            shown=known.digest,
        )
        assert await claims.take(
            conn, sent, revision=known.revision, stale_after=timedelta(seconds=30)
        )
    busy = await megan.presses("Approve", office.chats.in_(megan.at)[-1])
    assert "Alex Wilber" in busy.summary
    assert office.neo.decisions == []
    office.clock.goes_on(minutes=1)
    assert "wants to" in (await megan.types("approval 481")).summary
    assert "Approved by Megan Bowen" in (await megan.presses("Approve")).summary


async def test_while_neo_may_still_take_it_nobody_else_can_decide(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    office.neo.trouble(status=504, path="/decision")
    card = await megan.presses("Approve", comment="by phone")
    assert "is being checked" in card.summary
    busy = await alex.presses("Reject")
    assert "Megan Bowen is deciding" in busy.summary
    await office.settles()
    assert "Approve" in titles(office.chats.in_(alex.at)[-1][1])
    assert ("failed", "not taken, as found afterwards") in await _outcomes(office)


async def test_what_neo_took_late_is_credited_when_the_watch_finds_it(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    office.neo.trouble(status=504, path="/decision")
    await megan.presses("Approve", comment="by phone")
    note = f"by phone\n— {MEGAN[1]} ({MEGAN[0]}) in Microsoft Teams"
    office.neo.decides_elsewhere(481, "approve", by=("key", "Neo API service account"), note=note)
    await office.looks(WATCH, reread=True)
    for who in (megan, alex):
        assert "Approved by Megan Bowen" in office.chats.in_(who.at)[-1][1].summary
    await office.settles()
    assert [o for o, _ in await _outcomes(office)] == ["sent", "failed", "decided"]


async def test_who_presses_again_after_neo_took_the_first_press_late_is_credited(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.trouble(status=504, path="/decision")
    await megan.presses("Approve", comment="by phone")
    await office.settles()
    assert office.neo.decisions == []

    async def the_first_press_arrives(identifier: int, _: str) -> None:
        office.neo.before_decision(None)
        note = f"by phone\n— {MEGAN[1]} ({MEGAN[0]}) in Microsoft Teams"
        key = ("key", "Neo API service account")
        office.neo.decides_elsewhere(identifier, "approve", by=key, note=note)

    office.neo.before_decision(the_first_press_arrives)
    card = await megan.presses("Approve", comment="by phone")
    assert "Approved by Megan Bowen" in card.summary
    assert "faster" not in card.summary


async def test_a_copy_nobody_knew_of_is_true_from_its_first_click_on(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    known = office.chats.in_(megan.at)[-1]
    office.chats.messages[megan.at.id, "ghost"] = known[1]
    await megan.presses("Approve", known)
    await office.works()
    await megan.presses("Approve", ("ghost", known[1]))
    office.chats.messages[megan.at.id, "ghost"] = known[1]  # what everybody else still sees
    await office.works()
    assert "Approved by" in office.chats.messages[megan.at.id, "ghost"].summary


async def test_a_claim_that_is_taken_over_ends_in_the_ledger(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asked(office)
    office.neo.trouble(status=504, path="/decision")
    await megan.presses("Approve")
    office.clock.goes_on(minutes=1)
    await alex.presses("Approve")
    rows = [(r.person_name, r.outcome, r.reason) for r in await office.ledger("481")]
    assert (MEGAN[1], "failed", "taken over by somebody else") in rows
    assert rows[-1][:2] == (ALEX[1], "decided")


async def test_a_decision_neo_took_after_everybody_gave_it_up_is_credited(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.trouble(status=504, path="/decision")
    await megan.presses("Approve")
    await office.settles()
    note = f"— {MEGAN[1]} ({MEGAN[0]}) in Microsoft Teams"
    office.neo.decides_elsewhere(481, "approve", by=("key", "Neo API service account"), note=note)
    await office.looks(WATCH, reread=True)
    assert "Approved by Megan Bowen" in office.chats.in_(megan.at)[-1][1].summary
    assert (await _outcomes(office))[-1] == ("decided", "found afterwards")


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (NeoUnreachable("no connection", operation="x", sent=False), False),
        (NeoUnreachable("no answer", operation="x"), True),
        (NeoUnavailable("trouble", operation="x", status=503), True),
        (NeoUnintelligible("a page", operation="x", status=200), True),
        (NeoRateLimited("held back here", operation="x", retry_after_seconds=9), False),
        (
            NeoRateLimited(
                "Neo's", operation="x", retry_after_seconds=9, status=429, code="rate_limited"
            ),
            False,
        ),
        (NeoRateLimited("whose?", operation="x", retry_after_seconds=9, status=429), True),
        (NeoInvalid("no", operation="x", status=400), False),
    ],
)
def test_only_what_may_have_reached_neo_is_looked_for_there(error: NeoError, may: bool) -> None:  # noqa: FBT001 -- a column of the table
    assert may_have_arrived(error) is may


async def test_a_decision_that_neo_has_no_room_for_says_when_to_try_again(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.trouble(status=429, retry_after="20", path="/decision", times=None)
    card = await megan.presses("Approve")
    assert "Nothing was decided. Try again in 20 s" in card.summary
    office.neo.ends_trouble()
    office.clock.goes_on(seconds=21)
    assert "Approved by Megan Bowen" in (await megan.presses("Approve")).summary


async def test_when_little_of_neos_limit_is_left_it_is_kept_for_decisions(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asked(office)
    office.neo.rate_limit(remaining=40)
    await megan.types("show failed runs")  # its answer tells how little is left
    before = len(office.neo.requests)

    assert "kept for decisions" in (await megan.types("show failed runs")).summary
    await office.looks(WATCH)
    assert len(office.neo.requests) == before

    asked = office.chats.in_(megan.at)[0]
    assert "Approved by Megan Bowen" in (await megan.presses("Approve", on=asked)).summary
    assert office.neo.decisions == [(481, "approve")]
