"""The windows of time that figures are asked for."""

from datetime import UTC, datetime, timedelta

from bot.sandbox import params
from bot.sandbox.calls import Call
from bot.sandbox.envelope import invalid
from bot.sandbox.refusals import unprocessable

_USUAL = timedelta(hours=24)
_EARLIEST = datetime.min.replace(tzinfo=UTC) + _USUAL


def required(call: Call, since: str, until: str) -> tuple[datetime, datetime]:
    """A window whose ends the contract wants; the end is not included.

    Raises:
        ApiError: 400 for an instant that cannot be read, 422 for an end before the beginning.
    """
    begin = params.as_instant(call.query[since], since)
    end = params.as_instant(call.query[until], until)
    check_order(begin, end, until)
    return begin, end


def recent(
    call: Call, *, longest: timedelta | None = None, since: str = "since", until: str = "until"
) -> tuple[datetime, datetime]:
    """A window that ends now if nothing else is said, and begins 24 h before its end.

    Raises:
        ApiError: 400 for an instant that cannot be read or a window that is too long, 422 for an
            end before the beginning.
    """
    # A run that begins this instant still belongs to the window.
    end = params.instant(call, until) or call.now + timedelta(microseconds=1)
    given = params.instant(call, since)
    begin = given or (end - _USUAL if end > _EARLIEST else end)
    check_order(begin, end, until)
    if longest is not None and end - begin > longest:
        raise invalid(since, f"The window must not be longer than {longest.days} days.")
    return begin, end


def check_order(begin: datetime, end: datetime, field: str) -> None:
    """Check that a window does not end before it begins.

    Raises:
        ApiError: 422 that names the end.
    """
    if end < begin:
        raise unprocessable(field, f"{field} lies before the window's beginning.")
