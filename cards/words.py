"""Times, spans and amounts in the words people use, for one reader."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_FEW_MINUTES = 10 * _MINUTE

NBSP: Final = "\N{NO-BREAK SPACE}"
"""Between what a line must not part: a number and its unit, a mark and its word."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a card, and when.

    Attributes:
        now: The present, aware UTC.
        zone: The reader's time zone.
        person: Entra object id of the one reader, to say "you"; None if there is not one.
        shared: Several people read it (channel, group): exact times then name their zone.
    """

    now: datetime
    zone: ZoneInfo
    person: str | None = None
    shared: bool = False

    def local(self, at: datetime) -> datetime:
        """The instant on the reader's clock."""
        return at.astimezone(self.zone)

    def midnight(self, days_ago: int = 0) -> datetime:
        """The start of a day of the reader's, aware UTC."""
        day = self.local(self.now).date() - timedelta(days=days_ago)
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def clock(self, at: datetime) -> str:
        """The time of day: "09:46"; for several readers "09:46 CET"."""
        local = self.local(at)
        if not self.shared:
            return f"{local:%H:%M}"
        zone = local.tzname() or ""
        return f"{local:%H:%M}{NBSP}" + (f"UTC{zone}" if zone[:1] in "+-" else zone)

    def day(self, at: datetime) -> str:
        """The date: "Mon 16 Nov", with the year where it is not this one."""
        local = self.local(at)
        year = "" if local.year == self.local(self.now).year else f" {local.year}"
        return f"{local:%a} {local.day}{NBSP}{local:%b}{year}"

    def exact(self, at: datetime) -> str:
        """The time without its age: "09:46", "yesterday 09:46", "Mon 16 Nov 09:46"."""
        days = (self.local(self.now).date() - self.local(at).date()).days
        named = {0: "", 1: "yesterday "}.get(days, self.day(at) + " ")
        return named + self.clock(at)

    def until(self, at: datetime) -> str:
        """An end: "12:02", "Fri 27 Nov 17:00", "the end of Fri 27 Nov" for midnight after it."""
        local = self.local(at)
        if (local.hour, local.minute) != (0, 0):
            return self.exact(at)
        zone = self.clock(at).partition(NBSP)[2]
        ends = f"the end of {self.day(at - timedelta(minutes=1))}"
        return f"{ends} ({zone})" if zone else ends

    def ago(self, at: datetime) -> str:
        """The time as people say it: "14 min ago · 09:46", older "yesterday 09:46"."""
        seconds = (self.now - at).total_seconds()
        today = self.local(self.now).date() == self.local(at).date()
        if seconds < -_MINUTE or (seconds >= _HOUR and not today):
            return self.exact(at)
        if seconds < _MINUTE:
            return f"just now{NBSP}· {self.clock(at)}"
        return f"{self.age(at)} ago{NBSP}· {self.clock(at)}"

    def age(self, at: datetime) -> str:
        """How long ago, in one unit: "14 min", "2 h", "3 days"."""
        seconds = (self.now - at).total_seconds()
        if seconds < _MINUTE:
            return f"under 1{NBSP}min"
        if seconds < _HOUR:
            return f"{int(seconds // _MINUTE)}{NBSP}min"
        if seconds < 2 * _DAY:
            return f"{int(seconds // _HOUR)}{NBSP}h"
        return f"{int(seconds // _DAY)}{NBSP}days"

    def as_of(self) -> str:
        """When what is shown was true."""
        return f"as{NBSP}of{NBSP}{self.clock(self.now)}"


def duration(seconds: float | None) -> str:
    """A span: "under 1 s", "31 s", "2 min 10 s", "1 h 5 min"; empty if it is not known."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 1:
        return f"under 1{NBSP}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}{NBSP}s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes}{NBSP}min" + (f" {rest}{NBSP}s" if rest and whole < _FEW_MINUTES else "")
    hours, rest = divmod(whole // _MINUTE, 60)
    return f"{hours}{NBSP}h" + (f" {rest}{NBSP}min" if rest else "")


def amount(number: float | None) -> str:
    """A number as people say it: "128", "1.2 k", "34 k", "1.5 M"; empty if it is not known."""
    if number is None or not math.isfinite(number):
        return ""
    one_digit = 9.95  # from here on, no decimals
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if abs(number) >= size * 0.9995:
            scaled = number / size
            text = f"{scaled:.1f}" if abs(scaled) < one_digit else f"{scaled:.0f}"
            return f"{text.removesuffix('.0')}{NBSP}{unit}"
    return f"{number:.1f}".removesuffix(".0")


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 run", "4 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ended(sentence: str) -> str:
    """The sentence with a full stop, unless it ends already; empty stays empty."""
    return sentence if not sentence or sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
