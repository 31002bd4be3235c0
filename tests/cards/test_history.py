"""The history of an approval: every row, as a person reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest

from cards.card import LARGEST_BYTES, Card
from cards.history import Deed, history
from tests.cards.samples import CHANNEL, COMMENT, DEEDS, NOW, READER, an_approval

_UNSURE: Final = "Neo did not answer: it may have arrived."


def _drawn(*deeds: Deed) -> Card:
    return history("481", deeds, an_approval(), READER)


def test_every_row_is_told_oldest_first() -> None:
    card = history("481", DEEDS, an_approval(), CHANNEL)
    said = card.summary.split("\n")
    stood_in = "Megan Bowen for Alex Wilber"
    assert said[0].startswith("History of approval 481 (")
    assert said[0].endswith("as of 11:02 CET.")
    assert said[1:] == [
        "Sun 22 Nov 18:02 CET: Neo for Teams reminded. Reminder 1: Megan Bowen, Lee Gu. (row 811)",
        "Sun 22 Nov 19:02 CET: Lee Gu put it off. Until Sun 22 Nov 21:02 CET. (row 812)",
        (
            "Sun 22 Nov 21:02 CET: Neo for Teams reminded. "
            "Lee Gu, who had put it off until Sun 22 Nov 21:02 CET. (row 813)"
        ),
        (
            "08:02 CET: Isaiah Langer tried to approve it. "
            "They read: “You were not asked to decide this.” (row 815)"
        ),
        (
            "09:02 CET: Lee Gu approved it, as one of two. "
            "One more person has to approve it. (row 816)"
        ),
        f"10:50 CET: {stood_in} sent the approval to Neo. Comment: “{COMMENT}” (row 820)",
        f"10:50 CET: {stood_in} tried to approve it. {_UNSURE} (row 821)",
        f"10:51 CET: {stood_in} approved it. (row 822)",
    ]


@pytest.mark.parametrize(
    ("wish", "outcome", "told"),
    [
        ("approve", "sent", "sent the approval to Neo"),
        ("reject", "sent", "sent the rejection to Neo"),
        ("approve", "decided", "approved it"),
        ("reject", "decided", "rejected it"),
        ("approve", "refused", "tried to approve it"),
        ("reject", "failed", "tried to reject it"),
        ("snooze", "refused", "tried to put it off"),
        ("remind", "failed", "could not remind"),
        ("another", "new one", "another: new one"),
    ],
)
def test_each_end_has_its_words(wish: str, outcome: str, told: str) -> None:
    card = _drawn(Deed(7, NOW, "Megan Bowen", wish, outcome))
    assert f"Megan Bowen {told}." in card.summary


def test_what_was_quoted_to_somebody_is_quoted_within_their_words() -> None:
    refused = Deed(7, NOW, "Lee Gu", "approve", "refused", "“1” is not the number 48302.")
    assert "They read: “\u20181\u2019 is not the number 48302.”" in _drawn(refused).summary


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("overtaken", "Somebody was faster."),
        ("NeoUnavailable", "Neo did not answer."),
        ("until the cows come home", "Until the cows come home."),
        ("until later", "Until later."),
        ("snooze until later: Lee Gu", "Snooze until later: Lee Gu."),
        ("wrong mailbox", "Wrong mailbox."),
    ],
)
def test_reasons_are_told_in_words(reason: str, told: str) -> None:
    card = _drawn(Deed(7, NOW, "Megan Bowen", "approve", "failed", reason))
    assert told in card.summary


def test_a_comment_is_shown_again_only_where_it_changed() -> None:
    first = Deed(1, NOW, "Megan Bowen", "approve", "sent", comment="so")
    same = replace(first, position=2, outcome="decided")
    others = replace(first, position=3, who="Alex Wilber")
    assert _drawn(first, same, others).summary.count("“so”") == 2


def test_of_very_many_rows_the_latest_are_shown_and_it_fits() -> None:
    many = [replace(DEEDS[5], position=n, comment="long " * 300 + str(n)) for n in range(1, 90)]
    card = _drawn(*many)
    assert card.size <= LARGEST_BYTES
    assert "earlier rows left out" in card.summary
    assert "(row 89)" in card.summary
    assert "(row 1)" not in card.summary


def test_what_others_wrote_is_text_and_no_markdown() -> None:
    card = _drawn(replace(DEEDS[5], who="**Megan**\u202e [x](https://evil.example)"))
    texts = json.dumps(card.content)
    assert "\\u202e" not in texts
    for part in _parts(card.content):
        if part.get("type") == "TextBlock":
            assert "evil.example" not in str(part["text"])


def _parts(part: object) -> list[dict[str, object]]:
    if isinstance(part, dict):
        return [part, *(found for value in part.values() for found in _parts(value))]
    if isinstance(part, list):
        return [found for value in part for found in _parts(value)]
    return []


def test_it_can_be_drawn_where_neo_has_the_approval_no_longer() -> None:
    card = history("481", DEEDS, None, READER)
    assert card.summary.startswith("History of approval 481, as of")
    assert card.approval is None
