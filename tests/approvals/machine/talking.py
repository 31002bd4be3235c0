"""The same, with what people type, tick, put off and hand over, and with those who come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bot.messaging import Conversation
from tests.approvals.machine.house import LOOPBACK, TEAMS
from tests.approvals.machine.machine import comments, data_of, numbers, people
from tests.approvals.machine.model import NAMES, Asked, Away, Press, Verdict
from tests.approvals.machine.pressing import Pressing, meanwhiles

SEVERAL, START, END = "approvals.decide", "delegation.start", "delegation.end"
LONGEST_SNOOZE = timedelta(hours=24)
places = st.sampled_from(["own", "own", TEAMS, LOOPBACK])


class Talking(Pressing):
    """Adds to the presses on single cards everything else that a person can do."""

    # Looking

    @rule(who=people, card=st.integers(0, 20), verb=st.sampled_from(["refresh", "evidence"]))
    def somebody_looks(self, who: str, card: int, verb: str) -> None:
        found = [c for c in self.house.seen[-60:] if c.card.approval and self._is_open(c.place)]
        if not found:
            return
        copy = found[-1 - card % len(found)]
        data = {"verb": "approval.show", "approval": copy.card.approval}
        if verb == "evidence":
            data = {"verb": "approval.evidence", "approval": copy.card.approval, "comment": "so"}
        who = copy.place.person or who
        self.does(self.house.acts(self.by(card), who, copy, data, copy.place))

    # Typing

    @rule(who=people, which=numbers, approves=st.booleans(), comment=comments, where=places)
    def somebody_orders(
        self,
        who: str,
        which: int,
        approves: bool,  # noqa: FBT001 -- drawn
        comment: str,
        where: str,
    ) -> None:
        asked = list(self.model.asked.values())[-1 - which % len(self.model.asked)]
        at = self._place(who, where)
        if at is not None:
            verb = "approve" if approves else "reject"
            self.does(self._orders(who, at, f"{verb} {asked.number} {comment}".strip(), which))

    async def _orders(self, who: str, at: Conversation, text: str, replica: int) -> None:
        sent, votes = len(self.house.wire.sent), await self._votes()
        await self.house.says(self.by(replica), who, at, text, to=who)
        assert len(self.house.wire.sent) == sent, f"a text decided: {text}"
        assert await self._votes() == votes, f"a text voted: {text}"

    async def _votes(self) -> int:
        async with self.house.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT count(*) FROM votes WHERE tenant = %s", (self.house.office.tenant,)
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    @rule(who=people, which=numbers, where=places, meanwhile=meanwhiles)
    def somebody_asks_for_it(self, who: str, which: int, where: str, meanwhile: str) -> None:
        asked = list(self.model.asked.values())[-1 - which % len(self.model.asked)]
        at = self._place(who, where)
        if at is not None:
            self.does(self._asks_for(who, at, asked, meanwhile, which))

    async def _asks_for(
        self, who: str, at: Conversation, asked: Asked, meanwhile: str, replica: int
    ) -> None:
        """The answer may be outdated by the time it arrives."""

        async def on_its_way() -> None:
            if meanwhile and asked.state == "pending" and asked.number not in self.still_late():
                self.happens(asked, meanwhile, [who])
                await self.house.looks(self.by(replica + 1), reread=True)

        text = f"approval {asked.number}"
        await self.house.says(self.by(replica), who, at, text, meanwhile=on_its_way)

    # Several at once

    @rule(
        who=people,
        approves=st.booleans(),
        comment=comments,
        ticks=st.lists(st.integers(0, 5), min_size=1, max_size=3),
        late=st.booleans(),
        replica=st.integers(0, 1),
    )
    def somebody_ticks_several(self, *, who: str, **how: Any) -> None:
        if self._is_open(self.house.chat(who)):
            self.does(self._ticks(who, **how))

    async def _ticks(
        self,
        who: str,
        *,
        approves: bool,
        comment: str,
        ticks: list[int],
        late: bool,
        replica: int,
    ) -> None:
        """From the list of now, or (``late``) from the oldest that is still to be seen."""
        at = self.house.chat(who)
        await self.house.says(self.by(replica), who, at, "my pending approvals")
        lists = [c for c in self.house.seen if c.reader == who and c.buttons(SEVERAL)]
        if not lists:
            return
        copy = lists[0] if late else lists[-1]
        verdict: Verdict = "approve" if approves else "reject"
        button = next(b for b in copy.buttons(SEVERAL) if b["data"]["verdict"] == verdict)
        known = [*button["data"]["shown"], *list(self.model.asked)[-1:]]
        chosen = list(dict.fromkeys(known[tick % len(known)] for tick in ticks))
        data = data_of(button, ticked=",".join(chosen), comment=comment)
        shown = button["data"]["shown"]
        presses = [
            Press(who, at.id, n, verdict, shown[n], comment=comment.strip())
            for n in chosen
            if n in shown
        ]
        note(f"{NAMES[who]} ticks {presses}")
        expected = {press.approval: self.expected(press, replica) for press in presses}
        before = len(self.house.wire.sent)
        await self.house.acts(self.by(replica), who, copy, data, copy.place)
        rows = await self.new_rows()
        sent = self.house.wire.sent[before:]
        for press in presses:
            own = [one for one in sent if one.approval == press.approval]
            mine = [row for row in rows if row.approval == press.approval]
            self.was_right(press, expected[press.approval], mine, own, trouble="", answered=True)
        strays = [one for one in sent if one.approval not in expected]
        assert not strays, f"sent, though not on the card: {strays}"

    # Putting off, standing in

    @rule(who=people, which=numbers, hours=st.sampled_from([1, 2, 24, 30]), where=places)
    def somebody_puts_it_off(self, who: str, which: int, hours: int, where: str) -> None:
        asked = list(self.model.asked.values())[-1 - which % len(self.model.asked)]
        at = self._place(who, where)
        if at is not None:
            self.does(self._snoozes(who, at, asked.number, hours))

    async def _snoozes(self, who: str, at: Conversation, number: str, hours: int) -> None:
        until = self.now + timedelta(hours=hours)
        await self.house.says(self.by(hours), who, at, f"snooze {number} {hours}h")
        for row in await self.new_rows():
            if row.wish == "snooze" and row.outcome == "done":
                assert timedelta(hours=hours) <= LONGEST_SNOOZE, f"put off for {hours} h"
                self.model.snoozes[number, who] = until

    @rule(
        who=people,
        to=people,
        days=st.sampled_from([1, 3, 10]),
        presser=st.one_of(st.none(), people),
        where=places,
        replica=st.integers(0, 1),
    )
    def somebody_delegates(self, *, who: str, where: str, **how: Any) -> None:
        at = self._place(who, where)
        if at is not None:
            self.does(self._delegates(who, at, **how))

    async def _delegates(
        self, who: str, at: Conversation, *, to: str, days: int, presser: str | None, replica: int
    ) -> None:
        presser = presser or who
        text = f"delegate my approvals to {NAMES[to]} for {days} days"
        await self.house.says(self.by(replica), who, at, text)
        assert not [r for r in await self.new_rows() if r.outcome == "done"], "a text delegated"
        copy = self.house.seen[-1]
        for button in copy.buttons(START)[:1]:
            data = data_of(button)
            until = datetime.fromisoformat(data["until"])
            might, must = (
                data["by"] == presser
                and self.model.delegates(presser, data["to"], until, self.now, named=named)
                for named in (True, False)
            )
            await self.house.acts(self.by(replica), presser, copy, data, copy.place)
            rows = [r for r in await self.new_rows() if r.wish == "delegate"]
            done = any(row.outcome == "done" for row in rows)
            same = Away(presser, data["to"], self.now, until)
            again = any(
                replace(one, since=self.now) == same for one in self.model.in_force(self.now)
            )
            assert might or not done, f"{NAMES[presser]} may not delegate: {data}, {rows}"
            assert done or again or not must, f"{NAMES[presser]} may delegate: {data}, {rows}"
            if done:
                self.model.ends(presser, self.now)
                self.model.away.append(same)

    @rule(who=people, whose=numbers, types=st.booleans(), replica=st.integers(0, 1))
    def somebody_is_back(self, who: str, whose: int, types: bool, replica: int) -> None:  # noqa: FBT001 -- drawn
        if self._is_open(self.house.chat(who)):
            self.does(self._ends(who, whose, replica, types=types))

    async def _ends(self, who: str, whose: int, replica: int, *, types: bool) -> None:
        before = self.model.in_force(self.now)
        over = [one for one in before if one.person == who] if types else []
        if types:
            await self.house.says(self.by(replica), who, self.house.chat(who), "I'm back")
        found = [c for c in self.house.seen if c.buttons(END) and self._is_open(c.place)]
        if not types and found:
            copy = found[whose % len(found)]
            button = copy.buttons(END)[0]
            one = await self._delegation(button["data"]["delegation"])
            over = [a for a in before if one == a.person and who in {a.person, a.delegate}]
            await self.house.acts(self.by(replica), who, copy, data_of(button), copy.place)
        ended = [r for r in await self.new_rows() if r.wish == "end delegation"]
        done = [row for row in ended if row.outcome == "done"]
        assert len(done) == len(over), f"{NAMES[who]} ends {over}: {ended}"
        for one_over in over:
            self.model.ends(one_over.person, self.now)

    async def _delegation(self, number: int) -> str | None:
        """Whose delegation that is, if it is not over."""
        async with self.house.office.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT person FROM delegations WHERE tenant = %s AND id = %s"
                " AND ended_at IS NULL AND until > %s",
                (self.house.office.tenant, number, self.now),
            )
            row = await cursor.fetchone()
        return row[0] if row else None

    # Coming and going

    @rule(
        who=people,
        where=st.sampled_from(["own", "own", TEAMS]),
        told=st.booleans(),
        replica=st.integers(0, 1),
    )
    def the_bot_comes_or_goes(self, *, who: str, where: str, told: bool, replica: int) -> None:
        at = self.house.chat(who) if where == "own" else self.house.places[where]
        if self._is_open(at):
            self.does(self.house.leaves(self.by(replica), at, told=told))
        else:
            self.does(self.house.comes_back(self.by(replica), at))

    def _place(self, who: str, where: str) -> Conversation | None:
        """A person's own chat or a channel, if the bot is there."""
        at = self.house.chat(who) if where == "own" else self.house.places[where]
        return at if self._is_open(at) else None

    def _is_open(self, at: Conversation) -> bool:
        return not self.house.is_closed(at)
