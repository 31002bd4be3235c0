"""What must hold of approvals, told anew: it knows nothing of how the bot decides who may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from bot.policies import BusinessHours, Policy, Risk, Rule, SecondGroup
from tests.workplace import ADELE, ALEX, GUEST, LEE, MEGAN, PATTI, RELAXED

Verdict = Literal["approve", "reject"]
Outcome = Literal["confirm", "refused", "failed", "voted", "decided"]
Obstacle = Literal[
    "token",
    "closed",
    "asked",
    "requester",
    "again",
    "changed",
    "guest",
    "busy",
    "comment",
    "number",
]
"""What stands in a press's way."""

PEOPLE = (MEGAN, ALEX, ADELE, LEE, PATTI, GUEST)
NAMES = dict(PEOPLE)
GROUP = (LEE[0], PATTI[0])
GROUP_AFTER = timedelta(hours=1)
# Which agents ask for what does harm. The test's own knowledge of them.
AGENTS = {"Password Reset": True, "VIP Escalation": False, "Mailbox Permissions": False}
CLAIM_LASTS = timedelta(seconds=15)
NEVER = datetime(1, 1, 1, tzinfo=UTC)
NOBODY = ""
"""The reader of a card that is for everybody."""


@dataclass(frozen=True)
class Wishes:
    """What the tenant wishes. ``two`` and ``confirm``: for agents whose names begin so."""

    two: str | None = None
    confirm: str | None = None
    not_the_requester: bool = False
    comment_to_reject: bool = False
    high_risk: bool = True
    group_decides: bool | None = None

    def policy(self) -> Policy:
        """The same as a policy."""
        rules: list[Rule] = []
        if self.two is not None:
            rules.append(Rule(agent=f"{self.two}*", people=2))
        if self.confirm is not None:
            rules.append(Rule(agent=f"{self.confirm}*", confirm=True))
        if self.not_the_requester:
            rules.append(Rule(not_the_requester=True))
        hours = {"zone": "UTC", "opens": "09:00", "closes": "17:00"}
        group = None
        if self.group_decides is not None:
            group = SecondGroup(
                name="Leads", people=GROUP, after=GROUP_AFTER, may_decide=self.group_decides
            )
        return RELAXED.model_copy(
            update={
                "comment_to_reject": self.comment_to_reject,
                "high_risk": frozenset(Risk) if self.high_risk else frozenset(),
                "rule": tuple(rules),
                "remind_after": (timedelta(minutes=30), timedelta(hours=2)),
                "business_hours": BusinessHours.model_validate(hours),
                "second_group": group,
            }
        )


@dataclass
class Asked:
    """An approval as Neo has it, and what was done about it here."""

    number: str
    agent: str
    approvers: tuple[str, ...]
    requester: str
    ticket: str | None
    at: datetime
    body: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    wordings: dict[str, str] = field(default_factory=dict)
    state: Literal["pending", "approved", "rejected", "gone"] = "pending"
    decider: str = ""
    seen: bool = False
    closed_here: bool = False
    votes: set[tuple[str, str]] = field(default_factory=set)
    claimed_at: datetime | None = None
    shaky_until: datetime = NEVER
    overdue: bool = False
    escalated: bool = False

    def __post_init__(self) -> None:
        self.ever_named = set(self.approvers)

    @property
    def to_type(self) -> str:
        """The number that confirms it."""
        return self.ticket or self.number


@dataclass(frozen=True)
class Away:
    """Somebody decides for somebody else."""

    person: str
    delegate: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Press:
    """What reached the bot, whatever card it came from."""

    person: str
    place: str
    approval: str
    verdict: Verdict
    shown: str
    comment: str = ""
    typed: str = ""
    confirming: bool = False


@dataclass
class Model:
    """Everything that counts, and who may do what with it."""

    wishes: Wishes
    asked: dict[str, Asked] = field(default_factory=dict)
    away: list[Away] = field(default_factory=list)
    snoozes: dict[tuple[str, str], datetime] = field(default_factory=dict)
    printed: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    """Who a token was made for, by token, place and approval."""

    def prints(self, token: str, place: str, approval: str, reader: str) -> None:
        """A card with this token was seen there."""
        self.printed.setdefault((token, place, approval), set()).add(reader)

    def principals(self, person: str, asked: Asked, at: datetime) -> list[str]:
        """Whose place this person takes, of those who were asked."""
        return [
            one.person
            for one in self.away
            if one.delegate == person and one.person in asked.approvers and one.since <= at
            if at < one.until
        ]

    def asked_to(self, person: str, asked: Asked, at: datetime) -> bool:
        """Whether it is for them to decide, in whatever capacity."""
        mine = person in asked.approvers or bool(self.principals(person, asked, at))
        return mine or self.leads(person, asked)

    def leads(self, person: str, asked: Asked) -> bool:
        """Whether they may decide it as one of the second group."""
        told = bool(asked.approvers) and asked.escalated
        return bool(self.wishes.group_decides) and told and person in GROUP

    def requested_by(self, person: str, asked: Asked, at: datetime) -> bool:
        """Whether whoever asked for it would decide it, themselves or through a stand-in."""
        if not (self.wishes.not_the_requester and asked.requester):
            return False
        if asked.requester in {person, NAMES[person]}:
            return True
        # Who can decide it in another capacity as well does it in that one.
        if person in asked.approvers or self.leads(person, asked):
            return False
        principals = self.principals(person, asked, at)
        return bool(principals) and all(asked.requester in {one, NAMES[one]} for one in principals)

    def may(self, person: str, asked: Asked, at: datetime) -> bool:
        """Whether somebody who is no guest may decide it, either way, were it open."""
        return self.asked_to(person, asked, at) and not self.requested_by(person, asked, at)

    def needs_two(self, asked: Asked) -> bool:
        """Whether two have to approve it."""
        return self.wishes.two is not None and asked.agent.startswith(self.wishes.two)

    def needs_number(self, asked: Asked) -> bool:
        """Whether a number has to be typed to approve it."""
        marked = self.wishes.confirm is not None and asked.agent.startswith(self.wishes.confirm)
        return marked or (self.wishes.high_risk and AGENTS[asked.agent])

    def voters(self, asked: Asked) -> set[str]:
        """Who approved it as it is now."""
        return {person for digest, person in asked.votes if digest == asked.digest}

    def outcomes(self, press: Press, at: datetime, *, reads: bool = True) -> set[Outcome]:
        """What may become of a press, were Neo to answer; ``reads``: it answers the first call."""
        obstacles = self.obstacles(press, at)
        if "token" in obstacles:
            return {"refused"}
        if not reads:
            return {"failed"}
        asked = self.asked[press.approval]
        expected = self._unless(obstacles, press, asked)
        if at < asked.shaky_until:
            expected.add("refused")
        return expected

    def obstacles(self, press: Press, at: datetime) -> set[Obstacle]:
        """Everything for which it is to be refused."""
        asked = self.asked.get(press.approval)
        made_for = self.printed.get((press.shown, press.place, press.approval), set())
        if asked is None or not made_for & {press.person, NOBODY}:
            return {"token"}
        approves, digest = press.verdict == "approve", press.shown.partition(".")[0]
        claimed = asked.claimed_at is not None and at - asked.claimed_at < CLAIM_LASTS
        mine = press.person in self.voters(asked)
        wrong = press.typed.strip().lstrip("# ") != asked.to_type
        found: dict[Obstacle, bool] = {
            "closed": asked.state != "pending",
            "asked": not self.asked_to(press.person, asked, at),
            "requester": self.requested_by(press.person, asked, at),
            "again": approves and mine and self.needs_two(asked),
            "changed": digest != asked.digest,
            "guest": press.person == GUEST[0],
            "busy": claimed,
            "comment": not approves and self.wishes.comment_to_reject and not press.comment,
            "number": approves and wrong and self.needs_number(asked),
        }
        return {obstacle for obstacle, stands in found.items() if stands}

    def _unless(self, obstacles: set[Obstacle], press: Press, asked: Asked) -> set[Outcome]:
        if obstacles == {"number"} and not press.typed and not press.confirming:
            return {"confirm"}
        if obstacles:
            return {"refused"}
        alone = not (self.voters(asked) - {press.person})
        counted = press.verdict == "approve" and self.needs_two(asked) and alone
        return {"voted"} if counted else {"decided"}

    def delegates(
        self, person: str, to: str, until: datetime, at: datetime, *, named: bool
    ) -> bool:
        """Whether somebody may have another decide for them.

        Neo may name other people by now than when it was last read here: with ``named``, whoever
        it ever named may, else those alone whom it named all the time.
        """
        group = set(GROUP) if self.wishes.group_decides else set()
        deciders = group | {
            one
            for asked in self.asked.values()
            if asked.seen
            for one in (asked.ever_named if named else asked.approvers)
            if named or asked.ever_named == set(asked.approvers)
        }
        return (
            person != to
            and GUEST[0] not in {person, to}
            and {person, to} <= deciders
            and not any(one.person == to for one in self.in_force(at))
            and at < until <= at + timedelta(days=60)
        )

    def in_force(self, at: datetime) -> list[Away]:
        """Who is away now."""
        return [one for one in self.away if one.since <= at < one.until]

    def ends(self, person: str, at: datetime) -> None:
        """A delegation is over before its time."""
        self.away = [one for one in self.away if one.person != person or one.until <= at]

    def snoozed(self, number: str, at: datetime) -> bool:
        """Whether somebody put it off."""
        return any(n == number and at < until for (n, _), until in self.snoozes.items())


def at_work(at: datetime) -> bool:
    """Monday to Friday, 9 to 17, UTC."""
    return at.weekday() < 5 and time(9) <= at.time() < time(17)


def worked(since: datetime, until: datetime) -> timedelta:
    """How much of that was working time, counted minute by minute."""
    minutes = int((until - since) / timedelta(minutes=1))
    return timedelta(
        minutes=sum(at_work(since + timedelta(minutes=minute)) for minute in range(minutes))
    )


def wording_of(texts: Iterable[str]) -> str | None:
    """The newest wording among what a card says; None if it says none."""
    found = [word for text in texts for word in text.split() if word.startswith("wording-")]
    numbers = [int(word.removeprefix("wording-").strip(".,;:“”\"'\\") or 0) for word in found]
    return f"wording-{max(numbers)}" if numbers else None
