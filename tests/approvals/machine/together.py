"""The same with several replicas, and with people who press at the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.approvals.machine.house import DECIDES, Copy, Row
from tests.approvals.machine.machine import data_of
from tests.approvals.machine.model import NAMES, Asked, Press
from tests.approvals.machine.pressing import press_of
from tests.approvals.machine.records import OF_EARLIER
from tests.approvals.machine.stories import AtOnce, Stories, many_at_once
from tests.approvals.machine.wire import Sent


class Together(Stories):
    """Adds presses that nobody can put in order."""

    @rule(card=st.integers(0, 10), at_once=many_at_once, looks=st.booleans())
    def many_press_at_once(
        self,
        card: int,
        at_once: AtOnce,
        looks: bool,  # noqa: FBT001 -- drawn
    ) -> None:
        copy = self.copy(card)
        if copy is not None:
            self.does(self._press_at_once(copy.card.approval or "", at_once, looks=looks))

    def ends_at_once(self, asked: Asked, at_once: AtOnce) -> None:
        if at_once:
            self.does(self._press_at_once(asked.number, at_once, looks=len(at_once) % 2 == 0))

    async def _press_at_once(self, number: str, at_once: AtOnce, *, looks: bool) -> None:
        asked = self.model.asked[number]
        copies = [
            copy
            for copy in self.house.seen[-80:]
            if copy.card.approval == number
            and copy.buttons(DECIDES)
            and not self.house.is_closed(copy.place)
        ]
        if not copies:
            return
        presses, acts = [], []
        for turn, (which, approves, comment, who) in enumerate(at_once):
            copy = copies[-1 - which % len(copies)]
            press, data = self._one(asked, copy, copy.reader or who, comment, approves=approves)
            presses.append(press)
            acts.append(self.house.acts(self.by(turn), press.person, copy, data, copy.place))
        note(f"at once: {presses}")
        expected = [self.expected(press, replica) for replica, press in enumerate(presses)]
        before = len(self.house.wire.sent)
        await asyncio.gather(*acts, *([self.house.looks(self.by(0), reread=True)] if looks else []))
        rows = [row for row in await self.new_rows() if row.approval == number]
        rows = [row for row in rows if row.wish in {"approve", "reject"}]
        self._one_went_through(asked, presses, expected, rows, self.house.wire.sent[before:])

    def _one(
        self, asked: Asked, copy: Copy, who: str, comment: str, *, approves: bool
    ) -> tuple[Press, dict[str, Any]]:
        verdict = "approve" if approves else "reject"
        found = copy.buttons(DECIDES)
        button = next((b for b in found if b["data"]["verdict"] == verdict), found[0])
        data = data_of(button, comment=comment, typed=asked.to_type)
        return press_of(who, copy.place, data), data

    def _one_went_through(
        self,
        asked: Asked,
        presses: Sequence[Press],
        expected: Sequence[set[Any]],
        rows: Sequence[Row],
        sent: Sequence[Sent],
    ) -> None:
        """However they came, it is as if they had come one after another."""
        could_vote = {p.person for p, may in zip(presses, expected, strict=True) if "voted" in may}
        could_decide = {
            (p.person, p.verdict)
            for p, may in zip(presses, expected, strict=True)
            if "decided" in may
        }
        voted = [row.person for row in rows if row.outcome == "voted"]
        assert set(voted) <= could_vote, f"counted: {voted}, might have been: {could_vote}"
        assert len(voted) == len(set(voted)), f"counted twice: {voted}"
        self._each_has_its_row(presses, rows)
        for press in presses:
            if press.person in voted and press.verdict == "approve":
                self.counts(press)
        assert len(sent) <= 1, f"more than one decision: {sent}"
        for one in sent:
            person = next(p for p in NAMES if one.note.endswith(f"({p}) in Microsoft Teams"))
            others = self.model.voters(asked) - {person}
            second = one.action == "approve" and person in could_vote and bool(others)
            assert second or (person, one.action) in could_decide, f"sent: {one}"
            self.took(one.approval, one.action, one.status, one.note)
        certain = any(may == {"decided"} for may in expected) or (
            len(could_vote) > 1 and all(len(may) == 1 for may in expected)
        )
        assert sent or not certain, f"nobody's decision was sent: {presses}"
        event(f"at once: {len(sent)} sent, {len(voted)} voted")

    def _each_has_its_row(self, presses: Sequence[Press], rows: Sequence[Row]) -> None:
        ends = Counter(
            (row.person, row.wish)
            for row in rows
            if row.outcome != "sent"
            and row.reason != "no answer"
            and not OF_EARLIER.search(row.reason)
        )
        pressed = Counter((press.person, press.verdict) for press in presses)
        assert ends == pressed, f"pressed: {pressed}, and rows: {rows}"
