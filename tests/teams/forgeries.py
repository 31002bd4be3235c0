"""Requests that are none: forged tokens and bodies that are no activity, by name.

The narrow tests send them to the endpoint, the table of hostile traffic to the whole service.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.microsoft import APP_ID, ISSUER, Microsoft, signing_key


class Mint(Protocol):
    """Where tokens come from: good ones, but for the claims that are given."""

    @property
    def clock(self) -> Callable[[], datetime]: ...

    @property
    def microsoft(self) -> Microsoft: ...

    def token(self, **claims: Any) -> str: ...


Make = Callable[[Mint], str | list[str]]


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(mint: Mint) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(mint.token(), options={"verify_signature": False})
    return found


def unsigned(mint: Mint) -> str:
    return f"{part({'alg': 'none', 'kid': 'key-1'})}.{part(claims(mint))}."


def hmac_with_the_public_key(mint: Mint) -> str:
    public = signing_key("key-1").public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': 'HS256', 'kid': 'key-1'})}.{part(claims(mint))}"
    return f"{signed}.{part(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def foreign_key_under_a_known_id(mint: Mint) -> str:
    return jwt.encode(claims(mint), signing_key("foreign"), "RS256", headers={"kid": "key-1"})


def other_algorithm(mint: Mint) -> str:
    return jwt.encode(claims(mint), signing_key("key-1"), "RS512", headers={"kid": "key-1"})


def list_of_issuers(mint: Mint) -> str:
    content = json.dumps({**claims(mint), "iss": [ISSUER]}).encode()
    signer = jwt.PyJWS()
    return signer.encode(content, signing_key("key-1"), "RS256", headers={"kid": "key-1"})


def no_key_id(mint: Mint) -> str:
    return jwt.encode(claims(mint), signing_key("key-1"), "RS256")


def changed_after_signing(mint: Mint) -> str:
    head, _, signature = mint.token().split(".")
    return f"{head}.{part({**claims(mint), 'more': 1})}.{signature}"


def seconds(mint: Mint, *, by: float) -> int:
    return int(mint.clock().timestamp() + by)


FORGED: dict[str, Make] = {
    "no header": lambda _: [],
    "an empty header": lambda _: [""],
    "only the scheme": lambda _: ["Bearer"],
    "another scheme": lambda mint: [f"Basic {mint.token()}"],
    "two headers": lambda mint: [f"Bearer {mint.token()}"] * 2,
    "two tokens in one": lambda mint: [f"Bearer {mint.token()}, Bearer {mint.token()}"],
    "garbage": lambda _: "garbage",
    "three parts of garbage": lambda _: "a.b.c",
    "bytes that are no text": lambda _: "\u00ff\u00fe.\u00ff.\u00ff",
    "a header that is no object": lambda _: f"{part([1])}.{part({})}.x",
    "a header that nests without end": lambda _: f"{part(b'[' * 5000)}.e30.x",
    "no algorithm": unsigned,
    "HMAC with the public key as its secret": hmac_with_the_public_key,
    "another RSA algorithm": other_algorithm,
    "a foreign key under a known id": foreign_key_under_a_known_id,
    "an unknown key": lambda mint: mint.token(key_id="unknown"),
    "no key id": no_key_id,
    "claims changed after signing": changed_after_signing,
    "another issuer": lambda mint: mint.token(iss="https://login.example"),
    "a list of issuers": list_of_issuers,
    "no issuer": lambda mint: mint.token(iss=None),
    "another audience": lambda mint: mint.token(aud="00000000-0000-4000-8000-000000000000"),
    "a list of audiences": lambda mint: mint.token(aud=[APP_ID]),
    "no audience": lambda mint: mint.token(aud=None),
    "an empty audience": lambda mint: mint.token(aud=""),
    "another service URL": lambda mint: mint.token(serviceurl="https://smba.trafficmanager.net/"),
    "no service URL": lambda mint: mint.token(serviceurl=None),
    "a service URL that is no text": lambda mint: mint.token(serviceurl=7),
    "expired beyond the leeway": lambda mint: mint.token(exp=seconds(mint, by=-301)),
    "expired at the leeway's end": lambda mint: mint.token(exp=seconds(mint, by=-300)),
    "not valid yet, beyond the leeway": lambda mint: mint.token(nbf=seconds(mint, by=330)),
    "no expiry": lambda mint: mint.token(exp=None),
    "no start": lambda mint: mint.token(nbf=None),
    "an expiry that is text": lambda mint: mint.token(exp="2999-01-01"),
    "an expiry that is true": lambda mint: mint.token(exp=True),
    "an endless expiry": lambda mint: mint.token(exp=float("inf")),
    "an expiry that is no number": lambda mint: mint.token(exp=float("nan")),
}


def nested(levels: int) -> bytes:
    return b'{"value":' * levels + b"1" + b"}" * levels


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "white space": b"   ",
    "no JSON": b"agents",
    "half a JSON": b'{"type": "message"',
    "no UTF-8": b'{"type": "\xff\xfe"}',
    "UTF-16": '{"type": "message"}'.encode("utf-16"),
    "a list": b"[]",
    "a text": b'"message"',
    "null": b"null",
    "a number": b"7",
    "NaN": b'{"value": NaN}',
    "a number of 5,000 digits": b'{"value": ' + b"9" * 5000 + b"}",
    "an empty object": b"{}",
    "70 levels": nested(70),
    "20,000 levels of objects": nested(20_000),
    "100,000 levels of lists": b"[" * 100_000,
}
