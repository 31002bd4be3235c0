"""People, accidents and time act in any order; each act is held against the model."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from bot.app import Rooms
from bot.neo.models import Approval
from bot.store.database import pooled
from tests.approvals.machine import records, truth
from tests.approvals.machine.house import LOOPBACK, Copy, House, Row, house
from tests.approvals.machine.model import (
    AGENTS,
    GROUP_AFTER,
    NAMES,
    PEOPLE,
    Asked,
    Model,
    Wishes,
    at_work,
    worked,
)

Done = TypeVar("Done")

_tenants = count(1)
AGENT_NAMES = tuple(AGENTS)
_ELSEWHERE = ("e0000000-0000-4000-8000-00000000e15e", "Dana Dashboard")

people = st.sampled_from([person for person, _ in PEOPLE])
numbers = st.integers(0, 7)
comments = st.sampled_from(
    ["", "so it is", "client confirmed", "— Lee Gu signs", "no\n— Alex Wilber"]
)
waits = st.sampled_from([2, 13, 16, 17, 61, 1_900, 3_700, 7_300, 5 * 3_600, 26 * 3_600, 3 * 86_400])


class Machine(RuleBasedStateMachine):
    """One tenant, however many replicas; each rule lets one of them act.

    Args:
        url: The database that all examples share; each has a tenant of its own.
        replicas: How many copies of the bot there are.
    """

    def __init__(self, url: str, replicas: int) -> None:
        super().__init__()
        self.url, self.count = url, replicas
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.numbers, self.wordings = count(481), count(1)
        self.broken = False
        self.held: dict[int, Any] = {}
        self.rows: list[Row] = []
        self.wishes = Wishes()

    # The house, and how it is acted upon

    def does(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Let it happen, and look at what followed."""

        async def all_of_it() -> Done:
            done = await work
            await self._looks_after()
            return done

        self.broken = True
        done = self.runner.run(all_of_it())
        self.broken = False
        return done

    async def _open(self, wishes: Wishes) -> None:
        self.wishes = wishes
        pools = []
        for _ in range(self.count):
            pool = pooled(self.url, size=8, ready=1)
            await pool.open(wait=True)
            self.stack.push_async_callback(pool.close)
            pools.append(pool)
        tenant = f"7f5d3c1a-0b6e-4e9a-8d2f-{next(_tenants):012x}"
        self.model = Model(wishes)
        self.house: House = await self.stack.enter_async_context(house(pools, self.model, tenant))
        self.house.notices()

    def teardown(self) -> None:
        try:
            if hasattr(self, "house") and not self.broken:
                self.does(self._settles(0))
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    def by(self, replica: int) -> Rooms:
        """The replica that acts."""
        return self.house.replicas[replica % self.count]

    @property
    def now(self) -> Any:
        return self.house.office.clock()

    async def _looks_after(self) -> None:
        """What has to hold at every moment."""
        where = self.house
        await where.wire.quietens()
        known = len(where.seen)
        rung = [
            (copy.place.id, copy.card)
            for copy in where.notices()
            if copy.message in where.office.chats.alerted
        ]
        where.office.chats.alerted.clear()
        truth.reminders_come_at_work(where, rung)
        truth.what_is_signed_is_what_is_shown(where, [c.card for c in where.seen[known:]])
        assert not where.wire.together, "two decisions on one approval were on their way at once"
        assert not where.wire.unwritten, f"sent before it was written: {where.wire.unwritten}"
        for asked in self.model.asked.values():
            await self._agrees_with_neo(asked)
        self._stand_ins_stay_within(await self.new_rows())
        where.office.clock.goes_on(seconds=1)

    async def new_rows(self) -> list[Row]:
        """The rows that the ledger has got since; the model takes over what it has to."""
        self.rows += await self.house.new_rows()
        rows, self.rows = self.rows, []
        for row in rows:
            self._writes_down(row)
        return rows

    async def _agrees_with_neo(self, asked: Asked) -> None:
        """Neo's record of a decision is one that the model let through."""
        if asked.state == "gone":
            return
        decision = self.house.office.neo.decision_on(int(asked.number))
        state = {None: "pending", "approve": "approved", "reject": "rejected"}[
            decision.action if decision else None
        ]
        assert asked.state == state, f"Neo has {asked.number} as {state}: {asked}"

    def _writes_down(self, row: Row) -> None:
        """Take over from the ledger what the model cannot know: which claim is open."""
        asked = self.model.asked.get(row.approval)
        if asked is None or row.wish not in {"approve", "reject"}:
            return
        if row.outcome == "sent":
            asked.claimed_at = self.now
        elif row.sent and row.outcome in {"decided", "failed"} and row.reason != "no answer":
            asked.claimed_at = None

    def _stand_ins_stay_within(self, rows: Sequence[Row]) -> None:
        for row in rows:
            asked = self.model.asked.get(row.approval)
            if asked is None or row.outcome not in {"sent", "voted"}:
                continue
            if row.person in asked.approvers:
                assert row.for_person is None, f"in nobody's place: {row}"
            elif row.for_person is not None:
                principals = self.model.principals(row.person, asked, self.now)
                assert row.for_person in principals, f"beyond the delegation: {row}"
            else:
                assert row.for_name == "Leads", f"in which capacity? {row}"

    # What Neo does

    @rule(
        agent=st.sampled_from(AGENT_NAMES),
        asked=st.lists(people, max_size=3, unique=True),
        requester=people,
        named=st.sampled_from(["", "id", "name"]),
        ticket=st.sampled_from(["48213", None]),
        replica=st.integers(0, 1),
    )
    def neo_asks(
        self,
        *,
        agent: str,
        asked: list[str],
        requester: str,
        named: str,
        ticket: str | None,
        replica: int,
    ) -> None:
        note_of = {"": "", "id": requester, "name": NAMES[requester]}[named]
        self.does(self._asks(agent, asked, note_of, ticket, replica))

    async def _asks(
        self,
        agent: str,
        people_asked: list[str],
        requester: str,
        ticket: str | None,
        replica: int,
        *,
        changes: bool = False,
    ) -> None:
        """``changes``: while the first card that says so is on its way."""

        async def meanwhile() -> None:
            self.happens(asked, "changed", [])
            anybody, at = PEOPLE[0][0], self.house.places[LOOPBACK]
            await self.house.says(self.by(replica + 1), anybody, at, f"approval {number}")

        number, wording = next(self.numbers), f"wording-{next(self.wordings)}"
        body = self.house.office.neo.has_approval(
            number,
            agent=agent,
            approvers=[(person, NAMES[person]) for person in people_asked],
            ticket=ticket,
            reason=wording,
            requested_by=requester or None,
        )
        body.pop("execution_id")
        asked = Asked(str(number), agent, tuple(people_asked), requester, ticket, self.now)
        self.model.asked[asked.number] = asked
        self._is_now(asked, body, wording)
        chats = self.house.office.chats
        chats.meanwhile = meanwhile if changes else None
        await self.house.looks(self.by(replica))
        chats.meanwhile = None
        asked.seen = True

    def _is_now(self, asked: Asked, body: dict[str, Any], wording: str) -> None:
        asked.body, asked.digest = body, Approval.model_validate(body).digest
        asked.wordings[asked.digest] = wording

    @rule(
        which=numbers,
        what=st.sampled_from(["changed", "changed", "asked others", "approve", "reject", "gone"]),
        others=st.lists(people, max_size=3, unique=True),
    )
    def something_happens_in_neo(self, which: int, what: str, others: list[str]) -> None:
        waiting = [
            asked
            for asked in self.model.asked.values()
            if asked.state == "pending" and asked.number not in self.still_late()
        ]
        if waiting:
            self.happens(waiting[-1 - which % len(waiting)], what, others)

    def happens(self, asked: Asked, what: str, others: list[str]) -> None:
        """Neo has it otherwise from now on; nobody here knows that yet."""
        neo, number = self.house.office.neo, int(asked.number)
        if what in {"approve", "reject"}:
            neo.decides_elsewhere(number, what, by=_ELSEWHERE)
            asked.state, asked.decider = _decided(what), _ELSEWHERE[1]
        elif what == "gone":
            neo.removes_approval(number)
            asked.state = "gone"
        elif what:
            self._changes(asked, others if what == "asked others" else None)

    def _changes(self, asked: Asked, others: list[str] | None) -> None:
        wording = f"wording-{next(self.wordings)}"
        fields: dict[str, Any] = {
            "requested_for": {"action": "Something else", "reason": wording}
            | ({"requested_by": asked.requester} if asked.requester else {})
        }
        if others is not None:
            fields["approvers"] = [
                {"user_id": person, "user_name": NAMES[person]} for person in others
            ]
            asked.approvers = tuple(others)
            asked.ever_named.update(others)
        body = self.house.office.neo.changes_approval(int(asked.number), **fields)
        self._is_now(asked, body, wording)

    def still_late(self) -> set[str]:
        """Approvals of which a decision is still on its way."""
        return {sent.approval for _, sent in self.house.wire.late}

    # What happens by itself

    @rule(replica=st.integers(0, 1), reread=st.booleans())
    def the_watch_looks(self, replica: int, reread: bool) -> None:  # noqa: FBT001 -- drawn
        self.does(self.house.looks(self.by(replica), reread=reread))

    @rule(seconds=waits, replica=st.integers(0, 1), settles=st.sampled_from([False] * 3 + [True]))
    def time_passes(self, *, seconds: int, replica: int, settles: bool) -> None:
        self.does(self._passes(timedelta(seconds=seconds), replica))
        if settles:
            self.does(self._settles(replica))

    async def _passes(self, span: timedelta, replica: int) -> None:
        """What was late may arrive before anybody looks, or not yet."""
        await self.house.passes(span)
        if span.seconds % 2:
            await self._arrives_late()
        await self._chases(replica)

    async def _chases(self, replica: int) -> None:
        """The clock strikes a minute: reminders, and delegations that run out."""
        for asked in self.model.asked.values():
            if (
                at_work(self.now)
                and worked(asked.at, self.now) >= GROUP_AFTER - timedelta(minutes=1)
                and self.wishes.group_decides is not None
            ):
                asked.overdue = True
        await self.house.office.works(self.by(replica))
        await self.house.chases(self.by(replica))
        await self._escalates()

    async def _escalates(self) -> None:
        """Only what was overdue in business hours is everybody's; the rest is in the table."""
        where = self.house.office
        async with where.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT approval FROM reminders WHERE tenant = %s AND stage = 'second group'",
                (where.tenant,),
            )
            for (number,) in await cursor.fetchall():
                asked = self.model.asked[number]
                assert asked.overdue, f"the second group heard too early of {asked}"
                asked.escalated = True

    async def _arrives_late(self) -> None:
        for sent in await self.house.wire.arrives_late():
            self.took(sent.approval, sent.action, sent.status, sent.note)

    def took(self, number: str, action: str, status: int | None, noted: str) -> None:
        """Neo took a decision that the model let through: it is so from now on."""
        asked = self.model.asked[number]
        if status == 200 and asked.state == "pending":
            person = next(
                person for person in NAMES if noted.endswith(f"({person}) in Microsoft Teams")
            )
            asked.state, asked.decider = _decided(action), NAMES[person]
        elif status == 200:
            raise AssertionError(f"Neo took two decisions on {number}")

    async def _settles(self, replica: int) -> None:
        """What was late arrives, jobs run, Neo is read anew; then everything shown is true."""
        where = self.house
        await self._arrives_late()
        await where.drains()
        await where.passes(timedelta(seconds=90))  # Neo may have asked to be left alone
        await where.looks(self.by(replica), reread=True)
        await self._chases(replica)
        await where.drains()
        await self.new_rows()
        for asked in self.model.asked.values():
            asked.closed_here = asked.state != "pending"
        truth.everything_shown_is_true(where)
        await self._own_views(replica)
        truth.everything_shown_is_true(where)
        await records.the_ledger_holds(where)
        assert not await where.failed_jobs(), "jobs that were given up"

    async def _own_views(self, replica: int) -> None:
        """Clients draw the own views of whoever is to have one."""
        for (name, message), card in list(self.house.office.chats.messages.items()):
            refresh, at = card.content.get("refresh"), self.house.places[name]
            if refresh is None or card.approval is None or self.house.is_closed(at):
                continue
            for account in refresh.get("userIds", []):
                copy = Copy(card, at, message, "")
                person = account.removeprefix("29:")
                await self.house.acts(
                    self.by(replica), person, copy, data_of(refresh["action"]), at
                )


def _decided(action: str) -> Any:
    return {"approve": "approved", "reject": "rejected"}[action]


def data_of(button: dict[str, Any], **inputs: str) -> dict[str, Any]:
    """What a press on a button sends."""
    return {**button["data"], "verb": button["verb"], **inputs}
