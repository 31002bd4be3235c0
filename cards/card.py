"""What a card is to the rest of the product, and how text from outside is made harmless."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

LARGEST_BYTES: Final = 28_000
"""No card is larger than this, counted as JSON in ASCII."""

# Teams fills in dates written so, wherever they stand: outside text could forge a time with them.
_TEMPLATE = re.compile(r"\{\{(?=\s*(?:DATE|TIME))", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_SPACES = "\n\r\t\v\f\u2028\u2029\x85"
_JOINER = "\u200d"  # holds composed emoji together
_SPACES += "\u115f\u1160\u2800\u3164\uffa0"  # letters and a pattern of dots that are drawn as one
# What belongs to the character before it, and is nothing without one.
_LOOSE = re.compile(r"(?<!\S)[\u0300-\u036f\u180b-\u180f\u200d\ufe00-\ufe0f]+")

# Marks that go over, under and around a letter. No word has more than three on one; a hundred reach
# into the lines beside it and hide them.
_MARKS = (
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff"
    r"\u20d0-\u20ff\ufe20-\ufe2f]"
)
_PILE = re.compile(f"({_MARKS}{{3}}){_MARKS}+")


class _Visible(dict[int, str]):
    """What `str.translate` makes of each character; looked up once for each that ever comes."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        shown = char == _JOINER or unicodedata.category(char) not in _INVISIBLE
        self[code] = " " if char in _SPACES else char if shown else ""
        return self[code]


_VISIBLE: Final = _Visible()


@dataclass(frozen=True, slots=True)
class Card:
    """An Adaptive Card and the same thing in words.

    Attributes:
        content: The card, plain JSON, schema 1.5.
        summary: Its whole meaning in words: one or two sentences, then a line for each line of a
            list. Not Markdown.
        approval: Id of the approval that this card is a copy of, so that every copy can be redrawn.
        shows: Fingerprint of what it shows of that approval; where that is no longer so, or None,
            the card has to be redrawn.
    """

    content: dict[str, Any]
    summary: str
    approval: str | None = None
    shows: str | None = None
    _encoded: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def encoded(self) -> bytes:
        """The content as JSON in UTF-8. Made once: after that the content must not change."""
        if not self._encoded:
            self._encoded.append(orjson.dumps(self.content))
        return self._encoded[0]

    @property
    def size(self) -> int:
        """Bytes of the card on the wire, at most (JSON in ASCII)."""
        return len(json.dumps(self.content))


def plain(text: str | None, limit: int = 240) -> str:
    """Outside text made harmless: one line that shows as it was typed.

    Control, bidirectional and other invisible characters are removed, of marks piled on a letter
    three are kept, white space is folded, and what is longer than ``limit`` characters ends at a
    word with "…". Markdown is not escaped: `cards.parts` draws outside text with elements that
    know none, because Teams on phones shows the backslashes of an escape.
    """
    # Cut before cleaning, so that a text of megabytes costs no more than its first lines.
    seen = (text or "")[: limit * 8 + 64]
    simple = seen.isascii() and seen.isprintable()
    kept = seen if simple else _PILE.sub(r"\1", seen.translate(_VISIBLE))
    folded = _TEMPLATE.sub("{\u2060{", " ".join(kept.split()))
    if len(folded) <= limit and len(text or "") == len(seen):
        return folded
    return _shortened(folded, limit)


def as_seen(text: str) -> str:
    """A text of several lines as people see it: without what is invisible, at its ends or between.

    What cannot be seen alone is empty so, and each line begins as it looks.
    """
    lines = (line.translate(_VISIBLE) for line in text.splitlines())
    return "\n".join(_LOOSE.sub("", line).rstrip() for line in lines).strip()


def _shortened(text: str, limit: int) -> str:
    head = text[: max(limit - 1, 0)]
    at_word = head.rfind(" ")
    if len(text) > len(head) and at_word > limit // 2:
        head = head[:at_word]
    return head.rstrip(" ,;:.-") + "…"
