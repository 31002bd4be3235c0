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
_CLIENT: Final = re.compile(r"\b(?:client|customer|company|organi[sz]ation|account)")
_TOOL: Final = re.compile(r"\b(?:tool|function)")
# "INTUNE_WIPE", "intune.wipe", "wipeDevice": no address, no sentence.
_IDENTIFIER: Final = re.compile(r"[^\W\d]\w*(?:[.:/-]\w+)*")
_SHOUTED: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")

Words = frozenset[str]


def requesters_of(approval: Approval) -> tuple[Words, ...]:
    """The words of each id and name of who asked for it, as far as Neo says."""
    named = (
        _words(text)
        for field, text in _texts(approval, _ASKED)
        if _ID_OR_NAME.search(field) and plain(text)
    )
    return tuple(dict.fromkeys(named))


def clients_of(approval: Approval) -> frozenset[str]:
    """Every client company that it may be about."""
    return frozenset(name for _, text in _texts(approval, _CLIENT) if (name := plain(text)))


def tools_of(approval: Approval) -> frozenset[str]:
    """Every tool that it may be about.

    That is all that is said in or below a field of tools, names of fields there too, and elsewhere
    whatever is written as tools are.
    """
    found = set()
    for inside, field, text in _walk(approval, _TOOL):
        name, key = plain(text, 120), plain(field, 120)
        if inside or _IDENTIFIER.fullmatch(name):
            found.add(name)
        if inside or _SHOUTED.fullmatch(key):
            found.add(key)
    return frozenset(found - {""})


def is_among(name: str, named: tuple[Words, ...]) -> bool:
    """Whether an id or a name is one of those that were named.

    "Bowen, Megan" is Megan Bowen, and so is "Megan Bowen (megan@contoso.example)".
    """
    mine = _words(name)
    return any(mine == words or (len(mine) > 1 and mine <= words) for words in named)


def _words(text: str) -> Words:
    return frozenset(worded(plain(text).lower()).split())


def _texts(approval: Approval, wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Every text in or below a field that is called so, with the words of its own field's name."""
    for inside, field, text in _walk(approval, wanted):
        if inside and text:
            yield worded(field), text


def _walk(approval: Approval, wanted: re.Pattern[str]) -> Iterator[tuple[bool, str, str]]:
    """Everything that it says, at any depth, each with the name of the field nearest to it.

    The first of the three is whether it stands in or below a field that is called so. An object
    comes as an empty text, because its field's name may say something.
    """
    waiting: list[tuple[bool, str, Any]] = [
        (False, "", approval.requested_for),
        (False, "", approval.model_extra),
    ]
    while waiting:
        inside, field, held = waiting.pop()
        if isinstance(held, Mapping):
            yield inside, field, ""
            for key, part in held.items():
                below = inside or bool(wanted.search(worded(str(key))))
                waiting.append((below, str(key), part))
        elif isinstance(held, list | tuple):
            waiting += [(inside, field, part) for part in held]
        else:
            yield inside, field, str(held) if isinstance(held, str | int) else ""
