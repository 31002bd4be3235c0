"""A message as it came -> the words that a person can have seen, or nothing at all.

The questions' `normalise` throws away what it cannot use. Here that would be dangerous: whoever
reads an order must not see fewer characters than its writer, or others. So whatever is hidden,
quoted or marked up beyond a line break makes the whole text unfit to be an order.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.normalise import LONGEST
from bot.messaging import Mention

# Of other scripts, of old type and of emoji too; and the Greek one, which looks like a semicolon.
QUESTION_MARKS = frozenset(
    "?\u00bf\u037e\u055e\u061f\u1367\u203d\u2047\u2048\u2049\u2753\u2754\u2e2e\ufe16\ufe56\uff1f"
)

_MENTION = re.compile(r"<at\b[^<>]{0,200}>([^<>]{0,200})</at>", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br ?/?>|<(?:p|div)>|</(?:p|div)>", re.IGNORECASE)
# Nothing in it is marked up, written as an entity or unseen: so are most texts.
_ORDINARY = re.compile(r"[ -%'-;=@-~]*")
_TAG = re.compile(r"<[a-z!/?]", re.IGNORECASE)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # Persian needs the one, emoji the other

# A mention stands in the text as one private character, which no text that is read contains.
_FIRST = 0xE000
_MOST = 0x100
_BOT = chr(_FIRST + _MOST)


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without markup.

    Attributes:
        text: With line breaks as typed, each mention of a person being one character.
        asks: Whether there was a question mark anywhere in it.
        mentions: The people mentioned.
    """

    text: str
    asks: bool
    mentions: tuple[Mention, ...]

    @property
    def line(self) -> str:
        """The text on one line."""
        return " ".join(self.text.split())

    def mention(self, part: str) -> Mention | None:
        """Who is mentioned by ``part`` of the text, if it is a mention and nothing else."""
        place = ord(part) - _FIRST if len(part) == 1 else -1
        return self.mentions[place] if 0 <= place < len(self.mentions) else None

    def restored(self, part: str) -> str:
        """A part of the text with the names of those mentioned in it."""
        names = {_FIRST + at: _shown(who) for at, who in enumerate(self.mentions)}
        return part.translate(names)


def plain(text: str, mentions: Sequence[Mention] = ()) -> Plain | None:
    """What was typed, without the bot's own mention at either end.

    None where the text is too long, has markup or hidden characters in it, mentions somebody
    whom Teams does not name, or two people by the same words.
    """
    if len(text) > LONGEST:
        return None
    if not mentions and _ORDINARY.fullmatch(text):
        return Plain(text.strip(), "?" in text, ())
    people = {who.text: who for who in mentions[:_MOST]}
    if any(people[who.text].teams_id != who.teams_id for who in mentions[:_MOST]):
        return None
    named = {words: chr(_FIRST + at) for at, words in enumerate(people)}
    pieces: list[str] = []
    at = 0
    for found in _MENTION.finditer(text):
        pieces += [_typed(text[at : found.start()]), named.get(found[0], _BOT)]
        at = found.end()
    pieces.append(_typed(text[at:]))
    if "\0" in pieces:
        return None
    whole = "".join(pieces).strip()
    addressed = whole.lstrip(f"{_BOT} ")
    if addressed != whole:
        addressed = addressed.lstrip(" ,:")
    addressed = addressed.rstrip(f"{_BOT} \n")
    if _BOT in addressed:
        return None
    asks = not QUESTION_MARKS.isdisjoint(text) or not QUESTION_MARKS.isdisjoint(addressed)
    return Plain(addressed, asks, tuple(people.values()))


def _typed(piece: str) -> str:
    """One piece between mentions, as plain text; NUL where it has something to hide."""
    unmarked = _LINE_BREAK.sub("\n", piece)
    if _TAG.search(unmarked):
        return "\0"
    seen = html.unescape(unmarked).replace("\r\n", "\n").replace("\r", "\n")
    seen = seen.replace("\u00a0", " ").replace("\t", " ")
    hides = (unicodedata.category(c) in _HIDDEN and c not in f"\n{_JOINERS}" for c in seen)
    return "\0" if any(hides) else seen


def _shown(who: Mention) -> str:
    words = _MENTION.fullmatch(who.text)
    return html.unescape(words[1]) if words else who.name
