"""Which run comes when and how it goes, as a pure function of the seed and the run's index.

An `Outline` is the cheap part (agent, story, credits), enough to filter by; `Planner.script` adds
the ticket, the people and every step. Both come from the index's card (see `deck`); the ticket's
id and number alone come from the index itself.
"""

from bisect import bisect
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

from bot.sandbox.chance import between, number, pick, unit
from bot.sandbox.deck import DECK
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
_LONGEST_THOUGHT = 160
_BRISK_SECONDS = (8, 16)
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
    def card(self) -> int:
        """Its place in the deck."""
        return self.index % DECK

    @property
    def ticket_index(self) -> int:
        """The index that the ticket comes from."""
        return self.index - 1 if self.is_rerun else self.index

    @property
    def told(self) -> Story:
        """The story that is told."""
        stories = self.agent.stories(self.kind)
        return stories[self.story % len(stories)]


class Planner:
    """Writes outlines and scripts for one seed.

    Attributes:
        library: Agents and clients.
        seed: The world's seed.
        first_ticket: The ticket number of index 0, where the PSA counts.
        first_ticket_id: The PSA's id of the ticket of index 0.
    """

    def __init__(self, library: Library, seed: int, first_ticket: int) -> None:
        self.library = library
        self.seed = seed
        self.first_ticket = first_ticket
        self.first_ticket_id = _FIRST_TICKET_ID

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
        card = index % DECK
        draw = number(self.seed, 1, card)
        if kind is None:
            # A deck's first card is no other try: what lies before it differs from deck to deck.
            if card and (earlier := self._tried_again(index - 1)):
                return Outline(index, earlier.agent, "does", earlier.story, 1, is_rerun=True)
            kind = _kind(draw)
        return self._outline(index, kind, draw)

    def _tried_again(self, index: int) -> Outline | None:
        """The failed run of this index if the next run tries the same ticket again."""
        card = index % DECK
        draw = number(self.seed, 1, card)
        if _kind(draw) != "fails" or unit(self.seed, 5, card) >= _RERUN_CHANCE:
            return None
        # A run that is itself another try ends well, so nobody tries a third time.
        if card and _kind(number(self.seed, 1, card - 1)) == "fails":
            return None
        earlier = self._outline(index, "fails", draw)
        return earlier if earlier.agent.on_tickets else None

    def _outline(self, index: int, kind: Kind, draw: int) -> Outline:
        # One draw of 64 bits, cut up: a whole deck has to be read in milliseconds.
        agents, sums = self._casts[kind]
        agent = agents[bisect(sums, (draw >> 8) % 65_536 % sums[-1])]
        return _told_by(agent, index, kind, draw)

    def outline_for(self, agent: Agent, index: int) -> Outline:
        """The outline of a run of this agent, which somebody asked for.

        An agent without stories does what its instructions say, in plain words.
        """
        draw = number(self.seed, 1, index % DECK)
        kind = _kind(draw)
        if not agent.stories(kind):
            kind = "does"
        if not agent.stories(kind):
            agent = agent.model_copy(update={"does": (_plain_story(agent),)})
        return _told_by(agent, index, kind, draw)

    def company(self, ticket_index: int) -> Company:
        """The client that the ticket (or the scheduled run) of this index belongs to."""
        return pick(self.library.companies, self.seed, 11, ticket_index % DECK)

    def ticket_number(self, ticket_index: int, opened_at: datetime) -> str:
        """The number as the client's PSA writes it: 48213, or T20261101.0042."""
        if self.company(ticket_index).psa == "autotask":
            return dated_number(f"{opened_at:%Y%m%d}", ticket_index)
        return str(self.first_ticket + ticket_index)

    def ticket_id(self, ticket_index: int) -> str:
        """The PSA's id of the ticket of this index."""
        return str(self.first_ticket_id + ticket_index)

    def index_of_number(self, number_: str) -> int | None:
        """Where the ticket of this number would stand; the caller checks that it does."""
        if number_.startswith("T"):
            tail = number_.rpartition(".")[2]
            return int(tail) if _is_number(tail) else None
        return int(number_) - self.first_ticket if _is_number(number_) else None

    def index_of_id(self, identifier: str) -> int | None:
        """Where the ticket with this PSA id would stand; the caller checks that it does."""
        return int(identifier) - self.first_ticket_id if _is_number(identifier) else None

    def words_for(self, ticket_index: int, ticket: str = "", company: str = "") -> dict[str, Any]:
        """Everything a story's placeholders can name, for one ticket."""
        card = ticket_index % DECK
        client = next((c for c in self.library.companies if c.name == company), self.company(card))
        seed, names = self.seed, self.library.names
        people = [
            (pick(names.first, seed, 20 + who, card), last)
            for who, last in enumerate(self._three_last_names(card))
        ]
        words: dict[str, Any] = {
            "company": company or client.name,
            "domain": client.domain,
            "ticket": ticket,
            "first": people[0][0],
            "device": f"{client.code}-LT-{between(11, 89, seed, 31, card):03d}",
            "server": f"{client.code}-{pick(_SERVERS, seed, 32, card)}",
            "n": between(2, 9, seed, 33, card),
            "big": between(11, 48, seed, 34, card),
            "bigger": between(52, 96, seed, 35, card),
            "group": pick(names.group, seed, 36, card),
            "shared_mailbox": pick(names.shared_mailbox, seed, 37, card),
            "job": pick(names.job, seed, 38, card),
        }
        for role, (first, last) in zip(("user", "manager", "newcomer"), people, strict=True):
            prefix = "" if role == "user" else f"{role}_"
            words[role] = f"{first} {last}"
            words[f"{prefix}email"] = f"{first}.{last}@{client.domain}".lower()
        return words

    def _three_last_names(self, card: int) -> list[str]:
        names = self.library.names.last
        start = number(self.seed, 30, card)
        # Three different ones: nobody approves their own licence.
        return [names[(start + step) % len(names)] for step in (0, 5, 11)]

    def seconds(self, outline: Outline, *, brisk: bool) -> int:
        """How long a run works that asks nobody."""
        low, high = _BRISK_SECONDS if brisk else outline.agent.seconds
        return between(low, high, self.seed, 41, outline.card)

    def script(self, outline: Outline, opened_at: datetime, *, brisk: bool) -> Script:
        """The whole run.

        Args:
            outline: Who runs and how it goes.
            opened_at: When the ticket's first run began (UTC): Autotask numbers carry the date.
            brisk: Within seconds instead of minutes, for people who watch.
        """
        ticket = None
        words = self.words_for(outline.ticket_index)
        if outline.agent.on_tickets:
            ticket = self.ticket(outline, words, opened_at)
        return self.script_on(outline, ticket, words, brisk=brisk)

    def ticket(self, outline: Outline, words: dict[str, Any], opened_at: datetime) -> Ticket:
        """The ticket that a run works on; its number and subject join the words."""
        index = outline.ticket_index
        told = outline.agent.fails[outline.story] if outline.is_rerun else outline.told
        words["ticket"] = self.ticket_number(index, opened_at)
        words["subject"] = fill(told.subject, words)
        return Ticket(self.ticket_id(index), words["ticket"], words["subject"])

    def script_on(
        self, outline: Outline, ticket: Ticket | None, words: dict[str, Any], *, brisk: bool
    ) -> Script:
        """The whole run, on a ticket that is there already (or on none)."""
        return write_script(
            outline.agent,
            outline.kind,
            outline.told,
            words,
            ticket=ticket,
            spent=outline.credits,
            seconds=self.seconds(outline, brisk=brisk),
        )


def dated_number(day: str, ticket_index: int) -> str:
    """A ticket's number as Autotask writes it; the day is written 20261101."""
    return f"T{day}.{ticket_index:04d}"


def _told_by(agent: Agent, index: int, kind: Kind, draw: int) -> Outline:
    story = (draw >> 24) % 256 % len(agent.stories(kind))
    if kind == "fails" and draw >> 32 & 1:
        story = 0  # the usual error comes more often, as it does in life
    low, high = agent.credits
    spent = 1 if kind == "skips" else low + (draw >> 33) % 1_024 % (high - low + 1)
    return Outline(index, agent, kind, story, spent)


def _plain_story(agent: Agent) -> Story:
    told = " ".join(agent.instructions.split())[:_LONGEST_THOUGHT] or "There are no instructions."
    told = told.replace("{", "{{").replace("}", "}}")
    name = agent.name.replace("{", "{{").replace("}", "}}")
    return Story(
        subject=f"Work for {name}",
        thought=f"The instructions say: {told}",
        message=f"{name} did what its instructions say.",
    )


def _kind(draw: int) -> Kind:
    return _KINDS[(draw >> 43) % 100]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
