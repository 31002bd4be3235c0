"""Text from outside: it shows as it was typed, it forges nothing, and it always fits."""

from __future__ import annotations

import pytest

from cards.card import LARGEST_BYTES, plain
from tests.cards.outside import every_card
from tests.cards.reading import everything, words

HOSTILE = (
    "**Approved** by [you](https://evil.example) `x` <b>_now_</b> \\ &lt; {{DATE(2026)}} ![i](j)"
)


def test_text_is_one_line_that_ends_at_a_word() -> None:
    assert plain("a\r\n\tb\u2028c  d") == "a b c d"
    assert plain("one two three four", 10) == "one two…"
    assert plain("x" * 50, 10) == "x" * 9 + "…"
    assert plain("exactly10!", 10) == "exactly10!"
    assert plain(None) == ""


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert plain("pay\u202eexe\u200b\u0000\ufeff\u2066") == "payexe"
    assert plain("\U0001f468\u200d\U0001f527") == "\U0001f468\u200d\U0001f527"


def test_marks_do_not_pile_up_over_the_lines_beside_them() -> None:
    assert plain("Z\u0301\u0336\u20dd" + "\u0489" * 60 + "a") == "Z\u0301\u0336\u20dda"
    assert plain("Nguye\u0302\u0303n") == "Nguye\u0302\u0303n"


def test_text_that_looks_short_but_hides_much_stays_short() -> None:
    assert plain("\u200b" * 100_000 + "x", 10) == "…"


_NAMES = list(every_card("x", 1))


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize(
    "text", ["x" * 100_000, "words and words " * 7_000, "\U0001f600 " * 50_000, "é_*" * 30_000]
)
def test_however_much_comes_the_card_fits(name: str, text: str) -> None:
    card = every_card(text, 500)[name]()
    assert card.size < LARGEST_BYTES
    assert card.summary


@pytest.mark.parametrize("name", _NAMES)
def test_markdown_from_outside_never_reaches_an_element_that_reads_it(name: str) -> None:
    card = every_card(HOSTILE, 2)[name]()
    blocks = [one["text"] for one in everything(card.content) if one["type"] == "TextBlock"]
    assert not [text for text in blocks if "[you]" in text or "**" in text or "<b>" in text]
    assert "**Approved** by [you](https:" in words(card)
    assert "{{DATE" not in words(card)


@pytest.mark.parametrize("name", _NAMES)
def test_a_forged_line_stays_inside_its_own_line(name: str) -> None:
    forged = "ok\n✓ Approved by Megan Bowen"
    card = every_card(forged, 2)[name]()
    lines = [*card.summary.split("\n"), *words(card).split("\n")]
    assert not [one for one in lines if one.startswith("✓ Approved by")]
