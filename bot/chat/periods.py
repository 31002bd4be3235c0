"""The calendar as people speak of it: "last week", "since Friday", "past 3 hours"."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

SATURDAY = 5
NOON = 12
PARTS: dict[str, tuple[int, int]] = {
    "morning": (0, 12),
    "afternoon": (12, 18),
    "evening": (18, 24),
    "night": (18, 30),  # from six in the evening until six the next morning
}
"""Hours of the day that each part of it spans, 24 and above being the next day's."""

HOURS: dict[str, float] = {
    "minute": 1 / 60,
    "hour": 1,
    "day": 24,
    "week": 7 * 24,
    "month": 30 * 24,
    "year": 365 * 24,
}
"""Elapsed hours in a unit when it is counted back from now."""

_FARTHEST = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: from `since` up to, not including, `until`.

    Attributes:
        since: its first instant, aware; None for "before …".
        until: the first instant after it, aware.
        open: it is named by its beginning alone ("today", "this week", "since …").
        on: the day it is, for a clock time said beside it.
        hour: it is an hour of a day; "until" then means until it strikes.
        floating: no day was said for that hour.
    """

    since: datetime | None
    until: datetime | None
    open: bool = False
    on: date | None = None
    hour: bool = False
    floating: bool = False

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """What to filter by: (since, until), `until` None where the period is open."""
        return self.since, None if self.open else self.until


class Calendar:
    """Names periods as a person in `zone` does at the instant `now`.

    A day begins at the zone's midnight, or at the first instant that exists where a clock change
    skips midnight. Lengths counted back from now are elapsed time: a day is 24 hours there.

    Attributes:
        asked: Whether anything was asked of it; if not, what was read holds at any time, anywhere.
    """

    def __init__(self, now: datetime, zone: ZoneInfo) -> None:
        self.asked = False
        self._given = now, zone

    @property
    def _zone(self) -> ZoneInfo:
        self.asked = True
        return self._given[1]

    @cached_property
    def _now(self) -> datetime:
        return self._given[0].astimezone(self._zone)

    @cached_property
    def _today(self) -> date:
        return self._now.date()

    def day(self, on: date) -> Period:
        """That whole day."""
        return Period(self._at(on), self._at(on + timedelta(days=1)), on=on)

    def days_ago(self, days: int) -> Period:
        """The whole day that many days before today; open if it is today."""
        day = self.day(self._today - timedelta(days=min(days, _FARTHEST.days)))
        return replace(day, open=days == 0)

    def weekday(self, number: int, *, before_today: bool = False) -> Period:
        """The latest day of that weekday (Monday is 0); today counts unless `before_today`."""
        back = (self._today.weekday() - number) % 7
        return self.day(self._today - timedelta(days=7 if before_today and back == 0 else back))

    def part(self, day: Period, name: str) -> Period:
        """A part of a day, by its key in `PARTS`; open while it lasts."""
        on = day.on or self._today
        first, last = PARTS[name]
        since, until = self._at(on, first), self._at(on, last)
        return Period(since, until, open=until.astimezone(UTC) > self._now.astimezone(UTC), on=on)

    def week(self, back: int) -> Period:
        """Monday to Monday, `back` weeks ago; open if it is this week."""
        monday = self._today - timedelta(days=self._today.weekday() + 7 * back)
        return Period(self._at(monday), self._at(monday + timedelta(days=7)), back == 0)

    def month(self, back: int) -> Period:
        """The calendar month `back` months ago; open if it is this month."""
        first = _first_of(self._today.year, self._today.month - back)
        return replace(self.month_of(first.year, first.month), open=back == 0)

    def named_month(self, number: int) -> Period:
        """The latest month of that number (January is 1)."""
        return self.month((self._today.month - number) % 12)

    def month_of(self, year: int, number: int) -> Period:
        """That month of that year."""
        first, after = _first_of(year, number), _first_of(year, number + 1)
        return Period(self._at(first), self._at(after))

    def year(self, back: int) -> Period:
        """The calendar year `back` years ago; open if it is this year."""
        year = self._today.year - back
        return Period(self._at(date(year, 1, 1)), self._at(date(year + 1, 1, 1)), back == 0)

    def weekend(self, *, last: bool = False) -> Period:
        """From Saturday until Monday: the latest begun, or with `last` the latest that is over."""
        saturday = self._today - timedelta(days=(self._today.weekday() - SATURDAY) % 7)
        monday = saturday + timedelta(days=2)
        if last and monday > self._today:
            saturday, monday = saturday - timedelta(days=7), monday - timedelta(days=7)
        return Period(self._at(saturday), self._at(monday), open=not last)

    def back(self, amount: float, unit: str) -> Period:
        """From now back, in elapsed time; `unit` is a key of `HOURS`."""
        length = min(timedelta(hours=min(amount * HOURS[unit], 1e6)), _FARTHEST)
        start = (self._now.astimezone(UTC) - length).astimezone(self._zone)
        return Period(start, self._now, open=True)

    def clock(self, hour: int, minute: int, day: Period | None = None) -> Period:
        """The hour from that time of `day`; without a day, today's, or yesterday's if ahead."""
        on = day.on if day and day.on else self._today
        since = self._at(on, hour, minute)
        if day is None and since.astimezone(UTC) > self._now.astimezone(UTC):
            on -= timedelta(days=1)
            since = self._at(on, hour, minute)
        return Period(since, since + timedelta(hours=1), on=on, hour=True, floating=day is None)

    def dated(self, day: int, month: int | None = None, year: int | None = None) -> Period | None:
        """That date; the latest one where month or year is not said. None if it does not exist."""
        for back in range(12 if month is None else 5):
            first = _first_of(self._today.year, self._today.month - back)
            candidate = (
                (first.year, first.month)
                if month is None
                else (year or self._today.year - back, month)
            )
            try:
                on = date(*candidate, day)
            except ValueError:
                continue
            if on <= self._today or year is not None:
                return self.day(on)
        return None

    @staticmethod
    def starting(period: Period) -> Period:
        """From the beginning of `period`, open."""
        return replace(period, open=True)

    @staticmethod
    def before(period: Period) -> Period:
        """Up to the beginning of `period`."""
        return Period(None, period.since)

    @staticmethod
    def until(period: Period) -> Period:
        """Up to the end of `period`; of an hour, until it strikes."""
        return Period(None, period.since if period.hour else period.until)

    def between(self, first: Period, last: Period) -> Period:
        """From the beginning of `first` to the end of `last`; of an hour, until it strikes.

        An hour without a day is the next one after `first`. Where the beginning comes out after
        the end ("between Thursday and Monday", on a Tuesday), it is a week earlier.
        """
        if last.floating and first.hour and last.since:
            last = self.clock(last.since.hour, last.since.minute, first)
            if first.since and last.since and last.since <= first.since and first.on:
                tomorrow = self.day(first.on + timedelta(days=1))
                last = self.clock(last.since.hour, last.since.minute, tomorrow)
        since, until = first.since, last.since if last.hour else last.until
        if since and until and since.astimezone(UTC) >= until.astimezone(UTC):
            week_before = since.date() - timedelta(days=7)
            since = self._at(week_before, since.hour, since.minute)
        return Period(since, until)

    def _at(self, on: date, hour: int = 0, minute: int = 0) -> datetime:
        """That local time, as the first instant that exists at or after it."""
        days, hour = divmod(hour, 24)
        wall = datetime.combine(on + timedelta(days=days), time(hour, minute), self._zone)
        # A time skipped by a clock change comes back from UTC as a later one, by the gap's width.
        real = wall.astimezone(UTC).astimezone(self._zone)
        if real.replace(tzinfo=None) == wall.replace(tzinfo=None):
            return real
        return _after_gap(wall, self._zone)


def _first_of(year: int, month: int) -> date:
    years, index = divmod(month - 1, 12)
    return date(year + years, index + 1, 1)


def _after_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the gap that swallowed `wall` ends.

    PEP 495: inside a gap the two folds give the offsets after (1) and before (0) the change; the
    change happens at the wall time, in the offset before it, that the clock jumps from.
    """
    low, high = (wall.replace(fold=fold).astimezone(UTC) for fold in (1, 0))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0).astimezone(zone)
