"""Only Teams' connector, speaking to this bot, about this service URL, now."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.teams.tokens import InboundTokens, SigningKeys
from tests.microsoft import APP_ID, ISSUER, Microsoft, signing_key
from tests.teams.conftest import Bot

Make = Callable[[Bot], str | list[str]]


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(bot: Bot) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(bot.token(), options={"verify_signature": False})
    return found


def unsigned(bot: Bot) -> str:
    return f"{part({'alg': 'none', 'kid': 'key-1'})}.{part(claims(bot))}."


def hmac_with_the_public_key(bot: Bot) -> str:
    public = signing_key("key-1").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': 'HS256', 'kid': 'key-1'})}.{part(claims(bot))}"
    return f"{signed}.{part(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def foreign_key_under_a_known_id(bot: Bot) -> str:
    return jwt.encode(claims(bot), signing_key("foreign"), "RS256", headers={"kid": "key-1"})


def other_algorithm(bot: Bot) -> str:
    return jwt.encode(claims(bot), signing_key("key-1"), "RS512", headers={"kid": "key-1"})


def list_of_issuers(bot: Bot) -> str:
    content = json.dumps({**claims(bot), "iss": [ISSUER]}).encode()
    signer = jwt.PyJWS()
    return signer.encode(content, signing_key("key-1"), "RS256", headers={"kid": "key-1"})


def no_key_id(bot: Bot) -> str:
    return jwt.encode(claims(bot), signing_key("key-1"), "RS256")


def changed_after_signing(bot: Bot) -> str:
    head, _, signature = bot.token().split(".")
    return f"{head}.{part({**claims(bot), 'more': 1})}.{signature}"


def seconds(bot: Bot, **ahead: float) -> int:
    return int(bot.clock().timestamp() + ahead["by"])


REFUSED: dict[str, Make] = {
    "no header": lambda _: [],
    "an empty header": lambda _: [""],
    "only the scheme": lambda _: ["Bearer"],
    "another scheme": lambda bot: [f"Basic {bot.token()}"],
    "two headers": lambda bot: [f"Bearer {bot.token()}"] * 2,
    "two tokens in one": lambda bot: [f"Bearer {bot.token()}, Bearer {bot.token()}"],
    "garbage": lambda _: "garbage",
    "three parts of garbage": lambda _: "a.b.c",
    "bytes that are no text": lambda _: "\u00ff\u00fe.\u00ff.\u00ff",
    "a header that is no object": lambda _: f"{part([1])}.{part({})}.x",
    "a header that nests without end": lambda _: f"{part(b'[' * 5000)}.e30.x",
    "no algorithm": unsigned,
    "HMAC with the public key as its secret": hmac_with_the_public_key,
    "another RSA algorithm": other_algorithm,
    "a foreign key under a known id": foreign_key_under_a_known_id,
    "an unknown key": lambda bot: bot.token(key_id="unknown"),
    "no key id": no_key_id,
    "claims changed after signing": changed_after_signing,
    "another issuer": lambda bot: bot.token(iss="https://login.example"),
    "a list of issuers": list_of_issuers,
    "no issuer": lambda bot: bot.token(iss=None),
    "another audience": lambda bot: bot.token(aud="00000000-0000-4000-8000-000000000000"),
    "a list of audiences": lambda bot: bot.token(aud=[APP_ID]),
    "no audience": lambda bot: bot.token(aud=None),
    "an empty audience": lambda bot: bot.token(aud=""),
    "another service URL": lambda bot: bot.token(serviceurl="https://smba.trafficmanager.net/"),
    "no service URL": lambda bot: bot.token(serviceurl=None),
    "a service URL that is no text": lambda bot: bot.token(serviceurl=7),
    "expired beyond the leeway": lambda bot: bot.token(exp=seconds(bot, by=-301)),
    "expired at the leeway's end": lambda bot: bot.token(exp=seconds(bot, by=-300)),
    "not valid yet, beyond the leeway": lambda bot: bot.token(nbf=seconds(bot, by=301)),
    "no expiry": lambda bot: bot.token(exp=None),
    "no start": lambda bot: bot.token(nbf=None),
    "an expiry that is text": lambda bot: bot.token(exp="2999-01-01"),
    "an expiry that is true": lambda bot: bot.token(exp=True),
    "an endless expiry": lambda bot: bot.token(exp=float("inf")),
    "an expiry that is no number": lambda bot: bot.token(exp=float("nan")),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
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
    "a token of now": lambda bot: bot.token(),
    "the scheme in another case": lambda bot: [f"bEARER {bot.token()}"],
    "expired within the leeway": lambda bot: bot.token(exp=seconds(bot, by=-299)),
    "not valid yet, within the leeway": lambda bot: bot.token(nbf=seconds(bot, by=299)),
    "the service URL without its slash": lambda bot: bot.token(
        serviceurl=bot.microsoft.service_url.rstrip("/")
    ),
    "the service URL in another case": lambda bot: bot.token(
        serviceurl=bot.microsoft.service_url.upper()
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
