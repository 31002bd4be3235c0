"""What is published as signing keys is taken only where it can be what Microsoft publishes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from bot.teams.tokens import SigningKeys
from tests.microsoft import ISSUER

METADATA = "https://login.botframework.example/openid"
KEYS = "https://login.botframework.example/keys"
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)

Published = dict[str, httpx.Response]


def _key(bits: int, **fields: Any) -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    made: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
    return made | {"kid": "key-1", "endorsements": ["msteams"]} | fields


GOOD = _key(2048)


@pytest.fixture
def published() -> Published:
    """What stands at each address, as a test changes it."""
    named = {"issuer": ISSUER, "jwks_uri": KEYS}
    return {
        METADATA: httpx.Response(200, json=named),
        KEYS: httpx.Response(200, json={"keys": [GOOD]}),
        KEYS.replace("https", "http"): httpx.Response(200, json={"keys": [GOOD]}),
    }


@pytest.fixture
async def keys(published: Published) -> AsyncIterator[SigningKeys]:
    transport = httpx.MockTransport(lambda request: published[str(request.url)])
    async with httpx.AsyncClient(transport=transport) as http:
        yield SigningKeys(http, metadata_url=METADATA, issuer=ISSUER, clock=lambda: NOW)


async def test_a_key_is_found_with_the_channels_that_it_is_for(keys: SigningKeys) -> None:
    found = await keys.find("key-1")
    assert found is not None
    assert found.endorsements == {"msteams"}
    assert await keys.known()


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        (METADATA, httpx.Response(200, json={"issuer": ISSUER})),
        (METADATA, httpx.Response(200, json={"issuer": "https://elsewhere", "jwks_uri": KEYS})),
        (
            METADATA,
            httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": KEYS.replace("https", "http")}),
        ),
        (METADATA, httpx.Response(200, json=[ISSUER, KEYS])),
        (METADATA, httpx.Response(200, text="Sign in to Fabrikam")),
        (METADATA, httpx.Response(302, headers={"Location": KEYS})),
        (KEYS, httpx.Response(503, json={"keys": [GOOD]})),
        (KEYS, httpx.Response(200, json={"keys": GOOD})),
        (KEYS, httpx.Response(200, json={"keys": []})),
        (KEYS, httpx.Response(200, json={"keys": ["key-1", {"kid": 1}]})),
        (KEYS, httpx.Response(200, json={"keys": [GOOD | {"kid": None}]})),
        (KEYS, httpx.Response(200, json={"keys": [GOOD | {"n": "*"}]})),
        (KEYS, httpx.Response(200, json={"keys": [_key(1024)]})),
    ],
    ids=[
        *["no address", "another issuer", "outside https", "a list", "a page", "elsewhere"],
        *[
            "unavailable",
            "no list",
            "none",
            "no keys",
            "a key without id",
            "no number",
            "too short",
        ],
    ],
)
async def test_what_cannot_be_microsofts_is_no_key(
    keys: SigningKeys, published: Published, where: str, answer: httpx.Response
) -> None:
    published[where] = answer
    with capture_logs() as logged:
        assert await keys.find("key-1") is None
    assert [(line["event"], line["kept"]) for line in logged] == [("keys.not_fetched", 0)]
    assert not await keys.known()


async def test_beside_what_is_no_key_a_good_one_counts(
    keys: SigningKeys, published: Published
) -> None:
    listed = ["key-0", GOOD | {"kid": "key-2", "n": "*"}, GOOD | {"endorsements": "msteams"}]
    published[KEYS] = httpx.Response(200, json={"keys": listed})
    found = await keys.find("key-1")
    assert found is not None
    assert found.endorsements == frozenset()
    assert await keys.find("key-2") is None
