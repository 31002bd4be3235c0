from __future__ import annotations

from typing import Any

import pytest

from cards import elements as el


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (el.TextBlock, {"text": "x", "colour": "Good"}),
        (el.Run, {"text": "x", "bold": True}),
        (el.Execute, {"title": "x", "url": "https://contoso.example"}),
        (el.TextInput, {"id": "x", "isMultiline": True}),
        (el.Container, {"items": [], "render": None}),
    ],
)
def test_an_unknown_property_is_refused(kind: Any, properties: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="has no property"):
        kind(**properties)


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError, match="must be of type"):
        el.TextBlock(text=7)


def test_what_is_none_is_left_out_and_the_type_comes_first() -> None:
    made = el.rendered(el.TextBlock(text="x", color=None, wrap=True))
    assert list(made.items()) == [("type", "TextBlock"), ("text", "x"), ("wrap", True)]


def test_elements_within_elements_become_plain_json() -> None:
    tap = el.Execute(verb="ask", data={"a": [1]}, fallback=el.Submit(data={"a": [1]}))
    made = el.rendered(el.Columns(columns=[el.Column(items=[])], select_action=tap))
    assert made["columns"] == [{"type": "Column", "items": []}]
    assert made["selectAction"]["fallback"] == {"type": "Action.Submit", "data": {"a": [1]}}
