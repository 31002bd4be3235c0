"""Eight at once: each promise of the store is kept for exactly one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from bot.messaging import Scope
from bot.neo.models import Approval, Run
from bot.store import activities, claims, conversations, ledger, routes, runs, signing
from bot.store import approvals as stored
from bot.store.database import Connection, Pool
from bot.store.ledger import Entry
from tests.workplace import ALEX, ELSEWHERE, MEGAN, START, TENANT, place

CHAT = place("a:megan", Scope.PERSONAL, person=MEGAN[0])
ASKED = Approval.model_validate({"id": 481, "status": "PENDING", "created_at": START})
MINUTE = timedelta(minutes=1)


def _sent(who: tuple[str, str], digest: str, at: datetime, approval: str = "481") -> Entry:
    return Entry(
        tenant=TENANT,
        at=at,
        approval=approval,
        person=who[0],
        person_name=who[1],
        conversation=CHAT.id,
        wish="approve",
        outcome="sent",
        reason="",
        comment="",
        shown=digest,
    )


async def _at_once(db: Pool, ask: Callable[[Connection, int], Awaitable[bool]]) -> int:
    async def one(number: int) -> bool:
        async with db.connection() as conn:
            return await ask(conn, number)

    return sum(await asyncio.gather(*map(one, range(8))))


async def test_one_of_eight_clicks_gets_the_right_to_decide(db: Pool) -> None:
    async with db.connection() as conn:
        await stored.write(conn, TENANT, ASKED, at=START)

    async def claim(conn: Connection, number: int) -> bool:
        sent = _sent((str(number), f"Technician {number}"), ASKED.digest, START)
        return await claims.take(conn, sent, revision=0, stale_after=MINUTE)

    assert await _at_once(db, claim) == 1
    async with db.connection() as conn:
        rows = await ledger.history(conn, TENANT, "481")
        known = await stored.find(conn, TENANT, "481")
    assert [row.entry.person for row in rows] == [known and known.deciding_person]


@pytest.mark.parametrize(
    ("digest", "later", "gets_it"),
    [
        (ASKED.digest, timedelta(seconds=59), False),
        (ASKED.digest, MINUTE, True),
        ("of something else", timedelta(seconds=61), False),
    ],
)
async def test_a_claim_is_taken_over_only_when_it_is_stale_and_nothing_changed(
    db: Pool, digest: str, later: timedelta, *, gets_it: bool
) -> None:
    async with db.connection() as conn:
        await stored.write(conn, TENANT, ASKED, at=START)
        for who, what, at in ((MEGAN, ASKED.digest, START), (ALEX, digest, START + later)):
            got = await claims.take(conn, _sent(who, what, at), revision=0, stale_after=MINUTE)
        rows = await ledger.of(conn, TENANT, "481")
    assert got is gets_it
    assert [row.person for row in rows] == [MEGAN[0], ALEX[0]][: 1 + gets_it]


async def test_who_judged_before_something_changed_gets_no_claim_and_no_row(db: Pool) -> None:
    async with db.connection() as conn:
        before = await stored.write(conn, TENANT, ASKED, at=START)
        await stored.revise(conn, TENANT, "481")  # a vote, a delegation, a snooze
        sent = _sent(MEGAN, ASKED.digest, START)
        for revision, gets_it in ((before.revision, False), (before.revision + 1, True)):
            got = await claims.take(conn, sent, revision=revision, stale_after=MINUTE)
            assert got is gets_it
            assert len(await ledger.of(conn, TENANT, "481")) == gets_it


async def test_what_is_decided_or_gone_can_no_longer_be_claimed(db: Pool) -> None:
    async with db.connection() as conn:
        for number in ("481", "482"):
            one = ASKED.model_copy(update={"id": number})
            await stored.write(conn, TENANT, one, at=START)
        await stored.write(conn, TENANT, ASKED.model_copy(update={"status": "APPROVED"}), at=START)
        await stored.write_gone(conn, TENANT, "482", at=START)
        for number in ("481", "482", "483"):
            known = await stored.find(conn, TENANT, number)
            sent = _sent(MEGAN, known.digest if known else "", START, number)
            assert not await claims.take(conn, sent, revision=0, stale_after=MINUTE)
            assert await ledger.of(conn, TENANT, number) == []


async def test_eight_messages_of_one_installation_are_greeted_once(db: Pool) -> None:
    async with db.connection() as conn:
        await conversations.remember(conn, CHAT, at=START)

    async def greet(conn: Connection, number: int) -> bool:
        at = START + timedelta(seconds=number)
        return await conversations.claim_greeting(
            conn, TENANT, CHAT.id, at=at, again_after=timedelta(seconds=30)
        )

    assert await _at_once(db, greet) == 1
    async with db.connection() as conn:
        await conversations.close(conn, TENANT, CHAT.id, at=START)
        await conversations.remember(conn, CHAT, at=START)
        assert await greet(conn, 9)


async def test_a_repeated_activity_is_taken_once_and_its_answer_kept(db: Pool) -> None:
    async def take(conn: Connection, _: int) -> bool:
        return await activities.claim(conn, TENANT, CHAT.id, "f:1", at=START)

    assert await _at_once(db, take) == 1
    async with db.connection() as conn:
        assert await activities.answer(conn, TENANT, CHAT.id, "f:1") is None
        await activities.keep_answer(conn, TENANT, CHAT.id, "f:1", {"value": "a card"})
        assert await activities.answer(conn, TENANT, CHAT.id, "f:1") == {"value": "a card"}
        assert await activities.claim(conn, ELSEWHERE, CHAT.id, "f:1", at=START)
        assert await activities.forget(conn, before=START + MINUTE) == 2
        assert await take(conn, 0)


async def test_one_of_eight_watches_records_a_failure_and_plans_its_delivery(db: Pool) -> None:
    run = Run.model_validate({"execution_id": "r1", "error": "Access denied"})

    async def record(conn: Connection, _: int) -> bool:
        return await runs.record_failure(conn, TENANT, run, at=START)

    async def plan(conn: Connection, _: int) -> bool:
        return await routes.plan(conn, TENANT, "failures", "r1", CHAT.id, at=START)

    assert await _at_once(db, record) == 1
    assert await _at_once(db, plan) == 1


async def test_replicas_that_race_sign_with_one_key_and_tenants_with_their_own(db: Pool) -> None:
    keys: set[bytes] = set()

    async def sign(conn: Connection, _: int) -> bool:
        keys.add(await signing.signing_key(conn, TENANT))
        return True

    await _at_once(db, sign)
    assert len(keys) == 1
    async with db.connection() as conn:
        assert await signing.signing_key(conn, ELSEWHERE) not in keys


async def test_a_watch_never_moves_back(db: Pool) -> None:
    async with db.connection() as conn:
        for moment in (START, START + MINUTE, START - MINUTE):
            await runs.set_seen_until(conn, TENANT, "w", moment)
        assert await runs.seen_until(conn, TENANT, "w") == START + MINUTE
        assert await runs.seen_until(conn, ELSEWHERE, "w") is None


async def test_a_conversation_that_was_left_is_open_again_once_somebody_speaks(db: Pool) -> None:
    async with db.connection() as conn:
        await conversations.remember(conn, CHAT, at=START)
        await routes.follow(conn, TENANT, CHAT.id, "failures", person=MEGAN[0], at=START)
        await conversations.close(conn, TENANT, CHAT.id, at=START)
        assert await conversations.find(conn, TENANT, CHAT.id) is None
        assert await conversations.personal(conn, TENANT, [MEGAN[0]]) == []
        assert await routes.followers(conn, TENANT, "failures") == []
        assert await conversations.known(conn, TENANT, CHAT.id)

        spoke = place(CHAT.id, Scope.PERSONAL)  # this activity names neither person nor zone
        await conversations.remember(conn, spoke, at=START + MINUTE)
        assert await conversations.find(conn, TENANT, CHAT.id) == CHAT
        assert await routes.followers(conn, TENANT, "failures") == [CHAT.id]
        assert await conversations.any_of(conn, TENANT) == CHAT
        assert await conversations.any_of(conn, ELSEWHERE) is None


async def test_a_character_that_no_text_column_takes_is_kept_as_neo_sent_it(db: Pool) -> None:
    odd = "PowerShell said\u0000 nothing \\u0000"
    run = Run.model_validate({"execution_id": "r1", "error": odd})
    approval = ASKED.model_copy(update={"requested_for": {"action": odd}})
    async with db.connection() as conn:
        await runs.record_failure(conn, TENANT, run, at=START)
        await stored.write(conn, TENANT, approval, at=START)
        failure = await runs.failure(conn, TENANT, "r1")
        known = await stored.find(conn, TENANT, "481")
    assert failure == run
    assert known is not None
    assert known.approval.digest == known.digest == approval.digest
