"""The words for a span of time that was asked about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cards.words import NBSP, Reader

_MINUTE: Final = 60
_WHOLE_DAYS: Final = 48  # hours from which "the last n days" is the plainer word


def period(since: datetime | None, until: datetime | None, reader: Reader) -> str:
    """As a person says it: "today", "since yesterday", "last week", "since Mon 16 Nov 09:00".

    An end in the future, or none, means up to now. Empty where no time was asked for.
    """
    if until is not None and until >= reader.now:
        until = None
    if since is None:
        return f"before {_at(until, reader)}" if until else ""
    named = _named(since, until, reader)
    if named:
        return named
    if until is None:
        return _rolling(since, reader) or f"since {_at(since, reader)}"
    return f"from {_at(since, reader)} to {_at(until, reader)}"


def _named(since: datetime, until: datetime | None, reader: Reader) -> str:
    today = reader.local(reader.now).date()
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)

    def starts(days_ago: int) -> datetime:
        return reader.midnight(days_ago)

    # Where two are the same span, as today and this week are on a Monday, the later entry wins.
    spans = {
        (starts((today - before).days), starts((today - first).days)): "last month",
        (starts((today - first).days), None): "this month",
        (starts((today - monday).days + 7), starts((today - monday).days)): "last week",
        (starts((today - monday).days), None): "this week",
        (starts(1), None): "since yesterday",
        (starts(1), starts(0)): "yesterday",
        (starts(0), None): "today",
    }
    return spans.get((since, until), "")


def _rolling(since: datetime, reader: Reader) -> str:
    """Words like "in the last 24 h", where it is whole hours back from now."""
    hours, rest = divmod(round((reader.now - since).total_seconds()), 3600)
    if hours <= 0 or _MINUTE < rest < 3600 - _MINUTE:
        return ""
    hours += rest > _MINUTE
    if hours >= _WHOLE_DAYS and hours % 24 == 0:
        return f"in the last {hours // 24}{NBSP}days"
    return f"in the last {hours}{NBSP}h" if hours <= _WHOLE_DAYS else ""


def _at(at: datetime, reader: Reader) -> str:
    local = reader.local(at)
    return reader.day(at) if (local.hour, local.minute) == (0, 0) else reader.exact(at)
