"""Whoever knows what a button should say still has no signature, and a signature is no right."""

from __future__ import annotations

import pytest

from bot.approvals import case as cases
from bot.approvals.watch import WATCH
from tests.workplace import MEGAN, RELAXED, TENANT, Workplace, button_of


@pytest.mark.parametrize(("number", "other"), [("481", "482"), ("482", "481")])
async def test_a_digest_without_its_signature_decides_nothing(
    office: Workplace, number: str, other: str
) -> None:
    megan = await office.has_chat(MEGAN)
    for one in (481, 482):
        office.neo.has_approval(one, agent="Offboarding", approvers=[MEGAN])
    await office.looks(WATCH)
    cards = {card.approval: (m, card) for m, card in office.chats.in_(megan.at)}
    tokens = {n: button_of(card, "Approve")["data"]["shown"] for n, (_, card) in cards.items()}
    digest = tokens[number].partition(".")[0]
    signature = tokens[other].partition(".")[2]
    for forged in (digest, f"{digest}.", f"{digest}.{signature}"):
        card = await megan.presses("Approve", cards[number], shown=forged)
        assert "not made for you here" in card.summary
    assert office.neo.decisions == []


async def test_a_signed_button_decides_nothing_that_nobody_was_asked(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.neo.has_approval(481, agent="Offboarding", approvers=[])
    office.neo.has_approval(482, agent="Offboarding", approvers=[MEGAN])
    await office.looks(WATCH)
    async with office.pool.connection() as conn:
        case = await cases.load(conn, TENANT, "481", policy=RELAXED, at=office.clock())
    assert case is not None
    token = office.rooms.turns.clicks.faces.token(case, megan.at, MEGAN[0])
    card = await megan.presses("Approve", approval="481", shown=token)
    assert "Nobody was asked" in card.summary
    assert office.neo.decisions == []
