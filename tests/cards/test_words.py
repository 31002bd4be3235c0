from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cards.labels import is_secret, ticket, words
from cards.periods import period
from cards.words import Reader, amount, counted, duration

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 2, tzinfo=UTC)  # a Tuesday, 10:02 in Berlin
READER = Reader(now=NOW, zone=BERLIN)


def _spaced(text: str) -> str:
    return text.replace("\xa0", " ")


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    said = READER.age(NOW - timedelta(minutes=14)), duration(130), amount(1234), READER.as_of()
    assert said == ("14\xa0min", "2\xa0min 10\xa0s", "1.2\xa0k", "as\xa0of\xa010:02")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "just now · 10:01"),
        (-30, "just now · 10:02"),
        (14 * 60, "14 min ago · 09:48"),
        (3 * 3600, "3 h ago · 07:02"),
        (20 * 3600, "yesterday 14:02"),
        (8 * 86_400, "Mon 16 Nov 10:02"),
        (400 * 86_400, "Mon 20 Oct 2025 11:02"),
        (-600, "10:12"),
    ],
)
def test_an_instant_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert _spaced(READER.ago(NOW - timedelta(seconds=seconds))) == said


def test_for_several_readers_the_time_names_its_zone() -> None:
    shared = Reader(now=NOW, zone=BERLIN, shared=True)
    assert _spaced(shared.ago(NOW - timedelta(minutes=14))) == "14 min ago · 09:48 CET"
    nameless = Reader(now=NOW, zone=ZoneInfo("America/Sao_Paulo"), shared=True)
    assert _spaced(nameless.clock(NOW)) == "06:02 UTC-03"


def test_a_day_that_is_an_hour_longer_still_starts_at_midnight() -> None:
    reader = Reader(now=datetime(2026, 10, 25, 20, 0, tzinfo=UTC), zone=BERLIN)
    assert reader.midnight() == datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert reader.midnight(-1) == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (float("nan"), ""),
        (-1, ""),
        (0.2, "under 1 s"),
        (31, "31 s"),
        (59.7, "1 min"),
        (130, "2 min 10 s"),
        (754, "12 min"),
        (3900, "1 h 5 min"),
        (7200, "2 h"),
    ],
)
def test_a_span_is_rounded_as_people_round(seconds: float | None, said: str) -> None:
    assert _spaced(duration(seconds)) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, ""),
        (0, "0"),
        (128, "128"),
        (12.5, "12.5"),
        (999.6, "1 k"),
        (1234, "1.2 k"),
        (34_000, "34 k"),
        (1_500_000, "1.5 M"),
    ],
)
def test_an_amount_is_rounded_as_people_round(number: float | None, said: str) -> None:
    assert _spaced(amount(number)) == said


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(n, "run") for n in (0, 1, 4100)] == ["0 runs", "1 run", "4,100 runs"]


def _at(day: int, hour: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (None, None, ""),
        (_at(24), None, "today"),
        (_at(24), NOW + timedelta(hours=1), "today"),
        (_at(23), _at(24), "yesterday"),
        (_at(22), None, "since Sun 22 Nov"),
        (_at(16), _at(23), "last week"),
        (_at(1), None, "this month"),
        (_at(1, month=10), _at(1), "last month"),
        (NOW - timedelta(hours=24), None, "in the last 24 h"),
        (NOW - timedelta(days=7), None, "in the last 7 days"),
        (_at(24, 6), None, "since 06:00"),
        (_at(22), _at(23), "from Sun 22 Nov to Mon 23 Nov"),
        (None, _at(20), "before Fri 20 Nov"),
    ],
)
def test_a_period_is_named_as_it_was_asked_for(
    since: datetime | None, until: datetime | None, said: str
) -> None:
    assert _spaced(period(since, until, READER)) == said


def test_on_a_monday_yesterday_and_this_week_keep_apart() -> None:
    monday = Reader(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), zone=BERLIN)
    assert period(monday.midnight(), None, monday) == "today"
    assert period(monday.midnight(1), None, monday) == "since yesterday"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CW_PSA_REQUEST", "CW PSA request"),
        ("assignLicence", "Assign licence"),
        ("new_password", "New password"),
        ("GET", "Get"),
        ("Read the ticket", "Read the ticket"),
        ("restore_points2", "Restore points 2"),
        ("größe", "Größe"),
        ("日本", "日本"),
        ("", ""),
    ],
)
def test_names_from_code_become_words(name: str, said: str) -> None:
    assert words(name) == said


@pytest.mark.parametrize(
    "key", ["password", "newPassword", "client_secret", "apiKey", "API_KEY", "token", "userToken"]
)
def test_fields_named_like_secrets_are_known(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["keyboard", "monkey", "tokenizer", "user", "key_contact"])
def test_other_fields_are_not_taken_for_secrets(key: str) -> None:
    assert not is_secret(key)


def test_tickets_are_written_as_technicians_write_them() -> None:
    assert [ticket(n) for n in ("48213", "T20261101.0042", None)] == [
        "#48213",
        "T20261101.0042",
        "",
    ]
