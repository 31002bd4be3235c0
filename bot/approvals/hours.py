"""Business hours: whether people are at work, and how long they were between two instants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from bot.errors import NeoError
from bot.neo.models.settings import TenantSettings
from bot.policies import Day, Policy

SETTINGS_LAST: Final = timedelta(hours=1)
"""Neo's settings are read no more often."""

_DAY: Final = timedelta(days=1)
_LAST_HOUR: Final = 24
_WEEK: Final = tuple(Day)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hours:
    """When people work: from ``opens`` until ``closes`` on ``days``, on the clocks of ``zone``.

    Attributes:
        days: Days of the week; Monday is 0.
        closes: `time.max` is the end of the day.
    """

    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(5))
    opens: time = time(9)
    closes: time = time(17)


DEFAULT: Final = Hours(ZoneInfo("UTC"))
"""Where neither the policy nor Neo says: Monday to Friday, 9 to 17, UTC."""


def hours_of(policy: Policy, settings: TenantSettings | None) -> Hours:
    """The policy's business hours, else those that Neo's settings name.

    Neo names hours, and no days: Monday to Friday. Without a zone that is known its hours mean
    nothing, and the default holds; hours that are odd are 9 to 17 in its zone.
    """
    own = policy.business_hours
    if own is not None:
        days = frozenset(_WEEK.index(day) for day in own.days)
        return Hours(own.zone, days, own.opens, own.closes)
    zone = _zone(settings.timezone) if settings else None
    if settings is None or zone is None:
        return DEFAULT
    opens, closes = settings.start_business_hours, settings.end_business_hours
    if opens is None or closes is None or not 0 <= opens < closes <= _LAST_HOUR:
        return Hours(zone)
    return Hours(zone, opens=time(opens), closes=time.max if closes == _LAST_HOUR else time(closes))


def is_open(hours: Hours, at: datetime) -> bool:
    """Whether the instant lies within business hours; the moment of closing does not."""
    return any(opens <= at < closes for opens, closes in _windows(hours, at, at))


def elapsed(hours: Hours, since: datetime, now: datetime) -> timedelta:
    """How much business time lies between two instants; none if ``since`` is the later one."""
    passed = timedelta(0)
    for opens, closes in _windows(hours, since, now):
        passed += max(min(closes, now) - max(opens, since), timedelta(0))
    return passed


def _windows(hours: Hours, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The windows of work that touch a span, in UTC, in which every hour has 60 minutes."""
    day = since.astimezone(hours.zone).date()
    last = until.astimezone(hours.zone).date()
    while day <= last:
        if day.weekday() in hours.days:
            yield _window(hours, day)
        day += _DAY


def _window(hours: Hours, day: date) -> tuple[datetime, datetime]:
    """One day's window. The days tile time: what the clocks skip or repeat is counted once."""
    begins, ends = _at(day, time.min, hours.zone), _at(day + _DAY, time.min, hours.zone)
    closes = ends if hours.closes == time.max else _at(day, hours.closes, hours.zone)
    first, last = (min(max(at, begins), ends) for at in (_at(day, hours.opens, hours.zone), closes))
    return first, max(first, last)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, KeyError, OSError):
        return None


@dataclass(slots=True)
class BusinessHoursKnown:
    """Each tenant's business hours: its policy's, else Neo's as they were last read.

    Kept in the process: after a restart, and where Neo does not say, the default holds until it
    does.

    Args:
        policy_of: A tenant's policy.
        settings_of: Reads a tenant's settings from Neo, for nobody who waits.
        clock: The present.
    """

    policy_of: Callable[[str], Policy]
    settings_of: Callable[[str], Awaitable[TenantSettings]]
    clock: Callable[[], datetime]
    _read_at: dict[str, datetime] = field(default_factory=dict)
    _settings: dict[str, TenantSettings] = field(default_factory=dict)

    async def of(self, tenant: str) -> Hours:
        """The tenant's hours; Neo is asked once an hour at most, and its refusal is no error."""
        policy, read_at = self.policy_of(tenant), self._read_at.get(tenant)
        stale = read_at is None or not timedelta(0) <= self.clock() - read_at < SETTINGS_LAST
        if policy.business_hours is None and stale:
            self._read_at[tenant] = self.clock()
            try:
                self._settings[tenant] = await self.settings_of(tenant)
            except NeoError as error:
                log.info("settings.not_read", tenant=tenant, error=type(error).__name__)
        return hours_of(policy, self._settings.get(tenant))
