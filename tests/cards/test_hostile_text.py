"""What a client's user could write into a name, ticket, error or comment: it stays what it is."""

from __future__ import annotations

import inspect
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from types import FrameType
from typing import Any

import jsonschema
import pytest

import cards
from cards import approval
from cards.actions import parse_action
from cards.card import LARGEST_BYTES, Card
from tests.cards.outside import every_card
from tests.cards.reading import everything, words
from tests.cards.samples import READER, an_approval

NAMES = list(every_card("x", 1))

HOSTILE = {
    "links": "[Approve](https://evil.example) <https://evil.example> ![x](https://evil.example/x)",
    "a bare link": "https://evil.example/login www.evil.example me@evil.example evil.example/x",
    "emphasis": "**Approved** __by__ *Megan* _Bowen_ ~~no~~ ***x***",
    "a heading": "# Approved by Megan Bowen",
    "a list": "- one\n* two\n+ three\n1. four\n2) five",
    "a table": "| Who | What |\n|---|---|\n| Megan | approved |",
    "a quotation": "> Approved by Megan Bowen",
    "code": "`x` ```\nx\n``` ~~~ \t    x",
    "a rule": "---\n***\n===",
    "a reference": "[x]: https://evil.example 'x'",
    "HTML": "<b>x</b><script>alert(1)</script><img src=x onerror=alert(1)><a href='https://x'>",
    "entities": "&lt;b&gt; &amp; &#x202e; &nbsp;",
    "mentions": "<at>Everyone</at> <at id='0'>Neo</at> @everyone",
    "dates to fill in": "{{DATE(2026-11-24T10:00:00Z, SHORT)}} {{ time(2026-11-24T10:00:00Z)}}",
    "templates": "${if(true, 'Approved', '')} ${$root.x} {{x}} {x} %s %(x)s {0} {0.__class__}",
    "a forged line": "ok\r\n✓ Approved by Megan Bowen\u2028Status: good\u2029\x85\v\f",
    "control characters": "\r\n".join(map(chr, [*range(32), *range(127, 160)])),
    "directions": "\u202eevorppA\u202c \u202d\u202a\u202b\u2066x\u2067y\u2068z \u200e\u200f\u061c",
    "directions that end what they did not begin": "\u2069\u2069\u202c\u202c x",
    "right to left, and digits": "אישור 12 دلار 3:45 (שלום) ١٢٣ א/ב 9",
    "nothing to see": "\u200b\u200c\u2060\ufeff\u00ad\u180e\u2800\u3164\U000e0041\U000e007f",
    "halves": "a\ud800b\udfffc\ude00\ud83d",
    "no characters": "\ufffe\uffff\U0001ffff\ue000\U0010ffff",
    "marks on marks": "Z" + "\u0301\u0336\u20dd" * 200 + "algo" + "\u0489" * 60,
    "composed": "👨\u200d👩\u200d👧 " * 40 + "🏴\U000e0067\U000e0062\U000e007f",
    "quotation marks": "“ok” \u2018x\u2019 \"y\" 'z' \\\" \\n \\u202e",
    "JSON": '"}],"actions":[{"type":"Action.OpenUrl","url":"https://evil.example"}],"x":[{"',
}  # fmt: skip
LONG = {
    "100 KB of everything": " ".join(HOSTILE.values()) * 40,
}

_READ_AS_MARKDOWN = re.compile(
    r"\]\(|\*[^\s*].*\*|(?<!\w)_[^\s_].*_(?!\w)|~~|`.*`|^\s*(?:#{1,6}|[-+*>]|\d+[.)])\s"
    r"|https?:|www\.|<[a-z/!]|&#?\w+;|!\["
)
_FILLED_IN = re.compile(r"\{\{\s*(?:DATE|TIME)", re.IGNORECASE)
_SHOWN = ("text", "title", "label", "placeholder", "altText", "tooltip", "fallbackText", "speak")
_ALLOWED = {"\u200b", "\u2060", "\u200d"}  # places to break at, a joined pair of braces, emoji


@cache
def _schema() -> jsonschema.Draft6Validator:
    text = files("adaptive_cards").joinpath("schemas/schema-1.6.json").read_text()
    return jsonschema.Draft6Validator(json.loads(text))


def _strings(held: Any) -> Iterator[str]:
    if isinstance(held, str):
        yield held
    elif isinstance(held, dict):
        for key, value in held.items():
            yield key
            # What a button sends back is not shown, and what a person typed is theirs.
            if key not in {"data", "value"}:
                yield from _strings(value)
    elif isinstance(held, list):
        for value in held:
            yield from _strings(value)


def _unseen(text: str) -> list[str]:
    """Characters that a reader does not see, and that change what he sees."""
    found = (c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return [f"U+{ord(c):04X}" for c in found if c not in _ALLOWED]


def _shown(content: dict[str, Any]) -> Iterator[str]:
    for one in everything(content):
        yield from (one[name] for name in _SHOWN if isinstance(one.get(name), str))


def is_harmless(content: dict[str, Any], summary: str) -> None:
    """It shows nothing that is not there, leads nowhere, and is no larger than a card may be."""
    assert len(json.dumps(content)) < LARGEST_BYTES
    assert json.loads(json.dumps(content, ensure_ascii=False).encode()) == content
    lines = [*summary.split("\n"), *content["fallbackText"].split("\n")]
    unseen = map(_unseen, [*lines, *_strings({**content, "fallbackText": ""})])
    assert not [found for found in unseen if found]
    assert not _FILLED_IN.search("\n".join(_shown(content)))
    blocks = [one["text"] for one in everything(content) if one["type"] == "TextBlock"]
    assert not [text for text in blocks if _READ_AS_MARKDOWN.search(text)]
    kinds = {one["type"] for one in everything(content)}
    assert kinds.isdisjoint({"Action.OpenUrl", "Action.ShowCard", "Image", "Media"})
    for one in everything(content["body"]):
        if one["type"] == "Action.Execute":
            assert parse_action(one["data"]).verb == one["verb"]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_stays_text(name: str) -> None:
    for case, text in {**HOSTILE, **LONG}.items():
        card = every_card(text, 2)[name]()
        try:
            is_harmless(card.content, card.summary)
        except AssertionError as error:
            raise AssertionError(case) from error


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", ["links", "JSON"])
def test_hostile_text_leaves_the_card_a_card(name: str, case: str) -> None:
    _schema().validate(every_card(HOSTILE[case], 2)[name]().content)


def test_every_card_there_is_is_among_them() -> None:
    """All functions that draw cards are called; those without outside text are named here."""
    drawn = {code for made in every_card("x", 1).values() for code in _called(made)}
    modules = [import_module(f"cards.{one.name}") for one in iter_modules(cards.__path__)]
    drawing = {
        f"{each.__module__}.{each.__name__}"
        for module in modules
        for each in vars(module).values()
        if inspect.isfunction(each) and each.__annotations__.get("return") in {"Card", Card}
    }
    without = {"cards.greeting.greeting", "cards.parts.assemble", "cards.parts.fitted"}
    helpers = {one for one in drawing if one.rsplit(".", 1)[1].startswith("_")}
    assert drawing - without - helpers <= drawn


def _called(made: Callable[[], Card]) -> set[str]:
    """The functions of `cards` that are called to draw it."""
    called: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        made()
    finally:
        sys.setprofile(before)
    return called


def test_a_host_that_is_longer_than_any_is_not_worked_out() -> None:
    wanted = {"method": "GET", "url": "https://" + "é." * 50_000 + "example/x"}
    shown = approval.waiting(approval.Waiting(an_approval(requested_for=wanted)), READER)
    assert "(none that could be called)" in words(shown)
