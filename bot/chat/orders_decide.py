"""`approve 481 client confirmed` -> an order to decide, or nothing where any doubt is left.

Only a sentence that begins with the verb and the number can be one. What follows is the comment,
and it must not take back, put off, widen or question what was said before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from bot.chat.lexicon import Neighbours
from bot.chat.orders_plain import Plain
from bot.chat.words import SAYINGS
from cards.actions import COMMENT_LIMIT

NUMBER: Final = r"[1-9][0-9]{0,29}"
"""An approval's number, in plain figures, and not longer than any that Neo gives."""
PLEASE: Final = r"(?:(?:please|pls|plz|kindly)[ ,]+)?"
NOUN: Final = r"(?:approval|request|til)"

_ORDER = re.compile(
    rf"""
    {PLEASE}(?P<verb>approve|reject|deny|decline)[ ]+
    (?:(?:the[ ]+)?{NOUN}[ ]+)? \#?[ ]?(?P<approval>{NUMBER})
    (?P<rest>.*)
    """,
    re.IGNORECASE | re.ASCII | re.DOTALL | re.VERBOSE,
)
# What was matched is not given back, so that thousands of spaces cost no more than as many words.
_REST = re.compile(
    r"""
    (?: [ ,]++ (?:please|pls|plz)\b )?
    (?: [ ]*+ (?: \. | !*+ ) \s*+
      | (?P<mark> [ ]*+[:;,] | [.!]++(?=\s) | [ ]++[-\u2013\u2014]++(?=\s) | [ ]*+\n ) \s*+
        (?P<after>.+)
      | [ ]++ (?P<run_on>.+)
    )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_QUOTED_LINE = re.compile(r"^ *[>|]", re.MULTILINE)
_ANOTHER_NUMBER = re.compile(
    rf"(?:[,;&]|\b(?:and|or|plus|also|then|not|to|through|thru)\b)\s*(?:{NOUN}\s*)?#?\s*\d"
    rf"|\b{NOUN}s?\s*#?\s*\d"
)
# A number that stands alone, without a word before it that says of what.
_BARE_NUMBER = re.compile(
    r"(?<![\w.,:/@+#-])\#?(?P<number>[0-9]+)(?![\w@]|[.,:/-]\w)", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"\b(?:ticket|case|change|incident|order|invoice|contract|po|sr|cr|room|ext|extension|floor"
    r"|version|build|error|code|port|vlan|server|windows|office)s?"
    r"(?: (?:no|nr|number|id))?[ .:#]*$"
)
_NO_SIGNS = frozenset("👎❌🚫✋🛑⛔✖❎🤔😕🙅🤷")


def _one_of(*listed: str) -> str:
    phrases = {phrase.strip() for phrase in re.split(r"[|\n]", "|".join(listed))} - {""}
    return rf"(?:{'|'.join(sorted(phrases, key=len, reverse=True))})(?![\w'])"


_DAYS = SAYINGS["WEEKDAY"]

# Wherever these stand, it is a condition, a second order, or the first one taken back.
_DOUBTFUL = re.compile(
    r"\b"
    + _one_of(
        "if|unless|until|till|when|whenever|once|whether|provided|providing|assuming|supposing",
        "as soon as|as long as|so long as|in case|subject to|on condition|depending|pending",
        "otherwise|or else|only after|only with|not before|not yet|not now|not sure|not certain",
        "maybe|perhaps|possibly|unsure|dunno|i guess|second thoughts?|never ?mind|nvm|jk|kidding",
        "scratch|strike that|forget it|hold on|hang on|undo|oops|wait|i don't|i dont|i do not",
        "i can't|i mean|i meant|make that|correction|disregard|joking|retract|retracted|abort",
        "aborted|my mistake|wrong one|wrong number|wrong approval|wrong request|wrong id",
        "i cannot|i would not|i wouldn't|i won't|i am not|i'm not|im not",
        "approve|reject|deny|decline|snooze|delegate",
    )
)
# These take an approval back; of what is rejected they may be the reason.
_AMISS = re.compile(
    r"\b"
    + _one_of(
        "mistake|mistaken|wrong|incorrect|in error|sorry|apologies|refuse|refused|refuses|rejected",
        "declined|denied|cancelled|canceled|j k",
    )
)
# These put it off, where no mark divides them from the order.
_LATER = re.compile(
    r"\b"
    + _one_of(
        "tomorrow|tonight|later|yet|soon|eventually|afterwards|next week|next month|next time",
        "probably|i think|i suppose|end of day|eod|cob",
    )
    + r"|\b(?:at|by|in|after|before) "
    + _one_of(r"\d[\w:]*|noon|midday|midnight|lunch")
)
_FILLERS = "(?:please |pls |just |only |really |actually |it |that |this )*"
# With these at its beginning, it is no comment but the rest of the order, or another one.
_GOES_ON = re.compile(
    f"{_FILLERS}(?:"
    + _one_of(
        "never|do not|don't|dont|hold|stop|cancel|ignore|skip|no|not",
        "tomorrow|later|tonight|soon|yet|next|today|probably|eventually|in future|someday|shortly",
        "end of day|eod|cob|noon|midday|midnight|weekend|first thing",
        _DAYS,
        "after|before|and|or|but|nor|plus|also|then|too|instead|except|excluding|as well",
        "all of|all the|all others|everything|everyone|both|others|the others|rest|the rest",
        "said|says|i think|i suppose",
    )
    + "|(?:at|on|in|from|around|by) "
    + _one_of(
        r"\d[\w:]*|the|a|an|noon|midday|midnight|tomorrow|tonight|next|this|end|eod|cob|half",
        "few|couple|another|two|three|four|five|ten",
        _DAYS,
    )
    + "|(?:is|are|was|were|do|does|did|has|have|should|shall|can|could|will|would|may|might|must) "
    + _one_of("i|we|you|it|that|this|he|she|they|there")
    + "|all$)"
)
# Likewise, where no mark divides it from the order: "approve 481 was a mistake".
_RUNS_ON = re.compile(
    _FILLERS
    + _one_of(
        "is|isn't|are|was|wasn't|were|will|won't|would|wouldn't|should|shouldn't|could|can|must",
        "may|might|do|did|didn't|does|doesn't|has|hasn't|had|means|meant|needs|need|button",
        "fails|failed|failing|worked|works|all|every|to|through|thru|along|thereafter",
    )
)
_DENIAL = re.compile(r"\b" + _one_of("no|none|nope|nah", SAYINGS["NOT"]))
_BARE_DENIAL = re.compile(r"(?:no|not|nope|never|don't|dont|do not)(?:$| (?:don't|dont|do not))")
_NO = frozenset({"no", "not", "nope"})
_OFTEN_MISSPELT = ("unless", "until", "whenever", "tomorrow", "tonight", "maybe", "perhaps")


@dataclass(frozen=True, slots=True)
class DecideOrder:
    """Decide an approval, which is asked back before it is done.

    Attributes:
        approval: its number as it stands in the text.
        verdict: which way.
        comment: in the person's own letters and lines, without the mark before it; may be empty.
    """

    approval: str
    verdict: Literal["approve", "reject"]
    comment: str


def decide(said: Plain) -> DecideOrder | None:
    """The order to decide that a text certainly is, or None."""
    order = _ORDER.fullmatch(said.text)
    rest = order and _REST.fullmatch(order["rest"])
    if said.asks or order is None or rest is None or _QUOTED_LINE.search(said.text):
        return None
    verdict: Literal["approve", "reject"] = (
        "approve" if order["verb"].lower() == "approve" else "reject"
    )
    comment = said.restored(rest["after"] or rest["run_on"] or "").strip()
    marked = rest["mark"] is not None
    if len(comment) > COMMENT_LIMIT or (comment and not _fits(comment, verdict, marked=marked)):
        return None
    if _has_another(order["approval"], _folded(comment)):
        return None
    return DecideOrder(order["approval"], verdict, comment)


def _fits(comment: str, verdict: str, *, marked: bool) -> bool:
    """Whether a comment leaves the order as it is.

    Args:
        comment: what follows the number.
        verdict: which way; a rejection's reason may deny something: "not our client".
        marked: a mark such as a colon divides it from the order.
    """
    folded = _folded(comment)
    words = list(_spelled(_WORD.findall(folded)))
    if not _NO_SIGNS.isdisjoint(comment) or _ANOTHER_NUMBER.search(folded):
        return False
    if not words:
        return any(unicodedata.category(c) == "So" for c in comment)  # an emoji says something
    if words[0][0].isdecimal():
        return False
    return not _is_doubtful(words, verdict, marked=marked)


def _has_another(approval: str, folded: str) -> bool:
    """Whether a bare number in the comment may be the approval that was meant instead.

    It is as long as the approval's, or nearly: neither "2 users" nor a number of something named.
    """
    return any(
        abs(len(found["number"]) - len(approval)) <= 1
        and not _NUMBERED.search(folded[max(found.start() - 40, 0) : found.start()])
        for found in _BARE_NUMBER.finditer(folded)
    )


def _is_doubtful(words: Sequence[str], verdict: str, *, marked: bool) -> bool:
    line = " ".join(words)
    if _DOUBTFUL.search(line):
        return True
    if verdict == "approve" and _AMISS.search(line):
        return True
    if not marked and (_LATER.search(line) or _RUNS_ON.match(line)):
        return True
    denied = _DENIAL.match(line)
    if verdict == "reject" and marked and denied:
        return _BARE_DENIAL.match(line) is not None
    if verdict == "approve" and (words[-1] in _NO or (not marked and _DENIAL.search(line))):
        return True
    return bool(denied or _GOES_ON.match(line))


def _folded(comment: str) -> str:
    """As one compares words: in one case, one form of each letter, one kind of apostrophe."""
    joined = comment.replace("\u200c", "").replace("\u200d", "")
    folded = unicodedata.normalize("NFKC", joined).casefold()
    return re.sub("[\u2018\u2019\u201b\u2032`\u00b4\u02bc]", "'", folded)


def _spelled(words: Iterable[str]) -> Iterable[str]:
    return (_often_misspelt().nearest(word) or word for word in words)


@cache
def _often_misspelt() -> Neighbours:
    return Neighbours(_OFTEN_MISSPELT)
