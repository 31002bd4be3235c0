"""What the connector's answers mean: again now, again later, or never."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

import httpx

from bot.errors import ConversationClosed, MessageGone, SendError, SendLater, SendRejected
from bot.transport import Answered

# Source: Microsoft Learn, "Optimize your bot: rate limiting and best practices in Teams".
AGAIN: Final = frozenset({412, 429, 502, 503, 504})
CLOSED: Final = frozenset(
    {
        "BotNotInConversationRoster",
        "ConversationBlockedByUser",
        "BotDisabledByAdmin",
        "ConversationNotFound",
    }
)
LONGEST_WAIT_SECONDS: Final = 2.0
"""A longer Retry-After is waited for by a job, not by a turn."""
LONGEST_PAUSE_SECONDS: Final = 3600.0
"""No Retry-After is believed beyond this."""


class Trouble(Exception):
    """An attempt that failed for now.

    Args:
        again: Whether it is safe to repeat the attempt at once.
        arrived: Whether the connector may have taken it all the same.
        pause_seconds: What ``Retry-After`` asked for, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool,
        arrived: bool = False,
        pause_seconds: float | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.again = again
        self.arrived = arrived
        self.pause_seconds = pause_seconds
        self.status = status
        self.code = code

    @classmethod
    def of_response(cls, response: Answered, *, now: datetime) -> Self | None:
        """The trouble that an answer tells of, or None."""
        status = response.status
        if status == httpx.codes.UNAUTHORIZED:
            # Not the card's fault: an administrator can mend it, and the job comes again.
            message = "The connector refuses the bot's token. Check the app's id and secret."
            return cls(message, again=False, status=status, code=_code(response))
        if status not in AGAIN:
            return None
        pause = retry_after(response.headers.get("Retry-After"), now=_sent_at(response) or now)
        return cls(
            f"The connector answered {status}.",
            again=pause is None or pause <= LONGEST_WAIT_SECONDS,
            pause_seconds=pause,
            status=status,
            code=_code(response),
        )


def reason(error: Exception) -> bool | float:
    """Whether to repeat an attempt, and after how many seconds if the connector named them."""
    if not isinstance(error, Trouble) or not error.again:
        return False
    return True if error.pause_seconds is None else error.pause_seconds


def said_later(trouble: Trouble) -> SendLater:
    """What the caller hears of a trouble that lasted."""
    return SendLater(
        str(trouble),
        retry_after_seconds=trouble.pause_seconds,
        may_have_arrived=trouble.arrived,
        status=trouble.status,
        code=trouble.code,
    )


def refusal(response: Answered, *, editing: bool) -> SendError:
    """What an answer means that is neither success nor trouble for now."""
    status, code = response.status, _code(response)
    if status in {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND} and code in CLOSED:
        return ConversationClosed("The bot may not write there.", status=status, code=code)
    if code == "ActivityNotFound" or (editing and status == httpx.codes.NOT_FOUND):
        return MessageGone("The message no longer exists.", status=status, code=code)
    return SendRejected(f"The connector answered {status}.", status=status, code=code)


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks for, within bounds; None if there is none to be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return min(float(header), LONGEST_PAUSE_SECONDS)
    try:
        seconds = (parsedate_to_datetime(header) - now).total_seconds()
    except (ValueError, TypeError):  # neither seconds nor a date with a zone
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def _sent_at(response: Answered) -> datetime | None:
    """The answer's own date: the two clocks need not agree."""
    try:
        sent = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return sent if sent.tzinfo else None


def _code(response: Answered) -> str | None:
    try:
        content: Any = response.json()
    except ValueError:
        return None
    error = content.get("error", content) if isinstance(content, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code[:80] if isinstance(code, str) else None
