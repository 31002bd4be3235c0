"""A phrase of the grammar -> what it says: a period, a number, a ticket."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree, v_args
from lark.exceptions import VisitError

from bot.chat.periods import Calendar, Period
from bot.chat.times import MOST_ASKED, NoSuchTimeError, TimeReader, count_of

# ruff: noqa: D102 - each public method of Reader is the grammar's rule or alias of its name

_OPPOSITES = {
    "FAILED": "succeeded",
    "SUCCEEDED": "failed",
    "OK": "failed",
    "APPROVED": "pending",
    "ENABLED": "disabled",
    "ACTIVE": "disabled",
    "DISABLED": "enabled",
    "STOPPED": "enabled",
}
"""What a status is when it is denied; of the others nothing can be said."""


@dataclass(slots=True)
class Said:
    """What the phrases of a text said; None where none did."""

    period: Period | None = None
    limit: int | None = None
    ticket: str | None = None
    run: str | None = None
    approval: str | None = None
    agent_said: str | None = None
    mine: bool | None = None
    for_me: bool | None = None
    health: bool | None = None
    follow: bool | None = None
    statuses: set[str] = field(default_factory=set)


Note = Callable[[Said], None]
"""What a phrase does to what is known so far."""


def note(tree: Tree[Token], calendar: Calendar, said: Said) -> bool:
    """Add to `said` what the phrase says; False if it turns out to say nothing."""
    try:
        Reader(calendar).transform(tree)(said)
    except VisitError as error:
        if isinstance(error.orig_exc, NoSuchTimeError):
            return False
        raise
    return True


@v_args(inline=True)
class Reader(TimeReader):
    """Reads the tree of one phrase, bottom up, into a `Note`."""

    def start(self, phrase: Note | Period) -> Note:
        return _during(phrase) if isinstance(phrase, Period) else phrase

    # how many
    def count(self, said: Token) -> int:
        return count_of(said)

    def some(self, *words: Any) -> Note:
        count = next(word for word in words if isinstance(word, int))
        return _limit(max(1, min(count, MOST_ASKED)))

    def one(self, *_: Any) -> Note:
        return _limit(1)

    # what by number
    def ticket(self, *words: Token) -> Note:
        return _set("ticket", _bare(words[-1]))

    def run(self, *words: Token) -> Note:
        return _set("run", str(words[-1]))

    def approval(self, *words: Any) -> Note:
        numbers = ("NUMBER", "BIG_NUMBER", "YEAR", "HASH")
        tokens = [word for word in words if isinstance(word, Token)]
        return _set("approval", _bare(next(t for t in tokens if t.type in numbers)))

    def number(self, said: Token) -> Token:
        return said

    def reference(self, said: Token) -> Token:
        return said

    # who and how
    def mine(self, *_: Any) -> Note:
        return _set("mine", value=True)

    def for_me(self, *_: Any) -> Note:
        return _set("for_me", value=True)

    def to_decide(self, *_: Any) -> Note:
        return _each(_set("mine", value=True), _status("pending"))

    def status(self, said: Token) -> Token:
        return said

    def quality(self, said: Any) -> Any:
        return said

    def plural(self, said: Token) -> Token:
        return said

    def denied(self, *words: Token) -> Note:
        return _status(_OPPOSITES.get(words[-1].type))

    def undecided(self, *_: Token) -> Note:
        return _status("pending")

    def excepted(self, *_: Token) -> Note:
        return _status(None)

    def failed(self, *_: Token) -> Note:
        return _status("failed")

    def did_decide(self, *words: Token) -> Note:
        verb = str(words[-1])
        decided = _status(
            "rejected" if verb.startswith(("rej", "den", "dec", "ref")) else "approved"
        )
        return _each(decided, _set("mine", value=any(word.type == "I" for word in words) or None))

    def health(self, *_: Token) -> Note:
        return _set("health", value=True)

    def state_of_things(self, *_: Token) -> Note:
        return _set("health", value=True)

    def follow(self, *_: Token) -> Note:
        return _set("follow", value=True)

    def unfollow(self, *_: Token) -> Note:
        return _set("follow", value=False)

    def said(self, word: Token) -> str:
        return str(word)

    def unknown_agent(self, *words: Any) -> Note:
        return _set("agent_said", " ".join(w for w in words if not isinstance(w, Token)))


def _during(period: Period) -> Note:
    """Take the period; "since …" and "until …" said apart make one."""

    def apply(said: Said) -> None:
        before = said.period
        if before is None:
            said.period = period
        elif before.open and period.since is None:
            said.period = Period(before.since, period.until)

    return apply


def _limit(count: int) -> Note:
    return _set("limit", count)


def _set(slot: str, value: object) -> Note:
    """Set a slot, unless an earlier phrase of the text has."""

    def apply(said: Said) -> None:
        if getattr(said, slot) is None:
            setattr(said, slot, value)

    return apply


def _status(status: str | None) -> Note:
    def apply(said: Said) -> None:
        if status:
            said.statuses.add(status)

    return apply


def _each(*notes: Note) -> Note:
    def apply(said: Said) -> None:
        for one in notes:
            one(said)

    return apply


def _bare(reference: Token) -> str:
    return reference.lstrip("# ")
