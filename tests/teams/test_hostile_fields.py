"""Every field of an activity and of a button, wrong in every way: refused or passed over."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from bot.teams.activity import Inbound
from cards import actions
from tests.microsoft import ALEX, BOT, MEGAN, PERSONAL, TENANT
from tests.teams.fortress import Fortress

pytestmark = pytest.mark.asyncio(loop_scope="module")

_CHANCE = random.Random(1)
_UNPACKABLE = "".join(chr(_CHANCE.randrange(0x4E00, 0x9FFF)) for _ in range(1024))
"""As long as an id may be, four thousand bytes that no index can make smaller."""

WRONG: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a number beyond all": 10**400,
    "a fraction": -1.5,
    "a boolean": True,
    "no text": "",
    "text": "\u202e**x**\u2028\ud800\0<at>Neo</at>",
    "all the text there can be": _UNPACKABLE,
    "80 KB of text": "x " * 40_000,
    "a list": [None, 7, "x", {}],
    "an object": {"id": {"id": []}, "type": None},
}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) in {Union, UnionType, list}:
        for inner in get_args(annotation):
            yield from _models(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Where each field stands, and each field of what it holds."""
    for name, field in model.model_fields.items():
        alias = field.alias or name
        yield (alias,)
        for inner in _models(field.annotation):
            yield from ((alias, *path) for path in _paths(inner))


FIELDS = [
    *_paths(Inbound),
    ("value", "action"),
    ("value", "action", "verb"),
    ("value", "action", "data"),
    ("value", "trigger"),
    ("entities", "type"),
    ("entities", "timezone"),
    ("entities", "mentioned"),
    ("entities", "text"),
]


def _set(whole: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = whole.get(part)
        whole = inner[0] if isinstance(inner, list) else whole.setdefault(part, {})
    whole[path[-1]] = value


def _activity(house: Fortress, kind: str) -> dict[str, Any]:
    megan = {"id": MEGAN.teams_id, "name": MEGAN.name, "aadObjectId": MEGAN.object_id}
    members = [{"id": BOT}] if kind == "conversationUpdate" else [megan]
    place = {"id": PERSONAL, "conversationType": "personal", "tenantId": TENANT}
    pressed = {"action": {"verb": "follow", "data": {"topic": "failures"}}}
    return house.microsoft.activity(
        kind,
        text="42",
        name="adaptiveCard/action",
        action="add",
        conversation=place,
        value=pressed if kind == "invoke" else {},
        membersAdded=members,
        membersRemoved=[megan],
        channelData={name: {"id": TENANT} for name in ("tenant", "team", "channel")},
        entities=[{"type": "mention", "mentioned": megan, "text": "<at>Megan</at>"}],
    )


WHERE_AND_WHO = ("conversation", "from", "recipient", "channelData")
KINDS: dict[str, tuple[str, ...]] = {
    "message": ("type", "id", "channelId", "serviceUrl", "text", "entities", *WHERE_AND_WHO),
    "invoke": ("value", "name", "replyToId", "localTimezone", "conversation", "from"),
    "conversationUpdate": ("membersAdded", "membersRemoved"),
    "installationUpdate": ("action", "id"),
}
"""What of an activity each kind of it is read for."""


async def test_every_field_is_read_for_some_kind() -> None:
    assert {path[0] for path in FIELDS} == {name for names in KINDS.values() for name in names}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("kind", KINDS)
async def test_no_wrong_field_breaks_anything(house: Fortress, kind: str, wrong: str) -> None:
    for path in FIELDS:
        if path[0] in KINDS[kind]:
            activity = _activity(house, kind)
            _set(activity, path, WRONG[wrong])
            reply = await house.hears(activity)
            assert reply.status in {200, 400, 401, 403, 413, 501}, path
            assert not house.broken, path
    await house.answers_still()


BUTTONS = [
    actions.Ask(text="42", in_place=True),
    actions.Decide(approval="7", verdict="approve", shown="x", typed="1", comment="x"),
    actions.DecideSeveral(verdict="reject", shown={"7": "x"}, ticked="7", comment="x"),
    actions.PickSeveral(),
    actions.ShowApproval(approval="7"),
    actions.ShowEvidence(approval="7", comment="x"),
    actions.SnoozeApproval(approval="7", hours=2),
    actions.Delegate(by=MEGAN.object_id, to=ALEX.object_id, until="2999-01-01T00:00:00Z"),
    actions.EndDelegation(delegation=7),
    actions.Follow(topic="failures", on=True),
]
BESIDE: dict[str, Any] = {
    "a path": "../../../etc/passwd",
    "another's id": "7,8,9' OR 1=1 --",
    "digits of another script": "\u0667\u0668",
    "a time that is none": "2999-13-45T99:00:00Z",
    "a time before all": "0001-01-01T00:00:00+14:00",
    "beyond bigint": 2**63,
    "below bigint": -(2**70),
    "a nested object": {"7": {"x": []}},
    "a key that no id is": {_UNPACKABLE: "x", "": "x"},
}


async def test_every_button_is_among_them() -> None:
    assert {type(button) for button in BUTTONS} == set(get_args(actions.Action))


@pytest.mark.parametrize("button", BUTTONS, ids=lambda button: button.verb)
async def test_no_wrong_field_of_a_button_breaks_anything(
    house: Fortress, button: actions.Action
) -> None:
    good = button.model_dump(mode="json")
    for name in type(button).model_fields:
        for what, wrong in {**WRONG, **BESIDE}.items():
            verb = wrong if name == "verb" else button.verb
            click = house.microsoft.click(verb, on="m-1", data={**good, name: wrong})
            reply = await house.hears(click)
            assert reply.status in {200, 400, 413}, (name, what)
            assert not house.broken, (name, what)
    assert house.neo.decisions == []
    await house.answers_still()
