"""What differs between the live API and what the client expects is named, whatever is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.neo import drift
from bot.neo.client import OPERATIONS, Neo
from bot.neo.drift import Additions, Difference, Kind, Severity, additions, compare, examined
from bot.neo.models import NeoModel
from bot.neo.operation import Operation
from bot.neo.vocabulary import Vocabulary
from bot.neo.watching import DocumentWatch
from tests.microsoft import serving
from tests.neo.conftest import Connect

WRITTEN = Path("bot/sandbox/openapi.json").read_text("utf-8")
CONTRACT: dict[str, Any] = json.loads(WRITTEN)
BY_NAME = {operation.name: operation for operation in OPERATIONS}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def contract() -> dict[str, Any]:
    return {**json.loads(WRITTEN)}  # in half the time that a copy takes


def operation_of(document: dict[str, Any], operation: Operation[Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][operation.path][operation.method.lower()]
    return found


def answered(document: dict[str, Any], operation: Operation[Any]) -> dict[str, Any]:
    """The properties of what an operation answers, written out in its own place."""
    responses = operation_of(document, operation)["responses"]
    success = responses["202" if "202" in responses else "200"]
    envelope = written_out(document, success["content"]["application/json"]["schema"], 0)
    success["content"]["application/json"]["schema"] = envelope
    data = envelope["properties"]["data"]
    shape = data["items"] if operation.many else data
    properties: dict[str, Any] = shape.get("properties", {})
    return properties


def written_out(document: dict[str, Any], schema: Any, depth: int) -> Any:
    """A schema without references, and the parts of an allOf as one."""
    if depth > 12 or not isinstance(schema, dict):
        return {}
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return written_out(document, document["components"]["schemas"][name], depth + 1)
    found = {key: value for key, value in schema.items() if key not in {"allOf", "properties"}}
    properties: dict[str, Any] = {}
    for part in schema.get("allOf", []):
        properties |= written_out(document, part, depth + 1).get("properties", {})
    for name, one in schema.get("properties", {}).items():
        properties[name] = written_out(document, one, depth + 1)
    if "items" in schema:
        found["items"] = written_out(document, schema["items"], depth + 1)
    return found | ({"properties": properties} if properties else {})


def somewhere(data: st.DataObject, document: Any) -> tuple[Any, Any]:
    """A place in a document at which something else can be put."""
    holder = document
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.integers(0, 7)) == 0:
            return holder, key
        holder = inner


def modelled(model: type[NeoModel]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


def named(found: tuple[Difference, ...], kind: Kind) -> dict[str, Difference]:
    return {one.where: one for one in found if one.kind is kind}


def test_the_contract_is_what_the_client_expects() -> None:
    assert compare(CONTRACT, OPERATIONS) == ()
    assert additions(CONTRACT, OPERATIONS) == Additions()


async def test_nothing_has_changed_in_the_embedded_neo(neo: Neo) -> None:
    document = await neo.document()
    assert compare(document, OPERATIONS) == ()
    assert additions(document, OPERATIONS) == Additions()


@pytest.mark.parametrize("name", sorted(drift._NEVER_ANSWERED))
def test_every_exception_is_of_an_operation_that_there_is(name: str) -> None:
    assert name in BY_NAME


@pytest.mark.parametrize("name", sorted(drift._NEVER_ANSWERED))
def test_what_is_never_answered_is_not_in_the_contract(name: str) -> None:
    answer = answered(contract(), BY_NAME[name])
    assert (
        modelled(BY_NAME[name].answers) & answer.keys()
        == modelled(BY_NAME[name].answers) - drift._NEVER_ANSWERED[name]
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_that_is_gone_is_named(operation: Operation[Any]) -> None:
    document = contract()
    del document["paths"][operation.path][operation.method.lower()]
    found = compare(document, OPERATIONS)
    assert [(one.kind, one.where) for one in found] == [(Kind.OPERATION_GONE, operation.name)]
    moved = contract()
    moved["paths"]["/public-api/elsewhere"] = moved["paths"].pop(operation.path)
    assert operation.name in named(compare(moved, [operation]), Kind.OPERATION_GONE)


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if "event-stream" not in str(operation_of(CONTRACT, one))],
    ids=lambda one: one.name,
)
def test_each_field_that_is_gone_is_named(operation: Operation[Any]) -> None:
    fields = modelled(operation.answers) & answered(contract(), operation).keys()
    for field in fields:
        document = contract()
        del answered(document, operation)[field]
        gone = named(compare(document, [operation]), Kind.FIELD_GONE)
        assert set(gone) == {f"{operation.answers.__name__}.{field}"}


def test_what_a_placeholder_is_called_and_where_the_api_is_mounted_is_no_drift() -> None:
    paths = {
        path.removeprefix("/public-api").replace("_id}", "Identifier}") + "/": item
        for path, item in CONTRACT["paths"].items()
    }
    assert compare(CONTRACT | {"paths": paths}, OPERATIONS) == ()


def test_what_people_lose_is_said_and_the_worst_comes_first() -> None:
    document = contract()
    del document["paths"]["/public-api/inbox"]
    del document["paths"]["/public-api/til-requests/{request_id}/decision"]
    worst, other = compare(document, OPERATIONS)
    assert (worst.where, worst.severity) == ("approvals.decide", Severity.BROKEN)
    assert "approvals cannot be decided from Teams" in worst.sentence
    assert "POST /public-api/til-requests/{request_id}/decision" in worst.sentence
    assert (other.where, other.severity) == ("inbox.list", Severity.DEGRADED)


def test_a_field_of_several_answers_is_named_once_with_all_of_them() -> None:
    document = contract()
    del document["components"]["schemas"]["TilRequest"]["properties"]["approvers"]
    (only,) = compare(document, OPERATIONS)
    assert (only.kind, only.where) == (Kind.FIELD_GONE, "Approval.approvers")
    assert only.severity is Severity.BROKEN
    assert "approvals.list" in only.sentence
    assert "runs.approvals" in only.sentence


def test_a_field_within_a_field_is_named_with_its_way() -> None:
    document = contract()
    del document["components"]["schemas"]["TilApprover"]["properties"]["user_id"]
    (only,) = compare(document, OPERATIONS)
    assert (only.where, only.severity) == ("Approval.approvers.user_id", Severity.BROKEN)


def test_without_its_id_nothing_can_be_read() -> None:
    document = contract()
    del document["components"]["schemas"]["Execution"]["properties"]["execution_id"]
    gone = named(compare(document, OPERATIONS), Kind.FIELD_GONE)
    assert gone["Run.execution_id"].severity is Severity.BROKEN


@pytest.mark.parametrize(
    ("field", "schema", "drifts"),
    [
        ("agent_id", {"type": "string"}, False),
        ("agent_id", {"type": ["integer", "null"]}, False),
        ("agent_id", {"type": "integer", "nullable": True}, False),
        ("agent_id", {"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        ("agent_id", {}, False),
        ("agent_id", True, False),
        ("agent_id", {"type": "object", "properties": {"id": {}}}, True),
        ("agent_id", {"oneOf": [{"type": "array"}, {"type": "object"}]}, True),
        ("seconds_spent", {"type": "string"}, False),
        ("seconds_spent", {"type": "boolean"}, True),
        ("created_at", {"type": "integer"}, False),
        ("created_at", {"type": "boolean"}, True),
        ("created_at", {"properties": {"seconds": {"type": "integer"}}}, True),
        ("status", {"enum": [True, False]}, False),
        ("status", {"items": {"type": "string"}}, True),
    ],
)
def test_a_type_is_drift_only_where_it_cannot_be_read(
    field: str, schema: object, *, drifts: bool
) -> None:
    document = contract()
    document["components"]["schemas"]["Execution"]["properties"][field] = schema
    found = named(compare(document, OPERATIONS), Kind.TYPE_CHANGED)
    assert set(found) == ({f"Run.{field}"} if drifts else set())


@pytest.mark.parametrize("many", [True, False])
def test_a_list_that_is_one_thing_now_and_the_reverse_are_named(*, many: bool) -> None:
    operation = BY_NAME["runs.list" if many else "runs.get"]
    document = contract()
    answered(document, operation)
    content = operation_of(document, operation)["responses"]["200"]["content"]
    kind = {"type": "object"} if many else {"type": "array"}
    content["application/json"]["schema"]["properties"]["data"] = kind
    assert operation.name in named(compare(document, OPERATIONS), Kind.TYPE_CHANGED)
    content["application/json"]["schema"]["properties"] = {"items": {"type": "array"}}
    assert operation.name in named(compare(document, OPERATIONS), Kind.FIELD_GONE)


def test_answers_that_are_not_described_are_a_notice() -> None:
    document = contract()
    operation_of(document, BY_NAME["runs.list"])["responses"] = {"200": {"description": "Fine."}}
    document["components"]["schemas"]["MonthlyUsage"] = {"type": "object"}
    found = compare(document, OPERATIONS)
    assert {one.where for one in found} == {"runs.list", "billing.usage"}
    assert {one.severity for one in found} == {Severity.NOTICE}


def test_what_is_required_now_and_not_sent_is_named() -> None:
    document = contract()
    document["components"]["schemas"]["TilDecisionRequest"]["required"] += ["note", "seal"]
    listing = operation_of(document, BY_NAME["runs.list"])["parameters"]
    listing += [
        {"name": "region", "in": "query", "required": True},
        {"name": "page_size", "in": "query", "required": True},
        {"name": "colour", "in": "query"},
    ]
    found = compare(document, OPERATIONS)
    assert {one.where for one in found} == {"approvals.decide", "runs.list"}
    assert {one.kind for one in found} == {Kind.NOW_REQUIRED}
    told = " ".join(one.sentence for one in found)
    assert "'seal'" in told
    assert "'region'" in told
    assert "'note'" not in told


def test_a_status_that_means_nothing_here_is_named() -> None:
    document = contract()
    shapes = document["components"]["schemas"]
    shapes["Execution"]["properties"]["status"]["enum"] = ["SUCCESS", "FAILURE", "MAROONED"]
    shapes["TilRequest"]["properties"]["status"]["enum"] = ["PENDING", "ADJOURNED"]
    approval, run = compare(document, OPERATIONS)
    assert (approval.where, approval.severity) == ("Approval.status", Severity.DEGRADED)
    assert "'ADJOURNED'" in approval.sentence
    assert (run.where, run.severity) == ("Run.status", Severity.NOTICE)
    assert "'MAROONED'" in run.sentence


def test_what_is_new_is_counted_and_is_no_drift() -> None:
    document = contract()
    document["paths"]["/public-api/weather"] = {"get": {"responses": {}}}
    document["components"]["schemas"]["Execution"]["properties"]["mood"] = {"type": "string"}
    document["components"]["schemas"]["TilApprover"]["properties"]["mood"] = {"type": "string"}
    assert compare(document, OPERATIONS) == ()
    assert additions(document, OPERATIONS) == Additions(operations=1, fields=2)


def test_references_are_followed_wherever_they_stand() -> None:
    document = contract()
    for number, (path, item) in enumerate(document["paths"].items()):
        document.setdefault("x-items", {})[str(number)] = item
        document["paths"][path] = {"$ref": f"#/x-items/{number}"}
        for operation in item.values():
            responses = operation["responses"]
            for code in [code for code in responses if code.startswith("2")]:
                document.setdefault("x-answers", {})[f"{number}/{code}"] = responses[code]
                responses[code] = {"$ref": f"#/x-answers/{number}~1{code}"}
                break
            break
    assert compare(document, OPERATIONS[:1]) == ()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "<html>Sign in to Fabrikam</html>",
        {},
        {"swagger": "2.0", "paths": {"/public-api/agents": {"get": {}}}},
        {"openapi": 3, "paths": {"/public-api/agents": {"get": {}}}},
        {"openapi": "3.1.0"},
        {"openapi": "3.1.0", "paths": []},
        {"openapi": "3.1.0", "paths": {"/v2/pets": {"get": {}}}},
    ],
)
def test_what_is_no_document_of_neos_is_one_notice(content: object) -> None:
    (only,) = compare(content, OPERATIONS)
    assert (only.kind, only.where) == (Kind.DOCUMENT, "openapi.json")
    assert only.severity is Severity.NOTICE


def test_references_in_a_circle_end() -> None:
    document = contract()
    shapes = document["components"]["schemas"]
    shapes["Execution"] = {"$ref": "#/components/schemas/Round"}
    shapes["Round"] = {"allOf": [{"$ref": "#/components/schemas/Execution"}]}
    document["paths"]["/public-api/inbox"] = {"$ref": "#/paths/~1public-api~1inbox"}
    found = compare(document, OPERATIONS)
    assert "inbox.list" in named(found, Kind.OPERATION_GONE)
    assert "runs.list" in named(found, Kind.NOT_DESCRIBED)


@pytest.mark.parametrize("doubled", [True, False])
def test_a_document_made_to_be_slow_is_one_notice(*, doubled: bool) -> None:
    document = contract()
    shapes = document["components"]["schemas"]
    for number in range(40):
        after = {"$ref": f"#/components/schemas/Link{number + 1}"}
        shapes[f"Link{number}"] = {"allOf": [after, after] if doubled else [{"allOf": [after]}]}
    shapes["Execution"] = {"$ref": "#/components/schemas/Link0"}
    (only,) = compare(document, OPERATIONS)
    assert only.kind is Kind.DOCUMENT
    assert additions(document, OPERATIONS) == Additions()
    assert Vocabulary.of(document) == Vocabulary()


def requiring(count: int) -> dict[str, Any]:
    document = contract()
    required = [f"seal_{number}" for number in range(count)]
    document["components"]["schemas"]["TilDecisionRequest"]["required"] = required
    return document


def test_of_very_many_differences_the_worst_are_named_and_the_others_counted() -> None:
    document = requiring(4_000)
    del document["paths"]["/public-api/inbox"]
    *named_ones, last = compare(document, OPERATIONS)
    assert len(named_ones) == 100
    assert {one.severity for one in named_ones} == {Severity.BROKEN}
    assert (last.kind, last.severity) == (Kind.FURTHER, Severity.BROKEN)
    assert last.sentence.startswith("There are 3,901 more")


def execution(schema: object, **more: object) -> dict[str, Any]:
    document = contract()
    document["components"]["schemas"] |= {"Execution": schema, **more}
    return document


def with_paths(paths: Mapping[str, object]) -> dict[str, Any]:
    return CONTRACT | {"paths": CONTRACT["paths"] | paths}


def properties(count: int) -> dict[str, Any]:
    return {"properties": {f"p{number}": {} for number in range(count)}}


LARGE: dict[str, Callable[[], dict[str, Any]]] = {
    "paths": lambda: with_paths({f"/x{number}": {"get": {}} for number in range(300_000)}),
    "one path": lambda: with_paths(
        {f"/public-api/x/{{a{number}}}": {} for number in range(30_000)}
    ),
    "required": lambda: requiring(200_000),
    "words": lambda: execution(
        {"properties": {"status": {"enum": [str(n) for n in range(200_000)]}}}
    ),
    "properties": lambda: execution(properties(200_000)),
    "parts": lambda: execution({"allOf": [{"properties": {f"p{n}": {}}} for n in range(30_000)]}),
    "alternatives": lambda: execution({"anyOf": [1] * 200_000}),
    "handed on": lambda: execution(
        {"$ref": "#/components/schemas/L0"},
        **{f"L{n}": {"$ref": f"#/components/schemas/L{n + 1}"} for n in range(40)},
        L40=properties(10_000),
    ),
    "reference": lambda: execution(
        {"allOf": [{"$ref": "#/components/schemas/Long"}] * 30_000},
        Long={"$ref": "#/" + "a/" * 500_000},
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_document_made_large_is_one_notice_and_no_words(name: str) -> None:
    found, new = examined(LARGE[name](), OPERATIONS)
    assert [one.kind for one in found] == [Kind.DOCUMENT]
    assert new == Additions()


def test_a_reference_longer_than_any_name_leads_nowhere() -> None:
    long = "L" * 1_000
    document = execution({"$ref": f"#/components/schemas/{long}"}, **{long: {"type": "string"}})
    assert "runs.list" in named(compare(document, OPERATIONS), Kind.NOT_DESCRIBED)


@given(JSON)
def test_whatever_is_served_something_is_said(content: object) -> None:
    assert len(compare(content, OPERATIONS)) == 1


@pytest.mark.unmeasured
@settings(max_examples=25)
@given(st.data())
def test_whatever_stands_wherever_in_the_document_it_is_compared(data: st.DataObject) -> None:
    document = contract()
    for _ in range(data.draw(st.integers(1, 8))):
        holder, key = somewhere(data, document)
        references = st.sampled_from(list(CONTRACT["components"]["schemas"])).map(
            lambda name: {"$ref": f"#/components/schemas/{name}"}
        )
        holder[key] = data.draw(JSON | references)
    found = compare(document, OPERATIONS)
    assert all(one.where and one.sentence for one in found)
    assert additions(document, OPERATIONS).fields >= 0


async def test_each_difference_is_logged_once_and_the_words_are_learnt(connect: Connect) -> None:
    document = contract()
    del document["paths"]["/public-api/inbox"]
    enum = ["TIL_STATUS_PENDING", "TIL_STATUS_APPROVED"]
    document["components"]["schemas"]["TilRequest"]["properties"]["status"]["enum"] = enum

    async def serve(_: web.Request) -> web.Response:
        return web.json_response(document)

    app = web.Application()
    app.router.add_get("/public-api/openapi.json", serve)
    async with serving(app) as url:
        watch = DocumentWatch(connect(url, "neo_sk_test").document, OPERATIONS)
        with capture_logs() as logged:
            words = await watch.look()
            assert await watch.look() == words
    assert words.approvals == tuple(enum)
    told = [line for line in logged if line["event"] != "neo.called"]
    assert [(one["event"], one["kind"], one["where"]) for one in told] == [
        ("neo.drift", "operation_gone", "inbox.list")
    ]
    assert [one.where for one in watch.differences] == ["inbox.list"]


async def test_without_the_document_what_was_known_stays(connect: Connect) -> None:
    known = Vocabulary(runs=("SUCCESS", "FAILURE"))
    watch = DocumentWatch(connect("http://127.0.0.1:1", "neo_sk_test").document, OPERATIONS, known)
    with capture_logs() as logged:
        assert await watch.look() == known
    assert watch.vocabulary == known
    told = [line["event"] for line in logged if line["event"].startswith("neo.")]
    assert told == ["neo.called", "neo.document_not_read"]


async def test_a_page_in_its_place_takes_no_word_away(connect: Connect) -> None:
    known = Vocabulary(runs=("SUCCESS", "FAILURE"))

    async def served() -> object:
        return {"page": "Sign in to Fabrikam"}

    watch = DocumentWatch(served, OPERATIONS, known)
    with capture_logs() as logged:
        assert await watch.look() == known
    assert [line["where"] for line in logged] == ["openapi.json"]


async def test_very_many_differences_are_a_bounded_number_of_lines_once() -> None:
    document = requiring(4_000)

    async def served() -> object:
        return document

    watch = DocumentWatch(served, OPERATIONS)
    with capture_logs() as logged:
        await watch.look()
        await watch.look()
    assert len(logged) == 101
    assert logged[-1]["kind"] == "further"


async def test_while_a_document_is_compared_others_are_served() -> None:
    async def served() -> object:
        return CONTRACT

    looking = asyncio.create_task(DocumentWatch(served, OPERATIONS).look())
    turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
    assert await looking == Vocabulary.of(CONTRACT)
    assert turns > 10
