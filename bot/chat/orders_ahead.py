"""Times that lie ahead: "until Friday", "until tomorrow 9am", "for 3 days".

The calendar and the reader of times are the questions' own, looking the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from lark import Lark, Token, Tree, v_args
from lark.exceptions import LarkError

from bot.chat.periods import HOURS, Calendar, Period
from bot.chat.times import TimeReader

_LONGEST_PHRASE = 60
_FARTHEST = timedelta(days=3_650)
_YEARS_AHEAD = 9  # from one 29 February to the next, over a century without one
_DAYS_OF_A_WEEK = 7


def point(said: str, *, now: datetime, zone: ZoneInfo) -> Period | None:
    """The day, part of a day or hour that ``said`` names, as a person in ``zone`` means it.

    It is never over at ``now``: a weekday is the next one, today's own counting until it ends.
    An hour is a `Period` with ``hour`` set. None if it is no time, a past one, or not clear.
    """
    found = _read(said, "point", now, zone)
    ends_at = found and (found.since if found.hour else found.until)
    return found if ends_at and _instant(ends_at) > _instant(now) else None


def length(said: str, *, now: datetime) -> datetime | None:
    """When a length such as "3 days" is over that begins ``now``, in UTC.

    It is elapsed time: a day has 24 hours. None if it is no length, or nought.
    """
    found = _read(said, "length", now, ZoneInfo("UTC"))
    return found.until if found and found.until and found.until > now else None


class Ahead(Calendar):
    """Names periods by what comes next instead of by what came last."""

    def tomorrow(self) -> Period:
        """The whole day after today."""
        return self.day(self._today + timedelta(days=1))

    def weekday(
        self,
        number: int,
        *,
        before_today: bool = False,  # noqa: ARG002 -- looks back; no rule here asks for it
    ) -> Period:
        """The next day of that weekday (Monday is 0), today included."""
        after = (number - self._today.weekday()) % _DAYS_OF_A_WEEK
        return self._weekday(self._today + timedelta(days=after))

    def part(self, day: Period, name: str) -> Period:
        """A part of a day; a weekday's is next week's once it is over."""
        found = super().part(day, name)
        return super().part(self._week_after(day), name) if self._is_past(found.until) else found

    def clock(self, hour: int, minute: int, day: Period | None = None) -> Period:
        """The hour from that time of ``day``; without a day, the next time the clock shows it."""
        found = super().clock(hour, minute, day or self.day(self._today))
        if not self._is_past(found.since):
            return found
        return super().clock(hour, minute, self._week_after(day) if day else self.tomorrow())

    def back(self, amount: float, unit: str) -> Period:
        """From now on, in elapsed time; ``unit`` is a key of `HOURS`."""
        span = min(timedelta(hours=min(amount * HOURS[unit], 1e6)), _FARTHEST)
        return Period(self._now, self._now.astimezone(UTC) + span)

    def dated(self, day: int, month: int | None = None, year: int | None = None) -> Period | None:
        """That date; the next one where month or year is not said. None if there is none."""
        this = self._today.year * 12 + self._today.month - 1
        for months in range(_YEARS_AHEAD * 12):
            of_year, of_month = divmod(this + months, 12)
            if (year or of_year, month or of_month + 1) != (of_year, of_month + 1):
                continue
            try:
                on = date(of_year, of_month + 1, day)
            except ValueError:
                continue
            if on >= self._today:
                return self.day(on)
        return None

    def _weekday(self, on: date) -> Period:
        day = self.day(on)
        return _Weekday(day.since, day.until, on=on)

    def _week_after(self, day: Period) -> Period:
        """A weekday's next one; any other day is the only one of its name."""
        if isinstance(day, _Weekday) and day.on:
            return self.day(day.on + timedelta(days=_DAYS_OF_A_WEEK))
        return day

    def _is_past(self, at: datetime | None) -> bool:
        return at is not None and _instant(at) <= _instant(self._now)


@dataclass(frozen=True, slots=True)
class _Weekday(Period):
    """A day that was named by its weekday alone."""


@v_args(inline=True)
class _Reader(TimeReader):
    """Reads the tree of a time ahead, bottom up."""

    def __init__(self, calendar: Ahead) -> None:
        super().__init__(calendar)
        self._ahead = calendar

    def point(self, found: Period) -> Period:
        return found

    def tomorrow(self, _: Token) -> Period:
        return self._ahead.tomorrow()

    def this_part(self, _: Token, part: Token) -> Period:
        today: Period = self.day_part(self._ahead.days_ago(0), part)
        return today

    def end_of_day(self) -> Period:
        return self._ahead.clock(0, 0)


def _read(said: str, kind: str, now: datetime, zone: ZoneInfo) -> Period | None:
    words = said.lower().rstrip(".! ")
    if len(words) > _LONGEST_PHRASE or not words.isascii():
        return None
    try:
        tree: Tree[Any] = _grammar().parse(words, start=kind)
        found: Period = _Reader(Ahead(now, zone)).transform(tree)
    except LarkError:  # no time at all, or, from the reader, a date that there is not
        return None
    return found


def _instant(at: datetime) -> datetime:
    return at.astimezone(UTC)


@cache
def _grammar() -> Lark:
    source = resources.files("bot.chat").joinpath("orders_ahead.lark").read_text(encoding="utf-8")
    return Lark(source, parser="lalr", start=["point", "length"], maybe_placeholders=False)
