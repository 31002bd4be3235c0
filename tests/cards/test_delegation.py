"""The cards of delegations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from cards import delegation
from cards.actions import Delegate, EndDelegation
from cards.card import LARGEST_BYTES, Card
from cards.delegation import Choice, Term
from cards.words import Reader
from tests.cards.reading import buttons, everything, words

NOW: Final = datetime(2026, 11, 24, 10, 2, tzinfo=UTC)
BY: Final = "8b0e3c1a-1111-4b6f-9d55-000000000001"
LONDON: Final = Reader(now=NOW, zone=ZoneInfo("Europe/London"), person=BY)
CHANNEL: Final = Reader(now=NOW, zone=ZoneInfo("Europe/Berlin"), shared=True)
ALEX: Final = Choice("8b0e3c1a-2222-4b6f-9d55-000000000002", "Alex Wilber")
LEE: Final = Choice("8b0e3c1a-3333-4b6f-9d55-000000000003", "Lee Gu")
MEGANS: Final = (
    Choice("8b0e3c1a-4444-4b6f-9d55-000000000004", "Megan Bowen"),
    Choice("8b0e3c1a-5555-4b6f-9d55-000000000005", "Megan Bowden"),
)
FRIDAY: Final = datetime(2026, 11, 28, tzinfo=UTC)
AT_FIVE: Final = datetime(2026, 11, 27, 17, tzinfo=UTC)
MANY: Final = [Choice(f"8b0e3c1a-{n}", f"Technician {n}") for n in range(9)]
TERM: Final = Term(7, "Alex Wilber", FRIDAY, mine=True)

DELEGATION_EXAMPLES: Final[dict[str, Callable[[], Card]]] = {
    "delegation-confirm": lambda: delegation.confirm(BY, ALEX, FRIDAY, LONDON),
    "delegation-confirm-instead": lambda: delegation.confirm(
        BY, ALEX, AT_FIVE, CHANNEL, instead_of="Lee Gu"
    ),
    "delegation-which": lambda: delegation.which("Megan", BY, MEGANS, FRIDAY, LONDON, found=True),
    "delegation-nobody": lambda: delegation.which("Nestor", BY, MANY, FRIDAY, LONDON, found=False),
    "delegation-nobody-at-all": lambda: delegation.which(
        "Nestor", BY, (), FRIDAY, LONDON, found=False
    ),
    "delegation-until-when": lambda: delegation.until_when(
        BY, ALEX, [("Until tonight", NOW), ("Until tomorrow", NOW), ("Until Friday", NOW)], LONDON
    ),
    "delegation-started": lambda: delegation.started(
        "Megan Bowen", TERM, LONDON, waiting=3, instead_of="Lee Gu"
    ),
    "delegation-ended": lambda: delegation.ended("Megan Bowen", "Alex Wilber", LONDON),
    "delegation-mine": lambda: delegation.mine(
        [TERM, Term(9, "Lee Gu", AT_FIVE, mine=False)], LONDON
    ),
    "delegation-none": lambda: delegation.mine([], LONDON),
    "delegation-refused": lambda: delegation.refused(
        "They are away themselves and have somebody else decide for them.", LONDON
    ),
}
"""One card of every kind and state."""


def test_the_confirm_card_says_exactly_who_until_when_and_what_it_means() -> None:
    card = delegation.confirm(BY, ALEX, FRIDAY, LONDON, instead_of="Lee Gu")
    assert "Have Alex Wilber decide for you?" in words(card)
    for said in ("the end of Fri 27 Nov", "Instead of", "Lee Gu", "in your name", "ledger"):
        assert said in words(card)
        assert said.lower() in card.summary.lower()
    expected = Delegate(by=BY, to=ALEX.id, until="2026-11-28T00:00:00+00:00")
    assert buttons(card)["Delegate"] == expected


@pytest.mark.parametrize(
    ("until", "reader", "said"),
    [
        (FRIDAY, LONDON, "the end of Fri 27 Nov"),
        (AT_FIVE, LONDON, "Fri 27 Nov 17:00"),
        (AT_FIVE, CHANNEL, "Fri 27 Nov 18:00 CET"),
        (FRIDAY - timedelta(hours=1), CHANNEL, "the end of Fri 27 Nov (CET)"),
        (NOW + timedelta(hours=2), LONDON, "12:02"),
        (FRIDAY + timedelta(days=60), LONDON, "the end of Tue 26 Jan 2027"),
    ],
)
def test_an_end_is_said_on_the_readers_clock(until: datetime, reader: Reader, said: str) -> None:
    assert reader.until(until).replace("\xa0", " ") == said


def test_each_choice_delegates_to_that_person_and_the_rest_is_said() -> None:
    card = delegation.which("Tech", BY, MANY, FRIDAY, LONDON, found=True)
    assert list(buttons(card)) == [f"Delegate to Technician {n}" for n in range(5)]
    assert buttons(card)["Delegate to Technician 3"] == Delegate(
        by=BY, to="8b0e3c1a-3", until=FRIDAY.isoformat()
    )
    assert "And 4 more: type the whole name." in words(card)


def test_mine_ends_each_by_a_button_of_its_own() -> None:
    terms = [Term(n, f"Technician {n}", FRIDAY, mine=bool(n % 2)) for n in range(8)]
    card = delegation.mine(terms, LONDON)
    ends = [one for one in buttons(card).values() if isinstance(one, EndDelegation)]
    assert [one.delegation for one in ends] == list(range(6))
    assert "and 2 more" in words(card)
    assert "Technician 3 decides for you until" in card.summary
    assert "You decide for Technician 4 until" in card.summary


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_how_many_wait_agrees_with_its_noun(waiting: int) -> None:
    card = delegation.started("Megan Bowen", TERM, LONDON, waiting=waiting)
    said = {0: "Until the end", 1: "1 approval that waits now", 2: "2 approvals that wait now"}
    assert said[waiting] in words(card)
    assert ("that wait" in words(card)) is bool(waiting)


def test_names_from_outside_are_harmless() -> None:
    odd = Choice("id", "**Megan** [x](https://evil.example)\u202e\n" + "long " * 20_000)
    made = (
        delegation.confirm(BY, odd, FRIDAY, LONDON, instead_of=odd.name),
        delegation.which(odd.name, BY, [odd] * 3, FRIDAY, LONDON, found=True),
        delegation.until_when(BY, odd, [("Until tonight", FRIDAY)], LONDON),
        delegation.started(odd.name, Term(1, odd.name, FRIDAY, mine=True), LONDON, waiting=1),
        delegation.ended(odd.name, odd.name, LONDON),
        delegation.mine([Term(1, odd.name, FRIDAY, mine=False)] * 3, LONDON),
        delegation.refused(odd.name, LONDON),
    )
    for card in made:
        assert card.size < LARGEST_BYTES
        assert "\u202e" not in str(card.content) + card.summary
        for one in everything(card.content):
            assert one["type"] != "TextBlock" or "**Megan**" not in one["text"]


@pytest.mark.parametrize("name", DELEGATION_EXAMPLES)
def test_its_words_say_what_the_card_shows(name: str) -> None:
    card = DELEGATION_EXAMPLES[name]()
    shown = words(card).split("\n")
    assert shown[0].rstrip("?.") in card.summary
    assert "  " not in card.summary
    assert ".." not in card.summary
