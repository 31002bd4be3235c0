"""The parsers, fed with whatever there is, for a bounded time and from a fixed seed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.teams.activity import Inbound, Malformed, read
from cards.actions import Action, BadButton, _Payload, parse_action
from tests.microsoft import Microsoft

# The same examples each time, so that what fails here fails anywhere; `hypothesis` prints it.
bounded = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "\0", "\ud800", "Europe/Berlin", "../../etc/passwd", "x" * 2_000, "mention"]
    ),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)


def _activity() -> dict[str, Any]:
    microsoft = Microsoft()
    microsoft.url = "https://smba.trafficmanager.net"
    megan = {"id": "29:megan", "name": "Megan Bowen"}
    mention = {"type": "mention", "text": "<at>Megan</at>", "mentioned": megan}
    activity = microsoft.click("ask", on="m-1", data={"text": "agents"})
    activity |= {"text": "agents", "membersAdded": [megan], "localTimezone": "Europe/London"}
    activity["entities"].append(mention)
    return activity


def _places(held: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = held.items() if isinstance(held, dict) else enumerate(held)
    found = [(*path, key) for key, _ in inner] if isinstance(held, (dict, list)) else []
    return (
        found + [more for place in found for more in _places(_at(held, place[len(path) :]), place)]
        if isinstance(held, (dict, list))
        else []
    )


def _at(held: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        held = held[key]
    return held


PLACES = _places(_activity())


def _is_whole(inbound: Inbound) -> None:
    """Whatever was let through can be used by all that comes after."""
    where, who = inbound.where(), inbound.who()
    inbound.mentions()
    inbound.for_botbuilder().serialize()
    kept = json.dumps(inbound.model_dump(by_alias=True), allow_nan=False, ensure_ascii=False)
    for text in (kept, str(where), str(who)):
        assert "\\u0000" not in text
        assert "\0" not in text
        text.encode()  # no half of a pair


def _is_read_or_refused(body: bytes) -> None:
    try:
        inbound = read(body)
    except Malformed:
        return
    _is_whole(inbound)


@bounded
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _is_read_or_refused(body)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5_000])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    body = json.dumps(_activity()).replace('"agents"', number)
    with pytest.raises(Malformed):
        read(body.encode())


@bounded
@given(st.lists(st.tuples(st.sampled_from(PLACES), _VALUES), min_size=1, max_size=3))
def test_an_activity_with_anything_anywhere_is_read_or_refused(
    changes: list[tuple[tuple[Any, ...], Any]],
) -> None:
    activity = _activity()
    for path, value in changes:
        try:
            _at(activity, path[:-1])[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took that place away
    _is_read_or_refused(json.dumps(activity).encode())


@bounded
@given(st.data())
def test_an_activity_with_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(json.dumps(_activity()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        until = data.draw(st.integers(at, min(at + 20, len(body))))
        body[at:until] = data.draw(st.binary(max_size=8))
    _is_read_or_refused(bytes(body))


_VERBS = [one.model_fields["verb"].default for one in _Payload.__subclasses__()]
_KEYS = sorted({name for one in _Payload.__subclasses__() for name in one.model_fields})


@bounded
@given(
    st.dictionaries(st.sampled_from(_KEYS) | _TEXTS, _VALUES, max_size=6),
    st.sampled_from(_VERBS) | _TEXTS,
)
def test_any_payload_is_a_button_of_ours_or_none(data: dict[str, Any], verb: str) -> None:
    try:
        action: Action = parse_action({**data, "verb": verb})
    except BadButton:
        return
    assert parse_action({**data, **action.pack()}).verb == verb
