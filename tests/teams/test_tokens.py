"""Only Teams' connector, speaking to this bot, about this service URL, now."""

from __future__ import annotations

import asyncio
from secrets import token_hex
from typing import Any

import httpx
import pytest

from bot.teams.tokens import InboundTokens, SigningKeys
from tests.microsoft import ISSUER, Microsoft
from tests.teams.conftest import Bot
from tests.teams.forgeries import FORGED, Make, seconds


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED.keys())
async def test_is_refused_with_one_and_the_same_answer(bot: Bot, make: Make) -> None:
    made = make(bot)
    headers = made if isinstance(made, list) else [f"Bearer {made}"]
    raw = [("Authorization", header.encode("utf-8")) for header in headers]

    answer = await bot.gets(json=bot.microsoft.activity(text="agents"), headers=raw)

    assert answer.status_code == 401
    assert answer.json() == {"error": {"message": "Unauthorized."}}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert bot.product.said == []
    assert bot.microsoft.messages == []


ACCEPTED: dict[str, Make] = {
    "a token of now": lambda mint: mint.token(),
    "the scheme in another case": lambda mint: [f"bEARER {mint.token()}"],
    "expired within the leeway": lambda mint: mint.token(exp=seconds(mint, by=-299)),
    "not valid yet, within the leeway": lambda mint: mint.token(nbf=seconds(mint, by=299)),
    "the service URL without its slash": lambda mint: mint.token(
        serviceurl=mint.microsoft.service_url.rstrip("/")
    ),
    "the service URL in another case": lambda mint: mint.token(
        serviceurl=mint.microsoft.service_url.upper()
    ),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_is_let_in(bot: Bot, make: Make) -> None:
    made = make(bot)
    header = made[0] if isinstance(made, list) else f"Bearer {made}"

    answer = await bot.gets(
        json=bot.microsoft.activity(text="agents"), headers={"Authorization": header}
    )

    assert answer.status_code == 200
    assert [m.summary for m in bot.microsoft.messages] == ["You said: agents"]


async def test_a_key_that_is_not_endorsed_for_the_channel_does_not_count(bot: Bot) -> None:
    bot.microsoft.keys = {"key-1": ["webchat"]}
    answer = await bot.hears(bot.microsoft.activity(text="agents"))
    assert answer.status_code == 401


async def test_an_activity_that_names_another_channel_than_the_key_is_refused(bot: Bot) -> None:
    answer = await bot.hears(bot.microsoft.activity(text="agents", channelId="webchat"))
    assert answer.status_code == 401


async def test_an_empty_app_id_is_refused_at_once(microsoft: Microsoft, bot: Bot) -> None:
    keys = SigningKeys(
        bot.http, metadata_url=microsoft.metadata_url, issuer=ISSUER, clock=bot.clock
    )
    with pytest.raises(ValueError, match="MICROSOFT_APP_ID"):
        InboundTokens(keys, app_id="", issuer=ISSUER, clock=bot.clock)


async def speak(bot: Bot, key_id: str) -> httpx.Response:
    return await bot.gets(
        json=bot.microsoft.activity(text="agents"),
        headers={"Authorization": f"Bearer {bot.token(key_id=key_id)}"},
    )


async def test_many_first_callers_share_one_fetch_of_the_keys(bot: Bot) -> None:
    answers = await asyncio.gather(*(speak(bot, "key-1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert bot.microsoft.metadata_fetches == 1


async def test_keys_rotated_while_traffic_runs_cost_nobody_a_message(bot: Bot) -> None:
    await speak(bot, "key-1")
    bot.clock.goes_on(minutes=2)
    bot.microsoft.keys = {"key-1": ["msteams"], "key-2": ["msteams"]}
    answers = await asyncio.gather(*(speak(bot, f"key-{1 + n % 2}") for n in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert bot.microsoft.metadata_fetches == 2


async def test_unknown_keys_make_it_look_once_a_minute_at_most(bot: Bot) -> None:
    await speak(bot, "key-1")
    bot.clock.goes_on(minutes=2)
    answers = [await speak(bot, "forged") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert bot.microsoft.metadata_fetches == 2
    bot.clock.goes_on(minutes=1)
    await speak(bot, "forged")
    assert bot.microsoft.metadata_fetches == 3


async def test_a_withdrawn_key_no_longer_counts_after_a_day(bot: Bot) -> None:
    assert (await speak(bot, "key-1")).status_code == 200
    bot.microsoft.keys = {"key-2": ["msteams"]}
    assert (await speak(bot, "key-1")).status_code == 200
    bot.clock.goes_on(hours=24)
    assert (await speak(bot, "key-1")).status_code == 401


async def test_old_keys_serve_on_while_the_keys_cannot_be_had(bot: Bot) -> None:
    await speak(bot, "key-1")
    bot.microsoft.keys_are_down = True
    bot.clock.goes_on(hours=30)
    assert (await speak(bot, "key-1")).status_code == 200
    assert (await speak(bot, "key-2")).status_code == 401
    assert bot.microsoft.metadata_fetches == 2


async def test_without_any_keys_nobody_is_let_in_until_they_can_be_had(bot: Bot) -> None:
    bot.microsoft.keys_are_down = True
    assert (await speak(bot, "key-1")).status_code == 401
    bot.microsoft.keys_are_down = False
    bot.clock.goes_on(seconds=5)
    assert (await speak(bot, "key-1")).status_code == 200


async def test_keys_of_another_issuer_are_not_taken(bot: Bot) -> None:
    bot.microsoft.metadata_issuer = "https://elsewhere.example"
    assert (await speak(bot, "key-1")).status_code == 401


async def test_a_token_that_was_let_in_is_held_to_its_time_its_service_and_its_key(
    bot: Bot,
) -> None:
    token = bot.token()
    activity = bot.microsoft.activity(text="agents")

    async def again(**changed: Any) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await bot.gets(json={**activity, **changed, "id": token_hex()}, headers=headers)
        return answer.status_code

    assert [await again(), await again()] == [200, 200]
    assert await again(serviceUrl="https://smba.trafficmanager.net/") == 401
    assert await again(channelId="webchat") == 401
    bot.microsoft.keys = {"key-1": ["webchat"], "key-2": ["msteams"]}
    bot.clock.goes_on(minutes=2)
    assert (await speak(bot, "key-2")).status_code == 200, "now the keys are read anew"
    assert await again() == 401, "its key no longer speaks for Teams"
    bot.microsoft.keys = {"key-1": ["msteams"]}
    bot.clock.goes_on(minutes=2)
    assert (await speak(bot, "key-3")).status_code == 401, "and once more"
    assert await again() == 200
    bot.clock.goes_on(hours=2)
    assert await again() == 401, "its time is over"
