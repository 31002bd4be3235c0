"""Finds agents by the names that people give them: whole, half, misspelt, run together."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz import fuzz, process, utils
from rapidfuzz.distance import OSA

from bot.chat.lexicon import Lexicon, Word, slips_between
from bot.chat.words import ABBREVIATIONS

_GLUE = {"and", "the", "of", "for", "a", "an", "to"}
_HEAVY = {
    *("FAILED", "SUCCEEDED", "SKIPPED", "RUNNING", "PENDING", "WAITING", "APPROVED", "REJECTED"),
    *("ENABLED", "DISABLED", "RUN", "RUNS", "APPROVALS", "AGENT", "AGENTS", "DECIDE"),
}
"""Kinds that mean more than a piece of a half name does: "failed backup" says that it failed."""

_EXACT = _HEAVY | {"APPROVAL"}
"""Kinds that belong to a name only as written there: "patch runs" asks for Patch Run's runs."""

_SHORTEST_STEM = 4
_TOO_FAR = 9
_LIKELY = 50.0


@dataclass(frozen=True, slots=True)
class Named:
    """Words of a text that name an agent.

    Attributes:
        start: index of the first word.
        end: index after the last.
        agents: whom they name; several where they fit several equally.
        whole: every word of the name is there.
    """

    start: int
    end: int
    agents: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Meant:
    """A word of a name that typed words can be: which, how many were typed, how well it fits."""

    word: str
    width: int
    quality: float


@dataclass(frozen=True, slots=True)
class _Step:
    """A word of a name found at a place of the text, and its place in the name."""

    meant: _Meant
    at: int
    place: int


class _Rank(NamedTuple):
    """Where words name an agent, and how well: agents of equal rank cannot be told apart."""

    start: int
    end: int
    whole: bool
    quality: float
    covered: float


class Names:
    """The agents' names, prepared once, so that a text is searched in a fraction of a millisecond.

    Args:
        agents: their exact names.
        lexicon: the words that mean something else; they alone name nobody.
    """

    def __init__(self, agents: Sequence[str], lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._names = {agent: words for agent in agents if (words := _words(agent))}
        self._in: dict[str, set[str]] = defaultdict(set)
        for agent, words in self._names.items():
            for word in {*words, "".join(words)}:
                self._in[word].add(agent)
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._in):
            self._by_letter[word[0]].append(word)
        self._kinds = {
            word: lexicon.kinds([Word("OTHER", word, word)])[0].kind for word in self._in
        }

    def find(self, words: Sequence[Word]) -> list[Named]:
        """The names in a text, in order, not overlapping; longer ones first served."""
        means = [self._meant(words, at) for at in range(len(words))]
        named: dict[_Rank, list[str]] = defaultdict(list)
        for at, meant in enumerate(means):
            for agent in {a for m in meant for a in self._in[m.word]}:
                if fit := self._fit(agent, words, means, at):
                    named[fit].append(agent)
        found: list[Named] = []
        for best in sorted(named, key=lambda f: (f.whole, f.end - f.start, *f[3:]), reverse=True):
            if all(best.end <= n.start or best.start >= n.end for n in found):
                agents = tuple(sorted(named[best]))
                found.append(Named(best.start, best.end, agents, best.whole))
        return sorted(found, key=lambda n: n.start)

    def _meant(self, words: Sequence[Word], at: int) -> list[_Meant]:
        """What the typed word at `at`, alone or with the next, can be of a name."""
        key = words[at].key
        meant = []
        if at + 1 < len(words) and (joined := key + words[at + 1].key) in self._in:
            meant.append(_Meant(joined, 2, 1.0))
        if exact := [form for form in _forms(key) if form in self._in]:
            return [*meant, _Meant(exact[0], 1, 1.0 if exact[0] == key else 0.95)]
        if len(key) < _SHORTEST_STEM or words[at].kind != "OTHER" or self._lexicon.knows(key):
            return meant
        corrected = self._lexicon.spelled(key)
        near = _TOO_FAR if corrected == key else OSA.distance(key, corrected)
        for name in {*self._by_letter[key[0]], *self._by_letter[key[1]]}:
            if name.startswith(key) and len(name) <= 2 * len(key):
                meant.append(_Meant(name, 1, 0.9))
            elif len(name) >= _SHORTEST_STEM and key.isalpha():
                slips = slips_between(key, name)
                if slips is not None and slips < near:
                    meant.append(_Meant(name, 1, 0.8 - slips / 10))
        best = max((m.quality for m in meant), default=0.0)
        return [m for m in meant if m.quality == best]

    def _fit(
        self,
        agent: str,
        words: Sequence[Word],
        means: Sequence[Sequence[_Meant]],
        start: int,
    ) -> _Rank | None:
        """The longest reading of the words from `start` on as that agent's name."""
        name = self._names[agent]
        at, place = start, 0
        steps: list[_Step] = []
        while at < len(words):
            step = next((s for m in means[at] if (s := self._step(name, m, at, place))), None)
            if step is None and (not steps or words[at].key not in _GLUE):
                break
            if step:
                steps.append(step)
                place = step.place + 1
            at += step.meant.width if step else 1
        whole = [s.meant.word for s in steps] in (name, ["".join(name)])
        steps = steps if whole else self._trimmed(steps)
        if not steps or not self._names_it(steps, whole=whole, before=words[start - 1 : start]):
            return None
        share = 1.0 if whole else len(steps) / len(name)
        letters = sum(len(s.meant.word) for s in steps) / sum(map(len, name))
        return _Rank(
            start=steps[0].at,
            end=steps[-1].at + steps[-1].meant.width,
            quality=sum(s.meant.quality for s in steps),
            covered=share + letters / 1000,
            whole=whole,
        )

    def _step(self, name: list[str], meant: _Meant, at: int, place: int) -> _Step | None:
        if meant.quality < 1 and self._kinds[meant.word] in _EXACT:
            return None
        if place == 0 and meant.word == "".join(name):
            return _Step(meant, at, len(name))
        found = next((i for i in range(place, len(name)) if name[i] == meant.word), None)
        return None if found is None else _Step(meant, at, found)

    def _trimmed(self, steps: list[_Step]) -> list[_Step]:
        """A half name without the words at its edges that mean something else in a question."""
        while steps and self._loose(steps[0], steps[1:2]):
            steps = steps[1:]
        while steps and self._loose(steps[-1], steps[-2:-1]):
            steps = steps[:-1]
        return steps

    def _loose(self, step: _Step, beside: list[_Step]) -> bool:
        kind = self._kinds[step.meant.word]
        apart = not beside or abs(step.place - beside[0].place) > 1
        return kind in _HEAVY or (kind != "OTHER" and apart)

    def _names_it(self, steps: list[_Step], *, whole: bool, before: Sequence[Word]) -> bool:
        """Whether the words, which may mean something else alone, name an agent."""
        if any(self._kinds[s.meant.word] == "OTHER" for s in steps) or (whole and len(steps) > 1):
            return True
        return whole and bool(before) and before[0].key in {"agent", "bot", "workflow"}


def nearest_agents(said: str, agents: Sequence[str], limit: int = 3) -> list[str]:
    """The agents whose names come nearest to what was said, best first; at most `limit`."""
    hits = process.extract(
        said,
        agents,
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        limit=limit,
        score_cutoff=_LIKELY,
    )
    return [name for name, _, _ in hits]


def _words(name: str) -> list[str]:
    return [w for w in re.findall(r"[^\W_]+", name.lower()) if w not in _GLUE]


def _forms(key: str) -> list[str]:
    """The word itself and its other number, possessive taken off, abbreviations written out."""
    bare = key.removesuffix("'s").replace("'", "")
    forms = [key, bare, ABBREVIATIONS.get(bare, bare), bare + "s"]
    if len(bare) >= _SHORTEST_STEM:
        forms += [bare.removesuffix("s"), bare.removesuffix("es")]
        forms += [bare[:-3] + "y"] if bare.endswith("ies") else []
    return forms
