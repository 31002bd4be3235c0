"""Words as typed -> words as known: shapes, sayings and slips of the finger."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import OSA

from bot.chat.real_words import REAL_WORDS
from bot.chat.words import SAYINGS

MOST_WORDS = 60
"""Words of a text that are read; whoever types more is not asking one of our questions."""

SHORTEST_TYPO = 4
"""Shorter words must match exactly: with three letters everything is a slip of everything."""

_SHAPES = re.compile(
    r"""
      (?P<TICKET_ID>  \#?\bT\d{6,8}\.\d{2,6}\b )
    | (?P<DATE>       \b(?:19|20)\d\d[-/](?:0?[1-9]|1[0-2])[-/]\d{1,2}\b )
    | (?P<CLOCK>      \b\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\b)? | \b\d{1,2}\s?[ap]\.?m\b )
    | (?P<HASH>       \#\s?\d{1,18}\b )
    | (?P<WORD>       \w+(?:['-]\w+)* )
    | (?P<QMARK>      \? )
    | (?P<QUOTE>      " )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LENGTH = re.compile(r"(\d{1,4})(m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|months?)")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_PREFIXED_ID = re.compile(r"(?:exec|execution|run|exe|job|sess|session|chat)[-_][\w-]*\d[\w-]*")
_CODE = re.compile(r"([a-z]{2,6})-\d{2,12}")  # a ticket of another system: CS-1234
_GLUED = re.compile(r"([a-z]{3,})(\d+)")
_HEX = re.compile(r"[0-9a-f]{6,}")
_HEX_LETTERS = re.compile(r"[a-f]{8,}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONG_ID = 12
_CHANGES_IN_ID = 3
_BIG_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One word or saying of a text.

    Attributes:
        kind: the grammar's terminal for it; OTHER if it means nothing to us.
        typed: as the person wrote it.
        key: the known word it stands for, or itself in lower case.
    """

    kind: str
    typed: str
    key: str


class Lexicon:
    """Reads a normalised text into words of known kinds."""

    def __init__(self) -> None:
        self._sayings: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._vocabulary: set[str] = set()
        worth_correcting: set[str] = set()
        for kind, listed in SAYINGS.items():
            for saying in re.split(r"[|\n]", listed):
                if words := tuple(saying.split()):
                    self._sayings[words[0]].append((words, kind))
                    self._vocabulary.update(words)
                    if len(words) == 1 and kind not in {"NOISE", "HELLO"}:
                        worth_correcting.update(words)
        for entries in self._sayings.values():
            entries.sort(key=lambda entry: -len(entry[0]))
        self._neighbours = Neighbours(worth_correcting)

    def knows(self, word: str) -> bool:
        """Whether that very word, in lower case, is one of ours."""
        return word in self._vocabulary

    def spelled(self, word: str) -> str:
        """The known word that `word`, in lower case, was meant to be; itself if there is none."""
        if word in self._vocabulary or word in REAL_WORDS:
            return word
        stem = word.removesuffix("'s")
        return stem if stem in self._vocabulary else self._neighbours.nearest(word) or word

    def shapes(self, text: str) -> list[Word]:
        """The text cut into words; those with a shape of their own (ids, clock times) have a kind.

        At most `MOST_WORDS` and a few more; the others are OTHER until `kinds` has seen them.
        """
        words: list[Word] = []
        for match in _SHAPES.finditer(text):
            typed, kind = match.group(), match.lastgroup or "WORD"
            words.extend(self._cut(typed) if kind == "WORD" else [Word(kind, typed, typed.lower())])
            if len(words) >= MOST_WORDS:
                break
        return words

    def kinds(self, words: Sequence[Word]) -> list[Word]:
        """`words` with sayings joined and each known one given its kind."""
        keys = [self.spelled(w.key) if w.kind == "OTHER" else "" for w in words]
        read: list[Word] = []
        at = 0
        while at < len(words):
            for saying, kind in self._sayings.get(keys[at], ()):
                end = at + len(saying)
                if tuple(keys[at:end]) == saying:
                    typed = " ".join(w.typed for w in words[at:end])
                    read.append(Word(kind, typed, " ".join(saying)))
                    at = end
                    break
            else:
                read.append(words[at])
                at += 1
        return read

    def _cut(self, typed: str) -> Iterable[Word]:
        low = typed.lower()
        if low in self._vocabulary:
            yield Word("OTHER", typed, low)
        elif looks_like_id(low):
            yield Word("RUN_ID", typed, low)
        elif (code := _CODE.fullmatch(low)) and code[1] not in self._vocabulary:
            yield Word("MIXED", typed, low)
        elif "-" in typed or "_" in typed:
            for part in re.split(r"[-_]+", typed):
                if part:
                    yield from self._cut(part)
        else:
            glued = _GLUED.fullmatch(low)
            if glued and glued[1] in self._vocabulary:  # "til481", "last5"
                typed, low = typed[len(glued[1]) :], glued[2]
                yield Word("OTHER", glued[1], glued[1])
            yield from _alphanumeric(typed, low)


class Neighbours:
    """Finds the known word that a misspelt one was meant to be."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        for word in sorted(words):
            if len(word) >= SHORTEST_TYPO and word.isalpha():
                self._by_letter[word[0]].append(word)

    def nearest(self, word: str) -> str | None:
        """The nearest word within the slips that its length allows, or None."""
        if len(word) < SHORTEST_TYPO or not word.isalpha():
            return None
        found: tuple[int, int, str] | None = None
        for known in self._by_letter[word[0]] + self._by_letter[word[1]]:
            slips = slips_between(word, known)
            if slips is not None:
                found = min(found or (99, 0, ""), (slips, -len(known), known))
        return found[2] if found else None


def slips_between(word: str, known: str) -> int | None:
    """How many slips (a letter wrong, missing, doubled, two swapped) turn `known` into `word`.

    None if they are more than the length allows: four letters may be swapped or one of them
    doubled, five to seven allow one slip, eight and more two; the first letter must be right,
    unless it is swapped.
    """
    shortest = min(len(word), len(known))
    if word[0] != known[0] and word[:2] != known[1::-1]:
        return None
    allowed = 2 if shortest >= 8 else 1  # noqa: PLR2004 - the docstring's number
    slips = OSA.distance(word, known, score_cutoff=allowed)
    if slips > allowed:
        return None
    if shortest <= SHORTEST_TYPO and slips:
        same_letters = set(word) == set(known)
        return slips if same_letters and word != known else None
    return slips


def looks_like_id(low: str) -> bool:
    """Whether a word in lower case looks like a run's id: ``exec-7f3a``, a UUID, ``8f14e45f``."""
    bare = low.replace("-", "").replace("_", "")
    if _PREFIXED_ID.fullmatch(low) or _HEX_LETTERS.fullmatch(bare):
        return True
    if bare.isdigit() or not any(c.isdigit() for c in bare) or not bare.isascii():
        return False
    if _LENGTH.fullmatch(bare) or _ORDINAL.fullmatch(bare):
        return False
    changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(bare))
    return (
        bool(_HEX.fullmatch(bare))
        or len(bare) >= _LONG_ID
        or (len(bare) >= _BIG_NUMBER + 2 and changes >= _CHANGES_IN_ID)
    )


def _alphanumeric(typed: str, low: str) -> Iterable[Word]:
    if low.isascii() and low.isdigit():
        kind = "YEAR" if _YEAR.fullmatch(low) else "BIG_NUMBER"
        yield Word(kind if len(low) >= _BIG_NUMBER else "NUMBER", typed, low)
    elif length := _LENGTH.fullmatch(low):
        yield Word("NUMBER", length[1], length[1])
        yield Word("UNIT", length[2], length[2])
    elif ordinal := _ORDINAL.fullmatch(low):
        yield Word("ORDINAL", typed, ordinal[1])
    elif any(c.isdigit() for c in low) and any(c.isalpha() for c in low):
        yield Word("MIXED", typed, low)
    else:
        yield Word("OTHER", typed, low.strip("'"))
