"""What happens to one approval after another: each press meets what was made of it before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.approvals.machine.house import LOOPBACK, TEAMS, Copy, decisive
from tests.approvals.machine.machine import AGENT_NAMES, comments, people
from tests.approvals.machine.model import GROUP, GROUP_AFTER, NAMES, Asked, Wishes, at_work, worked
from tests.approvals.machine.talking import Talking
from tests.workplace import GUEST

_HALF_AN_HOUR = timedelta(minutes=30)

AtOnce = Sequence[tuple[int, bool, str, str]]
many_at_once = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([True, True, False]), comments, people),
    min_size=2,
    max_size=5,
)


@dataclass(frozen=True)
class Act:
    """Something happens to the approval, then somebody presses.

    ``card``: their own one, that of a channel, a copy of another's, or their own brought elsewhere.
    ``dies``: the process ends at that wait.
    """

    before: str
    role: str
    approves: bool
    comment: str
    typing: str
    card: str
    replica: int
    trouble: str
    dies: int | None

    @property
    def own(self) -> bool:
        """Whether it is about the one person rather than a channel."""
        return self.card in {"own", "brought"}


@dataclass(frozen=True)
class Story:
    """One approval from its beginning; ``at_once``: who presses together at its end."""

    agent: str
    asked: list[str]
    requested: str
    ticket: str | None
    acts: list[Act]
    at_once: list[tuple[int, bool, str, str]]


acts = st.builds(
    Act,
    before=st.sampled_from(
        [
            *[""] * 6,
            *["changed", "changed", "changed and told", "changed and told", "asked others"],
            *["stands in", "stands in", "runs out", "overdue", "put off", "gone", "settles"],
            "asked for",
        ]
    ),
    role=st.sampled_from(
        [
            *[*["asked"] * 3, *["another"] * 4, "again", "guest", "stranger"],
            *["requester", "stand-in", "lead"],
        ]
    ),
    approves=st.sampled_from([True, True, False]),
    comment=comments,
    typing=st.sampled_from([*["right"] * 5, "# right", "", "wrong"]),
    card=st.sampled_from([*["own"] * 3, *["channel"] * 3, "another's", "brought"]),
    replica=st.integers(0, 1),
    trouble=st.sampled_from([*[""] * 15, "before", "after", "late"]),
    dies=st.one_of(*[st.none()] * 19, st.integers(20, 80)),
)
stories = st.builds(
    Story,
    agent=st.sampled_from(AGENT_NAMES),
    asked=st.lists(people, min_size=1, max_size=3, unique=True),
    requested=st.sampled_from(["", "", "id", "name"]),
    ticket=st.sampled_from(["48213", None]),
    acts=st.lists(acts, min_size=2, max_size=5),
    at_once=st.one_of(st.just([]), many_at_once),
)


class Stories(Talking):
    """Adds stories; each example begins with some, whatever else it is made of."""

    @initialize(
        wishes=st.builds(
            Wishes,
            two=st.sampled_from([None, "", "", "VIP", "Mailbox"]),
            confirm=st.sampled_from([None, None, "Mailbox"]),
            not_the_requester=st.booleans(),
            comment_to_reject=st.booleans(),
            high_risk=st.booleans(),
            group_decides=st.sampled_from([None, False, True]),
        ),
        first=st.lists(stories, min_size=2, max_size=2),
    )
    def opens(self, wishes: Wishes, first: list[Story]) -> None:
        self.runner.run(self._open(wishes))
        for story in first:
            self.one_approval_has_a_story(story)

    @rule(story=stories)
    def one_approval_has_a_story(self, story: Story) -> None:
        # The one who asked for it is one of those asked: else it makes no difference.
        requester = story.asked[0]
        named = {"": "", "id": requester, "name": NAMES[requester]}[story.requested]
        length, ticket = len(story.acts), story.ticket
        # In every fourth it changes before anybody has its card.
        changes = length == 3
        self.does(self._asks(story.agent, story.asked, named, ticket, length, changes=changes))
        asked = list(self.model.asked.values())[-1]
        for act in story.acts:
            self._before(act, asked)
            self._one_acts(act, asked)
        self.ends_at_once(asked, story.at_once)

    def ends_at_once(self, asked: Asked, at_once: AtOnce) -> None:
        """Where several can press at the same moment."""

    def _one_acts(self, act: Act, asked: Asked) -> None:
        who = self._in_role(act.role, asked)
        if act.before in {"stands in", "runs out"}:
            # Nothing else is in their way.
            who = self._in_role("stand-in", asked)
            act = replace(act, card="channel", comment="so it is", typing="right")
        # Whoever has approved it is shown no button to approve it again but in a channel.
        copy = self._in_reach(asked, who, own=act.own and act.role != "again")
        if act.card == "another's":
            copy = self._of_another(act, asked, who) or copy
        if copy is None:
            return
        event(f"story: {act.role} after {act.before or 'nothing'}")
        before = self.model.voters(asked)
        if act.before == "changed" and not self._is_of_use(copy):
            # What an old card showed is signed: it does not pass for what it is now.
            self._press(act, who, copy, twist="now")
        if act.approves and self.model.needs_number(asked) and "right" in act.typing:
            # Another number first, or none: nothing else is in its way.
            slip = replace(act, typing="wrong" if act.own else "", trouble="", dies=None)
            self._press(slip, who, copy)
        self._press(act, who, copy)
        if who in self.model.voters(asked) - before:
            # Nobody is two people, wherever they find a button.
            self._press(act, who, self._in_reach(asked, who, own=False) or copy)
            self._another_ends_it(act, asked)

    def _another_ends_it(self, act: Act, asked: Asked) -> None:
        """After one of two has approved it, the other may reject it; in half of the stories.

        In a quarter it was something else meanwhile: the other is the first to approve it then.
        """
        other, anew = self._in_role("another", asked), act.own and not act.replica
        if anew:
            self._there_and_back(asked)
        copy = self._in_reach(asked, other, own=False)
        if copy is not None and (act.replica or anew):
            then = replace(act, approves=anew, comment="so it is", typing="right")
            self._press(then, other, copy)

    def _of_another(self, act: Act, asked: Asked, who: str) -> Copy | None:
        """What somebody else alone sees in a channel, once their client drew it."""
        others = [one for one in asked.approvers if one not in {who, GUEST[0]}]
        shared = [
            copy
            for copy in self.house.seen
            if (copy.card.approval, copy.place.id) == (asked.number, TEAMS)
            and not self.house.is_closed(copy.place)
        ]
        if not (others and shared):
            return None
        copy, data = shared[-1], {"verb": "approval.show", "approval": asked.number}
        self.does(self.house.acts(self.by(act.replica), others[0], copy, data, copy.place))
        drawn = self.house.seen[-1]
        return drawn if drawn.reader == others[0] and decisive(drawn.card) else None

    def _press(self, act: Act, who: str, copy: Copy, *, twist: str = "") -> None:
        pressed = self._presses(
            who,
            copy,
            approves=act.approves,
            comment=act.comment,
            typing=act.typing,
            twist=twist or ("elsewhere" if act.card == "brought" else ""),
            trouble=act.trouble,
            replica=act.replica,
            in_time=True,
            dies_after=act.dies,
        )
        self.does(pressed)

    def _before(self, act: Act, asked: Asked) -> None:
        happens: dict[str, Callable[[Act, Asked], None]] = {
            "changed": self._in_neo,
            "changed and told": self._in_neo,
            "asked others": self._in_neo,
            "gone": self._in_neo,
            "asked for": self._is_asked_for,
            "stands in": self._stands_in,
            "runs out": self._runs_out,
            "overdue": self._is_overdue,
            "put off": self._is_put_off,
            "settles": lambda act, _: self.does(self._settles(act.replica)),
        }
        if act.before:
            happens[act.before](act, asked)
        if act.before in {"put off", "overdue"}:
            # The next press has every card redrawn; what they say before it counts.
            self.does(self._settles(act.replica))

    def _is_asked_for(self, act: Act, asked: Asked) -> None:
        at = self.house.places[LOOPBACK if act.own else TEAMS]
        if not self.house.is_closed(at):
            who = self._in_role("another", asked)
            self.does(self._asks_for(who, at, asked, "changed", act.replica))

    def _is_put_off(self, act: Act, asked: Asked) -> None:
        who = self._in_role("lead" if act.own else "asked", asked)
        if not self.house.is_closed(self.house.chat(who)):
            self.does(self._snoozes(who, self.house.chat(who), asked.number, 2))

    def _in_neo(self, act: Act, asked: Asked) -> None:
        if asked.state != "pending" or asked.number in self.still_late():
            return
        others = [person for person in NAMES if person not in asked.approvers]
        self.happens(asked, act.before.removesuffix(" and told"), others[:2])
        if act.before.endswith("told"):
            self.does(self.house.looks(self.by(act.replica), reread=True))

    def _there_and_back(self, asked: Asked) -> None:
        """It asks for something else, then for the same again: it waits for all its people anew."""
        if asked.state != "pending" or asked.number in self.still_late():
            return
        was = asked.body
        asked.votes.clear()
        for words in ({"action": "Something in between"}, {}):
            body = self.house.office.neo.changes_approval(
                int(asked.number),
                requested_for=was["requested_for"] | words,
                # It counts as changed by what it says, whatever time Neo names.
                updated_at=was["updated_at"],
            )
            self._is_now(asked, body, asked.wordings[asked.digest])
            self.does(self.house.looks(self.by(0), reread=True))
        assert asked.body == was, "it is not the same again"

    def _stands_in(self, act: Act, asked: Asked) -> None:
        """One of those asked has somebody else decide, whom Neo asks for something else."""
        away = {one.person for one in self.model.in_force(self.now)}
        who = next((one for one in asked.approvers if one not in {GUEST[0], *away}), None)
        others = [one for one in NAMES if one not in {GUEST[0], *asked.approvers, *away}]
        if who is None or not others or self.house.is_closed(self.house.chat(who)):
            return
        to, until = others[0], self.now + timedelta(days=1)
        if not self.model.delegates(who, to, until, self.now, named=False):
            self.does(self._asks(asked.agent, [who, to], "", None, act.replica))
        chat = self.house.chat(who)
        self.does(self._delegates(who, chat, to=to, days=1, presser=who, replica=act.replica))

    def _runs_out(self, act: Act, asked: Asked) -> None:
        """Somebody stood in; that ends by itself, and no job has noticed yet."""
        self._stands_in(act, asked)
        ends = [one.until for one in self.model.in_force(self.now)]
        if ends:
            self.does(self.house.passes(max(ends) - self.now + timedelta(seconds=1)))

    def _is_overdue(self, act: Act, asked: Asked) -> None:
        """So much working time goes by that the second group hears of it."""
        span = timedelta()
        while True:
            span += _HALF_AN_HOUR
            at = self.now + span
            if at_work(at) and worked(asked.at, at) > GROUP_AFTER:
                break
        self.does(self._passes(span, act.replica))

    def _in_role(self, role: str, asked: Asked) -> str:
        """Somebody of whom that is so; else one of those asked, or anybody."""
        voted = self.model.voters(asked)
        asked_now = [person for person in asked.approvers if person != GUEST[0]]
        away = [one for one in self.model.away if one.person in asked.approvers]
        fits = {
            "asked": asked_now,
            "another": [person for person in asked_now if person not in voted],
            "again": sorted(voted),
            "guest": [GUEST[0]],
            "stranger": [one for one in NAMES if not self.model.asked_to(one, asked, self.now)],
            "requester": [one for one in asked_now if asked.requester in {one, NAMES[one]}],
            "stand-in": [one.delegate for one in reversed(away)],
            "lead": [one for one in GROUP if one not in asked.approvers],
        }[role]
        return next(iter([*fits, *asked_now, *NAMES]))

    def _in_reach(self, asked: Asked, who: str, *, own: bool) -> Copy | None:
        """The newest card that they see and can press: their own, or one that is for everybody."""
        mine = [f"a:{who}", TEAMS] if own else [LOOPBACK]
        found = [
            copy
            for copy in self.house.seen
            if copy.card.approval == asked.number
            and decisive(copy.card)
            and copy.reader in {"", who}
            and not self.house.is_closed(copy.place)
        ]
        return next((copy for copy in reversed(found) if copy.place.id in mine), None) or next(
            reversed(found), None
        )
