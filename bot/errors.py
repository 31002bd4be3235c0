"""Every error of this project that a caller can react to, one class per way to react.

BotError
├── ConfigurationError      an administrator has to change a setting
├── NeoError                Neo did not do what was asked
│   ├── NeoUnauthorized     the key is refused: nothing works until it is replaced
│   ├── NeoForbidden        the key may not do this
│   ├── NeoNotFound         there is no such thing (or it belongs to another tenant)
│   ├── NeoConflict         it is no longer in the state that this needs
│   ├── NeoInvalid          the request itself is wrong: `field` says where
│   ├── NeoRateLimited      too many requests: again after `retry_after_seconds`
│   └── NeoUnavailable      no usable answer: later, or in Neo itself
│       ├── NeoUnreachable    none at all: no connection, or not in time
│       └── NeoUnintelligible one that is not Neo's: a proxy's page, half an answer
└── SendError               a card did not reach a conversation
    ├── SendLater           again after `retry_after_seconds`
    ├── ConversationClosed  the bot may not write there: stop until it speaks again
    ├── MessageGone         the message to edit no longer exists
    └── SendRejected        this card, as it is, will never be taken
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BotError(Exception):
    """The root; never raised itself. A copy is an equal error that nobody has raised yet."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What is told by keyword is not among the arguments that Python would copy with."""
        return _anew, (type(self), self.args, vars(self).copy())


def _anew(kind: type[BotError], args: tuple[Any, ...], told: dict[str, Any]) -> BotError:
    error = kind.__new__(kind, *args)
    vars(error).update(told)
    return error


class ConfigurationError(BotError):
    """A setting is missing or wrong. The message names it and says what to write."""


class NeoError(BotError):
    """Neo did not do what was asked. Holds what a person needs to ask about it, never a secret.

    Attributes:
        operation: The client's name of the call, e.g. ``approvals.decide``.
        status: HTTP status, or None if there was no answer.
        code: Neo's machine code in lower case, or None.
        details: What else is known about it, such as the offending field; never much.
        request_id: Neo's id of the request, to quote to support, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int | None = None,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.status = status
        self.code = code
        self.details = dict(details or {})
        self.request_id = request_id


class NeoUnauthorized(NeoError):
    """The key is refused: wrong, revoked or expired."""


class NeoForbidden(NeoError):
    """The key is good but may not do this."""


class NeoNotFound(NeoError):
    """No such thing, or it belongs to another tenant."""


class NeoConflict(NeoError):
    """It is no longer in the state that this needs, e.g. decided already."""


class NeoInvalid(NeoError):
    """Neo refuses the request's content; ``field`` names where, if Neo says."""

    @property
    def field(self) -> str | None:
        """The offending field, as Neo names it."""
        field = self.details.get("field")
        return field if isinstance(field, str) and field else None


class NeoRateLimited(NeoError):
    """The tenant's request budget is spent for ``retry_after_seconds``.

    Nothing was done if Neo says so (``code``) or the request was not even sent (no ``status``).

    Attributes:
        retry_after_seconds: When it is worth asking again; assumed where nobody named it.
    """

    def __init__(self, message: str, *, retry_after_seconds: float, **told: Any) -> None:
        super().__init__(message, **told)
        self.retry_after_seconds = retry_after_seconds


class NeoUnavailable(NeoError):
    """No usable answer: Neo is in trouble (5xx), unreachable, or does not speak at all."""


class NeoUnreachable(NeoUnavailable):
    """No answer at all: no connection, or none in time.

    Attributes:
        sent: Whether anything may have been sent: if so, a write may have been done.
    """

    def __init__(self, message: str, *, sent: bool = True, **told: Any) -> None:
        super().__init__(message, **told)
        self.sent = sent


class NeoUnintelligible(NeoUnavailable):
    """An answer that is not Neo's: a proxy's page, half an answer, another envelope."""


class SendError(BotError):
    """A card did not reach a conversation.

    Attributes:
        status: HTTP status of the connector, or None if it was not reached.
        code: The connector's error code, or None.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SendLater(SendError):
    """Throttled, or the connector is in trouble: try again after ``retry_after_seconds``.

    Attributes:
        retry_after_seconds: What the connector asked for, if it did.
        may_have_arrived: It got the card and never answered: a second try may be a second copy.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        may_have_arrived: bool = False,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after_seconds = retry_after_seconds
        self.may_have_arrived = may_have_arrived


class ConversationClosed(SendError):
    """The bot was removed or blocked there."""


class MessageGone(SendError):
    """The message to edit no longer exists."""


class SendRejected(SendError):
    """The connector refuses this card for good (too large, malformed)."""
