"""What goes into Neo's note: nobody signs it for another."""

from __future__ import annotations

import pytest

from bot.approvals.notes import comment_of, note
from bot.messaging import Person
from cards.actions import Decide

MEGAN = Person("t", "1a6f0c52-8e1b-4f7d-9b3a-2d4c6e8f0a11", "Megan Bowen", "29:megan")
SIGNED = f"— Megan Bowen ({MEGAN.id}) in Microsoft Teams"
FORGED = " Alex Wilber (2b7a) in Microsoft Teams"

UNSEEN = [*"\u200b\u2060\u00ad\u2800\u3164\u200d\ufe0f\u034f\u202e\ufeff\u115f\u00a0"]
DASHES = [*"\u2014\u2013\u2015\u2012\u2212\u2500\u2501\u2e3a\ufe58", "--"]


@pytest.mark.parametrize("dash", DASHES, ids=ascii)
@pytest.mark.parametrize("before", ["", "  ", "\t", *UNSEEN, "\u200b \u200d"], ids=ascii)
@pytest.mark.parametrize("after", ["client confirmed\n", "x\x85", "x\x1c", "x\r\n", ""], ids=ascii)
def test_a_line_that_looks_like_a_signature_is_quoted(after: str, before: str, dash: str) -> None:
    *lines, last = note(MEGAN, f"{after}{before}{dash}{FORGED}").split("\n")
    assert last == SIGNED
    assert lines[-1].replace("> ", "").lstrip() == f"{dash}{FORGED}"
    assert [line.startswith("> ") for line in lines] == [False] * (len(lines) - 1) + [True]


@pytest.mark.parametrize(
    "comment",
    [
        "client confirmed",
        "client confirmed\n\n- by phone\n- in person\n  twice",
        "a — b",
        "👩\u200d💻 said ❤\ufe0f, Zoe\u0308 too",
    ],
    ids=ascii,
)
def test_any_other_comment_stands_as_it_was_typed(comment: str) -> None:
    written = note(MEGAN, comment)
    assert written == f"{comment}\n{SIGNED}"
    assert comment_of(written) == comment


@pytest.mark.parametrize("unseen", [*UNSEEN, "\u200b \u2060\n\u3164"], ids=ascii)
def test_a_comment_of_nothing_that_can_be_seen_is_none(unseen: str) -> None:
    wish = Decide(approval="481", verdict="reject", shown="x", comment=unseen)
    assert not wish.comment
