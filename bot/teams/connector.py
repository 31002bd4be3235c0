"""Writes into Teams: one pooled HTTP client, the connector's REST API, and what its refusals mean.

There is no pacing here: a conversation takes 7 messages in a second and 60 in half a minute, and
whoever sends more is told so with 429, which becomes `SendLater` and with it a later job.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import httpx
import orjson
import stamina
from yarl import URL

from bot.errors import SendRejected
from bot.messaging import Conversation, Person, Scope
from bot.settings import is_loopback
from bot.store.people import STANDING_LASTS, Standing
from bot.teams.credentials import Credentials, TokenUnavailable
from bot.teams.memory import Memory
from bot.teams.refusals import Trouble, reason, refusal, said_later
from bot.teams.service_urls import ServiceHosts
from bot.telemetry.watched import Telemetry
from bot.transport import Answered, Asking
from cards.card import Card

CARD_TYPE: Final = "application/vnd.microsoft.card.adaptive"
_CALLS: Final = {"POST": "post", "PUT": "edit", "GET": "member"}
_NO_SUCH_ROUTE: Final = frozenset({404, 405, 501})
_JSON: Final = {"Content-Type": "application/json"}


def short_retries() -> stamina.AsyncRetryingCaller:
    """The retries of one send: some four seconds in all. What lasts longer is a job's matter."""
    return stamina.AsyncRetryingCaller(
        attempts=4, timeout=4.0, wait_initial=0.25, wait_max=1.5, wait_jitter=0.25
    )


class Connector:
    """`bot.messaging.Messenger` and `Roster`, by way of Teams' connector.

    Args:
        ask: Sends a request.
        credentials: Tokens for the connector; None for the demo, where nobody asks for one.
        hosts: Where a service URL may point.
        memory: What is known of people.
        clock: The time, aware UTC.
        retrying: How often and how long one call is repeated.
        within_seconds: How long one of them may take.
        telemetry: Where calls are counted.
    """

    def __init__(
        self,
        ask: Asking,
        *,
        credentials: Credentials | None,
        hosts: ServiceHosts,
        memory: Memory,
        clock: Callable[[], datetime],
        retrying: stamina.AsyncRetryingCaller,
        within_seconds: float = 8.0,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._ask = ask
        self._credentials = credentials
        self._hosts = hosts
        self._memory = memory
        self._clock = clock
        self._retrying = retrying
        self._timeout = aiohttp.ClientTimeout(total=within_seconds, sock_connect=2.0)
        self._telemetry = telemetry or Telemetry()

    async def send(self, conversation: Conversation, card: Card, *, alert: bool = False) -> str:
        """Post a card; returns the message's id. See `bot.messaging.Messenger`.

        Raises:
            SendLater: throttled or unreachable. With ``may_have_arrived`` the card may stand
                there already: the caller knows whether a second copy or none is the lesser evil.
            ConversationClosed: the bot may not write there.
            SendRejected: this card will never be taken.
        """
        return await self.reply(conversation, conversation.id, card, alert=alert)

    async def reply(
        self, conversation: Conversation, thread: str, card: Card, *, alert: bool = False
    ) -> str:
        """Post a card into a thread, which is the conversation's id as the activity had it."""
        activity = _message(card, alert=alert)
        answer = await self._call("POST", conversation, [thread, "activities"], activity)
        return _id_of(answer)

    async def edit(self, conversation: Conversation, message: str, card: Card) -> None:
        """Redraw a message. See `bot.messaging.Messenger`."""
        activity = {**_message(card, alert=False), "id": message}
        await self._call("PUT", conversation, [conversation.id, "activities", message], activity)

    async def open_personal(self, conversation: Conversation, person: str) -> Conversation:
        """Open the personal chat with somebody. See `bot.messaging.Messenger`."""
        # Teams takes an Entra object id as well, but the account is what it names people by.
        account = await self._memory.teams_id(conversation.tenant, person)
        members = {
            "bot": {"id": conversation.bot_id},
            "members": [{"id": account or person}],
            "isGroup": False,
            "tenantId": conversation.tenant,
            "channelData": {"tenant": {"id": conversation.tenant}},
        }
        # The same two always get the same chat, so this may be repeated.
        answer = await self._call("POST", conversation, [], members, repeatable=True)
        return replace(
            conversation,
            id=_id_of(answer),
            scope=Scope.PERSONAL,
            person=person,
            name=None,
            zone=None,
        )

    async def is_guest(self, person: Person, conversation: Conversation) -> bool:
        """Whether the person is a guest of the tenant. See `bot.messaging.Roster`."""
        known = await self._memory.standing(person)
        now = self._clock()
        if known is not None and timedelta(0) <= now - known.checked_at < STANDING_LASTS:
            return known.guest
        try:
            member = await self._call(
                "GET", conversation, [conversation.id, "members", person.teams_id]
            )
        except SendRejected as error:
            if _has_no_roster(conversation, error):
                return False
            raise
        named = member.get("aadObjectId") or member.get("objectId")
        if not member or str(named or person.id).lower() != person.id:
            raise SendRejected("The roster's answer does not name the person that was asked about.")
        guest = _is_guest(member, conversation.tenant)
        await self._memory.note_standing(person, Standing(guest=guest, checked_at=now))
        return guest

    async def _call(
        self,
        method: str,
        conversation: Conversation,
        path: list[str],
        body: dict[str, Any] | None = None,
        *,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        with self._telemetry.teams_call(_CALLS[method] if path else "open"):
            return await self._called(method, conversation, path, body, repeatable=repeatable)

    async def _called(
        self,
        method: str,
        conversation: Conversation,
        path: list[str],
        body: dict[str, Any] | None,
        *,
        repeatable: bool,
    ) -> dict[str, Any]:
        if not self._hosts.allow(conversation.service_url):
            raise SendRejected(
                "The service URL names a host outside BOT_SERVICE_HOSTS.", code="HostNotAllowed"
            )
        url = _url(conversation.service_url, *path)
        repeatable = repeatable or method != "POST"

        # A closure without arguments: the library logs those of what it repeats.
        async def attempt() -> Answered:
            return await self._attempt(method, url, body, repeatable=repeatable)

        try:
            response = await self._retried(attempt)
        except Trouble as trouble:
            raise said_later(trouble) from trouble.__cause__
        if not response.is_success:
            raise refusal(response, editing=method == "PUT")
        return _object(response)

    async def _retried(self, attempt: Callable[[], Awaitable[Answered]]) -> Answered:
        try:
            return await attempt()
        except Trouble as trouble:
            tried: list[Trouble] = [trouble]

        # Only now: a call that goes well, as most do, does not pay for what begins here.
        async def again() -> Answered:
            if tried:
                raise tried.pop()
            return await attempt()

        return await self._retrying(reason, again)

    async def _attempt(
        self, method: str, url: URL, body: dict[str, Any] | None, *, repeatable: bool
    ) -> Answered:
        token = await self._token()
        response = await self._request(method, url, body, token, repeatable=repeatable)
        if response.status == httpx.codes.UNAUTHORIZED and self._credentials and token:
            self._credentials.refused(token)
            token = await self._token()
            response = await self._request(method, url, body, token, repeatable=repeatable)
        if trouble := Trouble.of_response(response, now=self._clock()):
            raise trouble
        return response

    async def _token(self) -> str | None:
        if self._credentials is None:
            return None
        try:
            return await self._credentials.token()
        except TokenUnavailable as error:
            raise Trouble(str(error), again=False) from error

    async def _request(
        self,
        method: str,
        url: URL,
        body: dict[str, Any] | None,
        token: str | None,
        *,
        repeatable: bool,
    ) -> Answered:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            headers |= _JSON
            content = orjson.dumps(body)
        try:
            return await self._ask(
                method, url, headers=headers, content=content, timeout=self._timeout
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Trouble("The connector was not reached.", again=True) from error
        except httpx.HTTPError as error:
            # A message whose answer got lost may have arrived. It is not sent twice from here.
            raise Trouble(
                "The connector gave no answer.", again=repeatable, arrived=True
            ) from error


def _has_no_roster(conversation: Conversation, error: SendRejected) -> bool:
    """Whether it is an emulator on this machine that has no roster at all, hence no guests.

    Teams' connector names a code with every refusal: what it does not know stays unknown.
    """
    host = httpx.URL(conversation.service_url).host
    return is_loopback(host) and error.code is None and error.status in _NO_SUCH_ROUTE


def _message(card: Card, *, alert: bool) -> dict[str, Any]:
    activity: dict[str, Any] = {
        "type": "message",
        "summary": card.summary,
        "attachments": [{"contentType": CARD_TYPE, "content": orjson.Fragment(card.encoded)}],
    }
    if alert:
        activity["channelData"] = {"notification": {"alert": True}}
    return activity


# Most of what is sent answers somebody in a conversation that goes on.
@lru_cache(maxsize=1024)
def _url(service_url: str, *path: str) -> URL:
    if any(part in {"", ".", ".."} for part in path):
        raise SendRejected("An id is empty or a path: no such conversation or message.")
    quoted = "".join("/" + quote(part, safe="") for part in path)
    # By way of the library that has read the service URL when its host was allowed.
    url = httpx.URL(f"{service_url.rstrip('/')}/v3/conversations{quoted}")
    return URL(str(url), encoded=True)


def _object(response: Answered) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _id_of(answer: dict[str, Any]) -> str:
    found = answer.get("id")
    if not isinstance(found, str) or not found:
        raise SendRejected("The connector took it but named no id.", code="NoId")
    return found


def _is_guest(member: dict[str, Any], tenant: str) -> bool:
    role = str(member.get("userRole") or "").lower()
    name = str(member.get("userPrincipalName") or "").upper()
    home = str(member.get("tenantId") or tenant).lower()
    return role in {"guest", "anonymous"} or "#EXT#" in name or home != tenant.lower()
