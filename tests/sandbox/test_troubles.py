"""Trouble is ordered by a test, by a header, or over the control path; and each kind looks real."""

import asyncio
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import ClientError

from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.troubles import CONTROL_PATH, HEADER_WORDS, order_of_header
from tests.sandbox.conftest import Answer, Client, Clock


async def control(client: Client, method: str, body: Any = None, **headers: str) -> Answer:
    return await client.send(method, f"{client.neo.url}{CONTROL_PATH}", body, None, **headers)


async def troubled(client: Client, words: str, path: str = "/agents") -> Answer:
    return await client.send("GET", path, X_Sandbox_Trouble=words)


# What the troubles look like


async def test_fields_that_nobody_knows_appear_in_every_object(
    neo: EmbeddedNeo, client: Client
) -> None:
    neo.has_approval(481, agent="Password Reset")
    neo.trouble(unknown_fields=True)

    approval = (await client.get("/til-requests")).data[0]

    assert "something_new" in approval
    assert "something_new" in approval["requested_for"]
    assert all("something_new" in person for person in approval["approvers"])
    assert approval["id"] == 481
    assert "something_new" not in (await client.get("/til-requests")).data[0]


async def test_statuses_that_nobody_knows_replace_the_real_ones(
    neo: EmbeddedNeo, client: Client
) -> None:
    run = neo.has_run(agent="Dispatch")
    neo.trouble(unknown_enums=True)

    shown = (await client.get("/executions")).data[0]

    assert shown["status"] == shown["entity_type"] == "SOMETHING_NEW"
    assert shown["execution_id"] == run["execution_id"]


@pytest.mark.parametrize(
    ("how", "keys"),
    [("without_data", {"meta"}), ("without_meta", {"data"})],
)
async def test_a_part_of_the_envelope_can_be_missing(
    client: Client, how: str, keys: set[str]
) -> None:
    answer = await troubled(client, f"wrong_envelope={how}")

    assert (answer.status, set(answer.body)) == (200, keys)


async def test_the_whole_envelope_can_be_missing(neo: EmbeddedNeo, client: Client) -> None:
    agents = (await client.get("/agents")).data
    one = f"/agents/{agents[0]['id']}"

    assert (await troubled(client, "wrong_envelope")).body == agents
    assert (await troubled(client, "wrong_envelope=bare", one)).body == [
        (await client.get(one)).data
    ]


async def test_a_wrong_clock_moves_every_instant_of_the_answer(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    neo.has_run(agent="Dispatch")
    right = await client.get("/executions")
    wrong = await troubled(client, "clock_skew_seconds=-3600", "/executions")

    def instant(answer: Answer) -> datetime:
        return datetime.fromisoformat(answer.data[0]["created_at"])

    hour = timedelta(hours=1)
    assert instant(right) - instant(wrong) == hour
    assert parsedate_to_datetime(wrong.headers["Date"]) == clock() - hour
    resets = [int(each.headers["X-RateLimit-Reset"]) for each in (right, wrong)]
    assert resets[0] - resets[1] == 3_600


async def test_a_refusal_for_want_of_budget_has_its_headers(client: Client) -> None:
    answer = await troubled(client, "status=429, retry_after=2, code=rate_limit_exceeded")

    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert answer.headers["X-RateLimit-Limit"] == "1200"


async def test_a_proxys_page_knows_nothing_of_budgets(client: Client) -> None:
    page = await troubled(client, "html, status=504")

    assert (page.status, "<h1>" in page.body) == (504, True)
    assert "X-RateLimit-Limit" not in page.headers


async def test_a_late_answer_keeps_nobody_else_waiting(client: Client) -> None:
    late = asyncio.create_task(troubled(client, "latency_seconds=0.2"))
    await client.neo.hears("/agents")

    assert (await client.get("/inbox")).status == 200
    assert not late.done()
    assert (await late).status == 200


# Ordered by a header


async def test_a_header_troubles_its_own_request_alone(client: Client) -> None:
    assert (await troubled(client, "status=503")).status == 503
    assert (await client.get("/agents")).status == 200
    with pytest.raises(ClientError):
        await troubled(client, "cut")
    with pytest.raises(ClientError):
        await troubled(client, "close_connection")


async def test_a_headers_request_leaves_other_troubles_alone(
    neo: EmbeddedNeo, client: Client
) -> None:
    neo.trouble(status=500)

    assert (await troubled(client, "status=503")).status == 503
    assert (await client.get("/agents")).status == 500


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("stauts=503", "stauts"),
        ("status=often", "status"),
        ("status=99", "status"),
        ("latency_seconds=nan", "latency_seconds"),
        ("latency_seconds=1e9", "latency_seconds"),
        ("wrong_envelope=blue", "wrong_envelope"),
        ("times=3", "times"),
        ("hold=1", "hold"),
    ],
)
async def test_a_word_that_is_wrong_is_said(client: Client, words: str, field: str) -> None:
    answer = await troubled(client, words)

    assert (answer.status, answer.code, answer.details) == (
        400,
        "validation_error",
        {"field": field},
    )


async def test_an_unknown_word_is_told_the_known_ones(client: Client) -> None:
    message = (await troubled(client, "stauts=503")).body["error"]["message"]

    assert all(word in message for word in HEADER_WORDS)
    assert "hold" not in message


def test_a_word_alone_means_yes() -> None:
    trouble = order_of_header(" cut , takes_effect=true,retry_after=2, ")

    assert (trouble.cut, trouble.takes_effect, trouble.retry_after) == (True, True, "2")


# Ordered over the control path


async def test_the_control_path_adds_lists_and_ends_troubles(client: Client) -> None:
    client.key = ""
    added = await control(client, "POST", {"status": 503, "times": None, "path": "/inbox"})
    listed = await control(client, "GET")
    client.key = client.neo.key

    assert (added.status, added.data) == (200, listed.data)
    assert [(each["status"], each["path"]) for each in listed.data] == [(503, "/inbox")]
    assert [(await client.get("/inbox")).status for _ in range(3)] == [503] * 3
    assert (await client.get("/agents")).headers["X-RateLimit-Remaining"] == "1199"
    assert (await control(client, "DELETE")).data == []
    assert (await client.get("/inbox")).status == 200


async def test_a_trouble_that_is_over_is_no_longer_listed(client: Client) -> None:
    await control(client, "POST", {"status": 503})
    assert (await client.get("/agents")).status == 503

    assert (await control(client, "GET")).data == []


@pytest.mark.parametrize(
    ("body", "field"),
    [({"hold": True}, "hold"), ({"status": "often"}, "status"), ([1], "body")],
)
async def test_a_wrong_order_changes_nothing(client: Client, body: Any, field: str) -> None:
    answer = await control(client, "POST", body)

    assert (answer.status, answer.details) == (400, {"field": field})
    assert (await control(client, "GET")).data == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Host": "neo.contoso.example"},
        {"Host": "127.0.0.1.contoso.example"},
        {"Host": "localhost:1@contoso.example"},
    ],
)
async def test_a_web_page_cannot_reach_the_control_path(
    client: Client, headers: dict[str, str]
) -> None:
    answer = await control(client, "POST", {"status": 503, "times": None}, **headers)
    unknown = await client.get("/anything")

    assert (answer.status, answer.code) == (unknown.status, unknown.code) == (404, "not_found")
    assert (await client.get("/agents")).status == 200


async def test_the_control_path_has_three_methods(client: Client) -> None:
    answer = await control(client, "PUT", {})

    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, POST")


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Origin", "Sec-Fetch-Site"]
)
async def test_a_proxy_or_a_browser_finds_no_control_path(client: Client, name: str) -> None:
    answer = await control(client, "POST", {"status": 503}, **{name: "for=192.0.2.1"})

    assert (answer.status, answer.code) == (404, "not_found")
    assert (await client.get("/agents")).status == 200


async def test_orders_that_could_not_be_carried_out_are_refused(client: Client) -> None:
    split = await control(client, "POST", {"status": 429, "retry_after": "1\r\nX-Evil: 1"})
    large = await control(client, "POST", {"path": "x" * 1_000_001})

    assert (split.status, split.details) == (400, {"field": "retry_after"})
    assert (large.status, large.code) == (413, "body_too_large")


async def test_methods_are_known_in_any_case_and_429_has_its_code(client: Client) -> None:
    await control(client, "POST", {"method": "get", "status": 429})
    answer = await client.get("/agents")

    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")


async def test_a_header_counts_only_with_a_key_where_one_is_needed(client: Client) -> None:
    client.key = ""

    assert (await troubled(client, "status=503")).status == 401
    assert (await troubled(client, "status=503", "/openapi.json")).status == 503


# Troubles of a stream


async def stream(client: Client, session: str, words: str = "", last: str = "") -> tuple[str, bool]:
    """What came of a session's stream, and whether it broke."""
    headers = {"Authorization": f"Bearer {client.key}"}
    headers |= {"X-Sandbox-Trouble": words} if words else {}
    headers |= {"Last-Event-Id": last} if last else {}
    url = f"{client.neo.url}/public-api/chat/sessions/{session}/events"
    told = b""
    try:
        async with client.session.get(url, headers=headers) as response:
            assert response.status == 200
            async for part in response.content.iter_any():
                told += part
    except ClientError:
        return told.decode(), True
    return told.decode(), False


async def chatting(client: Client) -> str:
    client.neo.world.records.chat.pace_seconds = 0
    opened = await client.post("/chat/sessions", {"managed_agent_key": "NEO_SUPPORT"})
    session = str(opened.data["id"])
    await client.post(f"/chat/sessions/{session}/messages", {"message": "help"})
    return session


@pytest.mark.parametrize("words", ["cut", "cut, takes_effect"])
async def test_a_stream_that_is_cut_goes_on_where_it_broke(client: Client, words: str) -> None:
    session = await chatting(client)
    whole, _ = await stream(client, session)

    told, is_broken = await stream(client, session, words)

    seen = told[: told.rindex("\n\n") + 2]
    last = seen.rsplit("id: ", 1)[1].split("\n")[0]
    rest, is_broken_again = await stream(client, session, last=last)
    assert (is_broken, is_broken_again) == (True, False)
    assert 0 < len(seen) < len(whole)
    assert seen + rest == whole


async def test_the_parts_of_a_stream_can_be_strange(client: Client) -> None:
    session = await chatting(client)
    whole, _ = await stream(client, session)
    events = whole.count("data: {")

    fields, _ = await stream(client, session, "unknown_fields")
    enums, _ = await stream(client, session, "unknown_enums")

    assert fields.count("something_new") == events
    assert enums.count('"type": "SOMETHING_NEW"') == events
    assert "[DONE]" in fields


@pytest.mark.parametrize("words", ["status=503", "html, status=503"])
@pytest.mark.parametrize("more", ["", ", takes_effect"])
async def test_a_stream_can_be_refused_before_it_begins(
    client: Client, words: str, more: str
) -> None:
    session = await chatting(client)

    path = f"/chat/sessions/{session}/events"
    answer = await troubled(client, words + more, path)

    assert answer.status == 503
    with pytest.raises(ClientError):
        await troubled(client, f"close_connection{more}", path)
