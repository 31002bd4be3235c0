"""Who is reminded of what waits, when, and who hears of it next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.approvals.chasing import CHASE, DUTY_CHANNEL, REMIND, REMIND_PERSON, Chase, due
from bot.approvals.delegating import Delegating
from bot.approvals.hours import BusinessHoursKnown
from bot.approvals.snoozing import Snoozing
from bot.errors import ConversationClosed, NeoNotFound, SendLater
from bot.messaging import Conversation
from bot.neo.models.settings import TenantSettings
from bot.policies import Policy
from bot.store import circumstances, delegations
from bot.store.circumstances import SECOND_GROUP, Vote
from bot.store.database import Pool
from cards.card import Card
from tests.workplace import (
    ADELE,
    ALEX,
    MEGAN,
    START,
    TENANT,
    Technician,
    Workplace,
    titles,
    workplace,
)

DUTY = "19:duty@thread.tacv2"
POLICY: dict[str, Any] = {
    "high_risk": [],
    "business_hours": {"zone": "UTC"},
    "second_group": {"name": "Leads", "people": [ADELE[0]], "after": "4h", "may_decide": True},
    "duty_channel": {"id": DUTY, "after": "8h"},
}
NEXT_MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
async def office(db: Pool) -> AsyncIterator[Workplace]:
    async with workplace(db, policy=Policy.model_validate(POLICY)) as running:
        yield running


async def _silent(_: str) -> TenantSettings:
    raise NeoNotFound("no such page", operation="settings.read", status=404)


def _chase(office: Workplace, hours: BusinessHoursKnown | None = None) -> Chase:
    delivery, jobs = office.rooms.turns.delivery, office.rooms.jobs
    chase = Chase(
        pool=office.pool,
        jobs=jobs,
        truth=delivery.truth,
        faces=delivery.faces,
        messenger=office.chats,
        hours=hours or BusinessHoursKnown(delivery.policy_of, _silent, office.clock),
        policy_of=delivery.policy_of,
        ended=_delegating(office).run_out,
        clock=office.clock,
    )
    for name, do in ((REMIND, chase.remind), (REMIND_PERSON, chase.remind_person)):
        if name not in jobs.engine.tasks:
            jobs.register(name, do)
    return chase


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


async def _chases(office: Workplace) -> None:
    await _chase(office).look(tenant=TENANT, timestamp=0)
    await office.works()


async def _snoozes(office: Workplace, who: Technician, **span: float) -> None:
    delivery = office.rooms.turns.delivery
    snoozing = Snoozing(
        office.pool,
        delivery.truth,
        delivery.faces,
        office.chats,
        delivery.policy_of,
        office.clock,
    )
    until = office.clock() + timedelta(**span)
    await snoozing.snooze(who.person, who.at, "481", until)
    await office.works()


async def _asks(office: Workplace, *approvers: tuple[str, str], **words: Any) -> None:
    office.neo.has_approval(481, agent="Password Reset", approvers=approvers, **words)
    await office.looks("approvals.watch")


def _reminders(office: Workplace, where: Technician | Conversation) -> list[Card]:
    """The copies that say why they come."""
    place = where.at if isinstance(where, Technician) else where
    said = ("Reminder: ", "Nobody of those asked", "Neo asks nobody")
    cards = [card for _, card in office.chats.in_(place)]
    return [card for card in cards if any(why in card.summary for why in said)]


MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("minutes", "came", "tell", "group", "channel"),
    [
        (29, (), None, False, False),
        (30, (), "reminder 1", False, False),
        (31, ("reminder 1",), None, False, False),
        (120, ("reminder 1",), "reminder 2", False, False),
        (121, (), "reminder 2", False, False),
        (240, ("reminder 1", "reminder 2"), None, True, False),
        (479, ("reminder 2", SECOND_GROUP), None, False, False),
        (480, ("reminder 2", SECOND_GROUP), None, False, True),
        (999, (), "reminder 2", True, True),
        (999, ("reminder 2", SECOND_GROUP, DUTY_CHANNEL), None, False, False),
    ],
)
def test_stages_are_due_by_business_time(
    minutes: int,
    came: tuple[str, ...],
    tell: str | None,
    group: bool,  # noqa: FBT001 -- a column of the table
    channel: bool,  # noqa: FBT001 -- likewise
) -> None:
    stages = due(Policy.model_validate(POLICY), minutes * MINUTES, frozenset(came))
    assert (stages.tell, stages.second_group, stages.duty_channel) == (tell, group, channel)


async def test_those_asked_are_reminded_once_at_each_stage(office: Workplace) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    await _asks(office, MEGAN)
    office.clock.goes_on(minutes=29)
    await _chases(office)
    assert _reminders(office, megan) == []
    for minutes in (1, 1, 89, 1):
        office.clock.goes_on(minutes=minutes)
        await _chases(office)
    first, second = _reminders(office, megan)
    assert "waiting for 30 min of working time" in first.summary
    assert "waiting for 2 h of working time" in second.summary
    assert {"Approve", "Reject"} <= set(titles(second))
    assert _reminders(office, adele) == []
    assert len(office.chats.alerted) == 3
    rows = [row for row in await office.ledger("481") if row.wish == "remind"]
    assert [(r.person_name, r.outcome, r.reason) for r in rows] == [
        ("Neo for Teams", "done", "reminder 1: Megan Bowen"),
        ("Neo for Teams", "done", "reminder 2: Megan Bowen"),
    ]


async def test_the_service_looks_by_itself(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    office.clock.goes_on(minutes=31)
    await office.looks(CHASE)
    assert len(_reminders(office, megan)) == 1


async def test_nobody_is_reminded_at_night_and_in_the_morning_only_once(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    office.clock.at = datetime(2026, 11, 24, 3, tzinfo=UTC)
    await _chases(office)
    assert _reminders(office, megan) == []
    office.clock.at = NEXT_MORNING
    await _chases(office)
    await _chases(office)
    (card,) = _reminders(office, megan)
    assert "waiting for 3 h of working time" in card.summary


@pytest.mark.parametrize("what", ["decided", "removed"])
async def test_what_is_over_is_not_chased_and_reminders_become_true(
    office: Workplace, what: str
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    office.clock.goes_on(minutes=31)
    await _chases(office)
    if what == "decided":
        office.neo.decides_elsewhere(481, "approve", by=ALEX)
    else:
        office.neo.removes_approval(481)
    await office.looks("approvals.watch", reread=True)
    office.clock.goes_on(hours=2)
    await _chases(office)
    cards = [card for _, card in office.chats.in_(megan.at)]
    assert len(cards) == 2
    assert all("Approve" not in titles(card) for card in cards)


async def test_a_reminder_that_was_overtaken_is_not_sent(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    office.clock.goes_on(minutes=31)
    await _chase(office).look(tenant=TENANT, timestamp=0)
    office.neo.decides_elsewhere(481, "approve", by=ALEX)
    fresh = await office.rooms.turns.showing.neo_of(TENANT).approvals.page()
    async with office.pool.connection() as conn:
        await office.rooms.turns.delivery.truth.observe(conn, TENANT, fresh.items[0])
    await office.works()
    assert len(office.chats.in_(megan.at)) == 1


async def test_replicas_that_look_at_once_remind_once(office: Workplace) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    await _asks(office, MEGAN)
    office.clock.at = NEXT_MORNING + timedelta(hours=6)
    looks = (_chase(office).look(tenant=TENANT, timestamp=0) for _ in range(5))
    await asyncio.gather(*looks)
    await office.works()
    assert len(_reminders(office, megan)) == 1
    assert len(_reminders(office, adele)) == 1
    rows = [row.reason for row in await office.ledger("481") if row.wish == "remind"]
    assert len(rows) == len(set(rows)) == 3


async def test_a_chat_is_opened_with_who_has_none(office: Workplace) -> None:
    await office.has_chat(MEGAN)
    await _asks(office, MEGAN, ALEX)
    office.chats.reachable.add(ALEX[0])
    office.clock.goes_on(minutes=31)
    await _chases(office)
    alex = await office.has_chat(ALEX)
    (card,) = _reminders(office, alex)
    assert "Approve" in titles(card)


async def test_a_send_that_failed_is_tried_again_and_a_closed_chat_is_left(
    office: Workplace,
) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office, MEGAN, ALEX)
    office.clock.goes_on(minutes=31)
    office.chats.trouble = [SendLater("busy", status=429)]
    await _chases(office)
    await office.passes_time_for_jobs()
    assert len(_reminders(office, megan)) == len(_reminders(office, alex)) == 1
    office.clock.goes_on(hours=2)
    office.chats.trouble = [ConversationClosed("gone", status=403)]
    await _chases(office)
    assert len(_reminders(office, megan)) + len(_reminders(office, alex)) == 3


async def test_an_approval_is_escalated_to_the_second_group_which_may_then_decide(
    office: Workplace,
) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    await _asks(office, MEGAN)
    office.clock.at = NEXT_MORNING + timedelta(hours=1)
    await _chases(office)
    (card,) = _reminders(office, adele)
    assert "Nobody of those asked has decided for 4 h of working time." in card.summary
    assert "You are asked as Leads." in card.summary
    assert "Approve" in titles(card)
    assert "Leads" in office.chats.in_(megan.at)[0][1].summary
    rows = [row.reason for row in await office.ledger("481") if row.wish == "remind"]
    assert rows[-1].startswith("second group: ")


async def test_a_second_group_that_may_not_decide_hears_all_the_same(db: Pool) -> None:
    group = {**POLICY["second_group"], "may_decide": False}
    policy = Policy.model_validate({**POLICY, "second_group": group})
    async with workplace(db, policy=policy) as office:
        adele = await office.has_chat(ADELE)
        await _asks(office, MEGAN)
        office.clock.at = NEXT_MORNING + timedelta(hours=1)
        await _chases(office)
        (card,) = _reminders(office, adele)
        assert "You hear of it as Leads." in card.summary
        assert not {"Approve", "Reject"} & set(titles(card))


async def test_the_duty_channel_hears_last(office: Workplace) -> None:
    duty = await office.has_channel(name=DUTY)
    await _asks(office, MEGAN)
    office.clock.at = NEXT_MORNING + timedelta(hours=4, minutes=59)
    await _chases(office)
    assert office.chats.in_(duty) == []
    office.clock.goes_on(minutes=1)
    await _chases(office)
    await _chases(office)
    ((_, card),) = office.chats.in_(duty)
    assert "Nobody of those asked has decided for 8 h of working time." in card.summary


async def test_a_duty_channel_without_the_bot_is_said_once(office: Workplace) -> None:
    await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    office.clock.at = NEXT_MORNING + timedelta(hours=6)
    await _chases(office)
    await _chases(office)
    failed = [row.reason for row in await office.ledger("481") if row.outcome == "failed"]
    assert failed == ["duty channel: the bot was not added there"]


async def test_what_nobody_was_asked_is_told_to_others_as_such(office: Workplace) -> None:
    duty = await office.has_channel(name=DUTY)
    await _asks(office)
    office.clock.at = NEXT_MORNING + timedelta(hours=6)
    await _chases(office)
    ((_, card),) = office.chats.in_(duty)
    assert "Neo asks nobody to decide this" in card.summary


async def test_a_snooze_is_kept_and_its_end_reminds_even_at_night(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    adele = await office.has_chat(ADELE)
    await _asks(office, MEGAN, ALEX)
    await _snoozes(office, megan, hours=23)
    office.clock.at = NEXT_MORNING + timedelta(hours=3)
    await _chases(office)
    assert _reminders(office, megan) == _reminders(office, adele) == []
    assert len(_reminders(office, alex)) == 1
    office.clock.at = START + timedelta(hours=23)
    await _chases(office)
    await _chases(office)
    (card,) = _reminders(office, megan)
    assert "you put this off until now" in card.summary
    assert len(_reminders(office, adele)) == 1
    await _snoozes(office, megan, hours=13)
    assert "Megan Bowen" in office.chats.in_(alex.at)[0][1].summary.split("until")[0]
    office.clock.at = START + timedelta(days=1, hours=12)
    await _chases(office)
    await _chases(office)
    cards = [card for _, card in office.chats.in_(megan.at)]
    assert len(cards) == 3
    assert "you put this off until now" in cards[-1].summary
    rows = [row.reason for row in await office.ledger("481") if row.wish == "remind"]
    assert sum(reason.startswith("snooze until") for reason in rows) == 2


async def test_who_is_no_longer_asked_holds_nothing_up(office: Workplace) -> None:
    megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
    await _asks(office, MEGAN, ALEX)
    await _snoozes(office, megan, hours=23)
    now_asked = [{"user_id": ALEX[0], "user_name": ALEX[1]}]
    office.neo.changes_approval(481, approvers=now_asked)
    await office.looks("approvals.watch", reread=True)
    office.clock.at = NEXT_MORNING + timedelta(hours=1)
    await _chases(office)
    (card,) = _reminders(office, adele)
    assert "You are asked as Leads." in card.summary


async def test_whom_the_policy_excludes_by_now_holds_nothing_up(db: Pool) -> None:
    policy = Policy.model_validate({**POLICY, "rule": [{"not_the_requester": True}]})
    async with workplace(db, policy=policy) as office:
        megan, adele = await office.has_chat(MEGAN), await office.has_chat(ADELE)
        await _asks(office, MEGAN, ALEX)
        await _snoozes(office, megan, hours=23)
        office.neo.changes_approval(481, requested_by=MEGAN[0])
        await office.looks("approvals.watch", reread=True)
        office.clock.at = NEXT_MORNING + timedelta(hours=1)
        await _chases(office)
        (card,) = _reminders(office, adele)
        assert "You are asked as Leads." in card.summary


async def test_the_delegate_is_reminded_instead_of_who_is_away(office: Workplace) -> None:
    megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
    await _asks(office, MEGAN)
    await _is_away(office, until=START + timedelta(days=2))
    office.clock.goes_on(minutes=31)
    await _chases(office)
    assert _reminders(office, megan) == []
    (card,) = _reminders(office, alex)
    assert "Approve" in titles(card)


async def test_a_delegation_that_has_run_out_is_ended_and_the_cards_say_so(
    office: Workplace,
) -> None:
    megan = await office.has_chat(MEGAN)
    await _asks(office, MEGAN)
    await _is_away(office, until=START + timedelta(minutes=10))
    await megan.types("approval 481")
    assert "Alex Wilber" in office.chats.in_(megan.at)[-1][1].summary
    office.clock.goes_on(minutes=11)
    await _chases(office)
    assert "Alex Wilber" not in office.chats.in_(megan.at)[-1][1].summary
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT ended_at = until FROM delegations")
        assert await cursor.fetchall() == [(True,)]
    await _chases(office)
    rows = [row for row in await office.ledger("") if row.wish == "end delegation"]
    assert [(r.person_name, r.for_name, r.reason) for r in rows] == [
        ("Megan Bowen", "Alex Wilber", "its time was over")
    ]


async def test_who_has_approved_already_is_not_reminded(db: Pool) -> None:
    policy = Policy.model_validate({**POLICY, "rule": [{"people": 2}]})
    async with workplace(db, policy=policy) as office:
        megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
        await _asks(office, MEGAN, ALEX)
        async with office.pool.connection() as conn:
            cursor = await conn.execute("SELECT digest FROM approvals")
            ((digest,),) = await cursor.fetchall()
            vote = Vote(
                digest=digest,
                person=MEGAN[0],
                name=MEGAN[1],
                for_person=None,
                for_name=None,
                comment="",
                at=START,
            )
            await circumstances.add_vote(conn, TENANT, "481", vote)
        office.clock.goes_on(minutes=31)
        await _chases(office)
        assert _reminders(office, megan) == []
        assert len(_reminders(office, alex)) == 1


async def test_neo_is_asked_for_its_hours_once_an_hour_and_may_refuse(db: Pool) -> None:
    asked: list[datetime] = []
    policy = Policy.model_validate({**POLICY, "business_hours": None})
    async with workplace(db, policy=policy) as office:
        megan = await office.has_chat(MEGAN)
        await _asks(office, MEGAN)

        async def settings(tenant: str) -> TenantSettings:
            assert tenant == TENANT
            asked.append(office.clock())
            if len(asked) != 2:
                raise NeoNotFound("no such page", operation="settings.read", status=404)
            night = {"timezone": "UTC", "start_business_hours": 18, "end_business_hours": 24}
            return TenantSettings.model_validate(night)

        policy_of = office.rooms.turns.delivery.policy_of
        hours = BusinessHoursKnown(policy_of, settings, office.clock)
        for _ in range(59):
            assert (await hours.of(TENANT)).opens.hour == 9
            office.clock.goes_on(minutes=1)
        assert len(asked) == 1
        office.clock.goes_on(minutes=1)
        assert (await hours.of(TENANT)).opens.hour == 18
        office.clock.goes_on(hours=1)
        assert (await hours.of(TENANT)).opens.hour == 18
        assert len(asked) == 3
        await _chase(office, hours).look(tenant=TENANT, timestamp=0)
        assert _reminders(office, megan) == []


async def _is_away(office: Workplace, *, until: datetime) -> None:
    async with office.pool.connection() as conn:
        await delegations.start(
            conn,
            TENANT,
            person=MEGAN[0],
            name=MEGAN[1],
            delegate=ALEX[0],
            delegate_name=ALEX[1],
            since=office.clock(),
            until=until,
        )
