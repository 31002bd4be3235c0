"""The client knows the contract: every operation once, every documented field by its name."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import httpx
import pytest
from pydantic import BaseModel

import bot.neo.models
import bot.neo.resources
from bot.neo.client import OPERATIONS, RESOURCES, Neo
from bot.neo.http import NeoHttp
from bot.neo.models import (
    AgentChanges,
    AgenticAgent,
    Attachment,
    ChainedActionsAgent,
    ChannelChange,
    ConversationalAgent,
    NeoModel,
    NewChannel,
    NewEndCompany,
    TenantSettingsChange,
)
from bot.neo.operation import Operation
from bot.neo.options import Options
from bot.neo.resource import Resource
from tests.neo.conftest import Connect

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = json.loads((ROOT / "bot/sandbox/openapi.json").read_text("utf-8"))
README = (ROOT / "bot/neo/README.md").read_text("utf-8")
DOCUMENT = ("GET", "/public-api/openapi.json")

# Forms of another operation's method; they ask nothing of their own.
OTHER_FORMS = {
    "page": "one page of what `list` reads to its end",
    "approvals.reread": "one approval, found through the list, for no operation reads one",
    "chat.turn": "a message and its events in one",
    "settings.read": "answered by Neo though its document does not name it, or not at all",
}

# Documented, and kept as an open object all the same.
STAYS_OPEN = {
    "actions.output.*": "an action is sent back as it was read, so none of it is turned into text"
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed and its parts put together."""
    if "$ref" in schema:
        return described(CONTRACT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    properties: dict[str, Any] = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        properties |= described(part).get("properties", {})
    return {**schema, "properties": properties}


def contract() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in CONTRACT["paths"].items()
        for method, operation in methods.items()
    }


def key(operation: Operation[Any]) -> tuple[str, str]:
    return operation.method, operation.path


def data_of(operation: Operation[Any]) -> dict[str, Any] | None:
    """The schema of an operation's data; None for a stream."""
    answers = contract()[key(operation)]["responses"]
    (success,) = (answer for status, answer in answers.items() if status != "default")
    content = success["content"].get("application/json")
    return described(content["schema"])["properties"]["data"] if content else None


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a field's annotation names, however deep."""
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
    elif get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from models_in(inner)


def not_fields(model: type[BaseModel], schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """What the contract documents and the model would keep as an extra only."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, documented in described(schema)["properties"].items():
        if name not in fields:
            yield where + name
            continue
        inner = described(documented)
        inner = described(inner["items"]) if "items" in inner else inner
        nested = [one for one in models_in(fields[name].annotation) if inner["properties"]]
        if inner["properties"] and not nested and f"{where}{name}.*" not in STAYS_OPEN:
            yield f"{where}{name}.*"
        for one in nested:
            yield from not_fields(one, inner, f"{where}{name}.")


def test_the_operations_are_those_of_the_contract() -> None:
    assert {*map(key, OPERATIONS), DOCUMENT} == set(contract())
    assert len(OPERATIONS) + 1 == len(contract())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_named_after_the_one_method_that_asks_it(
    operation: Operation[Any],
) -> None:
    attribute, method = operation.name.split(".")
    resource = RESOURCES[attribute]
    assert getattr(resource, method.upper()) is operation
    assert inspect.isfunction(vars(resource)[method])


def test_every_public_method_is_an_operation_or_a_form_of_one() -> None:
    named = {operation.name for operation in OPERATIONS}
    methods = {
        (attribute, name)
        for attribute, resource in RESOURCES.items()
        for name, member in vars(resource).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    others = {
        f"{attribute}.{name}" for attribute, name in methods if f"{attribute}.{name}" not in named
    }
    assert {name for name in others if not name.endswith(".page")} == set(OTHER_FORMS) - {"page"}
    assert len(named) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_asks_with_every_documented_parameter(operation: Operation[Any]) -> None:
    source = inspect.getsource(inspect.getmodule(RESOURCES[operation.name.split(".")[0]]) or Neo)
    parameters = {one["name"] for one in contract()[key(operation)].get("parameters", ())}
    paging = {"cursor", "page_size"} if "._page(" in source or "._each(" in source else set()
    assert {name for name in parameters - paging if name not in source} == set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_is_documented_of_an_answer_is_a_field(operation: Operation[Any]) -> None:
    data = data_of(operation)
    if data is None:
        assert operation.name == "chat.events"
        return
    assert operation.many is (data.get("type") == "array")
    schema = data["items"] if operation.many else data
    assert sorted(not_fields(operation.answers, schema)) == []


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (TenantSettingsChange, "Settings"),
        (NewEndCompany, "EndCompanyInput"),
        (ChannelChange, "ChannelInput"),
        (NewChannel, "ChannelInput"),
        (Attachment, "ChatAttachmentRef"),
        (ChainedActionsAgent, "CreateChainedActionsAgent"),
        (AgenticAgent, "CreateAgenticAgent"),
        (ConversationalAgent, "CreateConversationalAgent"),
        (AgentChanges, "UpdateAgentRequest"),
    ],
)
def test_what_is_documented_of_a_body_can_be_sent(model: type[BaseModel], schema: str) -> None:
    assert sorted(not_fields(model, {"$ref": f"#/components/schemas/{schema}"})) == []


def test_every_resource_and_every_model_can_be_reached() -> None:
    modules = {Path(path).stem for path in ("__init__", "base")}
    folder = Path(next(iter(bot.neo.resources.__path__)))
    resources = {path.stem for path in folder.glob("*.py")} - modules
    assert resources == set(RESOURCES)
    answered = {operation.answers for operation in OPERATIONS}
    shapes = {inner.__name__ for model in answered for inner in everything_in(model)}
    assert shapes - set(bot.neo.models.__all__) == set()


def everything_in(model: type[BaseModel]) -> set[type[BaseModel]]:
    inner = {
        one for field in model.model_fields.values() for one in models_in(field.annotation)
    } - {model}
    return {model}.union(*(everything_in(one) for one in inner))


def test_a_neo_asked_in_another_way_has_all_resources_and_its_own_options(
    connect: Connect,
) -> None:
    neo = connect("https://neo.northwind.example", "k")
    other = neo.with_options(within_seconds=90.0)
    assert other is not neo
    for name, resource in RESOURCES.items():
        assert type(getattr(other, name)) is resource
    assert other.chat._options.within_seconds == 90.0
    assert neo.chat._options.within_seconds == 2.0


async def test_neos_own_document_is_read_as_it_is(connect: Connect) -> None:
    document = {"openapi": "3.1.0", "paths": {}}
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=document)

    neo = connect("https://neo.northwind.example", "k", transport=httpx.MockTransport(answer))
    assert await neo.document() == document
    assert [(request.method, request.url.path) for request in seen] == [DOCUMENT]


def example() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return str(block)


def test_an_operation_is_added_in_ten_lines() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 10


async def test_the_operation_that_the_readme_adds_works(connect: Connect) -> None:
    module = types.ModuleType("example")
    exec(compile(example(), "README.md", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 -- our own page
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        data = {"id": 12, "name": "Lee Gu", "on_call": True, "mood": "calm"}
        return httpx.Response(200, json={"data": data, "meta": {}})

    transport = httpx.MockTransport(answer)
    http: NeoHttp = connect("https://neo.northwind.example", "k", transport=transport)._http
    (resource,) = defined(module, Resource)
    (model,) = defined(module, NeoModel)
    read = await resource(http, Options()).get("1/2")
    assert isinstance(read, model)
    assert read.model_dump() == {"id": "12", "name": "Lee Gu", "on_call": True, "mood": "calm"}
    assert [r.url.raw_path for r in seen] == [b"/public-api/technicians/1%2F2"]


def defined(module: types.ModuleType, base: type) -> list[Any]:
    members = vars(module).values()
    return [m for m in members if isinstance(m, type) and issubclass(m, base) and m is not base]


def test_the_readme_names_every_file_of_the_folder_and_no_other() -> None:
    folder = ROOT / "bot/neo"
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    named = set(re.findall(r"^\| `(\w+\.py)` \|", README, re.MULTILINE))
    assert named == files
    assert {path.name for path in folder.iterdir() if (path / "__init__.py").exists()} == set(
        re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)
    )
