"""Which run comes when and how it goes, as a pure function of the seed and the run's index.

An `Outline` is the cheap part (agent, story, credits), enough to filter by; `Planner.script` adds
the ticket, the people and every step.
"""

from bisect import bisect
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

from bot.sandbox.chance import between, number, pick, unit
from bot.sandbox.library import Agent, Company, Kind, Library, Story, fill
from bot.sandbox.scripts import Script, Ticket, write_script

_KINDS: tuple[Kind, ...] = (
    *("does",) * 75,
    *("fails",) * 8,
    *("skips",) * 6,
    *("asks",) * 11,
)
_RERUN_CHANCE = 0.6
_FIRST_TICKET_ID = 900_000
_SERVERS = ("FS01", "SQL01", "APP02", "DC01")
_LONGEST_NUMBER = 12
Person = tuple[str, str]
"""An approver: Entra object id and name."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Which agent runs, how it goes, and whether it is another try on the earlier run's ticket."""

    index: int
    agent: Agent
    kind: Kind
    story: int
    credits: int
    is_rerun: bool = False

    @property
    def ticket_index(self) -> int:
        """The index that the ticket and its people come from."""
        return self.index - 1 if self.is_rerun else self.index


class Planner:
    """Writes outlines and scripts for one seed.

    Attributes:
        library: Agents and clients.
        seed: The world's seed.
        first_ticket: The ticket number of index 0.
    """

    def __init__(self, library: Library, seed: int, first_ticket: int) -> None:
        self.library = library
        self.seed = seed
        self.first_ticket = first_ticket

    @cached_property
    def _casts(self) -> dict[Kind, tuple[list[Agent], list[int]]]:
        casts: dict[Kind, tuple[list[Agent], list[int]]] = {}
        for kind in ("does", "fails", "skips", "asks"):
            agents = [a for a in self.library.agents if a.weight and a.stories(kind)]
            # Busy agents do not fail and ask as much more often as they run: that would be dull.
            flat = kind in {"fails", "asks"}
            weights = [1 + a.weight // 4 if flat else a.weight for a in agents]
            casts[kind] = (agents, list(accumulate(weights)))
        return casts

    def outline(self, index: int, kind: Kind | None = None) -> Outline:
        """The outline of a run; `kind` overrules chance (the living part keeps a rhythm)."""
        draw = number(self.seed, 1, index)
        if kind is None:
            if index and (earlier := self._tried_again(index - 1)):
                return Outline(index, earlier.agent, "does", earlier.story, 1, is_rerun=True)
            kind = _kind(draw)
        return self._outline(index, kind, draw)

    def _tried_again(self, index: int) -> Outline | None:
        """The failed run of this index if the next run tries the same ticket again."""
        draw = number(self.seed, 1, index)
        if _kind(draw) != "fails" or unit(self.seed, 5, index) >= _RERUN_CHANCE:
            return None
        # A run that is itself another try ends well, so nobody tries a third time.
        if index and _kind(number(self.seed, 1, index - 1)) == "fails":
            return None
        earlier = self._outline(index, "fails", draw)
        return earlier if earlier.agent.on_tickets else None

    def _outline(self, index: int, kind: Kind, draw: int) -> Outline:
        # One draw of 64 bits, cut up: a million outlines have to be read in seconds.
        agents, sums = self._casts[kind]
        agent = agents[bisect(sums, (draw >> 8) % 65_536 % sums[-1])]
        story = (draw >> 24) % 256 % len(agent.stories(kind))
        if kind == "fails" and draw >> 32 & 1:
            story = 0  # the usual error comes more often, as it does in life
        low, high = agent.credits
        spent = 1 if kind == "skips" else low + (draw >> 33) % 1_024 % (high - low + 1)
        return Outline(index, agent, kind, story, spent)

    def company(self, ticket_index: int) -> Company:
        """The client that the ticket (or the scheduled run) of this index belongs to."""
        return pick(self.library.companies, self.seed, 11, ticket_index)

    def ticket_number(self, ticket_index: int, opened_at: datetime) -> str:
        """The number as the client's PSA writes it: 48213, or T20261101.0042."""
        if self.company(ticket_index).psa == "autotask":
            return f"T{opened_at:%Y%m%d}.{ticket_index % 10_000:04d}"
        return str(self.first_ticket + ticket_index)

    def ticket_indexes(self, number_: str, count: int) -> range:
        """Where a ticket of this number could stand among the first `count`; the caller checks."""
        if number_.startswith("T") and _is_number(number_[-4:]):
            return range(int(number_[-4:]), count, 10_000)
        if _is_number(number_):
            index = int(number_) - self.first_ticket
            return range(index, index + 1) if 0 <= index < count else range(0)
        return range(0)

    def ticket_indexes_by_id(self, identifier: str, count: int) -> range:
        """Where the ticket with this PSA id could stand among the first `count`."""
        index = int(identifier) - _FIRST_TICKET_ID if _is_number(identifier) else -1
        return range(index, index + 1) if 0 <= index < count else range(0)

    def words_for(self, ticket_index: int, ticket: str = "", company: str = "") -> dict[str, Any]:
        """Everything a story's placeholders can name, for one ticket."""
        client = next(
            (c for c in self.library.companies if c.name == company), self.company(ticket_index)
        )
        seed, names = self.seed, self.library.names
        people = [
            (pick(names.first, seed, 20 + who, ticket_index), last)
            for who, last in enumerate(self._three_last_names(ticket_index))
        ]
        words: dict[str, Any] = {
            "company": company or client.name,
            "domain": client.domain,
            "ticket": ticket,
            "first": people[0][0],
            "device": f"{client.code}-LT-{between(11, 89, seed, 31, ticket_index):03d}",
            "server": f"{client.code}-{pick(_SERVERS, seed, 32, ticket_index)}",
            "n": between(2, 9, seed, 33, ticket_index),
            "big": between(11, 48, seed, 34, ticket_index),
            "bigger": between(52, 96, seed, 35, ticket_index),
            "group": pick(names.group, seed, 36, ticket_index),
            "shared_mailbox": pick(names.shared_mailbox, seed, 37, ticket_index),
            "job": pick(names.job, seed, 38, ticket_index),
        }
        for role, (first, last) in zip(("user", "manager", "newcomer"), people, strict=True):
            prefix = "" if role == "user" else f"{role}_"
            words[role] = f"{first} {last}"
            words[f"{prefix}email"] = f"{first}.{last}@{client.domain}".lower()
        return words

    def _three_last_names(self, ticket_index: int) -> list[str]:
        names = self.library.names.last
        start = number(self.seed, 30, ticket_index)
        # Three different ones: nobody approves their own licence.
        return [names[(start + step) % len(names)] for step in (0, 5, 11)]

    def script(self, outline: Outline, opened_at: datetime, *, brisk: bool) -> Script:
        """The whole run.

        Args:
            outline: Who runs and how it goes.
            opened_at: When the ticket's first run began (UTC): Autotask numbers carry the date.
            brisk: Within seconds instead of minutes, for people who watch.
        """
        agent, index = outline.agent, outline.ticket_index
        ticket = None
        words = self.words_for(index)
        if agent.on_tickets:
            told = agent.fails[outline.story] if outline.is_rerun else _story(outline)
            number_ = self.ticket_number(index, opened_at)
            words["ticket"] = number_
            words["subject"] = fill(told.subject, words)
            ticket = Ticket(str(_FIRST_TICKET_ID + index), number_, words["subject"])
        low, high = (8, 16) if brisk else agent.seconds
        seconds = between(low, high, self.seed, 41, outline.index)
        return write_script(
            agent,
            outline.kind,
            _story(outline),
            words,
            ticket=ticket,
            spent=outline.credits,
            seconds=seconds,
        )


def _kind(draw: int) -> Kind:
    return _KINDS[(draw >> 43) % 100]


def _story(outline: Outline) -> Story:
    stories = outline.agent.stories(outline.kind)
    return stories[outline.story % len(stories)]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
