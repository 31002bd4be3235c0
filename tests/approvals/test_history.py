"""``history 481``: what the ledger holds of it, for the conversation's own tenant."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from bot.approvals.faces import Faces
from bot.approvals.history import History
from bot.approvals.signature import Signatures
from bot.messaging import Scope
from bot.neo.models import Approval
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.database import Pool
from bot.store.ledger import Entry
from cards.actions import Ask
from tests.cards.reading import buttons
from tests.workplace import ALEX, ELSEWHERE, MEGAN, START, TENANT, Clock, place

ENTRY = Entry(
    tenant=TENANT,
    at=START,
    approval="481",
    person=MEGAN[0],
    person_name=MEGAN[1],
    conversation="a:megan",
    wish="reject",
    outcome="sent",
    reason="",
    comment="wrong mailbox",
    shown="",
    for_person=ALEX[0],
    for_name=ALEX[1],
)
CHAT = place("a:megan", Scope.PERSONAL, person=MEGAN[0])


def _history(db: Pool) -> History:
    return History(db, Faces(Clock(), ZoneInfo("UTC"), Signatures({})))


async def test_everything_recorded_is_shown_in_its_order(db: Pool) -> None:
    asked = Approval.model_validate(
        {"id": 481, "status": "PENDING", "ticket_number": "48213", "agent_name": "Password Reset"}
    )
    async with db.connection() as conn:
        await stored.write(conn, TENANT, asked, at=START)
        await ledger.add(conn, ENTRY)
        await ledger.add(conn, replace(ENTRY, approval="482"))
        await ledger.add(conn, replace(ENTRY, outcome="decided"))
    card = await _history(db).show(CHAT, "481")
    first, *rows = card.summary.split("\n")
    assert "#48213" in first
    who = "Megan Bowen for Alex Wilber"
    assert rows == [
        f"15:00: {who} sent the rejection to Neo. Comment: “wrong mailbox” (row 1)",
        f"15:00: {who} rejected it. (row 3)",
    ]


async def test_nothing_is_shown_of_what_was_not_recorded_or_is_another_tenants(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, ENTRY)
    for where, number in ((CHAT, "999"), (replace(CHAT, tenant=ELSEWHERE), "481")):
        card = await _history(db).show(where, number)
        assert card.summary.startswith(f"There is no approval {number}.")


async def test_a_ticket_number_typed_for_an_approval_is_still_helped(db: Pool) -> None:
    card = await _history(db).show(CHAT, "48213")
    assert buttons(card)["Approvals on #48213"] == Ask(text="approvals on #48213")


async def test_a_record_stays_readable_when_the_approval_itself_was_never_read(db: Pool) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, ENTRY)
    card = await _history(db).show(CHAT, "481")
    assert card.summary.startswith("History of approval 481, as of")
