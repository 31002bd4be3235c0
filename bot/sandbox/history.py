"""The past: runs that are worked out when asked for, so a million of them cost nothing at start."""

from bisect import bisect, bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate

from bot.sandbox.chance import between, number, pick, run_id, unit
from bot.sandbox.deck import DECK
from bot.sandbox.library import fill
from bot.sandbox.planner import Outline, Person, Planner, dated_number
from bot.sandbox.runs import VERDICTS, Approval, Decision, Run
from bot.sandbox.scripts import ASK_AFTER_SECONDS, question

SPAN = timedelta(days=14)
_REST = timedelta(minutes=10)  # every past run, its question and its end lie before the anchor
_LONGEST_WAIT_SECONDS = 400
_NIGHT, _DAY, _EVENING, _WEEKEND = 6, 100, 30, 14
_SATURDAY = 5
_NOTES = {
    "approve": ("", "", "Client confirmed by phone.", "Fine, contact is known.", "Go ahead."),
    "reject": ("Call the client first.", "Not during the change freeze.", "I do this one by hand."),
}


class History:
    """`count` past runs in the 14 days before the anchor, busier in working hours (UTC).

    Args:
        planner: Says how each run goes.
        count: How many runs; indexes 0 (oldest) to count - 1.
        anchor: The instant the world began (UTC).
        people: Who can be asked; the first is the person at the keyboard.
    """

    def __init__(
        self, planner: Planner, count: int, anchor: datetime, people: Sequence[Person]
    ) -> None:
        self.planner = planner
        self.count = count
        self.anchor = anchor
        self.people = people
        # Hours are whole clock hours, so nights and weekends fall where they belong.
        self._begin = (anchor - SPAN).replace(minute=0, second=0, microsecond=0)
        hours = int((anchor - _REST - self._begin) / timedelta(hours=1))
        self._sums = list(
            accumulate(_busyness(self._begin + timedelta(hours=h)) for h in range(hours))
        )

    def started_at(self, index: int) -> datetime:
        """When the run of this index began; strictly later than the one before."""
        seed = self.planner.seed
        place = (index + 0.05 + 0.9 * unit(seed, 50, index)) / self.count * self._sums[-1]
        hour = bisect(self._sums, place)
        before = self._sums[hour - 1] if hour else 0
        share = (place - before) / (self._sums[hour] - before)
        return self._begin + timedelta(hours=hour + share)

    def run(self, outline: Outline) -> Run:
        """The whole run behind an outline."""
        planner, index = self.planner, outline.index
        script = planner.script(outline, self.started_at(outline.ticket_index), brisk=False)
        started_at = self.started_at(index)
        run = Run(index, run_id(planner.seed, index), script, started_at)
        if outline.kind == "asks":
            run.approval = Approval(
                id=approval_id(index),
                approvers=approvers_for(planner.seed, index, self.people),
                created_at=started_at + timedelta(seconds=ASK_AFTER_SECONDS),
            )
            decides(planner.seed, index, run.approval, self.wait_seconds(index))
        return run

    def run_at(self, index: int) -> Run:
        """The past run of an index from 0 to `count` - 1."""
        return self.run(self.planner.outline(index))

    def wait_seconds(self, index: int) -> int:
        """How long people took to decide what the run of this index asked."""
        return between(20, _LONGEST_WAIT_SECONDS, self.planner.seed, 51, index % DECK)

    def outcome(self, outline: Outline) -> str:
        """How a past run ended, without writing it out."""
        if outline.kind == "asks":
            action = verdict(self.planner.seed, outline.index)
            return "SUCCESS" if action == "approve" else "SKIPPED"
        return {"does": "SUCCESS", "fails": "FAILURE", "skips": "SKIPPED"}[outline.kind]

    @cached_property
    def cards(self) -> tuple[Outline, ...]:
        """The outlines that the past is made of: one deck, or fewer where the past is short."""
        return tuple(self.planner.outline(index) for index in range(min(self.count, DECK)))

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """How the run of each card ended."""
        return tuple(self.outcome(outline) for outline in self.cards)

    @cached_property
    def questions(self) -> tuple[int, ...]:
        """The cards whose runs ask."""
        return tuple(place for place, outline in enumerate(self.cards) if outline.kind == "asks")

    @cached_property
    def verdicts(self) -> dict[int, str]:
        """What became of the question of each card: APPROVED or REJECTED."""
        return {place: VERDICTS[verdict(self.planner.seed, place)] for place in self.questions}

    @cached_property
    def errors(self) -> dict[int, str]:
        """The error of each card whose run fails."""
        planner = self.planner
        found = {}
        for place, outline in enumerate(self.cards):
            if outline.kind == "fails":
                words = planner.words_for(place)
                if outline.agent.on_tickets:
                    planner.ticket(outline, words, self.started_at(place))
                found[place] = str(fill(outline.told.error, words))
        return found

    @cached_property
    def asked_people(self) -> dict[int, frozenset[str]]:
        """The ids of those whom each card's question went to."""
        seed = self.planner.seed
        return {
            place: frozenset(id_ for id_, _name in approvers_for(seed, place, self.people))
            for place in self.questions
        }

    @cached_property
    def question_texts(self) -> dict[int, str]:
        """The words of each card's question, one value a line, for searching without case."""
        planner = self.planner
        texts = {}
        for place in self.questions:
            outline, words = self.cards[place], planner.words_for(place)
            subject = None
            if outline.agent.on_tickets:
                subject = planner.ticket(outline, words, self.started_at(place)).subject
            asked = question(outline.told, words, subject)
            texts[place] = "\n".join(str(value) for value in asked.values()).casefold()
        return texts

    def ticket_number(self, ticket_index: int) -> str:
        """The number of a past ticket."""
        if self.planner.company(ticket_index).psa == "autotask":
            return dated_number(self.day(ticket_index), ticket_index)
        return str(self.planner.first_ticket + ticket_index)

    def day(self, index: int) -> str:
        """The day on which a past run began, written 20261101."""
        firsts, days = self._days
        return days[bisect(firsts, index) - 1]

    @cached_property
    def _days(self) -> tuple[list[int], list[str]]:
        """The first index of each day, and the day."""
        midnight = self._begin.replace(hour=0)
        days = [midnight + timedelta(days=day) for day in range(SPAN.days + 2)]
        return [self.first_since(day) for day in days], [f"{day:%Y%m%d}" for day in days]

    def first_where(self, reached: Callable[[int], bool]) -> int:
        """The first index of which this is true, as it is of all after it; else `count`."""
        return bisect_left(range(self.count), True, key=reached)  # noqa: FBT003 -- a value

    def first_since(self, instant: datetime) -> int:
        """The index of the first run that started at or after an instant."""
        return bisect_left(range(self.count), instant, key=self.started_at)

    def below(self, until: tuple[datetime, int]) -> int:
        """How many runs have a smaller (start, index)."""
        return bisect_left(range(self.count), until, key=lambda i: (self.started_at(i), i))


def _busyness(hour: datetime) -> int:
    if hour.astimezone(UTC).weekday() >= _SATURDAY:
        return _WEEKEND
    if 8 <= hour.hour < 17:  # noqa: PLR2004 -- office hours
        return _DAY
    return _EVENING if 6 <= hour.hour < 20 else _NIGHT  # noqa: PLR2004 -- around office hours


def approval_id(index: int) -> int:
    """The approval that the run of this index raises, if it raises one."""
    return 7_000 + index


def approval_index(identifier: int) -> int:
    """The run behind an approval's id."""
    return identifier - 7_000


def approvers_for(
    seed: int, index: int, people: Sequence[Person], *, first: bool | None = None
) -> list[Person]:
    """Whom a run asks. `first` says whether the first person is among them; None leaves it open."""
    card = index % DECK
    others = list(people[1:])
    if first is None:
        first = number(seed, 60, card) % 4 > 0
    if not others:
        return list(people)
    start = number(seed, 61, card)
    # The first person is asked alone in a third of the cases, otherwise with one or two others.
    size = number(seed, 62, card) % 3 if first else 1 + number(seed, 62, card) % 2
    size = min(size, len(others))
    chosen = [others[(start + step) % len(others)] for step in range(size)]
    return [people[0], *chosen] if first else chosen


def verdict(seed: int, index: int) -> str:
    """What a person says to this question when nobody tells them."""
    return "reject" if number(seed, 63, index % DECK) % 6 == 0 else "approve"


def decides(seed: int, index: int, approval: Approval, wait_seconds: int) -> None:
    """Let one of the approvers decide, `wait_seconds` after the question."""
    action = verdict(seed, index)
    by_id, by_name = pick(approval.approvers, seed, 64, index % DECK)
    note = pick(_NOTES[action], seed, 65, index % DECK)
    at = approval.created_at + timedelta(seconds=wait_seconds)
    approval.decision = Decision(action, by_id, by_name, at, note)
