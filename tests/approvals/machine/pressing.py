"""What people do with the cards that they see, and what may come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bot.errors import SendLater
from bot.messaging import Answer, Conversation
from tests.approvals.machine import records, truth
from tests.approvals.machine.house import DECIDES, LOOPBACK, TEAMS, Copy, Row
from tests.approvals.machine.machine import Machine, comments, data_of, people
from tests.approvals.machine.model import CLAIM_LASTS, NAMES, PEOPLE, Outcome, Press
from tests.approvals.machine.wire import Loss, Sent, dying
from tests.workplace import GUEST

typings = st.sampled_from(["right", "right", "", "wrong", "# right"])
twists = st.sampled_from(
    [*[""] * 9, "other approval", "flipped", "bent", "now", "elsewhere", "confirming"]
)
troubles = st.sampled_from(
    [*[""] * 9, "before", "after", "late", "409", "429", "503", "reads", "roster"]
)
meanwhiles = st.sampled_from(
    [*[""] * 8, "changed", "changed", "asked others", "approve", "reject", "gone"]
)
cards = st.integers(0, 25)


class Pressing(Machine):
    """Adds presses: on any card, bent, in trouble, cut off."""

    @rule(
        who=people,
        card=cards,
        approves=st.booleans(),
        comment=comments,
        typing=typings,
        twist=twists,
        trouble=troubles,
        times=st.sampled_from([1, 1, 2]),
        to_whom=st.sampled_from(["reader", "reader", "asked", "anybody"]),
        replica=st.integers(0, 1),
        in_time=st.booleans(),
        meanwhile=meanwhiles,
    )
    def somebody_presses(
        self, *, who: str, card: int, times: int, meanwhile: str, **how: Any
    ) -> None:
        copy = self.copy(card)
        if copy is None:
            return
        who = self._who(who, copy, how.pop("to_whom"))
        self._happens(meanwhile, copy)
        for again in range(times):
            how = how if not again else how | {"trouble": "", "replica": how["replica"] + 1}
            self.does(self._presses(who, copy, **how))

    @rule(
        who=people,
        card=cards,
        approves=st.booleans(),
        comment=comments,
        after=st.integers(0, 90),
        to_whom=st.sampled_from(["reader", "reader", "asked"]),
        replica=st.integers(0, 1),
        trouble=st.sampled_from(["", "", "after", "late"]),
    )
    def a_replica_dies_of_a_press(self, *, who: str, card: int, after: int, **how: Any) -> None:
        copy = self.copy(card)
        if copy is not None:
            how |= {"typing": "right", "twist": "", "in_time": True}
            who = self._who(who, copy, how.pop("to_whom"))
            self.does(self._presses(who, copy, dies_after=after, **how))

    def _happens(self, meanwhile: str, copy: Copy) -> None:
        """Something that the card does not show yet, and the bot does not know."""
        asked = self.model.asked[copy.card.approval or ""]
        if asked.state == "pending" and asked.number not in self.still_late():
            self.happens(asked, meanwhile, [person for person, _ in PEOPLE[:2]])

    def copy(self, card: int) -> Copy | None:
        """A card with buttons to decide, mostly one that could still work, the newest first."""
        found = [
            copy
            for copy in self.house.seen[-80:]
            if copy.buttons(DECIDES) and not self.house.is_closed(copy.place)
        ]
        of_use = [copy for copy in found if self._is_of_use(copy)]
        found = of_use if card % 4 and of_use else found
        return found[-1 - card // 2 % len(found)] if found else None

    def _is_of_use(self, copy: Copy) -> bool:
        asked = self.model.asked[copy.card.approval or ""]
        shown = str(copy.buttons(DECIDES)[0]["data"]["shown"]).partition(".")[0]
        return asked.state == "pending" and shown == asked.digest and copy.reader != GUEST[0]

    def _who(self, who: str, copy: Copy, to_whom: str) -> str:
        """Mostly somebody who could press it."""
        asked = self.model.asked[copy.card.approval or ""]
        if to_whom == "reader" and copy.reader:
            return copy.reader
        if to_whom != "anybody" and asked.approvers:
            return asked.approvers[len(who + copy.message) % len(asked.approvers)]
        return who

    async def _presses(
        self,
        who: str,
        copy: Copy,
        *,
        approves: bool,
        comment: str,
        typing: str,
        twist: str,
        trouble: str,
        replica: int,
        in_time: bool,
        dies_after: int | None = None,
    ) -> None:
        found = copy.buttons(DECIDES)
        verdict = "approve" if approves else "reject"
        button = next((b for b in found if b["data"]["verdict"] == verdict), found[0])
        asked = self.model.asked[button["data"]["approval"]]
        typed = {"right": asked.to_type, "# right": f" #{asked.to_type}", "wrong": "1"}
        data = data_of(button, comment=comment, typed=typed.get(typing, ""))
        data = self._twisted(twist, data)
        at = self._where(who, copy, elsewhere=twist == "elsewhere")
        if self.house.is_closed(at):
            return
        press = press_of(who, at, data)
        note(f"{NAMES[who]}: {press}, {trouble=}, {dies_after=}")
        expected = self.expected(press, replica, reads=trouble != "reads")
        obstacles = self.model.obstacles(press, self.now)
        troubled = bool(trouble) or self._is_held(replica) or self.now < asked.shaky_until
        self._trouble(trouble, replica)
        sent = len(self.house.wire.sent)
        work = self.house.acts(self.by(replica), who, copy, data, at, in_time=in_time)
        answer: Answer | None = None
        with suppress(asyncio.CancelledError):
            answer = await (dying(work, dies_after) if dies_after is not None else work)
        await self.house.wire.quietens()
        self._ends_trouble()
        rows = [r for r in await self._rows_of(press) if r.wish in {"approve", "reject"}]
        came = self.was_right(
            press,
            expected,
            rows,
            self.house.wire.sent[sent:],
            trouble=trouble,
            answered=answer is not None,
        )
        if answer is not None and not troubled:
            records.refused_for_a_reason(rows, obstacles)
            if came in {"voted", "decided"}:
                # A process that dies between the two would leave one without the other.
                together = await self.house.is_one_transaction(press.approval)
                assert together, f"{came}, and its row was written apart from it: {press}"
        # For a forged press Neo is not asked.
        if answer is not None and not troubled and "token" not in obstacles:
            truth.the_answer_is_true(self.house, press, came, answer.card)

    def expected(self, press: Press, replica: int, *, reads: bool = True) -> set[Outcome]:
        """What the model expects; while Neo wants to be left alone, it may not be asked."""
        expected = self.model.outcomes(press, self.now, reads=reads)
        if self._is_held(replica):
            expected = expected | {"failed", "refused"}
        return expected

    def _is_held(self, replica: int) -> bool:
        held = self.held.get(replica % self.count)
        return held is not None and self.now < held

    async def _rows_of(self, press: Press) -> list[Row]:
        rows = await self.new_rows()
        self._stand_ins_stay_within(rows)
        return [row for row in rows if row.approval == press.approval]

    def _where(self, who: str, copy: Copy, *, elsewhere: bool) -> Conversation:
        """Where they press it: where it stands, or where they could bring it."""
        if copy.place.person in {None, who} and not elsewhere:
            return copy.place
        there = [self.house.chat(who), self.house.places[TEAMS], self.house.places[LOOPBACK]]
        return there[len(self.house.seen) % 3] if elsewhere else there[0]

    def _twisted(self, twist: str, data: dict[str, Any]) -> dict[str, Any]:
        """The payload as somebody bent it."""
        digest, _, mac = data["shown"].partition(".")
        others = [number for number in self.model.asked if number != data["approval"]]
        opposite = {"approve": "reject", "reject": "approve"}[data["verdict"]]
        now = self.model.asked[data["approval"]].digest
        bent: dict[str, dict[str, Any]] = {
            "other approval": {"approval": others[-1]} if others else {},
            "flipped": {"verdict": opposite},
            "bent": {"shown": f"{digest}.{mac[:-2]}AA"},
            "now": {"shown": f"{now}.{mac}"},
            "confirming": {"confirming": not data["confirming"]},
        }
        return data | bent.get(twist, {})

    def _trouble(self, trouble: str, replica: int) -> None:
        neo, chats = self.house.office.neo, self.house.office.chats
        losses: dict[str, Loss] = {"before": "before", "after": "after", "late": "late"}
        self.house.wire.loses = losses.get(trouble)
        if trouble in {"409", "429", "503"}:
            wait = "30" if trouble == "429" else None
            if wait:
                self.held[replica % self.count] = self.now + timedelta(seconds=62)
            neo.trouble(status=int(trouble), retry_after=wait, path="/decision", times=None)
        elif trouble == "reads":
            neo.trouble(status=403, path="/til-requests", method="GET", times=None)
        elif trouble == "roster":
            chats.roster_trouble = SendLater("busy", status=503)

    def _ends_trouble(self) -> None:
        self.house.wire.loses = None
        self.house.office.neo.ends_trouble()
        self.house.office.chats.roster_trouble = None

    def was_right(
        self,
        press: Press,
        expected: set[Outcome],
        rows: Sequence[Row],
        sent: Sequence[Sent],
        *,
        trouble: str,
        answered: bool,
    ) -> Outcome:
        """Hold what followed from a press against what was expected of it; says what came."""
        came = self._came_of(rows)
        records.a_press_has_its_rows(press, rows, answered=answered)
        event(f"a press: {came}" if answered else f"a press that died: {came}")
        for one in sent:
            assert "decided" in expected, f"sent, and was to be {expected}: {press}"
            assert (one.approval, one.action) == (press.approval, press.verdict), f"sent: {one}"
            assert one.note.endswith(f"({press.person}) in Microsoft Teams"), one.note
            self.took(one.approval, one.action, one.status, one.note)
        assert len(sent) <= 1, f"sent more than once: {sent}"
        if came == "voted":
            assert "voted" in expected, f"counted, and was to be {expected}: {press}"
            self.counts(press)
        if not answered:
            # Whatever was done was done; what was not, was not.
            self._dies(press)
        elif not _may_fail(expected, trouble, came):
            assert came in expected, f"{came}, and was to be {expected}: {press}; {rows}"
        return came

    def _came_of(self, rows: Sequence[Row]) -> Outcome:
        """What the rows of one press say; none: it was to be confirmed."""
        began = next((place for place, row in enumerate(rows) if row.outcome == "sent"), len(rows))
        # What is found out about an earlier press stands before the press's own rows.
        said = [row.outcome for row in rows[:began] if not records.OF_EARLIER.search(row.reason)]
        said += [row.outcome for row in rows[began:]]
        for outcome in _ENDS:
            if outcome in said:
                return outcome
        return "failed" if said else "confirm"

    def counts(self, press: Press) -> None:
        """Somebody's approval is one of two."""
        asked = self.model.asked[press.approval]
        asked.votes.add((press.shown.partition(".")[0], press.person))

    def _dies(self, press: Press) -> None:
        asked = self.model.asked.get(press.approval)
        if asked is not None:
            asked.shaky_until = self.now + CLAIM_LASTS + timedelta(seconds=2)


_ENDS: tuple[Outcome, ...] = ("decided", "voted", "refused", "failed")
_NOT_TAKEN = {"before", "late", "409", "429", "503"}


def _may_fail(expected: set[Outcome], trouble: str, came: Outcome) -> bool:
    """Whether it is because of the trouble that it came otherwise."""
    if trouble == "roster":
        return came == "refused"
    return "decided" in expected and trouble in _NOT_TAKEN and came in {"failed", "refused"}


def press_of(who: str, at: Conversation, data: dict[str, Any]) -> Press:
    """The same as the model reads it."""
    return Press(
        who,
        at.id,
        data["approval"],
        data["verdict"],
        data["shown"],
        comment=data.get("comment", "").strip(),
        typed=data.get("typed", "").strip(),
        confirming=data.get("confirming", False),
    )
