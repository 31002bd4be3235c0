"""Settings, companies, channels, keys, chats: what is sent, what comes back, what stays secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.errors import NeoError, NeoUnavailable
from bot.neo.client import Neo
from bot.neo.models.api_keys import ApiKeyWithSecret
from bot.neo.models.channels import ChannelChange, NewChannel
from bot.neo.models.chat import Attachment
from bot.neo.models.end_companies import IdentityProvider, MarketplaceCompany, NewEndCompany
from bot.neo.models.settings import TenantSettingsChange
from tests.neo.conftest import Connect

ANY = "https://neo.northwind.example"
SECRET = "neo_sk_test_an-invented-secret"

Ask = Callable[[Neo], Awaitable[Any]]


async def update_settings(neo: Neo) -> Any:
    return await neo.settings.update(
        TenantSettingsChange(timezone="Europe/London", start_business_hours=8, referral_code=None)
    )


async def create_company(neo: Neo) -> Any:
    return await neo.end_companies.create(
        NewEndCompany(
            psa_company_id="77",
            psa_company_name="Contoso Dental",
            employee_identity_provider=IdentityProvider(onprem_ad_runner_hostname="dc1"),
            marketplace_company_ids=(MarketplaceCompany(company_id="c-1"),),
        )
    )


async def create_channel(neo: Neo) -> Any:
    return await neo.channels.create(
        NewChannel(internal_name="contoso", audience="END_USER", agent_id=7)
    )


async def update_channel(neo: Neo) -> Any:
    return await neo.channels.update("c/1", ChannelChange(status="DISCONNECTED"))


async def create_key(neo: Neo) -> Any:
    expiry = datetime(2027, 1, 31, 12, tzinfo=UTC)
    return await neo.api_keys.create("Teams bot", expires_at=expiry)


async def create_chat(neo: Neo) -> Any:
    return await neo.chat.create(
        agent="20418", title="Printer", bot="b", client="c", inbound_tenant="t"
    )


async def post_message(neo: Neo) -> Any:
    file = Attachment(blob_path="in/1", mime="image/png", alt="the screen")
    return await neo.chat.post("s/1", "", message_id="mine-1", attachments=[file], tier="SMART")


COMPANY = {
    "psa_company_id": "77",
    "psa_company_name": "Contoso Dental",
    "employee_identity_provider": {"onprem_ad_runner_hostname": "dc1"},
    "marketplace_company_ids": [{"company_id": "c-1"}],
}
CALLS: list[tuple[Ask, str, str, object]] = [
    (
        update_settings,
        "PUT",
        "settings",
        {"timezone": "Europe/London", "start_business_hours": 8, "referral_code": None},
    ),
    (create_company, "POST", "end-companies", COMPANY),
    (lambda neo: neo.end_companies.get("7/7"), "GET", "end-companies/7%2F7", None),
    (
        create_channel,
        "POST",
        "channels",
        {"internal_name": "contoso", "audience": "END_USER", "agent_id": 7},
    ),
    (lambda neo: neo.channels.get("c1"), "GET", "channels/c1", None),
    (update_channel, "PATCH", "channels/c%2F1", {"status": "DISCONNECTED"}),
    (
        lambda neo: neo.channels.branding("28:bot", tenant="contoso-tenant"),
        "POST",
        "channels/install-events",
        {"bot_id": "28:bot", "end_client_tenant_id": "contoso-tenant"},
    ),
    (
        create_key,
        "POST",
        "api-keys",
        {"name": "Teams bot", "expires_at": "2027-01-31T12:00:00+00:00"},
    ),
    (lambda neo: neo.api_keys.create("Forever"), "POST", "api-keys", {"name": "Forever"}),
    (lambda neo: neo.api_keys.rotate("k1"), "POST", "api-keys/k1/rotate", None),
    (lambda neo: neo.phone.numbers(), "GET", "phone/numbers", None),
    (lambda neo: neo.availability.auto_map(), "POST", "teams-availability/auto-map", None),
    (
        create_chat,
        "POST",
        "chat/sessions",
        {
            "agent_id": 20418,
            "title": "Printer",
            "bot_id": "b",
            "client_id": "c",
            "inbound_tenant_id": "t",
        },
    ),
    (
        lambda neo: neo.chat.create(managed="NEO_SUPPORT"),
        "POST",
        "chat/sessions",
        {"managed_agent_key": "NEO_SUPPORT"},
    ),
    (
        post_message,
        "POST",
        "chat/sessions/s%2F1/messages",
        {
            "message": "",
            "client_message_id": "mine-1",
            "attachments": [{"blob_path": "in/1", "mime": "image/png", "alt": "the screen"}],
            "model_tier": "SMART",
        },
    ),
    (lambda neo: neo.chat.messages("s1"), "GET", "chat/sessions/s1/messages", None),
    (
        lambda neo: neo.chat.upload_url("s1", content_type="image/png", filename="a.png"),
        "POST",
        "chat/sessions/s1/attachments/upload-url",
        {"content_type": "image/png", "filename": "a.png"},
    ),
]


class Sent:
    """Answers every request alike and keeps what was asked."""

    def __init__(self, data: object, *failing: int) -> None:
        self.requests: list[httpx.Request] = []
        self._data = data
        self._failing = list(failing)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._failing:
            error = {"code": "internal", "message": "Later."}
            return httpx.Response(self._failing.pop(), json={"error": error, "meta": {}})
        return httpx.Response(200, json={"data": self._data, "meta": {}})


@pytest.mark.parametrize(("ask", "method", "path", "body"), CALLS)
async def test_what_is_changed_is_sent_and_nothing_else(
    connect: Connect, ask: Ask, method: str, path: str, body: object
) -> None:
    sent = Sent([] if path in {"phone/numbers", "chat/sessions/s1/messages"} else {})
    await ask(connect(ANY, "k", transport=sent.transport()))
    (request,) = sent.requests
    assert (request.method, request.url.raw_path.decode()) == (method, f"/public-api/{path}")
    assert (json.loads(request.content) if request.content else None) == body


@pytest.mark.parametrize(
    ("ask", "requests"),
    [
        (update_settings, 2),
        (update_channel, 2),
        (lambda neo: neo.channels.branding("28:bot", tenant="t"), 2),
        (lambda neo: neo.availability.auto_map(), 2),
        (create_company, 1),
        (create_channel, 1),
        (create_key, 1),
        (lambda neo: neo.api_keys.rotate("k1"), 1),
        (lambda neo: neo.insights.start(), 1),
        (lambda neo: neo.chat.create(agent="7"), 1),
    ],
)
async def test_only_what_is_safe_to_repeat_is_asked_again_when_neo_is_in_trouble(
    connect: Connect, ask: Ask, requests: int
) -> None:
    sent = Sent({}, 503)
    neo = connect(ANY, "k", transport=sent.transport())
    if requests == 1:
        with pytest.raises(NeoUnavailable):
            await ask(neo)
    else:
        await ask(neo)
    assert len(sent.requests) == requests


async def test_a_company_and_a_channel_are_read_with_all_that_neo_says_of_them(
    connect: Connect,
) -> None:
    company = {**COMPANY, "azure_delegated_access_granted": True, "mailbox_provider": None}
    read = await connect(ANY, "k", transport=Sent(company).transport()).end_companies.get("77")
    assert read.employee_identity_provider is not None
    assert read.employee_identity_provider.onprem_ad_runner_hostname == "dc1"
    assert read.marketplace_company_ids[0].company_id == "c-1"
    assert (read.azure_delegated_access_granted, read.mailbox_provider) == (True, None)

    channel = {"id": 5, "agent_id": 7, "status": "PAUSED", "created_at": "2026-11-01T06:30:00Z"}
    found = await connect(ANY, "k", transport=Sent(channel).transport()).channels.get("5")
    assert (found.id, found.agent_id, found.status) == ("5", "7", "PAUSED")
    assert found.created_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


async def test_numbers_and_mappings_keep_what_nobody_has_published(connect: Connect) -> None:
    number = {"number": "+44 20 7946 0000", "psa_settings": {"board": 3}}
    (read,) = await connect(ANY, "k", transport=Sent([number]).transport()).phone.numbers()
    assert read.psa_settings == {"board": 3}
    assert read.model_extra == {"number": "+44 20 7946 0000"}
    mapped = await connect(
        ANY, "k", transport=Sent({"mapped": 4}).transport()
    ).availability.auto_map()
    assert mapped.model_extra == {"mapped": 4}


async def test_a_strangers_install_has_no_branding(connect: Connect) -> None:
    neo = connect(ANY, "k", transport=Sent({"matched": False}).transport())
    branding = await neo.channels.branding("28:bot", tenant="tailspin")
    assert (branding.matched, branding.display_name, branding.welcome_message) == (
        False,
        None,
        None,
    )


async def test_a_new_key_is_told_to_whoever_asks_for_it_and_to_nobody_else(
    connect: Connect, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = Sent({"id": "k2", "name": "Teams bot", "key": SECRET, "expires_at": None})
    key = await connect(ANY, "k", transport=sent.transport()).api_keys.rotate("k1")
    assert key.key is not None
    assert key.key.get_secret_value() == SECRET
    shown = [repr(key), str(key), key.model_dump_json(), repr(key.model_dump())]
    assert SECRET not in "".join([*shown, caplog.text, *capsys.readouterr()])


@pytest.mark.parametrize("odd", [[SECRET], {"value": SECRET}])
def test_a_key_that_is_no_text_is_as_secret(odd: object) -> None:
    key = ApiKeyWithSecret.model_validate({"id": "k2", "key": odd})
    assert key.key is not None
    assert SECRET in key.key.get_secret_value()
    assert SECRET not in repr(key) + repr(key.model_dump())


async def test_an_answer_that_cannot_be_read_does_not_tell_its_key(connect: Connect) -> None:
    neo = connect(ANY, "k", transport=Sent([SECRET]).transport())
    with pytest.raises(NeoUnavailable) as caught:
        await neo.api_keys.create("Teams bot")
    assert SECRET not in repr(caught.value) + str(caught.value) + repr(caught.value.__dict__)
    assert caught.value.__cause__ is None


async def test_what_was_said_and_where_files_go_is_read_as_it_came(connect: Connect) -> None:
    message = {"role": "assistant", "parts": [{"type": "text", "text": "Done."}]}
    place = {"upload_url": "https://blobs.example/in/1?sig=invented", "max_image_bytes": 5}

    def answer(request: httpx.Request) -> httpx.Response:
        data = [message] if request.method == "GET" else place
        return httpx.Response(200, json={"data": data, "meta": {}})

    neo = connect(ANY, "k", transport=httpx.MockTransport(answer))
    (read_message,) = await neo.chat.messages("s")
    upload = await neo.chat.upload_url("s", content_type="image/png")
    assert read_message.model_extra == message
    assert (upload.upload_url, upload.max_image_bytes) == (place["upload_url"], 5)
    assert "invented" not in repr(upload)


async def test_an_unmapped_company_is_named_by_its_code(connect: Connect) -> None:
    error = {"code": "end_company_not_mapped", "message": "Map it first."}
    answer = httpx.Response(409, json={"error": error, "meta": {}})
    neo = connect(ANY, "k", transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(NeoError) as caught:
        await neo.chat.create(agent="7")
    assert caught.value.code == "end_company_not_mapped"
