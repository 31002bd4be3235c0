"""Teams' markup, entities, emoji and invisible characters out; plain text of bounded length in."""

import html
import re
import unicodedata

LONGEST = 4_000
"""Characters of a message that are read; what follows is not looked at."""

_MENTION = re.compile(r"<at\b[^<>]{0,200}>[^<>]{0,200}</at>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z!][^<>]{0,400}>", re.IGNORECASE)
_PLAIN_MENTION = re.compile(r"(?<!\S)@[\w.-]+")
_SLASH_COMMAND = re.compile(r"^\s*[/!]+(?=\w)")
_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u2032\u0060\u00b4\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    },
)
_GONE = {"Cf", "Cs", "Co", "Cn", "Me"}  # zero-width, bidi, surrogates, unassigned, keycaps
_BLANK = {"Cc", "Zs", "Zl", "Zp", "So", "Sk"}  # controls, spaces, emoji
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def normalise(text: str) -> str:
    """Plain text on one line: no mention, tag, entity, emoji or invisible character.

    Case and the punctuation of ids and tickets stay. At most `LONGEST` characters are read.
    """
    plain = _without_markup(html.unescape(_without_markup(text[:LONGEST])))
    plain = unicodedata.normalize("NFKC", plain).translate(_PUNCTUATION)[:LONGEST]
    plain = " ".join("".join(map(_visible, plain)).split())
    return _SLASH_COMMAND.sub("", _PLAIN_MENTION.sub(" ", plain)).strip()


def _without_markup(text: str) -> str:
    return _TAG.sub(" ", _MENTION.sub(" ", text))


def _visible(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    category = unicodedata.category(character)
    if category in _GONE or ord(character) in _VARIATION_SELECTORS:
        return ""
    return " " if category in _BLANK else character
