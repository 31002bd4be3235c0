"""Text -> an order: decide, snooze, delegate, look into the ledger. Strict where `Grammar` guesses.

A question that is misread shows something else; an order that is misread does something. So these
sentences are read whole: a text with a word in it that is not understood is no order at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.chat import orders_ahead as ahead
from bot.chat.orders_decide import NOUN, NUMBER, PLEASE, DecideOrder, decide
from bot.chat.orders_plain import Plain, plain
from bot.messaging import Mention

__all__ = [
    "DecideOrder",
    "DelegateOrder",
    "DelegationsQuestion",
    "EndDelegationOrder",
    "HistoryQuestion",
    "Order",
    "SnoozeOrder",
    "read",
]

SNOOZE_LASTS: Final = timedelta(hours=2)
"""How long an approval is put off where nothing else was said."""


@dataclass(frozen=True, slots=True)
class SnoozeOrder:
    """Leave the person alone, until an instant (UTC, in the future).

    Attributes:
        approval: about this one; None for all that wait for the person.
        until: how long; whether that is too long is not looked at here.
    """

    approval: str | None
    until: datetime


@dataclass(frozen=True, slots=True)
class DelegateOrder:
    """Somebody else decides what the person is asked, up to an instant (UTC, in the future).

    Attributes:
        to: the name as typed; empty where the person was mentioned.
        mention: who was mentioned, if it was by a mention.
        until: None if it was not said, or not clearly.
    """

    to: str
    mention: Mention | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class EndDelegationOrder:
    """The person decides again what they are asked."""


@dataclass(frozen=True, slots=True)
class DelegationsQuestion:
    """Who decides for whom."""


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """What the ledger says of one approval."""

    approval: str


Order = (
    DecideOrder
    | SnoozeOrder
    | DelegateOrder
    | EndDelegationOrder
    | DelegationsQuestion
    | HistoryQuestion
)


def read(
    text: str, *, mentions: Sequence[Mention] = (), now: datetime, zone: ZoneInfo
) -> Order | None:
    """The order that ``text`` certainly is. None for every other text; it never raises.

    Args:
        text: as it came, mentions and entities included.
        mentions: the people mentioned in it, the bot not among them.
        now: the present moment, aware.
        zone: the person's; a day ends at its midnight.
    """
    said = plain(text, mentions)
    if said is None:
        return None
    readers: tuple[Callable[[Plain, datetime, ZoneInfo], Order | None], ...] = (
        lambda said, _now, _zone: decide(said),
        _snooze,
        _delegate,
        _out_of_office,
        _question,
    )
    return next((order for reader in readers if (order := reader(said, now, zone))), None)


_THANKS = r"(?:[ ,]+(?:please|pls|plz|thanks|thx|ta))?[.!]*"


def _sentence(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{PLEASE}{pattern}{_THANKS}", re.IGNORECASE)


_SNOOZE = _sentence(r"snooze (?:(?P<all>all|everything|my approvals) ?)?(?P<when>.*?)")
_ONE = re.compile(rf"(?:{NOUN} )?#? ?(?P<approval>{NUMBER})(?: (?P<when>.+))?", re.IGNORECASE)
_FOR = re.compile(r"^for ", re.IGNORECASE)
_UNTIL = re.compile(r"(?:until|till|til|to) (?P<point>.+)", re.IGNORECASE)


def _snooze(said: Plain, now: datetime, zone: ZoneInfo) -> SnoozeOrder | None:
    order = _SNOOZE.fullmatch(said.line)
    if order is None or said.asks:
        return None
    when = order["when"]
    if until := _put_off(when, now, zone):  # "snooze 2 hours" is no order about approval 2
        return SnoozeOrder(None, until)
    if order["all"]:
        return None if when else SnoozeOrder(None, now.astimezone(UTC) + SNOOZE_LASTS)
    one = _ONE.fullmatch(when)
    if one is None:
        return None
    if one["when"] is None:
        return SnoozeOrder(one["approval"], now.astimezone(UTC) + SNOOZE_LASTS)
    until = _put_off(one["when"], now, zone)
    return SnoozeOrder(one["approval"], until) if until else None


def _put_off(when: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that "2h", "for 2h" or "until tomorrow" names; a day or part of it begins it."""
    if named := _UNTIL.fullmatch(when):
        point = ahead.point(named["point"], now=now, zone=zone)
        begins = point.since.astimezone(UTC) if point and point.since else None
        return begins if begins and begins > now else None
    return ahead.length(_FOR.sub("", when), now=now)


_DELEGATE = _sentence(
    r"delegate (?:(?:all )?(?:of )?(?:my |the )?(?:approvals|requests|decisions) )?to (?P<to>.+?)"
    r"(?: (?:until|till|til|through|thru) (?P<point>.+?)| for (?P<length>.+?))?"
)
_OUT_OF_OFFICE = _sentence(
    r"(?:(?:i'm|i\u2019m|im|i am) )?"
    r"(?:out of (?:the )?office|ooo|away|on (?:leave|holiday|vacation))"
    r" (?:until|till|til) (?P<point>[^,;]+?) ?[,;.] ?(?:and )?(?P<to>.+?)"
    r" (?:decides|approves|covers|stands in|takes over)(?: for me)?"
)
_NAME = re.compile(r"@? ?(?P<name>[^\W\d_][\w'\u2019.-]*(?: [^\W\d_][\w'\u2019.-]*){0,4})")
_NO_NAME = re.compile(
    r"\b(?:all|and|an?|any\w*|but|each|every\w*|except|from|her|him|if|it|me|my|myself|next|nobody"
    r"|no|nor|not|only|or|our|self|she|some\w*|starting|that|the|them|they|this|to|today|tomorrow"
    r"|unless|us|we|when|who|you)\b",
    re.IGNORECASE,
)
_BUT = re.compile(r"\b(?:if|unless|except|but|not|when|only|and|or)\b", re.IGNORECASE)


def _delegate(said: Plain, now: datetime, zone: ZoneInfo) -> DelegateOrder | None:
    order = _DELEGATE.fullmatch(said.line)
    if order is None or said.asks:
        return None
    until = None
    if order["point"]:
        if _BUT.search(order["point"]):
            return None
        until = _to_the_end(order["point"], now, zone)
    elif order["length"]:
        # "for Contoso" is less than everything, which is not on offer.
        until = ahead.length(order["length"], now=now)
        if until is None:
            return None
    return _to(said, order["to"], until)


def _out_of_office(said: Plain, now: datetime, zone: ZoneInfo) -> DelegateOrder | None:
    order = _OUT_OF_OFFICE.fullmatch(said.line)
    if order is None or said.asks:
        return None
    until = _to_the_end(order["point"], now, zone)
    return _to(said, order["to"], until) if until else None


def _to_the_end(point: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The end of a day or part of it; of an hour, when it strikes."""
    found = ahead.point(point, now=now, zone=zone)
    ends = found and (found.since if found.hour else found.until)
    return ends.astimezone(UTC) if ends else None


def _to(said: Plain, part: str, until: datetime | None) -> DelegateOrder | None:
    mention = said.mention(part)
    if mention is not None:
        return DelegateOrder("", mention, until)
    name = _NAME.fullmatch(part)
    if name is None or _NO_NAME.search(name["name"]):
        return None
    return DelegateOrder(name["name"], None, until)


_HISTORY = _sentence(
    rf"(?:show )?(?:history (?:(?:of |for )?(?:the )?{NOUN} #?)?|{NOUN} #?(?={NUMBER} history)"
    rf"|(?:the )?(?:ledger|audit(?: trail)?) (?:(?:of|for) )?(?:{NOUN} )?#?"
    rf"|who decided (?:on )?(?:{NOUN} )?#?)(?P<approval>{NUMBER})(?: history)?"
)
_DELEGATIONS = _sentence(
    r"(?:(?:show |list )?(?:me )?(?:my |all |the )?delegations"
    r"|who (?:decides|approves|stands in) for me)"
)
_BACK = _sentence(
    r"(?:(?:end|stop|cancel|remove) (?:my |the |all my |all )?delegations?|stop delegating"
    r"|(?:i'm|i\u2019m|im|i am) back(?: in the office| at work)?)"
)


def _question(said: Plain, _now: datetime, _zone: ZoneInfo) -> Order | None:
    asked = said.line.rstrip("? ")
    if found := _HISTORY.fullmatch(asked):
        return HistoryQuestion(found["approval"])
    if _DELEGATIONS.fullmatch(asked):
        return DelegationsQuestion()
    if _BACK.fullmatch(asked) and not said.asks:
        return EndDelegationOrder()
    return None
