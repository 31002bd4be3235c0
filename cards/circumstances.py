"""What surrounds an approval that waits: who approved it, who is away, who put it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cards.card import plain
from cards.words import Reader

NAME: Final = 80
"""Most characters of a name."""
_MOST: Final = 3
HALF: Final = "◐"
"""The shape of what has been approved by some of those who are needed."""
_NONE: Final = "○"


@dataclass(frozen=True, slots=True)
class Approved:
    """One person's approval where more than one is needed.

    Attributes:
        person: Their Entra object id: a name may be spelt differently in Neo and in Teams.
        for_name: In whose name, if not their own.
    """

    person: str
    name: str
    for_name: str | None
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Away:
    """``delegate`` decides for ``name`` up to ``until``."""

    name: str
    delegate: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PutOff:
    """``name`` is not reminded before ``until``."""

    name: str
    until: datetime


def named(name: str, for_name: str | None, most: int = NAME) -> str:
    """A person, and in whose name they act: "Alex Wilber for Megan Bowen"."""
    return f"{plain(name, most)} for {plain(for_name, most)}" if for_name else plain(name, most)


def votes(people: int, approved: Sequence[Approved], reader: Reader, most: int = NAME) -> str:
    """How many of those who are needed approved it, and who; empty where one is enough.

    ``most``, here and below: characters of a name.
    """
    if people <= 1:
        return ""
    if not approved:
        return f"{_NONE} 0 of {people} people needed"
    who = ", ".join(
        f"{named(one.name, one.for_name, most)}, {reader.exact(one.at)}"
        + (f" “{plain(one.comment, 2 * most)}”" if plain(one.comment, 10) else "")
        for one in approved[:people]
    )
    return f"{HALF} {len(approved)} of {people} approved: {who}"


def away(
    people: Sequence[Away], reader: Reader, *, you_for: str | None = None, most: int = NAME
) -> str:
    """Who decides for whom and until when; ``you_for``: in whose name the reader decides."""
    told = [
        f"{'you decide' if one.name == you_for else plain(one.delegate, most) + ' decides'} for "
        f"{plain(one.name, most)} until {reader.until(one.until)}"
        for one in sorted(people, key=lambda one: one.name != you_for)[:_MOST]
    ]
    if you_for and all(one.name != you_for for one in people):
        told.insert(0, f"you decide for {plain(you_for, most)}")
    said = _listed(told, len(people) - _MOST)
    return said[:1].upper() + said[1:]


def put_off(people: Sequence[PutOff], reader: Reader, most: int = NAME) -> str:
    """Who put it off until when: "Megan Bowen until 12:02"."""
    told = [f"{plain(one.name, most)} until {reader.until(one.until)}" for one in people[:_MOST]]
    return _listed(told, len(people) - _MOST)


def _listed(told: Sequence[str], left: int) -> str:
    return "; ".join([*told, *([f"{left} more"] if left > 0 else [])])
