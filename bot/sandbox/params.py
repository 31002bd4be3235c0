"""What the contract leaves open about a value: cursors, instants, months, words in a list.

Types, ranges and enums are checked before an operation is called; see `contract`.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import invalid, not_found
from bot.sandbox.reports import month_bounds

Item = TypeVar("Item")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,18}")


def path_integer(call: Call, name: str, what: str) -> int:
    """A numeric id of the path; `what` names the thing, such as "agent".

    Raises:
        ApiError: 404, since no id that is not a number belongs to anything.
    """
    if not _DIGITS.fullmatch(call.path[name]):
        raise not_found(f"There is no {what} with this id.")
    return int(call.path[name])


def words(call: Call, name: str) -> frozenset[str] | None:
    """Comma-separated values in upper case; None when nothing is asked for."""
    text = call.query.get(name, "")
    found = frozenset(word.strip().upper() for word in text.split(",") if word.strip())
    return found or None


def instant(call: Call, name: str) -> datetime | None:
    """An ISO 8601 instant of the query (aware UTC); without an offset it is UTC."""
    text = call.query.get(name)
    return None if text is None else as_instant(text, name)


def as_instant(text: str, field: str) -> datetime:
    """An ISO 8601 instant (aware UTC); without an offset it is UTC.

    Raises:
        ApiError: 400 that names the field.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, f"{field} must be an ISO 8601 date and time.") from None


def month(call: Call) -> str:
    """YYYY-MM, the running month if not given."""
    text = str(call.query.get("month", f"{call.now:%Y-%m}"))
    try:
        begin, _end = month_bounds(text)
    except (ValueError, OverflowError):
        raise invalid("month", "month must be written YYYY-MM.") from None
    if f"{begin:%Y-%m}" != text:
        raise invalid("month", "month must be written YYYY-MM.")
    return text


def cursor_of(kind: str, at: datetime, identifier: int) -> str:
    """A cursor that names the last item of a page, so new items do not shift the next one."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(json.dumps([kind, micros, identifier]).encode()).decode()


def cursor(call: Call, kind: str) -> tuple[datetime, int] | None:
    """The (instant, id) of the last item already seen; None at the beginning."""
    text = call.query.get("cursor")
    if text is None:
        return None
    try:
        named, micros, identifier = json.loads(
            base64.b64decode(text, altchars=b"-_", validate=True)
        )
        if named == kind and type(micros) is int and type(identifier) is int:
            return _EPOCH + timedelta(microseconds=micros), identifier
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise invalid("cursor", "The cursor is not one that this list gave out.")


def page(
    call: Call,
    items: Iterable[Item],
    draw: Callable[[Item], Any],
    *,
    kind: str,
    key: Callable[[Item], tuple[datetime, int]],
) -> Answer:
    """One page of items that begin behind the cursor.

    Args:
        call: Tells the size of the page.
        items: Those not yet seen, in order; no more are taken than the page needs.
        draw: An item as the API shows it.
        kind: The list's name in its cursors.
        key: By what the cursor finds an item again.
    """
    size: int = call.query["page_size"]
    found = list(islice(items, size + 1))
    shown, has_more = found[:size], len(found) > size
    next_cursor = cursor_of(kind, *key(shown[-1])) if has_more else None
    return Answer(
        [draw(item) for item in shown], {"has_more": has_more, "next_cursor": next_cursor}
    )
