"""Which question a sentence asks: a table of rules, the first that holds decides."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from bot.chat.lexicon import Word
from bot.chat.names import Named
from bot.chat.query import Intent, Query, Status, Topic
from bot.chat.reading import Said

_RUN_STATES = {
    "FAILED": "failed",
    "FAILURE": "failed",
    "FAILURES": "failed",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "skipped",
    "RUNNING": "running",
}
_APPROVAL_STATES = {"PENDING": "pending", "APPROVED": "approved", "REJECTED": "rejected"}
_AGENT_STATES = {"ENABLED": "enabled", "DISABLED": "disabled"}
_STATES: dict[str, dict[str, str]] = {
    "runs": _RUN_STATES,
    "approvals": _APPROVAL_STATES,
    "agents": _AGENT_STATES,
}
"""What the statuses of each list are called."""

_LOOSE_STATES: dict[str, dict[str, str]] = {
    "runs": {
        "OK": "succeeded",
        "ACTIVE": "running",
        "STOPPED": "failed",
        "DOWN": "failed",
        "PROBLEM": "failed",
    },
    "approvals": {"OPEN": "pending", "WAITING": "pending", "ACTIVE": "pending"},
    "agents": {"ACTIVE": "enabled", "STOPPED": "disabled", "DOWN": "disabled", "UP": "enabled"},
}
"""Words that say a status only where no other word does: "ok show me failed runs"."""

_EMPTY = {"NOISE", "QMARK", "QUOTE", "OTHER", "MIXED", "BE", "OF", "FOR", "ON", "IN", "TO", "FROM"}
_UNKNOWN = {"OTHER", "MIXED"}
_NAME = re.compile(r"[^\W\d_]{3,}")
_ASKS = {"SHOW", "ABOUT", "ANY", "DID"}
_STRANGE = 3
"""So many unknown words, against fewer known ones, make a text that is not about Neo."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text once read.

    Attributes:
        words: all of it, in order.
        said: what its phrases say.
        spent: the words of times and denials, which say nothing else.
        named: where agents are named.
    """

    words: Sequence[Word]
    said: Said
    spent: Sequence[Word]
    named: Sequence[Named]

    @property
    def free(self) -> list[Word]:
        """The words that are not spent on a time or a denial."""
        spent = {id(word) for word in self.spent}
        return [word for word in self.words if id(word) not in spent]

    @property
    def telling(self) -> list[Word]:
        """The words that are neither noise nor glue."""
        return [word for word in self.words if word.kind not in {"NOISE", "QMARK", "QUOTE"}]


class _Facts:
    """What the rules ask of a sentence."""

    def __init__(self, sentence: Sentence) -> None:
        self.said = sentence.said
        self.kinds = {word.kind for word in sentence.free}
        self.words = sentence.telling
        self.first = self.words[0].kind if self.words else ""
        quoted = set((self.said.agent_said or "").split())
        strange = [w for w in self.words if w.kind in _UNKNOWN and w.typed not in quoted]
        self.unknown = len(strange)
        self.unread = tuple(w.typed for w in strange if _NAME.fullmatch(w.typed))
        self.known = sum(w.kind not in _EMPTY for w in self.words)
        self.agent = bool(sentence.named or self.said.agent_said)
        self.theirs = ("MY", "OTHER") in pairwise(word.kind for word in self.words)
        self.whole = any(named.whole for named in sentence.named)
        self.acts = {word.key for word in sentence.free if word.kind == "ACT"}
        self.things = bool(self.said.health) and "HEALTH" not in self.kinds
        self.only_marks = not self.words and any(w.kind == "QMARK" for w in sentence.words)

    def has(self, *kinds: str) -> bool:
        return not self.kinds.isdisjoint(kinds)

    def says(self, *statuses: str) -> bool:
        return not self.said.statuses.isdisjoint(statuses)


def _is_foreign(f: _Facts) -> bool:
    """Prose about something else, in which a word of ours happens to stand."""
    theirs = f.theirs and not f.agent and not f.has("RUN", "RUNS", "APPROVAL", "APPROVALS")
    return theirs or (f.unknown >= _STRANGE and f.unknown > 2 * f.known)


def _is_help(f: _Facts) -> bool:
    rest = (
        f.kinds
        - _EMPTY
        - {"HELP", "HELLO", "DAYPART", "PRODUCT", "ME", "I", "BOT", "ABOUT", "NEED", "SHOW"}
    )
    greeting = (f.first in {"HELLO", "PRODUCT"} and f.has("HELLO") and f.unknown <= 1) or (
        f.first == "DAYPART" and len(f.words) == 1
    )
    asked = f.has("HELP") and f.unknown <= 2  # noqa: PLR2004 - "help me with stuff"
    nouns = {"RUNS", "APPROVALS", "AGENTS", "ANY", "THINGS", "RUN", "APPROVAL", "AGENT", "DECIDE"}
    return f.only_marks or (
        not f.agent
        and f.said.period is None
        and ((greeting and not rest) or (asked and rest <= nouns))
    )


def _is_about_following(f: _Facts) -> bool:
    asking = f.first in {"BE", "ANY", "ABOUT", "DID", "I"} and "NEED" not in f.kinds
    return (f.said.follow is not None and (_has_topic(f) or not f.unknown) and not asking) or (
        f.has("ALERTS") and f.has("ACT", "STOP") and not asking
    )


def _has_topic(f: _Facts) -> bool:
    return _is_approvals(f) or _is_runs(f) or f.has("PROBLEM", "ALERTS", "AGENTS")


def _is_unfollow(f: _Facts) -> bool:
    off = bool(f.acts & {"turn off", "disable", "switch off", "pause", "kill", "deactivate"})
    said_so = f.said.follow is False or (f.said.follow is None and (off or f.has("STOP")))
    return _is_about_following(f) and said_so


def _is_approvals(f: _Facts) -> bool:
    if f.has("APPROVAL", "APPROVALS", "DECIDE", "APPROVED", "REJECTED"):
        return True
    if f.has("PENDING") or f.says("pending", "approved", "rejected"):
        return not f.has("RUN", "RUNS")
    waits = f.has("WAITING", "OPEN") and (f.has(*_ASKS) or not f.unknown)
    things = f.has("RUN", "RUNS", "AGENT", "AGENTS", "TICKET") or f.agent
    return waits and not things


def _is_one_agents_switch(f: _Facts) -> bool:
    switched = f.has("ENABLED", "DISABLED", "ACTIVE", "UP") or f.says("enabled", "disabled")
    started = f.first in {"RUN", "ACT", "STOP"} and not f.has("FAILED", "RUNS")
    listed = f.has("RUNS", *_RUN_STATES) or f.said.period or f.said.limit or f.said.ticket
    return f.agent and (switched or started or f.has("ACT")) and not listed


def _is_runs(f: _Facts) -> bool:
    return bool(
        f.has("RUN", "RUNS", "RAN", *_RUN_STATES)
        or f.says("failed", "succeeded", "skipped", "running")
        or f.said.ticket
        or (f.has("PROBLEM", "STUCK") and (f.said.period or f.said.limit or f.agent))
        or (f.agent and (f.said.period or f.said.limit or f.has("DID", "WAITING")))
        or (f.has("AGENTS") and f.said.period and not f.has("ENABLED", "DISABLED"))
    )


def _is_agents(f: _Facts) -> bool:
    states = f.has("ENABLED", "DISABLED") or f.says("enabled", "disabled")
    return f.has("AGENT", "AGENTS") or (states and not f.unknown)


def _is_status(f: _Facts) -> bool:
    return bool(
        f.said.health or f.has("PROBLEM", "STUCK") or (f.has("DOWN") and f.has("ANY", "BE"))
    ) and (f.unknown <= 1)


def _is_named_agent(f: _Facts) -> bool:
    return f.agent and f.unknown <= (_STRANGE if f.whole or f.has("AGENT") else 1)


def _is_mine(f: _Facts) -> bool:
    mine = f.said.mine or (f.said.for_me and f.has("ANY", "THINGS"))
    return bool(mine) and not f.unknown and not f.has("HELP")


def _is_bare_period_or_limit(f: _Facts) -> bool:
    return bool(f.said.period or f.said.limit) and not f.unknown


_Rule = tuple[Intent, Callable[[_Facts], bool]]
_RULES: tuple[_Rule, ...] = (
    ("ask", lambda f: _is_foreign(f) and not (f.said.run or f.said.approval)),
    ("help", _is_help),
    ("unfollow", _is_unfollow),
    ("follow", _is_about_following),
    ("approval", lambda f: f.said.approval is not None),
    ("run", lambda f: f.said.run is not None and not f.has("APPROVALS")),
    ("approvals", _is_approvals),
    ("agent", _is_one_agents_switch),
    ("status", lambda f: f.things and not f.agent and not _is_runs(f)),
    ("runs", _is_runs),
    ("agent", _is_named_agent),
    ("agents", _is_agents),
    ("status", _is_status),
    ("approvals", _is_mine),
    ("runs", _is_bare_period_or_limit),
)
"""What is asked, most telling first: a number before a list, approvals before runs."""

_SLOTS: dict[Intent, frozenset[str]] = {
    "approvals": frozenset({"agent", "status", "ticket", "run", "mine", "limit", "period"}),
    "runs": frozenset({"agent", "status", "ticket", "mine", "limit", "period"}),
    "agents": frozenset({"status", "mine", "limit"}),
    "agent": frozenset({"agent"}),
    "run": frozenset({"run"}),
    "approval": frozenset({"approval"}),
    "status": frozenset({"period"}),
}
"""Which slots each question has: a single run, agent or approval is not narrowed further."""


def query(sentence: Sentence, text: str) -> Query:
    """The question that a sentence asks, with the slots that this question has."""
    facts = _Facts(sentence)
    intent: Intent = next((intent for intent, holds in _RULES if holds(facts)), "ask")
    slots, said = _SLOTS.get(intent, frozenset()), sentence.said
    agent, agent_said = _agent(sentence) if "agent" in slots else (None, None)
    since, until = said.period.bounds() if said.period and "period" in slots else (None, None)
    topic: Topic = "approvals" if _is_approvals(facts) else "failures"
    return Query(
        intent=intent,
        agent=agent,
        agent_said=agent_said,
        status=_status(intent, sentence) if "status" in slots else None,
        ticket=said.ticket if "ticket" in slots else None,
        run=said.run if "run" in slots else None,
        approval=said.approval if "approval" in slots else None,
        mine="mine" in slots and bool(said.mine or (said.for_me and intent == "approvals")),
        limit=said.limit if "limit" in slots else None,
        since=since,
        until=until,
        topic=topic if intent in {"follow", "unfollow"} and _has_topic(facts) else None,
        unread=facts.unread if intent in {"runs", "approvals", "agents"} else (),
        text=text,
    )


def _status(intent: Intent, sentence: Sentence) -> Status | None:
    """The one status said of this list; None if none or several were."""
    kinds = [word.kind for word in sentence.free]
    states = {_STATES[intent][kind] for kind in kinds if kind in _STATES[intent]}
    states |= sentence.said.statuses & set(_STATES[intent].values())
    loose = {_LOOSE_STATES[intent][kind] for kind in kinds if kind in _LOOSE_STATES[intent]}
    named = states or loose
    return cast("Status", named.pop()) if len(named) == 1 else None


def _agent(sentence: Sentence) -> tuple[str | None, str | None]:
    """The agent named, or the words that name none, or more than one, of them."""
    sure = [named.agents[0] for named in sentence.named if len(named.agents) == 1]
    if sure:
        return sure[0], None
    said = next((word.typed for word in sentence.words if word.kind == "AGENT_NAME"), None)
    return None, said or sentence.said.agent_said
