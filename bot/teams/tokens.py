"""Inbound tokens: whether a request comes from Teams' connector and is meant for this bot."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import jwt
import structlog
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bot.errors import BotError
from bot.teams.service_urls import same_service

log = structlog.get_logger(__name__)

KEYS_LAST: Final = timedelta(hours=24)
BETWEEN_REFRESHES: Final = timedelta(minutes=1)
# Until the first keys are there nobody can be let in, so that is tried more often.
BETWEEN_FIRST_TRIES: Final = timedelta(seconds=5)
LEEWAY: Final = timedelta(minutes=5)
FETCH_SECONDS: Final = 3.0
_SMALLEST_KEY_BITS: Final = 2048
_GENUINE_TOKENS: Final = 256
_NOT_HAD: Final = (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError)
_REQUIRED: Final = ["exp", "nbf", "iss", "aud", "serviceurl"]


class Unauthenticated(BotError):
    """The request does not prove that it comes from Teams (401).

    ``str()`` is the reason for the log; the caller is never told it.
    """


class Forbidden(BotError):
    """The request is genuine, but its tenant, channel or service URL is not served (403)."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of the connector's keys, and the channels that it may speak for."""

    public: RSAPublicKey
    endorsements: frozenset[str]


class SigningKeys:
    """The connector's published keys: fetched once, kept for a day, refreshed when one is unknown.

    While the endpoint is down, the keys that are there go on serving.

    Args:
        http: The client that fetches.
        metadata_url: The OpenID metadata document.
        issuer: What that document has to name as its issuer.
        clock: The time, aware UTC.
        within_seconds: How long both documents may take together.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        metadata_url: str,
        issuer: str,
        clock: Callable[[], datetime],
        within_seconds: float = FETCH_SECONDS,
    ) -> None:
        self._http = http
        self._metadata_url = metadata_url
        self._issuer = issuer
        self._clock = clock
        self._within_seconds = within_seconds
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def find(self, key_id: str) -> SigningKey | None:
        """The key of that id, or None if the connector has published none such."""
        if self._should_fetch(key_id):
            if self._one_at_a_time.locked() and (known := self._keys.get(key_id)):
                # Somebody is asking whether it is still good. That may take a while, or fail.
                return known
            async with self._one_at_a_time:
                # Whoever waited for the lock finds the work done.
                if self._should_fetch(key_id):
                    await self._refresh()
        return self._keys.get(key_id)

    async def known(self) -> bool:
        """Whether there are keys to check a token with; where there are none, it tries for some."""
        if not self._keys:
            await self.find("")
        return bool(self._keys)

    def _should_fetch(self, key_id: str) -> bool:
        now = self._clock()
        fresh = _is_within(KEYS_LAST, self._fetched_at, now)
        if fresh and key_id in self._keys:
            return False
        pause = BETWEEN_REFRESHES if self._keys else BETWEEN_FIRST_TRIES
        return not _is_within(pause, self._tried_at, now)

    async def _refresh(self) -> None:
        try:
            # The client's own time-outs start anew with each piece of an answer.
            async with asyncio.timeout(self._within_seconds):
                self._keys = await self._fetch()
        except _NOT_HAD as error:
            log.warning("keys.not_fetched", reason=type(error).__name__, kept=len(self._keys))
        else:
            self._fetched_at = self._clock()
            log.info("keys.fetched", keys=len(self._keys))
        finally:
            # Noted at the end: who asks meanwhile shall wait for this fetch, not go without it.
            self._tried_at = self._clock()

    async def _fetch(self) -> dict[str, SigningKey]:
        metadata = await self._json(self._metadata_url)
        if metadata.get("issuer") != self._issuer:
            raise ValueError("the metadata document names another issuer than BOT_ISSUER")
        where = httpx.URL(str(metadata.get("jwks_uri")))
        if where.scheme not in {"https", httpx.URL(self._metadata_url).scheme}:
            raise ValueError("the metadata document names keys outside https")
        published = (await self._json(str(where))).get("keys")
        keys = _usable(published if isinstance(published, list) else [])
        if not keys:
            raise ValueError("no usable key is published")
        return keys

    async def _json(self, url: str) -> dict[str, Any]:
        response = await self._http.get(url, timeout=FETCH_SECONDS, follow_redirects=False)
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"answered {response.status_code}")
        content = response.json()
        if not isinstance(content, dict):
            raise ValueError("did not answer a JSON object")  # noqa: TRY004 -- it is data, no type
        return content


def _is_within(span: timedelta, since: datetime | None, now: datetime) -> bool:
    """Whether it was so lately. What lies ahead was noted before the clock was put back."""
    return since is not None and timedelta(0) <= now - since < span


def _usable(published: list[Any]) -> dict[str, SigningKey]:
    keys: dict[str, SigningKey] = {}
    for item in published:
        if not isinstance(item, dict) or not isinstance(item.get("kid"), str):
            continue
        endorsements = item.get("endorsements")
        try:
            public = jwt.PyJWK.from_dict(item, algorithm="RS256").key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if isinstance(public, RSAPublicKey) and public.key_size >= _SMALLEST_KEY_BITS:
            named = endorsements if isinstance(endorsements, list) else []
            keys[item["kid"]] = SigningKey(public, frozenset(n for n in named if type(n) is str))
    return keys


@dataclass(frozen=True, slots=True)
class _Genuine:
    """What a token says that was signed by this key."""

    key_id: str
    key: SigningKey
    claims: dict[str, Any]


class InboundTokens:
    """Checks the token that the connector sends with every activity.

    Args:
        keys: The connector's keys.
        app_id: The bot's app id: the audience.
        issuer: Who issues the tokens.
        clock: The time, aware UTC.
    """

    def __init__(
        self, keys: SigningKeys, *, app_id: str, issuer: str, clock: Callable[[], datetime]
    ) -> None:
        if not app_id:
            raise ValueError("Without an app id every token would do. Set MICROSOFT_APP_ID.")
        self._keys = keys
        self._app_id = app_id
        self._issuer = issuer
        self._clock = clock
        self._genuine = LRUCache[str, _Genuine](maxsize=_GENUINE_TOKENS)

    async def check(self, authorization: Sequence[str], *, channel: str, service_url: str) -> None:
        """Let a genuine request pass.

        Args:
            authorization: Every ``Authorization`` header of the request.
            channel: The activity's ``channelId``.
            service_url: The activity's ``serviceUrl``.

        Raises:
            Unauthenticated: for every other request.
        """
        token = _bearer(authorization)
        known = self._genuine.get(token)
        key_id = known.key_id if known else _key_id(token)
        key = await self._keys.find(key_id)
        if key is None:
            raise Unauthenticated("unknown key")
        if channel not in key.endorsements:
            raise Unauthenticated("key not endorsed for the channel")
        # The connector sends one token for many activities: what cannot change is read once, as
        # long as its key is published.
        if known is None or known.key is not key:
            known = self._genuine[token] = _Genuine(key_id, key, self._claims(token, key))
        claims = known.claims
        self._check_times(claims)
        claimed = claims["serviceurl"]
        if not isinstance(claimed, str) or not same_service(claimed, service_url):
            raise Unauthenticated("service URL differs")

    def _claims(self, token: str, key: SigningKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.public,
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=self._issuer,
                options={
                    "require": _REQUIRED,
                    "strict_aud": True,
                    # The library would read the machine's clock: `_check_times` reads ours.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated(type(error).__name__) from None

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._clock().timestamp()
        leeway = LEEWAY.total_seconds()
        if not _instant(claims["exp"]) + leeway > now:
            raise Unauthenticated("expired")
        if not _instant(claims["nbf"]) - leeway <= now:
            raise Unauthenticated("not valid yet")


def _bearer(authorization: Sequence[str]) -> str:
    if len(authorization) != 1:
        raise Unauthenticated("no Authorization header, or several")
    scheme, _, token = authorization[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("no bearer token")
    return token.strip()


def _key_id(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated(type(error).__name__) from None
    key_id = header.get("kid")
    # Checked before the key is looked up: a forged token shall not make the bot fetch keys.
    if header.get("alg") != "RS256" or not isinstance(key_id, str):
        raise Unauthenticated("not RS256, or no key id")
    return key_id


def _instant(value: object) -> float:
    """Seconds since 1970. A boolean is an int to Python, but no time."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Unauthenticated("a time that is none")
    return float(value)
