"""What the ledger says of a decision that did not come about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.store import delegations
from tests.workplace import (
    ADELE,
    ALEX,
    MEGAN,
    TENANT,
    Workplace,
    button_of,
    titles,
)

WATCH = "approvals.watch"


async def _asks(office: Workplace, *numbers: int) -> None:
    for number in numbers or (481,):
        office.neo.has_approval(
            number, agent="Mailbox Permissions", approvers=[MEGAN, ALEX], ticket=f"48{number}"
        )
    await office.looks(WATCH)


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "NeoRateLimited"), (503, "no answer"), (409, "overtaken")]
)
async def test_a_failure_says_for_whom_what_was_sent_and_what_neo_answered(
    office: Workplace, status: int, reason: str
) -> None:
    adele = await office.has_chat(ADELE)
    async with office.pool.connection() as conn:
        await delegations.start(
            conn,
            TENANT,
            person=MEGAN[0],
            name=MEGAN[1],
            delegate=ADELE[0],
            delegate_name=ADELE[1],
            since=office.clock(),
            until=office.clock() + timedelta(days=1),
        )
    await _asks(office)
    office.neo.trouble(status=status, path="/decision", times=None)
    await adele.presses("Approve", comment="by phone")
    failed = next(row for row in await office.ledger("481") if row.outcome == "failed")
    assert (failed.person_name, failed.for_name, failed.for_person) == (
        "Adele Vance",
        "Megan Bowen",
        MEGAN[0],
    )
    assert failed.reason == reason
    assert failed.sent.startswith("by phone\n— in the name of Megan Bowen")
    assert failed.answered.startswith(f"HTTP {status}")


async def test_an_order_in_text_that_is_refused_is_a_row(office: Workplace) -> None:
    adele = await office.has_chat(ADELE)
    await _asks(office)
    await adele.types("reject 481: wrong mailbox")
    (row,) = await office.ledger("481")
    assert (row.person_name, row.wish, row.outcome) == ("Adele Vance", "reject", "refused")
    assert row.reason == "You were not asked to decide this."
    assert row.comment == "wrong mailbox"
    assert office.neo.decisions == []


async def test_a_ticked_number_that_is_not_on_the_list_is_refused_and_recorded(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, 481, 482)
    await megan.types("pending approvals")
    drawn = office.chats.in_(megan.at)[-1]
    await _asks(office, 483)
    assert set(button_of(drawn[1], "Approve ticked")["data"]["shown"]) == {"481", "482"}
    result = await megan.presses("Approve ticked", on=drawn, ticked="481,483")
    assert office.neo.decisions == [(481, "approve")]
    assert "1 approved, 1 not" in result.summary
    (row,) = await office.ledger("483")
    assert (row.person_name, row.wish, row.outcome) == ("Megan Bowen", "approve", "refused")
    assert "not made for you" in row.reason


async def test_what_neo_no_longer_has_is_refused_in_words_and_nothing_is_sent(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    office.neo.removes_approval(481)
    card = await megan.types("approve 481 client confirmed")
    assert "Approval 481 is no longer in Neo" in card.summary
    assert "Nothing can be decided here any more." in card.summary
    assert not {"Approve now", "Approve", "Reject"} & set(titles(card))
    put_off = await megan.types("snooze 481 2h")
    assert put_off.summary.startswith("Nothing was put off. Neo no longer has it.")
    assert office.neo.decisions == []
    assert [(row.wish, row.outcome, row.reason) for row in await office.ledger("481")] == [
        ("approve", "refused", "Neo no longer has it."),
        ("snooze", "refused", "Neo no longer has it."),
    ]


async def test_the_history_of_what_nobody_touched_says_so(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    card = await megan.types("history 481")
    assert card.summary.startswith("Nothing is recorded about approval 481 yet.")
    assert "Nobody has tried to decide it here." in card.summary


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
async def test_what_is_found_afterwards_says_nothing_of_how_long_neo_took(
    office: Workplace, *, taken: bool
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    office.neo.trouble(close_connection=True, path="/decision")
    await megan.presses("Approve")
    (sent, _) = await office.ledger("481")
    assert sent.took_ms is not None
    if taken:
        office.neo.decides_elsewhere(481, "approve", by=("key", "API key"), note=sent.sent)
    await office.settles()
    found = (await office.ledger("481"))[-1]
    assert (found.outcome, found.took_ms) == ("decided" if taken else "failed", None)


async def test_a_decision_given_up_and_taken_in_the_end_says_nothing_of_how_long_neo_took(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office)
    office.neo.trouble(close_connection=True, path="/decision")
    await megan.presses("Approve")
    await office.settles()
    note = (await office.ledger("481"))[0].sent
    office.neo.decides_elsewhere(481, "approve", by=("key", "API key"), note=note)
    await office.looks(WATCH, reread=True)
    found = (await office.ledger("481"))[-1]
    assert (found.outcome, found.reason) == ("decided", "found afterwards")
    assert found.took_ms is None
