"""A chat is answered from the world's data, and the answer is streamed so that it can resume."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sandbox.embedded import ADMIN_TOKEN, EmbeddedNeo
from tests.sandbox.conftest import START, Client, Clock

PASSWORD_RESET, CHAT = 20418, 20470
SUPPORT = {"managed_agent_key": "NEO_SUPPORT"}


@pytest.fixture
async def busy(busy_neo: EmbeddedNeo) -> AsyncIterator[Client]:
    busy_neo.world.records.chat.pace_seconds = 0
    async with ClientSession() as session:
        yield Client(session, busy_neo)


async def opened(client: Client, **body: Any) -> str:
    return str((await client.post("/chat/sessions", body or SUPPORT)).data["id"])


async def post(client: Client, session: str, message: str, **body: Any) -> Any:
    return await client.post(f"/chat/sessions/{session}/messages", {"message": message} | body)


async def events(
    client: Client, session: str, since: str = "", last: str = ""
) -> list[tuple[str, Any]]:
    """Id and content of each event until the stream ends."""
    headers = {"Last-Event-Id": last} if last else {}
    query = {"since": since} if since else {}
    answer = await client._ask(
        "GET", f"/chat/sessions/{session}/events", headers=headers, params=query
    )
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for event in answer.body.split("\n\n")[:-1]:
        identifier, data = event.split("\n")
        content = data.removeprefix("data: ")
        parsed = content if content == "[DONE]" else json.loads(content)
        found.append((identifier.removeprefix("id: "), parsed))
    return found


def text_of(told: list[tuple[str, Any]]) -> str:
    return "".join(part.get("delta", "") for _id, part in told if part != "[DONE]")


async def says(client: Client, message: str, session: str = "") -> str:
    session = session or await opened(client)
    posted = (await post(client, session, message)).data
    return text_of(await events(client, session, since=posted["since_cursor"]))


async def test_a_turn_is_streamed_as_parts_of_a_message(busy: Client) -> None:
    session = await opened(busy)

    posted = await post(busy, session, "How many runs failed this week?")
    told = await events(busy, session, since=posted.data["since_cursor"])

    kinds = [part if part == "[DONE]" else part["type"] for _id, part in told]
    assert posted.status == 202
    assert kinds[:6] == [
        *("start", "start-step", "tool-input-start", "tool-input-available"),
        *("tool-output-available", "finish-step"),
    ]
    assert kinds[6:8] == ["start-step", "text-start"]
    assert kinds.count("text-delta") > 2
    assert kinds[-4:] == ["text-end", "finish-step", "finish", "[DONE]"]
    assert len({identifier for identifier, _part in told}) == len(told)


async def test_a_broken_stream_resumes_exactly_after_what_was_seen(busy: Client) -> None:
    session = await opened(busy)
    await post(busy, session, "What is waiting?")
    whole = await events(busy, session)

    for at in (0, 4, len(whole) - 2, len(whole) - 1):
        seen = whole[at][0]
        assert await events(busy, session, since=seen) == whole[at + 1 :]
        assert await events(busy, session, since=whole[0][0], last=seen) == whole[at + 1 :]
    bad = await busy.get(f"/chat/sessions/{session}/events", since="yesterday")
    assert (bad.status, bad.details) == (400, {"field": "since"})
    for strange in ("1-3", f"{whole[0][0].split('-')[0]}-999"):
        other = await busy.get(f"/chat/sessions/{session}/events", since=strange)
        assert (other.status, other.details) == (400, {"field": "since"})


async def test_the_parts_come_one_after_the_other(busy_neo: EmbeddedNeo, busy: Client) -> None:
    busy_neo.world.records.chat.pace_seconds = 0.005
    session = await opened(busy)
    posted = (await post(busy, session, "help")).data
    clock = asyncio.get_running_loop()
    began = clock.time()

    before = (await busy.get(f"/chat/sessions/{session}/messages")).data
    told = await events(busy, session, since=posted["since_cursor"])
    after = (await busy.get(f"/chat/sessions/{session}/messages")).data

    assert clock.time() - began >= 0.005 * (len(told) - 1)
    assert [message["role"] for message in before] == ["user"]
    assert [message["role"] for message in after] == ["user", "assistant"]
    assert after[1]["parts"] == [{"type": "text", "text": text_of(told)}]


async def test_a_second_message_is_answered_after_the_first(busy: Client) -> None:
    session = await opened(busy)
    first = (await post(busy, session, "help")).data
    second = (await post(busy, session, "What is waiting?")).data

    whole = await events(busy, session, since=first["since_cursor"])
    later = await events(busy, session, since=second["since_cursor"])

    assert [part for _id, part in whole].count("[DONE]") == 2
    assert later == whole[-len(later) :]
    assert await events(busy, session, since=whole[-1][0]) == []


async def test_failures_are_those_that_the_lists_show(
    busy_neo: EmbeddedNeo, busy: Client, clock: Clock
) -> None:
    busy_neo.fails_run(agent="Password Reset", error="The PSA did not answer")
    clock.goes_on(1)
    failed = [
        run
        for page in await busy.pages("/executions", status="FAILURE", page_size=200)
        for run in page
    ]
    midnight = START.replace(hour=0).isoformat()[:19]
    today = [run for run in failed if run["created_at"] >= midnight]
    of_agent = [run for run in failed if run["agent_id"] == PASSWORD_RESET]

    told = await says(busy, "How many runs failed today?")
    told_of_agent = await says(busy, "How many runs of Password Reset failed in the last 20 days?")

    assert told.startswith(f"{len(today)} run")
    assert "The PSA did not answer" in told
    assert told_of_agent.startswith(f"{len(of_agent)} run")
    assert len(today) > 0


async def test_what_waits_is_told_with_whom_it_waits_for(
    busy_neo: EmbeddedNeo, busy: Client
) -> None:
    alex, megan = busy_neo.people[:2]
    busy_neo.has_approval(481, agent="Password Reset", approvers=[alex], action="Reset it")
    busy_neo.has_approval(482, agent="Password Reset", approvers=[megan], action="Reset that")

    everybody = await says(busy, "What is waiting for approval?")
    of_megan = await says(busy, "what is waiting for Megan Bowen?")

    assert everybody.startswith("2 approvals are waiting.")
    assert "Reset it (asked: Alex Wilber)" in everybody
    assert of_megan.startswith("1 approval is waiting for Megan Bowen.")
    assert "Reset it" not in of_megan


async def test_a_ticket_an_agent_and_the_credits_are_told(busy: Client) -> None:
    runs = (await busy.get("/executions", page_size=200)).data
    run = next(r for r in runs if "entity_number" in r and r["status"] == "SUCCESS")
    usage = (await busy.get("/billing/usage")).data
    last = (await busy.get("/executions", agent_id=PASSWORD_RESET)).data[0]

    ticket = await says(busy, f"What happened on ticket #{run['entity_number']}?")
    agent = await says(busy, "What did password reset do?")
    spent = await says(busy, "How many credits did we use?")
    spent_before = await says(busy, "credits of 2026-01")

    assert run["agent_name"] in ticket
    assert run["message_for_dashboard"] in ticket
    assert agent.startswith("Password Reset is switched on. Its last runs:")
    assert last["entity_number"] in agent.split("\n")[1]
    assert spent.startswith(f"{usage['credits_used']} credits were used in 2026-11")
    assert spent_before == "0 credits were used in 2026-01."


async def test_what_it_cannot_read_it_says_plainly(busy: Client) -> None:
    assert (await says(busy, "Tell me a joke")).startswith("I can tell you how many runs failed")
    assert await says(busy, "ticket 999999") == (
        "No agent has worked on ticket 999999, as far as I can see."
    )
    assert await says(busy, "what is scheduled?") != await says(busy, "help")


async def test_clients_people_hear_about_tickets_alone(busy: Client) -> None:
    session = await opened(busy, agent_id=CHAT)

    told = await says(busy, "How many credits did we use?", session)

    assert told == "I can tell you what happened on your ticket: give me its number."


async def test_the_trace_of_a_session_is_read_like_that_of_a_run(busy: Client) -> None:
    session = await opened(busy)
    told = await says(busy, "What is waiting?", session)

    steps = (await busy.get(f"/executions/{session}/steps")).data

    assert [step["type"] for step in steps] == ["TOOL_CALL", "TOOL_RESULT", "FINAL_MESSAGE"]
    assert steps[0]["tool_type_name"] == "NEO_API_REQUEST"
    assert steps[1]["data"] == {"pending": 0}
    assert steps[2]["message"] == told


async def test_a_repeated_message_answers_with_the_first_ones_id(busy: Client) -> None:
    session = await opened(busy)
    first = (await post(busy, session, "help", client_message_id="m-1")).data

    again = await post(busy, session, "help", client_message_id="m-1")

    assert (again.status, again.code) == (409, "duplicate_client_message")
    assert again.details["user_message_id"] == first["user_message_id"]
    assert len((await busy.get(f"/chat/sessions/{session}/messages")).data) == 2


async def test_a_message_needs_a_text_or_a_file(busy: Client) -> None:
    session = await opened(busy)
    file = {"blob_path": "a/b", "mime": "image/png", "filename": "screen.png"}

    empty = await post(busy, session, "  ")
    too_many = await post(busy, session, "", attachments=[file] * 7)
    with_file = await post(busy, session, "", attachments=[file])

    assert (empty.status, empty.details) == (400, {"field": "message"})
    assert (too_many.status, too_many.details) == (400, {"field": "attachments"})
    assert with_file.status == 202
    told = (await busy.get(f"/chat/sessions/{session}/messages")).data[0]
    assert told["parts"] == [
        {"type": "file", "mediaType": "image/png", "filename": "screen.png", "url": "a/b"}
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"title": "Nobody"}, 400, "validation_error"),
        (SUPPORT | {"agent_id": CHAT}, 400, "validation_error"),
        ({"managed_agent_key": "SOMEBODY"}, 400, "validation_error"),
        ({"agent_id": PASSWORD_RESET}, 400, "validation_error"),
        ({"agent_id": 5}, 404, "not_found"),
        (SUPPORT | {"client_id": "another"}, 403, "FORBIDDEN"),
        (SUPPORT | {"bot_id": "another"}, 403, "FORBIDDEN"),
        (SUPPORT | {"inbound_tenant_id": "another"}, 403, "FORBIDDEN"),
    ],
)
async def test_a_session_that_cannot_be_is_refused(
    busy: Client, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await busy.post("/chat/sessions", body)

    assert (answer.status, answer.code) == (status, code)


async def test_a_tenant_that_is_nobodys_client_is_not_mapped(busy: Client) -> None:
    busy.key = ADMIN_TOKEN
    client = (await busy.get("/end-companies/301")).data

    stranger = await busy.post("/chat/sessions", SUPPORT | {"inbound_tenant_id": "stranger"})
    known = await busy.post("/chat/sessions", SUPPORT | {"inbound_tenant_id": client["tenant_id"]})

    assert (stranger.status, stranger.code) == (409, "end_company_not_mapped")
    assert known.data["channel"] == "TEAMS"


async def test_only_known_kinds_of_files_can_be_put(busy: Client) -> None:
    path = f"/chat/sessions/{await opened(busy)}/attachments/upload-url"

    place = (await busy.post(path, {"content_type": "image/png"})).data
    refused = await busy.post(path, {"content_type": "application/x-msdownload"})

    assert place["blob_path"] in place["upload_url"]
    assert (refused.status, refused.details) == (400, {"field": "content_type"})


async def test_chats_count_for_who_led_them(busy: Client, clock: Clock) -> None:
    session = await opened(busy)
    for message in ("help", "help again"):
        await post(busy, session, message)
    window = {"from": START.isoformat(), "to": (START + timedelta(hours=1)).isoformat()}

    users = (await busy.get("/performance/chat/by-user", **window)).data

    assert [(user["total_turns"], user["total_sessions"]) for user in users] == [(2, 1)]
    assert (await busy.get("/performance/chat/by-user", audience="end-user", **window)).data == []


async def test_an_unknown_session_is_not_found(busy: Client) -> None:
    for path in ("messages", "events"):
        assert (await busy.get(f"/chat/sessions/none/{path}")).status == 404
    assert (await post(busy, "none", "help")).status == 404
