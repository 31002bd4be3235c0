"""Outbound tokens: how the bot proves to Teams' connector who it is."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx
import msal
import requests
from pydantic import BaseModel, SecretStr, ValidationError

from bot.errors import BotError

RESOURCE: Final = "https://api.botframework.com"
SCOPE: Final = f"{RESOURCE}/.default"
MULTI_TENANT: Final = "botframework.com"
"""Who issues the tokens of a MultiTenant app."""

_REFRESH_BEFORE: Final = timedelta(minutes=5)


class TokenUnavailable(BotError):
    """Microsoft gave no token. The message holds its error code, never the secret."""


class Credentials(Protocol):
    """Gives out the token for calls to the connector."""

    async def token(self) -> str:
        """A token that is good for some minutes yet.

        Raises:
            TokenUnavailable: none is to be had now.
        """
        ...

    def refused(self, token: str) -> None:
        """Say that the connector refused this token, so that the next one is a new one."""
        ...


class _Granted(BaseModel):
    access_token: SecretStr
    expires_in: float


@dataclass(frozen=True, slots=True)
class _Kept:
    token: SecretStr
    refresh_at: datetime
    expires_at: datetime


class _Cached(ABC):
    """Keeps a token, and gets the next one before it expires; concurrent callers share a fetch."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: _Kept | None = None
        self._one_at_a_time = asyncio.Lock()

    async def token(self) -> str:
        """See `Credentials.token`."""
        if kept := self._good(lambda kept: kept.refresh_at):
            return kept
        async with self._one_at_a_time:
            if kept := self._good(lambda kept: kept.refresh_at):
                return kept
            try:
                return self._keep(await self._fetch())
            except TokenUnavailable:
                # The one that is there may still live through the disturbance.
                if kept := self._good(lambda kept: kept.expires_at):
                    return kept
                raise

    def refused(self, token: str) -> None:
        """See `Credentials.refused`."""
        if self._kept is not None and self._kept.token.get_secret_value() == token:
            self._kept = None

    def _good(self, until: Callable[[_Kept], datetime]) -> str | None:
        if self._kept is None or self._clock() >= until(self._kept):
            return None
        return self._kept.token.get_secret_value()

    def _keep(self, granted: _Granted) -> str:
        now = self._clock()
        lasts = timedelta(seconds=max(granted.expires_in, 0))
        self._kept = _Kept(
            token=granted.access_token,
            # A short-lived token is used for half its life.
            refresh_at=now + max(lasts - _REFRESH_BEFORE, lasts / 2),
            expires_at=now + lasts,
        )
        return granted.access_token.get_secret_value()

    @abstractmethod
    async def _fetch(self) -> _Granted: ...


class ClientSecret(_Cached):
    """Tokens for an app with a client secret (OAuth 2.0 client credentials).

    Args:
        http: The client that asks.
        login_url: ``BOT_LOGIN_URL``.
        tenant: The app's tenant, or `MULTI_TENANT`.
        app_id: The bot's app id.
        secret: Its client secret.
        clock: The time, aware UTC.
        within_seconds: How long Microsoft may take.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        login_url: str,
        tenant: str,
        app_id: str,
        secret: SecretStr,
        clock: Callable[[], datetime],
        within_seconds: float = 5.0,
    ) -> None:
        super().__init__(clock)
        self._http = http
        self._url = f"{login_url.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._app_id = app_id
        self._secret = secret
        self._within_seconds = within_seconds

    async def _fetch(self) -> _Granted:
        try:
            # The client's own time-outs start anew with each piece of an answer.
            async with asyncio.timeout(self._within_seconds):
                response = await self._http.post(
                    self._url,
                    data={
                        "grant_type": "client_credentials",
                        "client_id": self._app_id,
                        "client_secret": self._secret.get_secret_value(),
                        "scope": SCOPE,
                    },
                    timeout=self._within_seconds,
                    follow_redirects=False,
                )
            content = response.json()
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            raise TokenUnavailable(
                f"No token: the login service did not answer ({type(error).__name__}). "
                "Check BOT_LOGIN_URL and the network."
            ) from None
        return _granted(content)


class ManagedIdentity(_Cached):
    """Tokens for a user-assigned managed identity; there is no secret.

    Args:
        make_client: Makes the client that asks Azure: a new one each time, for an old one would
            answer from a cache of its own the token that the connector has just refused.
        clock: The time, aware UTC.
    """

    def __init__(
        self, make_client: Callable[[], ManagedIdentityClient], *, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(clock)
        self._make_client = make_client

    async def _fetch(self) -> _Granted:
        # The library is synchronous: it stays off the event loop's thread.
        return _granted(await asyncio.to_thread(self._ask))

    def _ask(self) -> object:
        try:
            return self._make_client().acquire_token_for_client(resource=RESOURCE)
        except Exception as error:  # noqa: BLE001 -- the library lets anything of `requests` through
            raise TokenUnavailable(
                f"No token: Azure's managed identity did not answer ({type(error).__name__}). "
                "Check that the identity is assigned to this machine."
            ) from None


class ManagedIdentityClient(Protocol):
    """What is used of ``msal.ManagedIdentityClient``."""

    def acquire_token_for_client(self, *, resource: str) -> dict[str, Any]:
        """A dict with ``access_token`` and ``expires_in`` (seconds), or with ``error``."""
        ...


def user_assigned(app_id: str) -> Callable[[], ManagedIdentityClient]:
    """What `ManagedIdentity` needs to ask Azure for the identity with that client id."""

    def make() -> ManagedIdentityClient:
        client: ManagedIdentityClient = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=app_id), http_client=requests.Session()
        )
        return client

    return make


def _granted(content: object) -> _Granted:
    try:
        return _Granted.model_validate(content)
    except ValidationError:
        said = content.get("error") if isinstance(content, dict) else None
        code = said if isinstance(said, str) and said.replace("_", "").isalnum() else "no token"
        raise TokenUnavailable(
            f"Microsoft refused a token ({code[:60]}). Check MICROSOFT_APP_ID, "
            "MICROSOFT_APP_PASSWORD, MICROSOFT_APP_TENANT_ID and MICROSOFT_APP_TYPE."
        ) from None
