"""What the bot sends to Teams, and what becomes of it when Teams refuses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from aiohttp import web

from bot.errors import (
    ConversationClosed,
    MessageGone,
    SendError,
    SendLater,
    SendRejected,
)
from bot.messaging import Conversation, Person, Scope
from bot.teams.connector import Connector
from bot.teams.refusals import retry_after
from bot.teams.service_urls import ServiceHosts
from bot.transport import AiohttpTransport
from tests.microsoft import ALEX, BOT, GROUP, MEGAN, SILENCE, TENANT, serving
from tests.teams.conftest import Bot, by_way_of, card, quick_retries


@pytest.fixture
def group(bot: Bot) -> Conversation:
    return Conversation(TENANT, GROUP, Scope.GROUP, bot.microsoft.service_url, BOT)


def sends(bot: Bot, method: str = "POST") -> int:
    return sum(call.method == method for call in bot.microsoft.calls)


async def test_a_card_is_posted_and_its_id_comes_back(bot: Bot, group: Conversation) -> None:
    message = await bot.connector.send(group, card("4 failed runs"))
    assert [(m.id, m.summary) for m in bot.microsoft.messages] == [(message, "4 failed runs")]
    assert "channelData" not in bot.microsoft.messages[0].activity


async def test_an_alert_also_rings_the_activity_feed(bot: Bot, group: Conversation) -> None:
    await bot.connector.send(group, card("Onboarding failed"), alert=True)
    rings = bot.microsoft.messages[0].activity["channelData"]
    assert rings == {"notification": {"alert": True}}


async def test_an_edit_redraws_the_message(bot: Bot, group: Conversation) -> None:
    message = await bot.connector.send(group, card("Waiting"))
    await bot.connector.edit(group, message, card("Approved"))
    assert [(m.summary, m.edits) for m in bot.microsoft.messages] == [("Approved", 1)]


async def test_ids_are_quoted_into_the_address(bot: Bot, group: Conversation) -> None:
    odd = replace(group, id="19:a/b?c#d@thread.v2;x")
    await bot.connector.send(odd, card("Hello"))
    assert bot.microsoft.messages[0].conversation == odd.id
    assert bot.microsoft.calls[0].path.endswith("/19%3Aa%2Fb%3Fc%23d%40thread.v2%3Bx/activities")


@pytest.mark.parametrize("path", ["", ".", ".."])
async def test_an_id_that_is_a_path_is_never_called(
    bot: Bot, group: Conversation, path: str
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"id": "taken"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(SendRejected):
            await over(http, bot).send(replace(group, id=path), card("Hello"))
    assert asked == []


@pytest.mark.parametrize("status", [412, 429, 502, 503, 504])
async def test_a_passing_trouble_is_retried(bot: Bot, group: Conversation, status: int) -> None:
    bot.microsoft.refuse(status, times=2)
    await bot.connector.send(group, card("Hello"))
    assert sends(bot) == 3
    assert len(bot.microsoft.messages) == 1


@pytest.mark.parametrize("status", [412, 429, 502, 503, 504])
async def test_a_trouble_that_lasts_is_left_to_a_later_job(
    bot: Bot, group: Conversation, status: int
) -> None:
    bot.microsoft.refuse(status, times=99)
    with pytest.raises(SendLater) as later:
        await bot.connector.send(group, card("Hello"))
    assert later.value.status == status
    assert sends(bot) == 4


async def test_a_short_retry_after_is_waited_for(bot: Bot, group: Conversation) -> None:
    bot.microsoft.refuse(429, headers={"Retry-After": "0"})
    await bot.connector.send(group, card("Hello"))
    assert sends(bot) == 2


async def test_a_long_retry_after_is_left_to_a_later_job_at_once(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.refuse(429, headers={"Retry-After": "30"})
    with pytest.raises(SendLater) as later:
        await bot.connector.send(group, card("Hello"))
    assert later.value.retry_after_seconds == 30
    assert sends(bot) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 7 ", 7),
        ("99999999", 3600),
        ("9" * 400, 3600),
        ("Mon, 02 Nov 2026 09:00:30 GMT", 30),
        ("Mon, 02 Nov 2026 08:00:00 GMT", 0),
        ("Mon, 02 Nov 2026 09:00:30 -0000", None),
        ("-5", None),
        ("1.5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_within_bounds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=datetime(2026, 11, 2, 9, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [301, 307, 400, 403, 405, 409, 413, 500, 501])
async def test_what_will_not_pass_is_never_retried(
    bot: Bot, group: Conversation, status: int
) -> None:
    bot.microsoft.refuse(status, "NoSuchThing", headers={"Location": "https://evil.example/"})
    with pytest.raises(SendRejected) as rejected:
        await bot.connector.send(group, card("Hello"))
    assert (rejected.value.status, rejected.value.code) == (status, "NoSuchThing")
    assert sends(bot) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "BotNotInConversationRoster"),
        (403, "ConversationBlockedByUser"),
        (403, "BotDisabledByAdmin"),
        (404, "ConversationNotFound"),
    ],
)
async def test_a_closed_conversation_is_known_by_its_code(
    bot: Bot, group: Conversation, status: int, code: str
) -> None:
    bot.microsoft.refuse(status, code, times=2)
    with pytest.raises(ConversationClosed):
        await bot.connector.send(group, card("Hello"))
    with pytest.raises(ConversationClosed):
        await bot.connector.edit(group, "m-1", card("Hello"))


async def test_a_message_that_is_gone_is_said_to_be(bot: Bot, group: Conversation) -> None:
    with pytest.raises(MessageGone):
        await bot.connector.edit(group, "gone", card("Approved"))
    bot.microsoft.refuse(404)
    with pytest.raises(MessageGone):
        await bot.connector.edit(group, "gone", card("Approved"))


async def test_a_message_whose_answer_got_lost_is_not_sent_twice(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.refuse(SILENCE)
    with pytest.raises(SendLater) as later:
        await bot.connector.send(group, card("Hello"))
    assert later.value.may_have_arrived
    assert len(bot.microsoft.messages) == 1


async def test_an_edit_whose_answer_got_lost_is_repeated(bot: Bot, group: Conversation) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(200, json={"id": "m-1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await over(http, bot).edit(group, "m-1", card("Approved"))
    assert asked == 2


async def test_a_connector_that_is_not_reached_is_tried_again_and_then_later(
    bot: Bot, group: Conversation
) -> None:
    asked = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        with pytest.raises(SendLater):
            await over(http, bot).send(group, card("Hello"))
    assert asked == 4


async def test_an_answer_without_an_id_is_no_success(bot: Bot, group: Conversation) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, text="created")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(SendRejected):
            await over(http, bot).send(group, card("Hello"))


def over(http: httpx.AsyncClient, bot: Bot) -> Connector:
    return Connector(
        by_way_of(http),
        credentials=None,
        hosts=ServiceHosts((), loopback=True),
        memory=bot.memory,
        clock=bot.clock,
        retrying=quick_retries(),
    )


async def test_the_token_goes_to_no_host_outside_the_list(bot: Bot, group: Conversation) -> None:
    with pytest.raises(SendRejected, match="BOT_SERVICE_HOSTS"):
        await bot.connector.send(replace(group, service_url="https://evil.example/"), card("Hello"))
    assert bot.microsoft.token_fetches == 0


async def test_the_token_follows_no_redirect(bot: Bot, group: Conversation) -> None:
    came: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        came.append(request.headers.get("Authorization"))
        return web.json_response({"id": "taken"})

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", elsewhere)
    async with serving(app) as other:
        bot.microsoft.refuse(307, headers={"Location": f"{other}/amer/"})
        with pytest.raises(SendError):
            await bot.connector.send(group, card("Hello"))
    assert (sends(bot), came) == (1, [])


async def test_a_refused_token_is_replaced_once_and_the_card_sent_again(
    bot: Bot, group: Conversation
) -> None:
    await bot.connector.send(group, card("One"))
    bot.microsoft.tokens = {"only this one"}
    await bot.connector.send(group, card("Two"))
    assert [m.summary for m in bot.microsoft.messages] == ["One", "Two"]
    assert bot.microsoft.token_fetches == 2


async def test_a_bot_whose_tokens_are_refused_keeps_the_card_for_later(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.refuse(401, "Unauthorized", times=99)
    with pytest.raises(SendLater) as later:
        await bot.connector.send(group, card("Hello"))
    assert later.value.status == 401
    assert (sends(bot), bot.microsoft.token_fetches) == (2, 2)


async def test_a_bot_that_gets_no_token_keeps_the_card_for_later(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.token_refusal = "unauthorized_client"
    with pytest.raises(SendLater, match="unauthorized_client"):
        await bot.connector.send(group, card("Hello"))
    assert bot.microsoft.calls == []


async def test_a_personal_chat_is_opened_by_the_account_that_is_known(
    bot: Bot, group: Conversation
) -> None:
    await bot.hears(bot.microsoft.activity(text="agents"))
    chat = await bot.connector.open_personal(group, MEGAN.object_id)
    other = await bot.connector.open_personal(group, ALEX.object_id)
    assert (chat.id, chat.scope, chat.person) == (
        "a:personal-29:megan",
        Scope.PERSONAL,
        MEGAN.object_id,
    )
    assert other.id == f"a:personal-{ALEX.object_id}"
    assert bot.microsoft.calls[-1].body == {
        "bot": {"id": BOT},
        "members": [{"id": ALEX.object_id}],
        "isGroup": False,
        "tenantId": TENANT,
        "channelData": {"tenant": {"id": TENANT}},
    }


def person() -> Person:
    return Person(TENANT, MEGAN.object_id, MEGAN.name, MEGAN.teams_id)


GUESTS = {
    "a user": ({"userRole": "user", "userPrincipalName": MEGAN.upn, "tenantId": TENANT}, False),
    "a user who is barely described": ({"id": "29:megan"}, False),
    "a guest by role": ({"userRole": "Guest"}, True),
    "an anonymous one": ({"userRole": "anonymous"}, True),
    "a guest by name": ({"userPrincipalName": "lee_fabrikam.example#ext#@contoso.example"}, True),
    "somebody of another tenant": ({"userRole": "user", "tenantId": "other"}, True),
}


@pytest.mark.parametrize(("member", "guest"), GUESTS.values(), ids=GUESTS.keys())
async def test_the_roster_says_who_is_a_guest(
    bot: Bot, group: Conversation, member: dict[str, str], *, guest: bool
) -> None:
    bot.microsoft.members[MEGAN.teams_id] = member
    assert await bot.connector.is_guest(person(), group) is guest


@pytest.mark.parametrize("member", [{}, {"aadObjectId": "somebody-else", "userRole": "user"}])
async def test_an_answer_that_names_nobody_or_another_leaves_it_unknown(
    bot: Bot, group: Conversation, member: dict[str, str]
) -> None:
    bot.microsoft.members[MEGAN.teams_id] = member
    with pytest.raises(SendError):
        await bot.connector.is_guest(person(), group)


async def test_what_the_roster_said_is_remembered_for_an_hour(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.members[MEGAN.teams_id] = {"userRole": "user"}
    assert not await bot.connector.is_guest(person(), group)
    bot.microsoft.members[MEGAN.teams_id] = {"userRole": "guest"}
    bot.clock.goes_on(minutes=59)
    assert not await bot.connector.is_guest(person(), group)
    bot.clock.goes_on(minutes=1)
    assert await bot.connector.is_guest(person(), group)
    assert sends(bot, "GET") == 2


async def test_nobody_knows_where_the_roster_does_not_answer(bot: Bot, group: Conversation) -> None:
    bot.microsoft.members.clear()
    with pytest.raises(SendError):
        await bot.connector.is_guest(person(), group)
    bot.microsoft.refuse(503, times=99)
    with pytest.raises(SendLater):
        await bot.connector.is_guest(person(), group)


async def test_an_emulator_of_this_machine_without_a_roster_has_no_guests(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.refuse(404)
    assert not await bot.connector.is_guest(person(), group)
    bot.microsoft.refuse(404, "ConversationNotFound")
    with pytest.raises(SendError):
        await bot.connector.is_guest(person(), group)


async def test_elsewhere_a_roster_that_is_not_there_leaves_it_unknown(
    bot: Bot, group: Conversation
) -> None:
    bot.microsoft.refuse(404)
    away = replace(group, service_url="https://connector.example.test/amer")
    with pytest.raises(SendError):
        await bot.connector.is_guest(person(), away)


async def test_an_answer_that_drips_in_is_not_waited_for_and_may_have_arrived(
    bot: Bot, group: Conversation
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        with suppress(ConnectionError):  # the other side has heard enough
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.01)
        return response

    app = web.Application()
    app.router.add_post("/{path:.*}", drip)
    async with serving(app) as url, aclosing(AiohttpTransport()) as transport:
        connector = Connector(
            transport.ask,
            credentials=None,
            hosts=ServiceHosts((), loopback=True),
            memory=bot.memory,
            clock=bot.clock,
            retrying=quick_retries(),
            within_seconds=0.05,
        )
        with pytest.raises(SendLater) as raised:
            await connector.send(replace(group, service_url=url), card("Hello"))
    assert raised.value.may_have_arrived
