"""A phrase of the grammar that names a time -> its `Period`."""

import re
from typing import Any

from lark import Token, Transformer, v_args

from bot.chat.periods import NOON, Calendar, Period
from bot.chat.words import MONTHS, NUMERALS, UNITS, WEEKDAYS

# ruff: noqa: D102 - each public method is the grammar's rule or alias of its name

MOST_ASKED = 1_000
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?(?::\d\d)?\s?(?:([ap])\.?m)?", re.IGNORECASE)
_MOMENTS = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}
_LAST_HOUR, _LAST_MINUTE = 24, 59


class NoSuchTimeError(Exception):
    """The phrase has the form of a date or an hour, and there is none such: 31 February."""


@v_args(inline=True)
class TimeReader(Transformer[Token, Any]):
    """Reads the tree of a time, bottom up.

    Raises:
        NoSuchTimeError: wrapped in lark's `VisitError`.
    """

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(visit_tokens=False)
        self._calendar = calendar

    # days
    def today(self, *_: Token) -> Period:
        return self._calendar.days_ago(0)

    def yesterday(self, *_: Token) -> Period:
        return self._calendar.days_ago(1)

    def ereyesterday(self, *_: Token) -> Period:
        return self._calendar.days_ago(2)

    def weekday(self, *words: Token) -> Period:
        return self._calendar.weekday(WEEKDAYS.index(words[-1][:3]))

    def last_weekday(self, _: Token, day: Token) -> Period:
        return self._calendar.weekday(WEEKDAYS.index(day[:3]), before_today=True)

    def iso_date(self, said: Token) -> Period:
        year, month, day = re.split(r"[-/]", said)
        return self._date(int(day), int(month), int(year))

    def month(self, name: Token) -> int:
        return MONTHS.index(name[:3]) + 1

    def month_day(self, month: int, day: Token, year: Token | None = None) -> Period:
        return self._date(int(day), month, int(year) if year else None)

    def day_month(self, day: Token, *rest: Any) -> Period:
        month = next(part for part in rest if isinstance(part, int))
        year = rest[-1] if rest[-1] != month else None
        return self._date(int(day), month, int(year) if year else None)

    def day_only(self, day: Token) -> Period:
        return self._date(int(day))

    def _date(self, day: int, month: int | None = None, year: int | None = None) -> Period:
        found = self._calendar.dated(day, month, year)
        if found is None:
            raise NoSuchTimeError
        return found

    # parts of days
    def day_part(self, day: Period, *words: Token) -> Period:
        return self._calendar.part(day, _part_of(words[-1]))

    def this_part(self, _: Token, part: Token) -> Period:
        today = self._calendar.days_ago(0)
        name = _part_of(part)
        return today if name == "morning" else self._calendar.part(today, name)

    def last_part(self, _: Token, part: Token) -> Period:
        return self._calendar.part(self._calendar.days_ago(1), _part_of(part))

    def last_night(self, _: Token) -> Period:
        return self._calendar.part(self._calendar.days_ago(1), "night")

    def tonight(self, _: Token) -> Period:
        return self._calendar.part(self._calendar.days_ago(0), "evening")

    # weeks, months, lengths
    def this_unit(self, _: Token, unit: Token) -> Period:
        return self._unit(unit, 0)

    def last_unit(self, _: Token, unit: Token) -> Period:
        return self._unit(unit, 1)

    def _unit(self, unit: Token, back: int) -> Period:
        name = _unit_of(unit)
        if name in {"week", "month", "year"}:
            return getattr(self._calendar, name)(back)  # type: ignore[no-any-return] # by name
        if name == "day" and back == 0:
            return self._calendar.days_ago(0)
        return self._calendar.back(1, name)

    def weekend(self, *_: Token) -> Period:
        return self._calendar.weekend()

    def last_weekend(self, *_: Token) -> Period:
        return self._calendar.weekend(last=True)

    def named_month(self, *words: Token) -> Period:
        name = next(word for word in words if word.type == "MONTH")
        month = self._calendar.named_month(self.month(name))
        if words[-1].type == "YEAR" and month.since:
            return self._calendar.month_of(int(words[-1]), month.since.month)
        return month

    def back(self, *words: Any) -> Period:
        amount = next(part for part in words if isinstance(part, float))
        return self._calendar.back(amount, _unit_of(words[-1]))

    def back_one(self, _: Token, unit: Token) -> Period:
        return self._calendar.back(1, _unit_of(unit))

    def ago(self, amount: float, unit: Token, _: Token) -> Period:
        name = _unit_of(unit)
        if name in {"minute", "hour"}:
            return self._calendar.back(amount, name)
        days = {"day": 1, "week": 7, "month": 30, "year": 365}[name]
        return self._calendar.days_ago(int(min(amount, MOST_ASKED * 10) * days))

    def ago_one(self, unit: Token, word: Token) -> Period:
        return self.ago(1.0, unit, word)

    def amount(self, said: Token) -> float:
        return 0.5 if said.type == "HALF" else float(count_of(said))

    # hours
    def hour(self, said: Token) -> int:
        return int(said)

    def clock(self, said: Token) -> Period:
        return self._clock(*_clock_of(said))

    def day_clock(self, day: Period, *words: Token) -> Period:
        return self._clock(*_clock_of(words[-1]), day)

    def clock_day(self, said: Token, *rest: Any) -> Period:
        return self._clock(*_clock_of(said), rest[-1])

    def _clock(self, hour: int, minute: int, day: Period | None = None) -> Period:
        if hour > _LAST_HOUR or minute > _LAST_MINUTE:
            raise NoSuchTimeError
        return self._calendar.clock(hour % 24, minute, day)

    # what the words around a time make of it
    def prep(self, *_: Token) -> None:
        return None

    def plain(self, *words: Any) -> Period:
        period: Period = words[-1]
        return period

    def since(self, *words: Any) -> Period:
        point = next(word for word in words if not isinstance(word, Token))
        return Calendar.starting(self._edge(point))

    def until(self, _: Token, point: Period) -> Period:
        return Calendar.until(point)

    def before(self, _: Token, point: Period) -> Period:
        return Calendar.before(point)

    def before_unit(self, _: Token, unit: Token) -> Period:
        return self.before(_, self.back_one(_, unit))

    def between(self, *words: Any) -> Period:
        first, last = (word for word in words if isinstance(word, Period | int))
        last = self._edge(last)
        ends_at = last.since.hour if last.hour and last.since else 0
        if isinstance(first, int) and NOON <= first + NOON < ends_at:
            first += NOON  # "between 2 and 4pm"
        if last.hour and not last.floating:
            first = self._on(last, first)  # "between 9am and 11am yesterday"
        return self._calendar.between(self._edge(first), last)

    def day_between(self, *words: Any) -> Period:
        day, *edges = (word for word in words if isinstance(word, Period | int))
        on = self._edge(day)
        return self.between(*(self._on(on, edge) for edge in edges))

    def _on(self, day: Period, edge: Period | int) -> Period:
        edge = self._edge(edge)
        if edge.floating and edge.since:
            return self._clock(edge.since.hour, edge.since.minute, day)
        return edge

    def _edge(self, point: Period | int) -> Period:
        return self._clock(point, 0) if isinstance(point, int) else point


def count_of(said: Token) -> int:
    """The number that a figure or a word names."""
    return NUMERALS.get(said.split()[0]) or int(said[:9])


def _unit_of(said: Token) -> str:
    short = said.rstrip("'s").rstrip("s") if len(said) > 1 else str(said)
    return UNITS.get(short, short)


def _part_of(said: Token) -> str:
    part = {"mornin": "morning", "arvo": "afternoon"}.get(said, str(said))
    return part if part in {"morning", "afternoon", "evening", "night"} else "morning"


def _clock_of(said: Token) -> tuple[int, int]:
    if said in _MOMENTS:
        return _MOMENTS[said]
    match = _CLOCK.fullmatch(said)
    if match is None:
        raise NoSuchTimeError
    hour, half = int(match[1]), (match[3] or "").lower()
    if half and hour <= NOON:
        hour = hour % NOON + (NOON if half == "p" else 0)
    return hour, int(match[2] or 0)
