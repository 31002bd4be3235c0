"""What the bot answers to requests that are none, too large, from elsewhere, or sent twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.messaging import Answer, Pressed, Said
from bot.teams.adapter import STILL_WORKING
from bot.teams.endpoint import LARGEST_BYTES, Budget
from bot.teams.service_urls import ServiceHosts
from tests.microsoft import GROUP, TENANT, Microsoft
from tests.teams.conftest import Bot, Door, bot_running, card
from tests.teams.forgeries import MALFORMED

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_body_is_answered_400(bot: Bot, body: bytes) -> None:
    answer = await bot.gets(content=body, headers={**JSON, **bot.authorised()})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "type": {"type": 7},
    "id": {"id": ""},
    "serviceUrl": {"serviceUrl": ["https://smba.trafficmanager.net"]},
    "channelId": {"channelId": {}},
    "from": {"from": "Megan"},
    "from.id": {"from": {"name": "Megan"}},
    "recipient": {"recipient": []},
    "conversation": {"conversation": "a:1"},
    "conversation.id": {"conversation": {"id": 7}},
    "conversation.id ": {"conversation": {"id": "x" * 2000}},
    "channelData": {"channelData": "none"},
    "channelData.tenant": {"channelData": {"tenant": "contoso"}},
    "text": {"text": ["agents"]},
    "membersAdded": {"membersAdded": "everybody"},
    "membersAdded.0": {"membersAdded": [None]},
    "entities": {"entities": {"type": "clientInfo"}},
    "replyToId": {"replyToId": 12},
}


@pytest.mark.parametrize(("named", "wrong"), WRONG_FIELDS.items(), ids=WRONG_FIELDS.keys())
async def test_a_wrong_field_is_answered_400_and_named(
    bot: Bot, named: str, wrong: dict[str, Any]
) -> None:
    answer = await bot.hears(bot.microsoft.activity(**wrong))
    assert answer.status_code == 400
    assert named.strip() in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "missing", ["type", "id", "channelId", "serviceUrl", "from", "recipient", "conversation"]
)
async def test_a_missing_field_is_answered_400(bot: Bot, missing: str) -> None:
    activity = bot.microsoft.activity()
    del activity[missing]
    assert (await bot.hears(activity)).status_code == 400


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "text/json",
    ],
)
async def test_another_media_type_is_answered_415(bot: Bot, media_type: str | None) -> None:
    headers = {**bot.authorised(), **({"Content-Type": media_type} if media_type else {})}
    body = json.dumps(bot.microsoft.activity()).encode()
    assert (await bot.gets(content=body, headers=headers)).status_code == 415


async def test_json_that_names_its_charset_is_taken(bot: Bot) -> None:
    headers = {**bot.authorised(), "Content-Type": "Application/JSON; charset=UTF-8"}
    body = json.dumps(bot.microsoft.activity(text="agents")).encode()
    assert (await bot.gets(content=body, headers=headers)).status_code == 200


async def test_a_compressed_body_is_answered_415(bot: Bot) -> None:
    headers = {**JSON, **bot.authorised(), "Content-Encoding": "gzip"}
    assert (await bot.gets(content=b"\x1f\x8b", headers=headers)).status_code == 415


async def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_not(bot: Bot) -> None:
    activity = bot.microsoft.activity(text="")
    activity["text"] = "x" * (LARGEST_BYTES - len(json.dumps(activity)))
    body = json.dumps(activity).encode()
    assert len(body) == LARGEST_BYTES
    headers = {**JSON, **bot.authorised()}
    assert (await bot.gets(content=body, headers=headers)).status_code == 200
    assert (await bot.gets(content=body + b" ", headers=headers)).status_code == 413


async def test_a_body_without_a_length_is_not_read_beyond_the_largest_size(bot: Bot) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 10_000

    answer = await bot.gets(content=pieces(), headers={**JSON, **bot.authorised()})
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_another_method_is_answered_405(bot: Bot, method: str) -> None:
    answer = await bot.http.request(method, f"{bot.url}/api/messages")
    assert answer.status_code == 405


RAW: dict[str, bytes] = {
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a length that is none": b"Content-Length: many\r\n\r\n{}",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
}


@pytest.mark.parametrize("rest", RAW.values(), ids=RAW.keys())
async def test_http_that_is_none_is_answered_400(bot: Bot, rest: bytes) -> None:
    where = urlsplit(bot.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    head = b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Connection: close\r\n" + rest)
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in status


async def test_a_body_that_does_not_arrive_is_not_waited_for(microsoft: Microsoft) -> None:
    async with bot_running(microsoft, budget=Budget(body_seconds=0.05)) as bot:
        where = urlsplit(bot.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        head = b"POST /api/messages HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: 10\r\n\r\n{")
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert b" 408 " in status


TENANTS: dict[str, tuple[dict[str, Any], int]] = {
    "the tenant in channelData": ({"channelData": {"tenant": {"id": TENANT.upper()}}}, 200),
    "only in the conversation": ({"channelData": {}}, 200),
    "no channelData at all": ({"channelData": None}, 200),
    "another in channelData": ({"channelData": {"tenant": {"id": "other"}}}, 403),
    "another in the conversation": (
        {"channelData": None, "conversation": {"id": "a:1", "tenantId": "other"}},
        403,
    ),
    "none": ({"channelData": None, "conversation": {"id": "a:1"}}, 403),
}


@pytest.mark.parametrize(("fields", "status"), TENANTS.values(), ids=TENANTS.keys())
async def test_only_the_tenants_served_are_let_in(
    bot: Bot, fields: dict[str, Any], status: int
) -> None:
    answer = await bot.hears(bot.microsoft.activity(text="agents", **fields))
    assert answer.status_code == status
    assert len(bot.product.said) == (status == 200)


HOSTS: dict[str, bool] = {
    "https://smba.trafficmanager.net/amer/": True,
    "https://SMBA.trafficmanager.net:443/amer": True,
    "https://eu.botframework.com/": True,
    "https://botframework.com/": False,
    "https://evilbotframework.com/": False,
    "https://smba.trafficmanager.net.evil.example/": False,
    "https://smba.trafficmanager.net@evil.example/": False,
    "https://evil.example\\@smba.trafficmanager.net/": False,
    "https://smba.trafficmanager.net:8443/": False,
    "https://smba.trafficmanager.net/?to=https://evil.example": False,
    "http://smba.trafficmanager.net/": False,
    "ftp://smba.trafficmanager.net/": False,
    "https://127.0.0.1/": False,
    "http://localhost:3978/": False,
    "https://[::1": False,
    "/amer": False,
    "": False,
}


@pytest.mark.parametrize(("url", "allowed"), HOSTS.items())
def test_a_service_url_names_an_allowed_host_over_https(url: str, *, allowed: bool) -> None:
    hosts = ServiceHosts(("smba.trafficmanager.net", "*.botframework.com"))
    assert hosts.allow(url) is allowed


async def test_a_service_url_elsewhere_is_answered_403_even_where_the_token_names_it(
    bot: Bot,
) -> None:
    elsewhere = "https://smba.evil.example/"
    answer = await bot.gets(
        json=bot.microsoft.activity(text="agents", serviceUrl=elsewhere),
        headers={"Authorization": f"Bearer {bot.token(serviceurl=elsewhere)}"},
    )
    assert answer.status_code == 403
    assert bot.product.said == []


async def test_a_repeated_message_is_answered_once(bot: Bot) -> None:
    activity = bot.microsoft.activity(text="agents")
    answers = await asyncio.gather(*(bot.hears(activity) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(bot.product.said) == 1
    assert len(bot.microsoft.messages) == 1


async def test_the_same_id_in_another_conversation_is_another_message(bot: Bot) -> None:
    await bot.hears(bot.microsoft.activity(text="agents", id="1"))
    await bot.hears(bot.microsoft.activity(text="agents", id="1", where="19:x@thread.v2"))
    assert len(bot.product.said) == 2


async def test_a_repeated_click_acts_once_and_gets_the_same_answer(bot: Bot, door: Door) -> None:
    async def decide(pressed: Pressed) -> Answer:
        await door.through()
        return Answer(card("Approved by Megan Bowen"), in_place=True)

    bot.product.on_action = decide
    click = bot.microsoft.click("approval.decide", on="m-1")
    first = asyncio.create_task(bot.hears(click))
    await door.entered.wait()
    meanwhile = asyncio.create_task(bot.hears(click))
    door.opened.set()
    answers = [await first, await meanwhile, await bot.hears(click)]

    assert len(bot.product.pressed) == 1
    assert [answer.json()["value"]["body"] for answer in answers] == [
        [{"text": "Approved by Megan Bowen"}]
    ] * 3


async def test_a_slow_message_is_acknowledged_in_time_and_answered_later(
    microsoft: Microsoft, door: Door
) -> None:
    async def think(said: Said) -> Answer:
        await door.through()
        return Answer(card("At last"))

    async with bot_running(microsoft, budget=Budget(message_seconds=0.05)) as bot:
        bot.product.on_message = think
        answer = await bot.hears(microsoft.activity(text="status"))
        assert answer.status_code == 200
        assert microsoft.messages == []
        door.opened.set()
        await microsoft.until(lambda: microsoft.messages)
        assert microsoft.messages[0].summary == "At last"


async def test_a_slow_click_is_told_so_in_time_and_its_card_is_edited_later(
    microsoft: Microsoft, door: Door
) -> None:
    async def decide(pressed: Pressed) -> Answer:
        await door.through()
        return Answer(card("Approved by Megan Bowen", approval="481"), in_place=True)

    async with bot_running(microsoft, budget=Budget(invoke_seconds=0.05)) as bot:
        await bot.hears(microsoft.activity(text="approvals"))
        message = microsoft.messages[0]
        bot.product.on_action = decide
        answer = await bot.hears(microsoft.click("approval.decide", on=message.id))
        assert answer.json() == {
            "statusCode": 200,
            "type": "application/vnd.microsoft.activity.message",
            "value": STILL_WORKING,
        }
        door.opened.set()
        await microsoft.until(lambda: message.edits)
        assert message.summary == "Approved by Megan Bowen"
        assert (message.conversation, message.id, "481") in bot.product.copies


async def test_a_slow_click_on_a_vanished_card_is_answered_by_a_new_one(
    microsoft: Microsoft, door: Door
) -> None:
    async def decide(pressed: Pressed) -> Answer:
        await door.through()
        return Answer(card("Approved by Megan Bowen"), in_place=True)

    async with bot_running(microsoft, budget=Budget(invoke_seconds=0.05)) as bot:
        bot.product.on_action = decide
        await bot.hears(microsoft.click("approval.decide", on="gone"))
        door.opened.set()
        await microsoft.until(lambda: microsoft.messages)
        assert microsoft.messages[0].summary == "Approved by Megan Bowen"


async def test_what_is_for_one_person_alone_never_stands_in_the_card_of_all(
    microsoft: Microsoft, door: Door
) -> None:
    async def refuse(pressed: Pressed) -> Answer:
        await door.through()
        return Answer(card("Not you", approval="481"), in_place=True, aside="You were not asked.")

    async with bot_running(microsoft, budget=Budget(invoke_seconds=0.05)) as bot:
        await bot.hears(microsoft.activity(text="approvals", where=GROUP))
        shared = microsoft.messages[0]
        bot.product.on_action = refuse
        await bot.hears(microsoft.click("approval.decide", on=shared.id, where=GROUP))
        door.opened.set()
        await microsoft.until(lambda: len(microsoft.messages) == 2)
        assert "You were not asked." in microsoft.messages[1].summary
        assert shared.edits == 0


async def test_closing_lets_a_turn_end_that_is_under_way(microsoft: Microsoft, door: Door) -> None:
    async def think(said: Said) -> Answer:
        await door.through()
        return Answer(card("Before the end"))

    async with bot_running(microsoft, budget=Budget(message_seconds=0.05)) as bot:
        bot.product.on_message = think
        await bot.hears(microsoft.activity(text="status"))
        closing = asyncio.create_task(bot.endpoint.close(within_seconds=5))
        door.opened.set()
        await closing
        assert [message.summary for message in microsoft.messages] == ["Before the end"]


async def test_closing_does_not_wait_for_a_turn_that_never_ends(
    microsoft: Microsoft, door: Door
) -> None:
    async def think(said: Said) -> Answer:
        await door.through()
        return Answer(card("Never"))

    async with bot_running(microsoft, budget=Budget(message_seconds=0.05)) as bot:
        bot.product.on_message = think
        await bot.hears(microsoft.activity(text="status"))
        async with asyncio.timeout(10):
            await bot.endpoint.close(within_seconds=0.05)
        # There may be time to tell them so, or not.
        assert all("restarted" in message.summary for message in microsoft.messages)
        assert not door.opened.is_set()


async def test_the_demo_needs_no_token_and_sends_none(microsoft: Microsoft) -> None:
    microsoft.checks_tokens = False
    async with bot_running(microsoft, anonymous=True) as bot:
        answer = await bot.gets(json=microsoft.activity(text="agents"))
        assert answer.status_code == 200
        assert [call.authorization for call in microsoft.calls] == [None]
        assert microsoft.token_fetches == 0


@pytest.mark.parametrize(
    "header",
    [
        {"Host": "bot.evil.example"},
        {"Host": "[2001:db8::1]:3978"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
    ],
)
async def test_the_demo_lets_nobody_in_from_elsewhere(
    microsoft: Microsoft, header: dict[str, str]
) -> None:
    async with bot_running(microsoft, anonymous=True) as bot:
        answer = await bot.gets(json=microsoft.activity(text="agents"), headers=header)
        assert answer.status_code == 403
        assert bot.product.said == []
