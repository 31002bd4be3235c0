"""What the embedded Neo refuses, and the troubles it makes to order."""

import asyncio
from uuid import UUID

import pytest
from aiohttp import ClientError, ClientPayloadError

from bot.sandbox.embedded import EmbeddedNeo
from tests.sandbox.conftest import Client, Clock


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/executions", {"page_size": "0"}, "page_size"),
        ("/executions", {"page_size": "201"}, "page_size"),
        ("/agents", {"page_size": "many"}, "page_size"),
        ("/executions", {"cursor": "garbage"}, "cursor"),
        ("/executions", {"cursor": "WyJydW5zIiwgMSwgdHJ1ZV0="}, "cursor"),
        ("/til-requests", {"cursor": "WyJydW5zIiwgMSwgMV0="}, "cursor"),
        ("/executions", {"agent_id": "12a"}, "agent_id"),
        ("/agents/none", {}, "agent_id"),
        ("/til-requests", {"created_after": "yesterday"}, "created_after"),
        ("/billing/usage", {"month": "2026-13"}, "month"),
        ("/billing/usage", {"month": "26-1"}, "month"),
    ],
)
async def test_a_bad_value_names_its_field(
    client: Client, path: str, query: dict[str, str], field: str
) -> None:
    answer = await client.get(path, **query)

    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.details == {"field": field}


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (b"{}", "action"),
        (b'{"action": "maybe"}', "action"),
        (b'{"action": "approve", "note": 5}', "note"),
    ],
)
async def test_a_bad_decision_changes_nothing(
    neo: EmbeddedNeo, client: Client, raw: bytes, field: str
) -> None:
    neo.has_approval(481, agent="Password Reset")

    answer = await client.post("/til-requests/481/decision", raw=raw)

    assert (answer.status, answer.code, answer.details) == (
        400,
        "validation_error",
        {"field": field},
    )
    assert neo.decision_on(481) is None


async def test_what_is_not_there_is_not_found(client: Client) -> None:
    for path in (
        "/agents/1",
        "/executions/none",
        "/executions/12345678-1234-4123-a123-123456789012/steps",
        "/settings",
        "/executions/",
    ):
        answer = await client.get(path)
        assert (answer.status, answer.code) == (404, "not_found"), path
    assert (await client.post("/agents", {})).code == "not_found"
    assert (await client.decide(5, "approve")).code == "not_found"
    assert (await client.post("/til-requests/x/decision", {})).details == {"field": "request_id"}


async def test_without_the_key_only_the_document_is_open(neo: EmbeddedNeo, client: Client) -> None:
    for key in ("", "neo_sk_test_wrong", "ключ", neo.key + "x"):
        client.key = key
        answer = await client.get("/agents")
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert (await client.get("/openapi.json")).status == 200


async def test_a_revoked_key_stops_at_once_and_a_new_one_works(
    neo: EmbeddedNeo, client: Client
) -> None:
    neo.revoke_key()
    assert (await client.get("/agents")).status == 401
    neo.changes_key("neo_sk_test_next")
    client.key = "neo_sk_test_next"
    assert (await client.get("/agents")).status == 200


async def test_every_answer_carries_a_request_id_and_the_budget(client: Client) -> None:
    for answer in (await client.get("/agents"), await client.get("/nothing")):
        assert UUID(answer.body["meta"]["request_id"]).version == 4
        assert answer.headers["X-RateLimit-Limit"] == "1200"
    assert answer.headers["X-RateLimit-Remaining"] == "1198"


async def test_a_spent_budget_says_when_to_come_back(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    neo.rate_limit(1)
    clock.goes_on(20)
    assert (await client.get("/agents")).status == 200

    refused = await client.get("/agents")

    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["X-RateLimit-Reset"]) == clock().timestamp() + 40
    clock.goes_on(40)
    assert (await client.get("/agents")).headers["X-RateLimit-Remaining"] == "1198"


async def test_trouble_hits_the_named_requests_and_passes(neo: EmbeddedNeo, client: Client) -> None:
    neo.trouble(status=503, code="unavailable", times=2, path="/inbox", retry_after="7")

    first, second = await client.get("/inbox"), await client.get("/inbox")

    assert (first.status, first.code, first.headers["Retry-After"]) == (503, "unavailable", "7")
    assert second.status == 503
    assert (await client.get("/agents")).status == 200
    assert (await client.get("/inbox")).status == 200


async def test_trouble_can_be_a_proxys_page_half_an_answer_or_none(
    neo: EmbeddedNeo, client: Client
) -> None:
    neo.trouble(html=True)
    page = await client.get("/agents")
    assert (page.status, "<h1>" in page.body) == (502, True)

    neo.trouble(cut=True)
    with pytest.raises(ClientPayloadError):
        await client.get("/agents")

    neo.trouble(close_connection=True, times=None)
    with pytest.raises(ClientError):
        await client.get("/agents")
    neo.ends_trouble()
    assert (await client.get("/agents")).status == 200


async def test_a_decision_can_count_although_its_answer_is_lost(
    neo: EmbeddedNeo, client: Client
) -> None:
    neo.has_approval(481, agent="Password Reset")
    neo.trouble(close_connection=True, takes_effect=True, path="/decision")

    with pytest.raises(ClientError):
        await client.decide(481, "approve")

    decision = neo.decision_on(481)
    assert decision is not None
    assert decision.action == "approve"


async def test_a_request_can_be_held_until_the_test_lets_go(
    neo: EmbeddedNeo, client: Client
) -> None:
    let_go = asyncio.Event()
    neo.trouble(hold=let_go, path="/inbox")
    asking = asyncio.create_task(client.get("/inbox"))

    await neo.hears("/inbox")
    assert not asking.done()
    let_go.set()

    assert (await asking).data == []
    assert neo.requests[-1].path == "/public-api/inbox"
