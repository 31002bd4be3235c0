"""Whether a call that failed is sent again, and after how long."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import stamina

from bot.errors import NeoRateLimited, NeoUnavailable, NeoUnreachable

ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_JITTER_SECONDS = 0.2

# Neo's window: how long to keep away where a 429 does not say it.
USUAL_PAUSE_SECONDS = 60.0
# A header that names more is a mistake, or nothing that anybody here can wait for.
LONGEST_RETRY_AFTER_SECONDS = 3600.0


def after_failure(
    error: Exception, *, may_repeat: bool, tries: int, left_seconds: float
) -> bool | float:
    """Say whether to send again: no, after the usual back-off (True), or after so many seconds.

    What was certainly not done may be sent again whatever it is: a request that Neo itself
    refused at the door, and one for which there was never a connection.

    Args:
        error: What became of the last attempt.
        may_repeat: Whether sending twice does no more than sending once.
        tries: How many attempts there have been.
        left_seconds: Until the call's deadline; a pause that does not fit in is not begun.
    """
    fits = longest_back_off(tries) < left_seconds
    match error:
        case NeoRateLimited(status=None):
            return False  # this client's own: what fits in the deadline has been waited for
        case NeoRateLimited(retry_after_seconds=wait, code=code):
            refused_by_neo = code is not None
            if not (may_repeat or refused_by_neo) or wait >= left_seconds:
                return False
            return wait or fits
        case NeoUnreachable(sent=False):
            return fits
        case NeoUnavailable(status=status):
            in_trouble = status is None or status >= httpx.codes.INTERNAL_SERVER_ERROR
            return may_repeat and in_trouble and fits
        case _:
            return False


def attempts(on: Callable[[Exception], bool | float]) -> AsyncIterator[stamina.Attempt]:
    """At most `ATTEMPTS`, as `on` decides after each that failed."""
    return stamina.retry_context(
        on=on,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=_FIRST_PAUSE_SECONDS,
        wait_max=_LONGEST_PAUSE_SECONDS,
        wait_jitter=_JITTER_SECONDS,
    ).__aiter__()


def longest_back_off(tries: int) -> float:
    """The longest that the usual back-off can be after so many attempts, in seconds."""
    back_off = _FIRST_PAUSE_SECONDS * 2.0 ** (tries - 1) + _JITTER_SECONDS
    return min(back_off, _LONGEST_PAUSE_SECONDS)


def pause_of(headers: httpx.Headers, *, now: datetime) -> float | None:
    """``Retry-After`` in seconds, of either form; None where it is neither.

    A date is measured against the answer's own ``Date``, so that clocks need not agree; `now`
    serves where there is none.
    """
    said = headers.get("Retry-After", "")
    try:
        seconds = float(said)
    except ValueError:
        at = _moment(said)
        if at is None:
            return None
        seconds = (at - (_moment(headers.get("Date", "")) or now)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _moment(http_date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
