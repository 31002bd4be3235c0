"""How the bot gets its own tokens."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.teams.credentials import (
    MULTI_TENANT,
    ClientSecret,
    ManagedIdentity,
    TokenUnavailable,
    user_assigned,
)
from tests.microsoft import APP_ID, SECRET, TENANT
from tests.teams.conftest import Bot, Clock, Dripping


def client_secret(bot: Bot, *, tenant: str = TENANT, secret: str = SECRET) -> ClientSecret:
    return ClientSecret(
        bot.http,
        login_url=f"{bot.microsoft.url}/",
        tenant=tenant,
        app_id=APP_ID,
        secret=SecretStr(secret),
        clock=bot.clock,
    )


@pytest.mark.parametrize("tenant", [TENANT, MULTI_TENANT])
async def test_the_token_comes_from_the_apps_tenant(bot: Bot, tenant: str) -> None:
    assert await client_secret(bot, tenant=tenant).token() == f"granted-1-{tenant}"


async def test_concurrent_callers_share_one_fetch(bot: Bot) -> None:
    credentials = client_secret(bot)
    tokens = await asyncio.gather(*(credentials.token() for _ in range(20)))
    assert len(set(tokens)) == 1
    assert bot.microsoft.token_fetches == 1


async def test_a_token_is_kept_until_shortly_before_it_expires(bot: Bot) -> None:
    credentials = client_secret(bot)
    first = await credentials.token()
    bot.clock.goes_on(minutes=54)
    assert await credentials.token() == first
    bot.clock.goes_on(minutes=1)
    assert await credentials.token() != first


async def test_a_short_lived_token_is_used_for_half_its_life(bot: Bot) -> None:
    bot.microsoft.token_lasts_seconds = 60
    credentials = client_secret(bot)
    first = await credentials.token()
    bot.clock.goes_on(seconds=29)
    assert await credentials.token() == first
    bot.clock.goes_on(seconds=1)
    assert await credentials.token() != first


async def test_a_token_that_still_lives_bridges_a_disturbance(bot: Bot) -> None:
    credentials = client_secret(bot)
    first = await credentials.token()
    bot.microsoft.token_refusal = "temporarily_unavailable"
    bot.clock.goes_on(minutes=57)
    assert await credentials.token() == first
    bot.clock.goes_on(minutes=3)
    with pytest.raises(TokenUnavailable):
        await credentials.token()


async def test_only_the_refused_token_is_thrown_away(bot: Bot) -> None:
    credentials = client_secret(bot)
    first = await credentials.token()
    credentials.refused("another")
    assert await credentials.token() == first
    credentials.refused(first)
    assert await credentials.token() != first


async def test_a_refusal_names_the_settings_and_never_the_secret(bot: Bot) -> None:
    with pytest.raises(TokenUnavailable) as refused:
        await client_secret(bot, secret="wrong-secret").token()
    assert "invalid_client" in str(refused.value)
    assert "MICROSOFT_APP_PASSWORD" in str(refused.value)
    assert "wrong-secret" not in f"{refused.value!r}{refused.value.__cause__!r}"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"access_token": 7, "expires_in": 60}),
        httpx.Response(200, json={"access_token": "t"}),
        httpx.Response(500, json={"error": {"nested": True}}),
        httpx.Response(302, headers={"Location": "https://evil.example/"}, json={}),
    ],
)
async def test_an_answer_that_is_none_is_no_token(clock: Clock, answer: httpx.Response) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        credentials = ClientSecret(
            http,
            login_url="https://login.example",
            tenant=TENANT,
            app_id=APP_ID,
            secret=SecretStr(SECRET),
            clock=clock,
        )
        with pytest.raises(TokenUnavailable):
            await credentials.token()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Azure:
    """Stands in for ``msal.ManagedIdentityClient``; notes where it is called."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.threads: set[int] = set()

    def acquire_token_for_client(self, *, resource: str) -> dict[str, Any]:
        self.asked.append(resource)
        self.threads.add(threading.get_ident())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_a_managed_identity_is_asked_off_the_event_loop_and_once(clock: Clock) -> None:
    azure = Azure({"access_token": "from-azure", "expires_in": 86400})
    credentials = ManagedIdentity(lambda: azure, clock=clock)
    assert [await credentials.token() for _ in range(3)] == ["from-azure"] * 3
    assert azure.asked == ["https://api.botframework.com"]
    assert threading.get_ident() not in azure.threads


async def test_each_fetch_has_a_new_client_so_that_a_refused_token_is_not_had_again(
    clock: Clock,
) -> None:
    made = [Azure({"access_token": f"token-{n}", "expires_in": 86400}) for n in (1, 2)]
    clients = iter(made)
    credentials = ManagedIdentity(lambda: next(clients), clock=clock)
    credentials.refused(await credentials.token())
    assert await credentials.token() == "token-2"


@pytest.mark.parametrize(
    "answer", [{"error": "invalid_request"}, ConnectionError("169.254.169.254 is away")]
)
async def test_a_managed_identity_that_fails_is_a_typed_error(
    clock: Clock, answer: dict[str, Any] | Exception
) -> None:
    credentials = ManagedIdentity(lambda: Azure(answer), clock=clock)
    with pytest.raises(TokenUnavailable):
        await credentials.token()


def test_the_real_client_of_a_managed_identity_can_be_made() -> None:
    assert callable(user_assigned(APP_ID)().acquire_token_for_client)


async def test_a_token_that_drips_in_is_not_waited_for(bot: Bot) -> None:
    async with httpx.AsyncClient(transport=Dripping()) as http:
        credentials = ClientSecret(
            http,
            login_url=bot.microsoft.url,
            tenant=TENANT,
            app_id=APP_ID,
            secret=SecretStr(SECRET),
            clock=bot.clock,
            within_seconds=0.05,
        )
        with pytest.raises(TokenUnavailable, match="TimeoutError"):
            await credentials.token()
