"""Without tokens the bot serves this machine alone, whatever it is told to listen on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import SecretStr

from bot.app import service
from bot.demo import settings_for_trying
from bot.errors import ConfigurationError
from bot.settings import Settings, load
from bot.teams.endpoint import Gate, build_endpoint
from bot.teams.local import why_not_local
from bot.teams.service_urls import ServiceHosts
from tests.app.service import as_url
from tests.microsoft import TENANT
from tests.teams.conftest import Bot

OWN = ("127.0.0.1", "127.0.0.2", "::1", "localhost")
BEYOND = (
    "0.0.0.0",  # noqa: S104 -- the addresses that are to be refused
    "::",
    "::ffff:0.0.0.0",
    "0",
    "",
    "192.0.2.7",
    "2001:db8::7",
    "fe80::1",
    "neo-bot.contoso.example",
    "localhost.contoso.example",
    "127.0.0.1.contoso.example",
    "127.0.0.1 ",
)


def _listens_on(bot: Bot, host: str) -> object:
    """An endpoint that asks for no tokens."""
    return build_endpoint(
        turns=bot.product,
        connector=bot.connector,
        memory=bot.memory,
        gate=Gate(tokens=None, tenants=[TENANT], hosts=ServiceHosts(())),
        listen_host=host,
    )


@pytest.mark.parametrize("host", BEYOND)
def test_without_tokens_it_does_not_listen_beyond_this_machine(bot: Bot, host: str) -> None:
    with pytest.raises(ConfigurationError, match="MICROSOFT_APP_ID"):
        _listens_on(bot, host)


@pytest.mark.parametrize("host", OWN)
def test_without_tokens_it_listens_on_this_machine(bot: Bot, host: str) -> None:
    assert _listens_on(bot, host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "neo-bot.contoso.example"])  # noqa: S104 -- refused
async def test_the_anonymous_service_does_not_start_beyond_this_machine(
    database_url: str, tmp_path: Path, host: str
) -> None:
    url = as_url(database_url)
    mine = _for_trying(tmp_path).model_copy(update={"host": host, "database_url": SecretStr(url)})
    with pytest.raises(ConfigurationError, match=r"HOST to 127\.0\.0\.1"):
        async with service(mine, anonymous=True):
            pytest.fail("it has started")


def test_the_demo_takes_no_other_address_from_the_settings(tmp_path: Path) -> None:
    assert _for_trying(tmp_path, host="0.0.0.0").host == "127.0.0.1"  # noqa: S104 -- not taken


FROM: dict[str, tuple[Any, bool]] = {
    "this machine": (("127.0.0.1", 50_000), True),
    "this machine, by IPv6": (("::1", 50_000, 0, 0), True),
    "another machine": (("192.0.2.7", 50_000), False),
    "another machine, by IPv6": (("2001:db8::7", 50_000, 0, 0), False),
    "another machine, in the clothes of IPv6": (("::ffff:192.0.2.7", 50_000, 0, 0), False),
    "nobody knows where": (None, False),
    "a socket file": ("", False),
}


@pytest.mark.parametrize(("peer", "is_local"), FROM.values(), ids=FROM.keys())
def test_only_what_comes_from_this_machine_is_local(peer: Any, *, is_local: bool) -> None:
    request = make_mocked_request(
        "POST",
        "/api/messages",
        headers={"Host": "127.0.0.1:3978"},
        transport=asyncio.Transport(extra={"peername": peer}),
    )
    assert (why_not_local(request) is None) is is_local


def _for_trying(folder: Path, **given: Any) -> Settings:
    settings = load(_env_file=None, **given)
    return settings_for_trying(settings, "http://127.0.0.1:8710", folder)
