"""How the tests read a card: its parts, its words, its buttons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cards.actions import Action, parse_action
from cards.card import Card


def everything(held: Any) -> Iterator[dict[str, Any]]:
    """Every element and action of a card's JSON."""
    if isinstance(held, dict):
        if "type" in held:
            yield held
        for inner in held.values():
            yield from everything(inner)
    elif isinstance(held, list):
        for inner in held:
            yield from everything(inner)


def words(card: Card) -> str:
    """All text that a person can read on it, a line for each piece, wherever it may break."""
    found = [one["text"] for one in everything(card.content["body"]) if "text" in one]
    return "\n".join(found).replace("\u200b", "").replace("\xa0", " ")


def buttons(card: Card) -> dict[str, Action]:
    """What each button, row and link on it asks for, by its caption."""
    return {
        one["title"]: parse_action(one["data"])
        for one in everything(card.content["body"])
        if one["type"] == "Action.Execute"
    }
