"""Times as people say them, in their zone, across clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.chat.grammar import Grammar

GRAMMAR = Grammar()


def bounds(said: str, now: str, zone: str = "America/New_York") -> tuple[str | None, str | None]:
    """Since and until of runs asked for, in ISO 8601."""
    query = GRAMMAR.parse(f"runs {said}", now=datetime.fromisoformat(now), zone=ZoneInfo(zone))
    assert query.intent == "runs"
    return (
        query.since.isoformat() if query.since else None,
        query.until.isoformat() if query.until else None,
    )


WEDNESDAY = "2026-11-04T15:30:00+00:00"  # half past ten in New York; clocks went back on Sunday


@pytest.mark.parametrize(
    ("said", "since", "until"),
    [
        ("today", "2026-11-04T00:00:00-05:00", None),
        ("this morning", "2026-11-04T00:00:00-05:00", None),
        ("this afternoon", "2026-11-04T12:00:00-05:00", None),
        ("tonight", "2026-11-04T18:00:00-05:00", None),
        ("yesterday", "2026-11-03T00:00:00-05:00", "2026-11-04T00:00:00-05:00"),
        ("yesterday morning", "2026-11-03T00:00:00-05:00", "2026-11-03T12:00:00-05:00"),
        ("monday night", "2026-11-02T18:00:00-05:00", "2026-11-03T06:00:00-05:00"),
        ("last night", "2026-11-03T18:00:00-05:00", "2026-11-04T06:00:00-05:00"),
        ("overnight", "2026-11-03T18:00:00-05:00", "2026-11-04T06:00:00-05:00"),
        ("day before yesterday", "2026-11-02T00:00:00-05:00", "2026-11-03T00:00:00-05:00"),
        ("3 days ago", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        ("2 hours ago", "2026-11-04T08:30:00-05:00", None),
        ("this week", "2026-11-02T00:00:00-05:00", None),
        ("last week", "2026-10-26T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        ("this month", "2026-11-01T00:00:00-04:00", None),
        ("last month", "2026-10-01T00:00:00-04:00", "2026-11-01T00:00:00-04:00"),
        ("in september", "2026-09-01T00:00:00-04:00", "2026-10-01T00:00:00-04:00"),
        ("december 2025", "2025-12-01T00:00:00-05:00", "2026-01-01T00:00:00-05:00"),
        ("this year", "2026-01-01T00:00:00-05:00", None),
        ("last year", "2025-01-01T00:00:00-05:00", "2026-01-01T00:00:00-05:00"),
        ("over the weekend", "2026-10-31T00:00:00-04:00", None),
        ("at the weekend", "2026-10-31T00:00:00-04:00", None),
        ("this weekend", "2026-10-31T00:00:00-04:00", None),
        ("last weekend", "2026-10-31T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        ("last 24h", "2026-11-03T10:30:00-05:00", None),
        ("past 3 hours", "2026-11-04T07:30:00-05:00", None),
        ("in the last hour", "2026-11-04T09:30:00-05:00", None),
        ("last 30 min", "2026-11-04T10:00:00-05:00", None),
        ("last half hour", "2026-11-04T10:00:00-05:00", None),
        ("last two weeks", "2026-10-21T11:30:00-04:00", None),
        ("past week", "2026-10-28T11:30:00-04:00", None),
        ("since yesterday", "2026-11-03T00:00:00-05:00", None),
        ("since friday", "2026-10-30T00:00:00-04:00", None),
        ("since wednesday", "2026-11-04T00:00:00-05:00", None),
        ("since last week", "2026-10-26T00:00:00-04:00", None),
        ("since last night", "2026-11-03T18:00:00-05:00", None),
        ("since 9am", "2026-11-04T09:00:00-05:00", None),
        ("since 9", "2026-11-04T09:00:00-05:00", None),
        ("since 14:30", "2026-11-03T14:30:00-05:00", None),
        ("since noon", "2026-11-03T12:00:00-05:00", None),
        ("since midnight", "2026-11-04T00:00:00-05:00", None),
        ("since monday 9am", "2026-11-02T09:00:00-05:00", None),
        ("since 2026-11-01", "2026-11-01T00:00:00-04:00", None),
        ("since November 3rd", "2026-11-03T00:00:00-05:00", None),
        ("since 5 november", "2025-11-05T00:00:00-05:00", None),
        ("since the 1st", "2026-11-01T00:00:00-04:00", None),
        ("from monday onwards", "2026-11-02T00:00:00-05:00", None),
        ("on monday", "2026-11-02T00:00:00-05:00", "2026-11-03T00:00:00-05:00"),
        ("on sunday", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"),
        ("on wednesday", "2026-11-04T00:00:00-05:00", "2026-11-05T00:00:00-05:00"),
        ("last wednesday", "2026-10-28T00:00:00-04:00", "2026-10-29T00:00:00-04:00"),
        ("on the 31st", "2026-10-31T00:00:00-04:00", "2026-11-01T00:00:00-04:00"),
        ("between monday and wednesday", "2026-11-02T00:00:00-05:00", "2026-11-05T00:00:00-05:00"),
        ("between thursday and monday", "2026-10-29T00:00:00-04:00", "2026-11-03T00:00:00-05:00"),
        ("from 9 to 11", "2026-11-04T09:00:00-05:00", "2026-11-04T11:00:00-05:00"),
        ("between 2 and 4pm", "2026-11-03T14:00:00-05:00", "2026-11-03T16:00:00-05:00"),
        ("from 22:00 to 06:00", "2026-11-03T22:00:00-05:00", "2026-11-04T06:00:00-05:00"),
        ("yesterday from 9 to 11", "2026-11-03T09:00:00-05:00", "2026-11-03T11:00:00-05:00"),
        ("since monday until tuesday", "2026-11-02T00:00:00-05:00", "2026-11-04T00:00:00-05:00"),
        ("before monday", None, "2026-11-02T00:00:00-05:00"),
        ("until yesterday", None, "2026-11-04T00:00:00-05:00"),
        ("older than a week", None, "2026-10-28T11:30:00-04:00"),
        ("31 february", None, None),
        ("at 27:80", None, None),
    ],
)
def test_a_time_is_read_as_people_mean_it(said: str, since: str | None, until: str | None) -> None:
    assert bounds(said, WEDNESDAY) == (since, until)


def test_last_night_is_still_going_on_before_six() -> None:
    assert bounds("last night", "2026-11-04T08:00:00+00:00")[1] is None


def test_the_weekend_on_a_sunday_is_the_one_that_lasts() -> None:
    sunday = "2026-11-08T15:00:00+00:00"

    assert bounds("over the weekend", sunday) == ("2026-11-07T00:00:00-05:00", None)
    assert bounds("last weekend", sunday)[0] == "2026-10-31T00:00:00-04:00"


def test_since_monday_on_a_monday_is_today() -> None:
    assert bounds("since monday", "2026-11-02T15:00:00+00:00")[0] == "2026-11-02T00:00:00-05:00"


def test_the_day_is_the_persons_and_not_greenwichs() -> None:
    late = "2026-11-05T02:00:00+00:00"  # nine in the evening of the fourth in New York

    assert bounds("today", late)[0] == "2026-11-04T00:00:00-05:00"
    assert bounds("today", late, "Asia/Tokyo")[0] == "2026-11-05T00:00:00+09:00"


@pytest.mark.parametrize("now", ["2026-03-29T00:30:00+00:00", "2026-03-29T12:00:00+00:00"])
def test_a_day_that_loses_an_hour_still_begins_at_its_midnight(now: str) -> None:
    assert bounds("today", now, "Europe/London")[0] == "2026-03-29T00:00:00+00:00"
    assert bounds("since midnight", now, "Europe/London")[0] == "2026-03-29T00:00:00+00:00"


def test_hours_counted_back_over_a_clock_change_are_hours_that_passed() -> None:
    now = "2026-11-01T12:00:00+00:00"  # seven in New York; the night had 25 hours' day before it
    since, _ = bounds("last 24h", now)

    assert since == "2026-10-31T08:00:00-04:00"
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(since)
    assert passed == timedelta(hours=24)


def test_days_counted_back_are_days_of_24_hours() -> None:
    since, _ = bounds("last 2 days", "2026-03-30T12:00:00+00:00", "Europe/London")

    assert since == "2026-03-28T12:00:00+00:00"


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        ("Asia/Beirut", "2022-03-27T12:00:00+00:00", "2022-03-27T01:00:00+03:00"),
        ("America/Sao_Paulo", "2018-11-04T15:00:00+00:00", "2018-11-04T01:00:00-02:00"),
        ("Pacific/Apia", "2011-12-31T02:00:00+00:00", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_a_day_without_midnight_begins_at_its_first_instant(
    zone: str, now: str, first: str
) -> None:
    assert bounds("today", now, zone)[0] == first


def test_a_midnight_that_comes_twice_is_the_first_one() -> None:
    now = "2022-10-30T12:00:00+00:00"  # Beirut's clocks went from midnight back to eleven

    since, _ = bounds("today", now, "Asia/Beirut")

    assert since == "2022-10-30T00:00:00+02:00"
    assert datetime.fromisoformat(since).astimezone(UTC) < datetime.fromisoformat(now)
