"""What Microsoft's own renderer makes of the cards, with the looks of Teams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from cards.approvals import ApprovalsView, approvals
from cards.card import Card, plain
from cards.notice import notice
from tests.browser.chromium import find_chromium, needs_chromium
from tests.browser.renderer import Renderer, Theme, renderer
from tests.cards.examples import EXAMPLES
from tests.cards.outside import every_card
from tests.cards.samples import READER, TOKEN, an_approval
from tests.cards.test_hostile_text import HOSTILE

_HOSTILE = [
    "**bold** and [a link](https://evil.example)",
    "https://evil.example/login www.evil.example evil.example me@evil.example",
    "<b>tag</b> &lt;entity&gt; `code` \\* ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "DOMAIN\\lee_gu_2 a*b*c __init__",
    "{{DATE(2026-11-24T10:00:00Z, SHORT)}}",
    "[x]: https://evil.example",
]

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def draws() -> Iterator[Renderer]:
    chromium = find_chromium()
    assert chromium is not None
    with renderer(chromium) as opened:
        yield opened


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_renderer_knows_every_element_and_nothing_is_cut_or_broken(
    name: str, theme: Theme, draws: Renderer
) -> None:
    card = EXAMPLES[name]()
    for width in (320, 720):
        drawn = draws.draw(card.content, theme=theme, width=width)
        assert not drawn.faults
        assert not drawn.wide
        assert not drawn.cut
        assert not drawn.broken
        assert not drawn.links


def test_an_element_that_it_does_not_know_is_a_fault(draws: Renderer) -> None:
    badge = {"type": "Badge", "text": "new"}
    drawn = draws.draw({"type": "AdaptiveCard", "version": "1.5", "body": [badge]})
    assert drawn.faults


@pytest.mark.parametrize("typed", _HOSTILE)
def test_hostile_text_shows_as_it_was_typed(typed: str, draws: Renderer) -> None:
    drawn = draws.draw(_telling(typed).content)
    seen = drawn.text.replace("\u200b", "").replace("\u2060", "")
    assert seen.count(typed) == 2
    assert not drawn.links


@pytest.mark.parametrize("typed", _HOSTILE)
def test_a_choice_shows_no_markdown_and_leads_nowhere(typed: str, draws: Renderer) -> None:
    approval = an_approval(requested_for={"action": typed})
    view = ApprovalsView([approval], total_known=1, tick={approval.id: TOKEN})
    drawn = draws.draw(approvals(view, READER).content)
    assert not drawn.links
    seen = _alike(drawn.text)
    assert _alike(plain(typed)) in seen


def _alike(text: str) -> str:
    """Letters, figures and points: what is left of a text when its signs give way to others."""
    return "".join(one for one in text.lower() if one.isascii() and (one.isalnum() or one == "."))


def _telling(text: str) -> Card:
    return notice(text, text)


@pytest.mark.parametrize("case", ["links", "HTML", "marks on marks", "right to left, and digits"])
@pytest.mark.parametrize("name", ["alert", "confirming", "decided", "history"])
def test_no_hostile_name_leads_anywhere_or_stands_out_of_its_card(
    name: str, case: str, draws: Renderer
) -> None:
    for theme in get_args(Theme):
        drawn = draws.draw(every_card(HOSTILE[case], 2)[name]().content, theme=theme, width=320)
        assert not drawn.faults
        assert not drawn.links
        assert not drawn.wide
