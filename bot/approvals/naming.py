"""What a request names, wherever it does: Neo has no fields for it, and each agent its own words.

What is in doubt counts as named: it only ever adds a demand, or takes a right away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.approvals.risks import worded
from bot.neo.models import Approval
from cards.card import plain

_ASKED: Final = re.compile(
    r"request(?:e|o)rs?\b|requested ?by\b|initiator|initiated ?by\b|submitter|submitted ?by\b"
)
# What a text is whose field is called so; in the field of the requester itself it is that too.
_ID_OR_NAME: Final = re.compile(
    rf"id\b|name|mail\b|upn\b|\b(?:user|person|account|principal|login|value)\b|{_ASKED.pattern}"
)

Words = frozenset[str]


def requesters_of(approval: Approval) -> tuple[Words, ...]:
    """The words of each id and name of who asked for it, as far as Neo says."""
    named = (
        _words(text)
        for field, text in _texts(approval, _ASKED)
        if _ID_OR_NAME.search(field) and plain(text)
    )
    return tuple(dict.fromkeys(named))


def is_among(name: str, named: tuple[Words, ...]) -> bool:
    """Whether an id or a name is one of those that were named.

    "Bowen, Megan" is Megan Bowen, and so is "Megan Bowen (megan@contoso.example)".
    """
    mine = _words(name)
    return any(mine == words or (len(mine) > 1 and mine <= words) for words in named)


def _words(text: str) -> Words:
    return frozenset(worded(plain(text).lower()).split())


def _texts(approval: Approval, wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Every text in or below a field that is called so, at any depth.

    With each come the words of its own field's name.
    """
    waiting: list[tuple[str, bool, Any]] = [
        ("", False, approval.requested_for),
        ("", False, approval.model_extra),
    ]
    while waiting:
        field, inside, held = waiting.pop()
        if isinstance(held, Mapping):
            for key, part in held.items():
                called = worded(str(key))
                waiting.append((called, inside or bool(wanted.search(called)), part))
        elif isinstance(held, list | tuple):
            waiting += [(field, inside, part) for part in held]
        elif inside and isinstance(held, str | int):
            yield field, str(held)
