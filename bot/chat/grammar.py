"""Text -> `Query`: the words of a text, the phrases among them, the question they make.

`lexicon.py` says what each word is, `names.py` finds the agents, `grammar.lark` has the phrases,
`reading.py` says what each phrase means, `intents.py` which question the whole is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken

from bot.chat.examples import EXAMPLES, Example, closest_questions
from bot.chat.intents import Sentence, query
from bot.chat.lexicon import Lexicon, Word
from bot.chat.names import Named, Names, nearest_agents
from bot.chat.normalise import normalise
from bot.chat.periods import Calendar
from bot.chat.query import Query
from bot.chat.reading import Said, note

__all__ = ["EXAMPLES", "Example", "Grammar", "Query", "closest_questions", "nearest_agents"]

_AS_TYPED = {"RUN_ID", "MIXED", "TICKET_ID", "OTHER"}
_PASSED_OVER = {"NOISE", "QMARK"}
_LONGEST_PHRASE = 10
_MOST_KEPT, _LONGEST_KEPT = 256, 100
_TIMELY = {"plain", "since", "until", "before", "before_unit", "between", "day_between"}
_SPENT = _TIMELY | {"denied", "undecided", "excepted", "failed", "did_decide", "state_of_things"}
"""Phrases whose words say nothing else: in "did not fail" nothing failed."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    start: int
    end: int
    tree: Tree[Token]

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Longer phrases first, times before the rest, then the earlier."""
        child = self.tree.children[0]
        timely = isinstance(child, Tree) and child.data in _TIMELY
        return -(self.end - self.start), not timely, self.start


@dataclass(slots=True)
class _Found:
    plain: str
    words: Sequence[Word]
    named: Sequence[Named]
    telling: Sequence[Word]
    phrases: Sequence[_Phrase]
    """By their places among the telling words."""
    timeless: Query | None = None
    """What is asked for, if that is the same whenever and wherever it is said."""


@cache
def _phrase_grammar() -> Lark:
    source = resources.files("bot.chat").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(source, parser="lalr", start="start", maybe_placeholders=False)


@cache
def _lexicon() -> Lexicon:
    return Lexicon()


class Grammar:
    """Reads what technicians type. Cheap to build, so build one per list of agents.

    Args:
        agents: the exact names of the agents there are.
    """

    def __init__(self, agents: Sequence[str] = ()) -> None:
        self._lark = _phrase_grammar()
        self._lexicon = _lexicon()
        self._names = Names(agents, self._lexicon)
        # People, and the buttons of cards, ask the same few things again and again.
        self._known = lru_cache(_MOST_KEPT)(self._found)

    def parse(self, text: str, *, now: datetime, zone: ZoneInfo) -> Query:
        """What `text` asks for. Any text has an answer: what fits nothing is `ask`.

        Args:
            text: as it came, mentions, tags and entities included; the first 4,000 characters.
            now: the present moment, aware.
            zone: the person's; days begin at its midnight.
        """
        found = self._known(text) if len(text) <= _LONGEST_KEPT else self._found(text)
        if found.timeless is not None:
            return found.timeless
        calendar = Calendar(now, zone)
        said, times = _said(found, calendar)
        asked = query(Sentence(found.words, said, times, found.named), found.plain)
        if not calendar.asked:
            found.timeless = asked
        return asked

    def _found(self, text: str) -> _Found:
        """What stands in a text, whenever and wherever it is said."""
        plain = normalise(text)
        words, named = self._read(self._lexicon.shapes(plain))
        telling = [word for word in words if word.kind not in _PASSED_OVER]
        return _Found(plain, words, named, telling, self._phrases(telling))

    def _read(self, shapes: Sequence[Word]) -> tuple[list[Word], list[Named]]:
        """The words with their kinds; those that name an agent are one AGENT_NAME each."""
        named = self._names.find(shapes)
        words: list[Word] = []
        at = 0
        for name in named:
            words += self._lexicon.kinds(shapes[at : name.start])
            typed = " ".join(w.typed for w in shapes[name.start : name.end])
            words.append(Word("AGENT_NAME", typed, typed.lower()))
            at = name.end
        words += self._lexicon.kinds(shapes[at:])
        last = max((i for i, w in enumerate(words) if w.kind not in _PASSED_OVER), default=-1)
        if words and words[last].kind == "ON":
            words[last] = Word("ENABLED", words[last].typed, words[last].key)  # "is dispatch on?"
        return words, named

    def _phrases(self, words: Sequence[Word]) -> list[_Phrase]:
        """The phrases among the words, in their order; each word is part of one at most."""
        tokens = [Token(w.kind, w.typed if w.kind in _AS_TYPED else w.key) for w in words]
        found = [p for at in range(len(tokens)) if (p := self._longest(tokens, at))]
        taken: set[int] = set()
        chosen: list[_Phrase] = []
        for phrase in sorted(found, key=lambda p: p.rank):
            places = set(range(phrase.start, phrase.end))
            if not places & taken:
                taken |= places
                chosen.append(phrase)
        return sorted(chosen, key=lambda p: p.start)

    def _longest(self, tokens: Sequence[Token], start: int) -> _Phrase | None:
        """The longest phrase that begins at `start`."""
        for end in self._possible_ends(tokens, start):
            parser = self._lark.parse_interactive()
            try:
                for token in tokens[start:end]:
                    parser.feed_token(token)
                return _Phrase(start, end, parser.feed_eof())  # type: ignore[no-untyped-call] # lark's
            except UnexpectedToken:
                continue
        return None

    def _possible_ends(self, tokens: Sequence[Token], start: int) -> list[int]:
        """Where a phrase from `start` may end, the farthest first."""
        parser = self._lark.parse_interactive()
        ends: list[int] = []
        for at, token in enumerate(tokens[start : start + _LONGEST_PHRASE], start):
            try:
                parser.feed_token(token)
            except UnexpectedToken:
                break
            if "$END" in parser.choices():  # type: ignore[no-untyped-call] # lark's
                ends.append(at + 1)
        return ends[::-1]


def _said(found: _Found, calendar: Calendar) -> tuple[Said, tuple[Word, ...]]:
    """What the phrases say, and the words that were spent on times or denials."""
    said = Said()
    spent: list[Word] = []
    for phrase in found.phrases:
        child = phrase.tree.children[0]
        rule = child.data if isinstance(child, Tree) else ""
        if note(phrase.tree, calendar, said) and rule in _SPENT:
            spent += found.telling[phrase.start : phrase.end]
    return said, tuple(spent)
