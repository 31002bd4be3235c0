"""What the embedded Neo refuses, and the troubles it makes to order."""

import asyncio
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest
from aiohttp import ClientError, ClientPayloadError

from bot.sandbox.embedded import ADMIN_TOKEN, EmbeddedNeo
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
        "/agents/none",
        "/executions/none",
        "/executions/12345678-1234-4123-a123-123456789012/steps",
        "/anything",
        "/executions/",
    ):
        answer = await client.get(path)
        assert (answer.status, answer.code) == (404, "not_found"), path
    for identifier in ("5", "x", "٤", "9" * 30):
        answer = await client.post(f"/til-requests/{identifier}/decision", {"action": "approve"})
        assert (answer.status, answer.code) == (404, "not_found"), identifier


async def test_a_known_path_names_the_methods_it_has(client: Client) -> None:
    answer = await client.send("DELETE", "/agents/20451")

    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, PUT"


async def test_only_an_admin_makes_keys_and_an_admin_may_do_the_rest_too(client: Client) -> None:
    refused = await client.post("/api-keys", {"name": "Second"})
    client.key = ADMIN_TOKEN
    made = await client.post("/api-keys", {"name": "Second"})

    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    client.key = made.data["key"]
    assert (await client.get("/agents")).status == 200
    client.key = ADMIN_TOKEN
    assert (await client.get("/agents")).status == 200


async def test_a_rotated_key_works_on_for_a_day(client: Client, clock: Clock) -> None:
    client.key = ADMIN_TOKEN
    made = (await client.post("/api-keys", {"name": "Second"})).data
    rotated = (await client.post(f"/api-keys/{made['id']}/rotate")).data

    async def statuses() -> list[int]:
        found = []
        for key in (made["key"], rotated["key"]):
            client.key = key
            found.append((await client.get("/agents")).status)
        return found

    assert await statuses() == [200, 200]
    clock.goes_on(24 * 3_600 - 1)
    assert await statuses() == [200, 200]
    clock.goes_on(1)
    assert await statuses() == [401, 200]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/til-requests/481/decision", {"action": "approve"}),
        (
            "/handover-requests/1/accept",
            {"technician_aad_id": "a", "technician_name": "b", "technician_tenant_id": "c"},
        ),
        ("/chat/sessions", {"managed_agent_key": "NEO_SUPPORT"}),
    ],
)
async def test_naming_another_tenant_is_for_platform_accounts(
    client: Client, path: str, body: dict[str, str]
) -> None:
    answer = await client.post(path, {**body, "client_id": "another"})

    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_a_body_of_another_kind_or_too_large_is_refused(client: Client) -> None:
    body = {"action": "approve"}
    decision = "/til-requests/1/decision"
    form = await client.send("POST", decision, body, Content_Type="text/plain")
    large = await client.post(decision, {**body, "note": "x" * 1_000_000})
    gzip = await client.send("POST", decision, raw=b"no gzip", Content_Encoding="gzip")

    assert (form.status, form.code) == (415, "unsupported_media_type")
    assert (large.status, large.code) == (413, "body_too_large")
    assert gzip.status == 400


async def test_every_answer_tells_the_time_of_this_world(client: Client, clock: Clock) -> None:
    for answer in (await client.get("/agents"), await client.get("/nothing")):
        assert parsedate_to_datetime(answer.headers["Date"]) == clock()


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


async def test_a_crash_of_an_operation_is_told_in_the_envelope(
    neo: EmbeddedNeo, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def crashes(_call: object) -> None:
        raise KeyError("nothing there")

    neo.server.before["listAgents"] = crashes
    answer = await client.get("/agents")

    assert (answer.status, answer.code) == (500, "internal_error")
    assert "nothing there" not in str(answer.body)
    assert "nothing there" in caplog.text


async def test_a_window_of_approvals_that_ends_before_it_begins_is_impossible(
    client: Client,
) -> None:
    window = {"created_after": "2026-11-24T00:00:00Z", "created_before": "2026-11-01T00:00:00Z"}
    answer = await client.get("/til-requests", **window)

    assert (answer.status, answer.details) == (422, {"field": "created_before"})
