"""What the contract allows reaches an operation; everything else is named and refused."""

from typing import Any

import pytest

from bot.sandbox.contract import contract, read_json, routes
from bot.sandbox.document import document
from bot.sandbox.envelope import ApiError
from bot.sandbox.operations import operations

ROUTES = {route.operation_id: route for route in routes()}


def refusal(operation_id: str, body: dict[str, Any]) -> tuple[str, str]:
    expected = ROUTES[operation_id].body
    assert expected is not None
    with pytest.raises(ApiError) as refused:
        expected.check(body)
    assert (refused.value.status, refused.value.code) == (400, "validation_error")
    return refused.value.details["field"], refused.value.message


def accepts(operation_id: str, body: dict[str, Any]) -> bool:
    expected = ROUTES[operation_id].body
    assert expected is not None
    expected.check(body)
    return True


def test_every_operation_of_the_contract_is_served() -> None:
    assert set(operations()) == set(ROUTES)


def test_the_served_document_is_the_contract_with_the_statuses_of_this_world() -> None:
    served, original = document(), contract()

    assert served["paths"] == original["paths"]
    status = served["components"]["schemas"]["TilRequest"]["properties"]["status"]
    assert status["enum"] == ["PENDING", "APPROVED", "REJECTED"]
    assert "enum" not in original["components"]["schemas"]["TilRequest"]["properties"]["status"]


def test_only_the_document_and_shared_agents_need_no_key() -> None:
    assert {name for name, route in ROUTES.items() if route.is_open} == {
        "getOpenApi",
        "getSharedAgent",
    }


def test_query_values_come_typed_and_with_defaults() -> None:
    steps, runs = ROUTES["listExecutionSteps"], ROUTES["listExecutions"]

    assert steps.read_query({"include_data": ["false"]}) == {"include_data": False}
    assert steps.read_query({}) == {"include_data": True}
    assert runs.read_query({"agent_id": ["-5"], "state": ["ENABLED"]}) == {
        "agent_id": -5,
        "page_size": 50,
    }


@pytest.mark.parametrize(
    ("operation_id", "query", "message"),
    [
        ("listExecutions", {"agent_id": ["1_0"]}, "agent_id must be a whole number."),
        ("listExecutions", {"agent_id": ["٤"]}, "agent_id must be a whole number."),
        ("listExecutions", {"agent_id": ["1.0"]}, "agent_id must be a whole number."),
        ("listExecutions", {"agent_id": ["9" * 5_000]}, "agent_id must be a whole number."),
        ("listExecutions", {"page_size": ["0"]}, "page_size must be at least 1."),
        ("listExecutions", {"page_size": ["201"]}, "page_size must be at most 200."),
        ("listExecutions", {"page_size": ["1", "2"]}, "page_size must be given once, not 2 times."),
        ("listExecutionSteps", {"include_data": ["True"]}, "include_data must be true or false."),
        ("getAgentVersionAt", {}, "timestamp is required."),
        ("getAgentVersionAt", {"timestamp": ["2026-02-30T10:00:00Z"]}, "2026-11-23T14:00:00Z."),
        ("getAgentVersionAt", {"timestamp": ["9999-12-31T23:59:59-01:00"]}, "a date and time"),
        ("getAgentVersionAt", {"timestamp": ["2026-11-23T14:00:00"]}, "with an offset"),
        ("listScheduledWork", {"status": ["LATE"]}, "PENDING, PROCESSING, COMPLETED, FAILED"),
        ("getBillingUsage", {"month": ["26-1"]}, "month must be written like"),
    ],
)
def test_a_wrong_query_value_says_what_is_expected(
    operation_id: str, query: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(ApiError) as refused:
        ROUTES[operation_id].read_query(query)

    assert refused.value.status == 400
    assert message in refused.value.message
    assert refused.value.details["field"] in refused.value.message


@pytest.mark.parametrize(
    ("operation_id", "body", "field", "message"),
    [
        ("decideTilRequest", {}, "action", "action is required."),
        ("decideTilRequest", {"action": 1}, "action", "action must be one of approve, reject."),
        (
            "decideTilRequest",
            {"action": "approve", "note": 5},
            "note",
            "note must be text or null.",
        ),
        ("createApiKey", {"name": ""}, "name", "name must have a length of at least 1."),
        ("createChannel", {"internal_name": "a"}, "audience", "audience is required."),
        (
            "scheduleWork",
            {"scheduled_for": "tomorrow", "workflow_id": 1},
            "scheduled_for",
            "scheduled_for must be a date and time with an offset, such as 2026-11-23T14:00:00Z.",
        ),
        (
            "createSkill",
            {"name": "a", "slug": "a", "files": [{"path": "a"}]},
            "files.0.content",
            "files.0.content is required.",
        ),
    ],
)
def test_a_wrong_body_names_the_field_within(
    operation_id: str, body: dict[str, Any], field: str, message: str
) -> None:
    assert refusal(operation_id, body) == (field, message)


def test_a_new_agent_is_checked_as_the_kind_it_says_it_is() -> None:
    agentic = {"name": "Triage", "autonomy_type": "AGENTIC"}

    assert accepts("createAgent", agentic)
    assert refusal("createAgent", agentic | {"toolbox": 1})[0] == "toolbox"
    assert refusal("createAgent", {"name": "Triage"})[0] in {"trigger_type", "actions"}
    assert refusal("createAgent", {"autonomy_type": "CONVERSATIONAL"})[0] == "name"
    unknowns: tuple[Any, ...] = ("ROBOT", None, [], {})
    for unknown in unknowns:
        field, message = refusal("createAgent", agentic | {"autonomy_type": unknown})
        assert field == "autonomy_type"
        assert "CHAINED_ACTIONS, AGENTIC, CONVERSATIONAL" in message


def test_a_value_is_never_quoted_at_length() -> None:
    long = "x" * 5_000
    for body in (
        {"action": long},
        {"action": "approve", "note": [long]},
    ):
        assert len(refusal("decideTilRequest", body)[1]) < 200
    integrations = {long: {"permissions": 1}}
    agent = {"name": "a", "autonomy_type": "AGENTIC", "integrations": integrations}
    assert len(refusal("createAgent", agent)[1]) < 200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"1" * 5_000 + b"}",
        b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        read_json(raw)

    assert (refused.value.status, refused.value.details) == (400, {"field": "body"})


def test_strange_text_passes_unharmed() -> None:
    assert read_json(b'{"a": "\\u0000\\ud800"}') == {"a": "\x00\ud800"}
