"""What holds for every card."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from syrupy.assertion import SnapshotAssertion

from cards.actions import COMMENT_INPUT, TICKED_INPUT, TYPED_INPUT, parse_action
from cards.card import LARGEST_BYTES
from cards.letters import width
from tests.cards.examples import EXAMPLES
from tests.cards.reading import everything

pytestmark = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture(scope="module")
def schema() -> Any:
    text = files("adaptive_cards").joinpath("schemas/schema-1.6.json").read_text()
    return json.loads(text)


def test_it_is_drawn_as_it_was(name: str, as_json: SnapshotAssertion) -> None:
    card = EXAMPLES[name]()
    assert {"summary": card.summary.split("\n"), "content": card.content} == as_json


def test_it_keeps_the_official_schema(name: str, schema: Any) -> None:
    content = EXAMPLES[name]().content
    jsonschema.Draft6Validator(schema).validate(content)
    assert content["version"] == "1.5"


def test_every_button_parses_back_and_has_a_fallback_that_does(name: str) -> None:
    # What clients run by themselves, old ones do not know.
    for one in everything(EXAMPLES[name]().content["body"]):
        if one["type"] == "Action.Execute":
            action = parse_action(one["data"])
            assert action.verb == one["verb"]
            assert parse_action(one["fallback"]["data"]) == action
            assert one["fallback"]["type"] == "Action.Submit"


def test_its_fields_have_names_and_labels(name: str) -> None:
    for one in everything(EXAMPLES[name]().content):
        if one["type"].startswith("Input."):
            assert one["id"] in {COMMENT_INPUT, TYPED_INPUT, TICKED_INPUT}
            assert one["label"]


def test_it_has_at_most_six_buttons_in_a_place_and_three_to_be_seen(name: str) -> None:
    card = EXAMPLES[name]()
    rows = [one["actions"] for one in everything(card.content) if one["type"] == "ActionSet"]
    seen = [a for actions in rows for a in actions if a.get("mode") != "secondary"]
    assert sum(map(len, rows)) <= 6
    # To choose among people takes a button each.
    assert len(seen) <= 3 or name.startswith(("greeting", "delegation-"))
    assert all(len(one["title"]) <= 40 for one in seen)


def test_a_row_of_buttons_shows_its_captions_whole_on_a_small_phone(name: str) -> None:
    edges, gap, overflow, phone = 24, 8, 40, 262
    for one in everything(EXAMPLES[name]().content):
        if one["type"] == "ActionSet":
            seen = [a for a in one["actions"] if a.get("mode") != "secondary"]
            wide = [edges + width(a["title"]) for a in seen]
            wide += [overflow] if len(seen) < len(one["actions"]) else []
            assert sum(wide) + gap * (len(wide) - 1) <= phone, [a["title"] for a in seen]


def test_it_says_itself_in_words(name: str) -> None:
    card = EXAMPLES[name]()
    first = card.summary.split("\n")[0]
    assert len(first) >= 20
    assert card.content["speak"] == first
    assert card.content["fallbackText"]
    assert "  " not in card.summary
    assert ".." not in card.summary


def test_its_parts_have_names_of_their_own(name: str) -> None:
    ids = [one["id"] for one in everything(EXAMPLES[name]().content) if "id" in one]
    assert len(ids) == len(set(ids))


def test_it_is_small_and_plain_json(name: str) -> None:
    card = EXAMPLES[name]()
    assert card.size < LARGEST_BYTES
    assert json.loads(json.dumps(card.content)) == card.content


def test_no_secret_stands_in_it(name: str) -> None:
    card = EXAMPLES[name]()
    assert "Rain-7-Candle" not in json.dumps(card.content) + card.summary
