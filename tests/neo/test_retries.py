"""The decision whether a failed call is sent again: one table, and the header that it reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.errors import (
    ConfigurationError,
    NeoConflict,
    NeoForbidden,
    NeoInvalid,
    NeoNotFound,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnavailable,
    NeoUnintelligible,
    NeoUnreachable,
)
from bot.neo.retries import after_failure, longest_back_off, pause_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BACK_OFF = True
NO = False


def limited(wait: float, **told: Any) -> NeoRateLimited:
    usual: dict[str, Any] = {"status": 429, "code": "rate_limit_exceeded"}
    return NeoRateLimited("spent", operation="x", retry_after_seconds=wait, **(usual | told))


def unavailable(status: int) -> NeoUnavailable:
    return NeoUnavailable("away", operation="x", status=status)


LOST = NeoUnreachable("lost", operation="x")
NEVER_SENT = NeoUnreachable("no connection", operation="x", sent=False)


@pytest.mark.parametrize(
    ("error", "left", "for_a_read", "for_a_write"),
    [
        (unavailable(500), 8.0, BACK_OFF, NO),
        (unavailable(503), 8.0, BACK_OFF, NO),
        (unavailable(503), 0.3, NO, NO),  # the longest back-off would end at the deadline
        (unavailable(503), 0.31, BACK_OFF, NO),
        (unavailable(503), -1.0, NO, NO),
        (unavailable(418), 8.0, NO, NO),
        (NeoUnintelligible("page", operation="x", status=502), 8.0, BACK_OFF, NO),
        (NeoUnintelligible("page", operation="x", status=200), 8.0, NO, NO),
        (NeoUnintelligible("page", operation="x", status=302), 8.0, NO, NO),
        (LOST, 8.0, BACK_OFF, NO),
        (LOST, 0.2, NO, NO),
        (NEVER_SENT, 8.0, BACK_OFF, BACK_OFF),
        (NEVER_SENT, 0.2, NO, NO),
        (limited(2.0), 8.0, 2.0, 2.0),
        (limited(8.0), 8.0, NO, NO),
        (limited(60.0), 8.0, NO, NO),
        (limited(0.0), 8.0, BACK_OFF, BACK_OFF),
        (limited(0.0), 0.1, NO, NO),
        (limited(60.0), 90.0, 60.0, 60.0),
        (limited(2.0, code=None), 8.0, 2.0, NO),  # not in Neo's form: nobody knows whose
        (limited(2.0, status=None, code=None), 8.0, NO, NO),  # our own: it was waited for
        (NeoUnauthorized("key", operation="x", status=401), 8.0, NO, NO),
        (NeoForbidden("no", operation="x", status=403), 8.0, NO, NO),
        (NeoNotFound("no", operation="x", status=404), 8.0, NO, NO),
        (NeoConflict("no", operation="x", status=409), 8.0, NO, NO),
        (NeoInvalid("no", operation="x", status=400), 8.0, NO, NO),
        (ConfigurationError("no key"), 8.0, NO, NO),
        (KeyError("a mistake of ours"), 8.0, NO, NO),
    ],
)
def test_only_what_is_safe_and_in_time_is_sent_again(
    error: Exception, left: float, *, for_a_read: bool | float, for_a_write: bool | float
) -> None:
    def decided(*, may_repeat: bool) -> bool | float:
        return after_failure(error, may_repeat=may_repeat, tries=1, left_seconds=left)

    # By type too: True and 1.0 are equal, and not the same decision.
    for decision, expected in (
        (decided(may_repeat=True), for_a_read),
        (decided(may_repeat=False), for_a_write),
    ):
        assert (type(decision), decision) == (type(expected), expected)


def test_the_back_off_grows_and_is_bounded() -> None:
    longest = [round(longest_back_off(tries), 1) for tries in (1, 2, 3, 4, 5, 40)]
    assert longest == [0.3, 0.4, 0.6, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "40"}, 40.0),
        ({"Retry-After": "7.5"}, 7.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "5000"}, 3600.0),
        ({"Retry-After": "99999999999999999999"}, 3600.0),
        ({"Retry-After": "1e400"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2099 09:00:00 GMT"}, 3600.0),
        ({"Retry-After": "Mon, 99 Nov 2026 09:00:00 GMT"}, None),
        # The other side's clock is an hour ahead, and both of its dates are.
        (
            {
                "Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT",
                "Date": "Mon, 23 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:30 GMT", "Date": "yesterday"}, 30.0),
    ],
)
def test_a_time_to_come_again_is_read_within_bounds(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert pause_of(httpx.Headers(headers), now=NOW) == seconds
