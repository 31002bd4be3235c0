"""Each read asks for what its caller named, and what Neo says is read as it stands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.neo.client import OPERATIONS, Neo
from bot.neo.models import Agent, Approval, ApprovalState, NeoModel, Outcome, Run
from bot.neo.models.agents import Integrations
from bot.neo.operation import Operation
from bot.sandbox.embedded import EmbeddedNeo
from tests.neo.conftest import Connect
from tests.workplace import ALEX, START

ANY = "https://neo.northwind.example"
CONTRACT = Path(__file__).parents[2] / "bot" / "sandbox" / "openapi.json"
MOMENT = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
SAID = "2026-11-23T13:30:00+00:00"

Read = Callable[[Neo], Awaitable[object] | AsyncIterator[object]]

LISTS: list[tuple[Read, str, dict[str, str]]] = [
    (lambda neo: neo.agents.list(), "agents", {"page_size": "200"}),
    (
        lambda neo: neo.agents.page(cursor="c", page_size=5),
        "agents",
        {"page_size": "5", "cursor": "c"},
    ),
    (lambda neo: neo.agents.versions("20418"), "agents/20418/versions", {}),
    (lambda neo: neo.runs.list(), "executions", {"page_size": "200"}),
    (
        lambda neo: neo.runs.page(
            agent="20418", ticket="48213", entity="t1", statuses=["FAILED", "ERROR"]
        ),
        "executions",
        {
            "agent_id": "20418",
            "entity_number": "48213",
            "entity_id": "t1",
            "status": "FAILED,ERROR",
            "page_size": "50",
        },
    ),
    (lambda neo: neo.runs.steps("r1"), "executions/r1/steps", {"include_data": "false"}),
    (
        lambda neo: neo.runs.steps(
            "r1", types=["TOOL_CALL", "THOUGHT"], tool="web_fetch", step="s1", data=True
        ),
        "executions/r1/steps",
        {
            "type": "TOOL_CALL,THOUGHT",
            "tool_type_name": "web_fetch",
            "step_id": "s1",
            "include_data": "true",
        },
    ),
    (lambda neo: neo.runs.field_updates("r1"), "executions/r1/field-update-audit", {}),
    (lambda neo: neo.runs.approvals("r1"), "executions/r1/til-requests", {}),
    (
        lambda neo: neo.callbacks.page(entity_type="TICKET", entity="t1", agent="20418"),
        "callbacks",
        {"entity_type": "ticket", "entity_id": "t1", "agent_id": "20418", "page_size": "20"},
    ),
    (
        lambda neo: neo.callbacks.list(
            ticket="48213", since=MOMENT, until=MOMENT, change_types=["CREATE", "FIELD_UPDATED"]
        ),
        "callbacks",
        {
            "entity_number": "48213",
            "since": SAID,
            "until": SAID,
            "change_type": "CREATE,FIELD_UPDATED",
            "page_size": "200",
        },
    ),
    (
        lambda neo: neo.approvals.page(statuses=["PENDING"], approver="aad-1", page_size=7),
        "til-requests",
        {"status": "PENDING", "approver": "aad-1", "page_size": "7"},
    ),
    (
        lambda neo: neo.approvals.list(
            agent="20418", text="reset", created_after=MOMENT, created_before=MOMENT, statuses=[]
        ),
        "til-requests",
        {
            "agent_id": "20418",
            "q": "reset",
            "created_after": SAID,
            "created_before": SAID,
            "page_size": "200",
        },
    ),
    (
        lambda neo: neo.scheduled_work.page(status="PENDING", ticket="t1", text="482", cursor="3"),
        "scheduled-work",
        {"status": "PENDING", "ticket_id": "t1", "search": "482", "page": "3", "page_size": "50"},
    ),
    (lambda neo: neo.scheduled_work.list(), "scheduled-work", {"page": "1", "page_size": "200"}),
    (lambda neo: neo.inbox.list(), "inbox", {}),
]
SINGLE: list[tuple[Read, str, dict[str, str]]] = [
    (lambda neo: neo.agents.get("20418"), "agents/20418", {}),
    (
        lambda neo: neo.agents.version_at("20418", MOMENT),
        "agents/20418/version-at",
        {"timestamp": SAID},
    ),
    (lambda neo: neo.runs.get("r/1"), "executions/r%2F1", {}),
    (lambda neo: neo.runs.callback("r1"), "executions/r1/callback", {}),
    (lambda neo: neo.callbacks.get("c1"), "callbacks/c1", {}),
    (lambda neo: neo.templates.get("7"), "templates/7", {}),
    (lambda neo: neo.shared_agents.get("s?1"), "shared-agents/s%3F1", {}),
]
THING = {"id": 1, "execution_id": "r1", "callback_id": "c1"}


def answering(body: object, seen: list[httpx.Request] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        content = json.dumps(body, ensure_ascii=True)
        return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("read", "path", "query", "data"),
    [(*one, [THING]) for one in LISTS] + [(*one, THING) for one in SINGLE],
)
async def test_each_read_asks_for_what_its_caller_named(
    connect: Connect, read: Read, path: str, query: dict[str, str], data: object
) -> None:
    seen: list[httpx.Request] = []
    asked = read(connect(ANY, "k", transport=answering({"data": data, "meta": {}}, seen)))
    if isinstance(asked, AsyncIterator):
        assert len([one async for one in asked]) == 1
    else:
        assert await asked
    (request,) = seen
    assert (request.method, request.content) == ("GET", b"")
    assert request.url.raw_path.decode().partition("?")[0] == f"/public-api/{path}"
    assert dict(request.url.params) == query


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CONTRACT.read_text())
    return document


def answer_of(operation: Operation[Any]) -> Any:
    """What the contract says that an operation answers, with every field there."""
    responses = contract()["paths"][operation.path][operation.method.lower()]["responses"]
    success = next(responses[status] for status in responses if status.startswith("2"))
    return example(success["content"]["application/json"]["schema"]["properties"]["data"])


def example(schema: dict[str, Any]) -> Any:
    """A value of a schema; every text is a moment, for some of them have to be."""
    if reference := schema.get("$ref"):
        return example(contract()["components"]["schemas"][reference.rpartition("/")[2]])
    if values := schema.get("enum") or schema.get("x-known-values"):
        return values[0]
    if parts := schema.get("allOf", schema.get("oneOf", [])[:1]):
        return {name: one for part in parts for name, one in example(part).items()}
    if schema.get("type") == "array":
        return [example(schema["items"])]
    if schema.get("type") == "object":
        return {name: example(one) for name, one in schema.get("properties", {}).items()}
    kinds = schema.get("type", "any")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return {"string": SAID, "integer": 7, "number": 1.5, "boolean": True}.get(kind, {"any": [1]})


def unknown(read: object) -> Iterator[str]:
    """Fields, at any depth, that came and that the client has no name for."""
    if isinstance(read, tuple):
        for one in read:
            yield from unknown(one)
    if isinstance(read, NeoModel) and not isinstance(read, Integrations):
        yield from (f"{type(read).__name__}.{name}" for name in read.model_extra or {})
        for name in type(read).model_fields:
            yield from unknown(getattr(read, name))


@pytest.mark.parametrize(
    "operation",
    # A stream has no envelope and no schema.
    [operation for operation in OPERATIONS if operation.name != "chat.events"],
    ids=lambda operation: operation.name,
)
def test_every_field_of_the_contract_is_read_by_name(operation: Operation[NeoModel]) -> None:
    said = answer_of(operation)
    (one,) = said if operation.many else (said,)
    read = operation.answers.model_validate(one)
    told = read.model_dump(by_alias=True, mode="json", exclude_unset=True)
    assert not list(unknown(read))
    assert told.keys() == one.keys()


async def test_one_agent_one_run_its_steps_and_its_approvals_are_read(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    asked = embedded.has_approval(481, agent="Password Reset")
    agent = await neo.agents.get(str(asked["agent_id"]))
    run = await neo.runs.get(asked["execution_id"])
    steps = await neo.runs.steps(run.id, data=True)
    approvals = await neo.runs.approvals(run.id)
    assert agent.name == run.agent_name == "Password Reset"
    assert agent.enabled is True
    assert run.outcome is Outcome.WAITING
    assert any(step.tool for step in steps)
    assert [a.id for a in approvals] == ["481"]


async def test_an_approval_is_read_again_as_it_stands_now(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.has_approval(481, agent="Password Reset")
    embedded.has_approval(482, agent="Password Reset")
    (before,) = [a for a in (await neo.approvals.page()).items if a.id == "481"]
    assert before.state is ApprovalState.PENDING
    embedded.decides_elsewhere(481, "reject", by=ALEX)
    after = await neo.approvals.reread(before)
    assert after is not None
    assert (after.id, after.state) == ("481", ApprovalState.REJECTED)
    embedded.removes_approval(481)
    assert await neo.approvals.reread(before) is None


async def test_approvals_are_narrowed_to_an_agent_a_text_and_a_time(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    old = START - timedelta(days=2)
    embedded.has_approval(480, agent="Password Reset", at=old, ticket="48213")
    embedded.has_approval(481, agent="Offboarding", ticket="48214")
    since = START - timedelta(days=1)
    assert [a.id for a in (await neo.approvals.page(created_after=since)).items] == ["481"]
    assert [a.id for a in (await neo.approvals.page(created_before=since)).items] == ["480"]
    assert [a.id for a in (await neo.approvals.page(text="48213")).items] == ["480"]
    assert [a.id async for a in neo.approvals.list(agent="20418")] == ["480"]


async def test_credits_and_notices_are_read(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.fails_run(agent="Dispatch", error="No technician is free")
    usage = await neo.billing.usage()
    past = await neo.billing.usage("2026-10")
    (notice,) = await neo.inbox.list()
    assert usage.credits_used is not None
    assert usage.credits_limit is not None
    assert (past.month, past.credits_limit) == ("2026-10", None)
    assert notice.message == "Dispatch: No technician is free"
    assert notice.occurrences == 1


async def test_unknown_fields_nulls_and_unknown_values_stay_as_they_came(connect: Connect) -> None:
    run = {"execution_id": 7, "status": "HIBERNATING", "mood": {"deep": [1, None]}, "error": None}
    neo = connect(ANY, "k", transport=answering({"data": [run], "meta": {"request_id": 9}}))
    page = await neo.runs.page()
    (read,) = page.items
    assert (read.id, read.status, read.outcome) == ("7", "HIBERNATING", Outcome.UNKNOWN)
    assert read.model_extra == {"mood": {"deep": [1, None]}}
    assert page.request_id == "9"


async def test_one_item_without_end_does_not_hide_the_others(connect: Connect) -> None:
    deep = b'{"more": ' * 100_000 + b'"]"' + b"}" * 100_000
    deep += b', "long": ' + b"9" * 5_000
    content = b'{"data": [{"id": 480, "body": ' + deep + b'}, {"id": 481}], "meta": {}}'
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    odd, other = (await connect(ANY, "k", transport=answer).approvals.page()).items
    assert (odd.id, other.id) == ("480", "481")
    assert odd.digest != other.digest
    text = str(odd.model_extra)
    assert (text.count("more"), text.count("9")) == (100_000, 5_000), "nothing is lost"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"status": "SUCCESS"}, Outcome.SUCCEEDED),
        ({"status": "success", "error": "Access denied"}, Outcome.FAILED),
        ({"status": "SUCCESS", "error": "  "}, Outcome.SUCCEEDED),
        ({"status": "Timed Out"}, Outcome.FAILED),
        ({"status": "in-progress"}, Outcome.RUNNING),
        ({"status": "WAITING_FOR_APPROVAL"}, Outcome.WAITING),
        ({"status": "cancelled"}, Outcome.SKIPPED),
        ({"status": None}, Outcome.UNKNOWN),
        ({}, Outcome.UNKNOWN),
    ],
)
def test_how_a_run_went_is_read_from_its_status_and_its_error(
    fields: dict[str, Any], outcome: Outcome
) -> None:
    assert Run.model_validate({"execution_id": "r", **fields}).outcome is outcome


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "PENDING"}, ApprovalState.PENDING),
        ({"status": "Awaiting approval"}, ApprovalState.PENDING),
        ({"status": "APPROVED", "decided_by": {"name": "Alex"}}, ApprovalState.APPROVED),
        ({"status": "denied"}, ApprovalState.REJECTED),
        ({"status": "expired"}, ApprovalState.CLOSED),
        ({"status": "pending", "decided_by": {"name": "Alex"}}, ApprovalState.CLOSED),
        ({"status": "pending", "decided_by": {"id": None, "name": None}}, ApprovalState.PENDING),
        ({"status": "escalated"}, ApprovalState.UNKNOWN),
        ({}, ApprovalState.PENDING),
        ({"decided_by": {"id": 3}}, ApprovalState.CLOSED),
    ],
)
def test_how_an_approval_stands_is_read_from_its_status_and_its_decider(
    fields: dict[str, Any], state: ApprovalState
) -> None:
    assert Approval.model_validate({"id": 481, **fields}).state is state


def test_an_approval_without_approvers_asks_nobody() -> None:
    assert Approval.model_validate({"id": 481, "approvers": None}).approvers == ()


def test_what_is_asked_changes_the_fingerprint_and_how_it_stands_does_not() -> None:
    asked = {"id": 481, "requested_for": {"action": "Reset"}, "new_field": 1}
    one = Approval.model_validate(asked)
    assert one.digest == Approval.model_validate({**asked, "status": "APPROVED"}).digest
    assert one.digest != Approval.model_validate({**asked, "new_field": 2}).digest
    assert one.digest != Approval.model_validate({**asked, "approvers": [{"user_id": "x"}]}).digest


def test_an_agent_in_a_state_nobody_knows_is_neither_on_nor_off() -> None:
    assert Agent.model_validate({"id": 1, "state": "DRAFT"}).enabled is None
    assert Agent.model_validate({"id": 1}).enabled is None


@pytest.mark.parametrize(
    "typed", ["../agents", "a?b=c", "a#b", "%2F", "a/b", "ä ö", ".", "..", "\ud800"]
)
async def test_what_a_person_typed_never_leaves_its_place_in_the_path(
    connect: Connect, typed: str
) -> None:
    seen: list[httpx.Request] = []
    neo = connect(ANY, "k", transport=answering({"data": {"execution_id": "r"}}, seen))
    await neo.runs.get(typed)
    (request,) = seen
    sent = request.url.raw_path.decode()
    assert sent.startswith("/public-api/executions/")
    assert "/" not in sent.removeprefix("/public-api/executions/")
    assert not request.url.query
    assert not request.url.fragment
