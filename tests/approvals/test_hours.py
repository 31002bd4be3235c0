"""Business time, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.approvals.hours import DEFAULT, Hours, elapsed, hours_of, is_open
from bot.neo.models.settings import TenantSettings
from bot.policies import Policy

BERLIN = Hours(ZoneInfo("Europe/Berlin"))
ALL_DAY = Hours(ZoneInfo("Europe/Berlin"), frozenset(range(7)), time.min, time.max)


def _utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc] # year, month, day first


@pytest.mark.parametrize(
    ("hours", "since", "now", "passed"),
    [
        (DEFAULT, _utc(2026, 11, 23, 14), _utc(2026, 11, 23, 16, 10), {"hours": 2, "minutes": 10}),
        (DEFAULT, _utc(2026, 11, 23, 3), _utc(2026, 11, 23, 8, 59), {}),
        (DEFAULT, _utc(2026, 11, 23, 16), _utc(2026, 11, 24, 10), {"hours": 2}),
        (DEFAULT, _utc(2026, 11, 27, 16), _utc(2026, 11, 30, 9, 30), {"minutes": 90}),
        (DEFAULT, _utc(2026, 12, 31, 16), _utc(2027, 1, 1, 10), {"hours": 2}),
        (DEFAULT, _utc(2026, 1, 1), _utc(2027, 1, 1), {"hours": 8 * 261}),
        (DEFAULT, _utc(2026, 11, 23, 16), _utc(2026, 11, 23, 14), {}),
        # In Berlin: an hour earlier in winter, two in summer.
        (BERLIN, _utc(2026, 3, 27, 8), _utc(2026, 3, 27, 16), {"hours": 8}),
        (BERLIN, _utc(2026, 3, 30, 7), _utc(2026, 3, 30, 15), {"hours": 8}),
        # Days of 23 and of 25 hours.
        (ALL_DAY, _utc(2026, 3, 28, 23), _utc(2026, 3, 29, 22), {"hours": 23}),
        (ALL_DAY, _utc(2026, 10, 24, 22), _utc(2026, 10, 25, 23), {"hours": 25}),
    ],
)
def test_business_time_is_counted(
    hours: Hours, since: datetime, now: datetime, passed: dict[str, float]
) -> None:
    assert elapsed(hours, since, now) == timedelta(**passed)


@pytest.mark.parametrize(
    ("at", "works"),
    [
        (_utc(2026, 11, 23, 8), True),
        (_utc(2026, 11, 23, 7, 59), False),
        (_utc(2026, 11, 23, 16), False),
        (_utc(2026, 7, 6, 7), True),
        (_utc(2026, 11, 21, 10), False),
        (_utc(2026, 11, 23, 3), False),
    ],
)
def test_it_is_known_whether_people_work(at: datetime, works: bool) -> None:  # noqa: FBT001
    assert is_open(BERLIN, at) is works


def test_hours_that_the_clocks_skip_are_no_time() -> None:
    gone = Hours(ZoneInfo("Europe/Berlin"), frozenset(range(7)), time(2, 15), time(2, 45))
    assert elapsed(gone, _utc(2026, 3, 28, 12), _utc(2026, 3, 29, 12)) == timedelta(minutes=30)
    assert elapsed(gone, _utc(2026, 3, 30), _utc(2026, 3, 31)) == timedelta(minutes=30)


def test_a_day_that_never_was_is_no_business_day() -> None:
    apia = Hours(ZoneInfo("Pacific/Apia"), frozenset(range(7)))
    # Samoa went from the 29th of December to the 31st.
    assert elapsed(apia, _utc(2011, 12, 29, 10), _utc(2011, 12, 31, 10)) == timedelta(hours=16)


instants = st.datetimes(
    datetime(2005, 1, 1),  # noqa: DTZ001 -- Hypothesis adds the zone
    datetime(2035, 1, 1),  # noqa: DTZ001 -- likewise
    timezones=st.just(UTC),
)
spans = st.timedeltas(timedelta(0), timedelta(days=20))
clocks = st.times().map(lambda at: at.replace(tzinfo=None))


@st.composite
def any_hours(draw: st.DrawFn) -> Hours:
    opens, closes = sorted((draw(clocks), draw(clocks | st.just(time.max))))
    days = draw(st.frozensets(st.integers(0, 6), min_size=1))
    return Hours(
        ZoneInfo(draw(st.sampled_from(sorted(available_timezones())))), days, opens, closes
    )


@given(any_hours(), instants, spans, spans)
def test_two_spans_one_after_the_other_hold_what_they_hold_together(
    hours: Hours, at: datetime, first: timedelta, second: timedelta
) -> None:
    between, end = at + first, at + first + second
    whole = elapsed(hours, at, end)
    assert elapsed(hours, at, between) + elapsed(hours, between, end) == whole
    assert timedelta(0) <= elapsed(hours, at, between) <= whole <= end - at


@given(any_hours(), instants, spans)
def test_time_passes_exactly_while_people_work(hours: Hours, at: datetime, span: timedelta) -> None:
    moment = timedelta(microseconds=1)
    assert (elapsed(hours, at, at + moment) == moment) is is_open(hours, at)
    if elapsed(hours, at, at + span) == span and span:
        assert is_open(hours, at)
        assert is_open(hours, at + span - moment)


OWN = {
    "business_hours": {"zone": "Asia/Tokyo", "days": ["sat"], "opens": "08:30", "closes": "24:00"}
}
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("policy", "settings", "hours"),
    [
        ({}, None, DEFAULT),
        (
            OWN,
            {"timezone": "Europe/London"},
            Hours(ZoneInfo("Asia/Tokyo"), frozenset({5}), time(8, 30), time.max),
        ),
        (
            {},
            {"timezone": "Europe/London", "start_business_hours": 8, "end_business_hours": 18},
            Hours(LONDON, opens=time(8), closes=time(18)),
        ),
        (
            {},
            {"timezone": "Europe/London", "start_business_hours": 0, "end_business_hours": 24},
            Hours(LONDON, opens=time(0), closes=time.max),
        ),
        ({}, {"timezone": "Europe/London"}, Hours(LONDON)),
        ({}, {"start_business_hours": 8, "end_business_hours": 18}, DEFAULT),
        ({}, {"timezone": "Middle-earth/Shire", "start_business_hours": 8}, DEFAULT),
        ({}, {"timezone": "../../etc/passwd", "start_business_hours": 8}, DEFAULT),
        (
            {},
            {"timezone": "Europe/London", "start_business_hours": 18, "end_business_hours": 8},
            Hours(LONDON),
        ),
        (
            {},
            {"timezone": "Europe/London", "start_business_hours": "nine", "end_business_hours": 99},
            Hours(LONDON),
        ),
        ({}, {"timezone": ["Europe/London"]}, DEFAULT),
    ],
)
def test_the_policy_says_first_then_neo_and_odd_values_say_nothing(
    policy: dict[str, Any], settings: dict[str, Any] | None, hours: Hours
) -> None:
    said = None if settings is None else TenantSettings.model_validate(settings)
    assert hours_of(Policy.model_validate(policy), said) == hours
