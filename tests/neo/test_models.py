"""Whatever Neo says, each shape reads what it can of it and loses nothing."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import bot.neo.models
from bot.neo.models import Agent, Approval, NeoModel, Run, Step
from bot.neo.models.agents import AgentChanges, AgenticAgent, Integrations
from bot.neo.models.callbacks import Callback
from bot.neo.models.inbox import InboxMessage

MOMENT = TypeAdapter(datetime)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    str: st.text(max_size=12) | st.integers(),
    datetime: st.datetimes(timezones=st.none() | st.just(UTC)).map(datetime.isoformat),
}


def models() -> list[type[NeoModel]]:
    """Every shape that Neo answers with, in whichever module it stands."""
    for module in pkgutil.iter_modules(bot.neo.models.__path__, "bot.neo.models."):
        importlib.import_module(module.name)

    def below(model: type[NeoModel]) -> Iterator[type[NeoModel]]:
        for one in model.__subclasses__():
            yield one
            yield from below(one)

    found = {one.__name__: one for one in below(NeoModel) if one.__module__.startswith("bot.")}
    return [found[name] for name in sorted(found)]


EVERY = pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)


def of_type(annotation: Any) -> st.SearchStrategy[Any]:
    """JSON of the type that the contract gives a field."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, NeoModel):
        return st.deferred(lambda: bodies(annotation))
    if get_origin(annotation) in {tuple, list}:
        return st.lists(of_type(arguments[0]), max_size=2)
    if get_origin(annotation) is dict:
        return st.dictionaries(st.text(max_size=5), JSON, max_size=2)
    if arguments:
        return st.one_of([of_type(one) for one in arguments])
    return BY_TYPE.get(annotation, JSON)


@cache
def bodies(model: type[NeoModel]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with fields of the right type, of a wrong one, null, missing, and unknown."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    required = {n: of_type(f.annotation) for n, f in fields.items() if f.is_required()}
    optional = {
        name: of_type(field.annotation) | st.none() | JSON
        for name, field in fields.items()
        if name not in required
    }
    unknown = st.dictionaries(st.text(max_size=8).filter(lambda name: name not in fields), JSON)
    known = st.fixed_dictionaries(required, optional=optional)
    return st.builds(lambda one, other: {**other, **one}, known, unknown)


def kept(came: Any, told: Any) -> bool:
    """Whether all of what came is in what is told, if need be as text or as the same moment."""
    if came is None:
        return told in (None, [])
    if isinstance(came, dict) and isinstance(told, dict):
        return all(name in told and kept(one, told[name]) for name, one in came.items())
    if isinstance(came, list) and isinstance(told, list):
        ours, theirs = ([one for one in many if one is not None] for many in (came, told))
        return len(ours) == len(theirs) and all(map(kept, ours, theirs))
    if told == came or same_number(came, told):
        return True
    if isinstance(told, dict):
        # What is no object where one belongs is held by one.
        return came in told.values()
    return isinstance(told, str) and (same_text(came, told) or same_moment(came, told))


def same_number(came: Any, told: Any) -> bool:
    try:
        return isinstance(told, float | int) and float(came) == told
    except (TypeError, ValueError, OverflowError):
        return False


def same_text(came: Any, told: str) -> bool:
    # No text in a database can hold NUL; a secret is told by no dump.
    text = came.replace("\0", "") if isinstance(came, str) else json.dumps(came)
    return told in (text, "**********")


def same_moment(came: Any, told: str) -> bool:
    try:
        moments = [MOMENT.validate_python(one) for one in (came, told)]
    except ValidationError:
        return False
    one, other = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in moments)
    return one == other


@EVERY
@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_comes_is_read_and_nothing_of_it_is_lost(
    model: type[NeoModel], data: st.DataObject
) -> None:
    body = data.draw(bodies(model))
    told = model.model_validate(body).model_dump(by_alias=True, mode="json")
    assert kept(body, told), told
    # An integration is known by no name, so that each is an unknown field that is read.
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = {} if model is Integrations else {n: v for n, v in body.items() if n not in known}
    assert {name: told[name] for name in unknown} == unknown
    again = model.model_validate(told).model_dump(by_alias=True, mode="json")
    assert again == told


@EVERY
def test_a_shape_needs_nothing_but_its_id(model: type[NeoModel]) -> None:
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= ({"data"} if model.__name__.startswith("Envelope") else {"id"})


@pytest.mark.parametrize("body", [{}, {"id": None}, {"execution_id": None}, [], "r", None])
def test_what_has_no_id_is_refused(body: object) -> None:
    for model in (Agent, Approval, Run, Callback):
        with pytest.raises(ValidationError):
            model.model_validate(body)


def test_a_value_that_cannot_be_read_is_kept_under_the_name_that_neo_has_for_it() -> None:
    came = {
        "deduplication_message_id": 7,
        "number_of_occurrences": "several",
        "read": "no",
        "created_at": "soon",
        "affected_workflow_ids": [20418, "20419"],
    }
    notice = InboxMessage.model_validate(came)
    assert (notice.id, notice.occurrences, notice.read, notice.created_at) == ("7", *[None] * 3)
    assert notice.agent_ids == ("20418", "20419")
    assert notice.model_extra == {
        "number_of_occurrences": "several",
        "read": "no",
        "created_at": "soon",
    }
    told = notice.model_dump(by_alias=True, mode="json")
    assert (told["number_of_occurrences"], told["created_at"]) == ("several", "soon")


def test_one_odd_approver_hides_no_other_and_is_kept() -> None:
    asked = Approval.model_validate(
        {"id": 481, "approvers": [{"user_id": "m", "user_name": "Megan Bowen"}, "Alex", None]}
    )
    assert [one.user_name for one in asked.approvers] == ["Megan Bowen", None]
    assert asked.approvers[1].model_extra == {"value": "Alex"}
    instead = Approval.model_validate({"id": 481, "approvers": "Megan"})
    assert (instead.approvers, instead.model_extra) == ((), {"approvers": "Megan"})


def test_a_decider_by_name_alone_is_a_decider_and_a_text_that_is_asked_stays_the_request() -> None:
    asked = Approval.model_validate({"id": 481, "decided_by": "Alex", "requested_for": "Reset it"})
    assert asked.decided_by is not None
    assert asked.decided_by.name == "Alex"
    assert asked.requested_for == {"request": "Reset it"}


@pytest.mark.parametrize(
    ("came", "moment"),
    [
        ("2026-11-23T13:00:00.123456Z", datetime(2026, 11, 23, 13, 0, 0, 123456, UTC)),
        ("2026-11-23T15:00:00+02:00", datetime(2026, 11, 23, 13, tzinfo=UTC)),
        ("2026-11-23T13:00:00", datetime(2026, 11, 23, 13, tzinfo=UTC)),
        ("9999-12-31T23:59:59-10:00", None),
        ("0001-01-01T00:00:00+10:00", None),
        (10**30, None),
        ("", None),
    ],
)
def test_a_moment_is_utc_and_what_is_none_is_not_known(
    came: object, moment: datetime | None
) -> None:
    assert Run.model_validate({"execution_id": "r", "created_at": came}).created_at == moment


@pytest.mark.parametrize("came", [True, "soon", 2**60 + 1, "nan", "inf", [4]])
def test_a_number_that_is_none_is_not_rounded_into_one(came: object) -> None:
    run = Run.model_validate({"execution_id": "r", "seconds_spent": came})
    assert (run.seconds_spent, run.model_extra) == (None, {"seconds_spent": came})


@pytest.mark.parametrize("held", [{"deep": [1, None]}, [1], "words", 4, None, False])
def test_a_step_holds_any_json_as_it_came(held: object) -> None:
    step = Step.model_validate({"data": held, "type": "DAYDREAM"})
    assert (step.data, step.type) == (held, "DAYDREAM")


def test_integrations_are_read_by_key_and_those_that_cannot_be_read_are_kept() -> None:
    came = {
        "cw_psa": {"permissions": [{"group_type": "TICKETS", "access_level": "READ_SOMETIMES"}]},
        "hudu": None,
        "ad": "all of it",
    }
    read = Integrations.model_validate(came)
    (permission,) = read.by_key["cw_psa"].permissions
    assert list(read.by_key) == ["cw_psa"]
    assert permission.access_level == "READ_SOMETIMES"
    assert read.model_dump(by_alias=True, mode="json", exclude_unset=True) == came


def test_settings_that_are_replaced_whole_are_sent_back_as_they_came_but_for_the_change() -> None:
    came = {
        "custom_instructions": "Be brief.",
        "til_channel": {"kind": "PAGER"},
        "test_mode": "sometimes",
        "mood": [1, None],
    }
    agent = Agent.model_validate({"id": 20418, "agent_settings": came})
    assert agent.agent_settings is not None
    changed = agent.agent_settings.model_copy(update={"custom_instructions": "Be kind."})
    assert AgentChanges(agent_settings=changed).body() == {
        "agent_settings": {**came, "custom_instructions": "Be kind."}
    }


def test_a_request_sends_what_was_set_and_tells_its_maker_what_is_wrong() -> None:
    assert AgenticAgent(name="Dispatch", description=None).body() == {
        "name": "Dispatch",
        "description": None,
    }
    with pytest.raises(ValidationError, match="name"):
        AgenticAgent.model_validate({"description": "Nameless"})
