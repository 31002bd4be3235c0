"""Whether the ledger says what was done: the rows of one press, and the whole chain at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from psycopg.rows import dict_row

from bot.store.ledger import Entry
from bot.store.ledger import Row as Sealed
from bot.store.ledger.verify import verify
from tests.approvals.machine.house import House, Row
from tests.approvals.machine.model import NAMES, Asked, Obstacle, Press

OF_EARLIER = re.compile("found afterwards|taken over")
_REASONS: dict[str, Obstacle] = {
    "not made for you here": "token",
    "decided already|no longer has it": "closed",
    "not asked to decide|Nobody was asked": "asked",
    "asked for this": "requester",
    "have approved this already": "again",
    "has changed since": "changed",
    "Guests cannot": "guest",
    "is deciding it|is on its way": "busy",
    "asks for a comment": "comment",
    "is not the number|Type the number": "number",
}


def refused_for_a_reason(rows: Iterable[Row], obstacles: set[Obstacle]) -> None:
    """Whoever is refused reads what does stand in their way."""
    for row in rows:
        if row.outcome == "refused":
            given = {kind for words, kind in _REASONS.items() if re.search(words, row.reason)}
            assert given & obstacles, f"refused for “{row.reason}”, and there is {obstacles}"


def a_press_has_its_rows(press: Press, rows: Sequence[Row], *, answered: bool) -> None:
    """One press, one end: refused, voted, failed or decided; once sent, the last two alone."""
    own = [
        row
        for row in rows
        if (row.person, row.wish) == (press.person, press.verdict)
        and not OF_EARLIER.search(row.reason)
    ]
    strangers = [row for row in rows if row not in own and not OF_EARLIER.search(row.reason)]
    assert not strangers, f"rows in the name of others: {strangers}"
    for row in own:
        told = (row.conversation, row.comment)
        assert told == (press.place, press.comment), f"not what was pressed: {row}, {press}"
        assert row.shown in {"", press.shown.partition(".")[0]}, f"not what was shown: {row}"
    sent = [row for row in own if row.outcome == "sent"]
    assert len(sent) <= 1, f"sent more than once: {own}"
    ends = [row for row in own if row.outcome != "sent" and row.reason != "no answer"]
    assert len(ends) <= 1, f"more than one end: {own}"
    if sent:
        for row in own:
            same = (row.for_person, row.for_name, row.shown, row.sent)
            first = (sent[0].for_person, sent[0].for_name, sent[0].shown, sent[0].sent)
            assert same == first, f"not of what was sent: {row}, {sent[0]}"
        ended = ends or [row for row in rows if row.outcome != "sent"]
        assert ended or not answered, f"sent, and no end: {own}"
        assert {row.outcome for row in ends} <= {"decided", "failed"}, f"sent, and then: {own}"


async def the_ledger_holds(house: House) -> None:
    """The chain is whole, every decision that was sent has an end, and Neo has what it says."""
    tenant = house.office.tenant
    async with house.office.pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
        verdict = await verify(conn, tenant)
        await cursor.execute("SELECT * FROM ledger WHERE tenant = %s ORDER BY position", (tenant,))
        rows = [Sealed.read(columns) for columns in await cursor.fetchall()]
    assert verdict.broken is None, f"the ledger is broken: {verdict}"
    assert [row.position for row in rows] == list(range(1, len(rows) + 1)), "a gap in the ledger"
    entries = [row.entry for row in rows if row.entry.wish in {"approve", "reject"}]
    _what_was_sent_ends(entries)
    for asked in house.model.asked.values():
        _neo_has_what_it_says(asked, [one for one in entries if one.approval == asked.number])


def _what_was_sent_ends(entries: Sequence[Entry]) -> None:
    under_way: set[tuple[str, str]] = set()
    for entry in entries:
        key = (entry.approval, entry.person)
        if entry.outcome == "sent":
            assert key not in under_way, f"sent again before it ended: {entry}"
            under_way.add(key)
        elif not entry.sent or entry.reason == "no answer" or entry.outcome == "voted":
            continue
        else:
            # What was given up may turn out to have been taken.
            late = entry.outcome == "decided" and OF_EARLIER.search(entry.reason)
            assert key in under_way or late, f"an end of nothing: {entry}"
            under_way.discard(key)
    assert not under_way, f"sent, and no end: {under_way}"


def _neo_has_what_it_says(asked: Asked, entries: Sequence[Entry]) -> None:
    decided = [entry for entry in entries if entry.outcome == "decided"]
    assert len(decided) <= 1, f"decided twice: {decided}"
    here = asked.state in {"approved", "rejected"} and asked.decider in NAMES.values()
    assert here == bool(decided) or asked.state == "gone", f"{asked}, and rows say {decided}"
    for entry in decided if here else []:
        wish = {"approved": "approve", "rejected": "reject"}[asked.state]
        assert (NAMES[entry.person], entry.wish) == (asked.decider, wish), f"{asked}: {entry}"
