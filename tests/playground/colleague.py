"""Other people at the same Playground, who have no page of their own.

The Playground's page belongs to one person. What a colleague's Teams would send is made from the
Playground's own template of an activity (version 0.2.28, the one behind "Mock an Activity"), with
somebody else as its sender, and goes to the bot as the Playground sends it. It goes there directly,
because the Playground throws away the answer, which is what that colleague sees.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from playwright.async_api import Page, WebSocket

    from bot.playground.scene import PlaygroundUser, Scene

_HEADERS = {"x-ms-agents-playground": "true"}


@dataclass(frozen=True, slots=True)
class Posted:
    """A card as it stands in a conversation, which includes the thread."""

    conversation: str
    message: str
    card: dict[str, Any]


@dataclass  # without slots: Playwright keeps its wrappers of these methods on the object
class Wire:
    """Every card that the Playground's page is told of, wherever it stands, as it is now."""

    posted: dict[str, Posted] = field(default_factory=dict)

    def listen(self, page: Page) -> None:
        """Begin, before the page is opened."""
        page.on("websocket", self._attach)

    def find(self, conversation: str, *texts: str) -> Posted:
        """The newest card of a conversation that has all the texts.

        Raises:
            LookupError: there is none.
        """
        for one in reversed(self.posted.values()):
            said = words(one.card)
            if one.conversation.startswith(conversation) and all(text in said for text in texts):
                return one
        raise LookupError(f"No card in {conversation} has {texts}.")

    def _attach(self, socket: WebSocket) -> None:
        if "_ws_conversation" in socket.url:
            socket.on("framereceived", self._hear)

    def _hear(self, frame: str | bytes) -> None:
        told = json.loads(frame)
        message = told.get("message") or {}
        for attached in message.get("attachments") or ():
            place, number = told["actionConversationId"], message["messageId"]
            self.posted[number] = Posted(place, number, attached["content"])


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the scene's people.

    Args:
        user: Who.
        scene: Where.
        playground_url: Of the Playground's page.
        bot_url: The bot.
    """

    user: PlaygroundUser
    scene: Scene
    playground_url: str
    bot_url: str

    async def presses(self, title: str, *, on: Posted, **fields: str) -> dict[str, Any]:
        """Press a button with the card's fields filled in; the card that they see then."""
        button = next(one for one in _parts(on.card, "Action.Execute") if one["title"] == title)
        data = {**button["data"], **fields}
        answer = await self._send(
            on.conversation,
            type="invoke",
            name="adaptiveCard/action",
            replyToId=on.message,
            value={"action": {**button, "data": data}},
        )
        card: dict[str, Any] = answer["value"]
        return card

    async def says(self, text: str, *, conversation: str) -> None:
        """Write to the bot in a group or channel."""
        mentioned = {"id": self.scene.bot, "name": self.scene.bot_name}
        mention = f"<at>{self.scene.bot_name}</at>"
        await self._send(
            conversation,
            type="message",
            text=f"{mention} {text}",
            entities=[{"type": "mention", "mentioned": mentioned, "text": mention}],
        )

    async def _send(self, conversation: str, **activity: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            template = await client.get(
                f"{self.playground_url}/_internal/v1/customActivities/template",
                params={"conversationId": conversation.partition(";")[0]},
            )
            made = template.raise_for_status().json()
            user = self.user.object_id
            made["from"] = {"id": user, "aadObjectId": user, "name": self.user.name}
            made["conversation"]["id"] = conversation
            made["channelData"] = {"tenant": {"id": self.scene.tenant}}
            answer = await client.post(
                f"{self.bot_url}/api/messages", json={**made, **activity}, headers=_HEADERS
            )
        told: dict[str, Any] = answer.raise_for_status().json() if answer.content else {}
        return told


def words(card: dict[str, Any]) -> str:
    """Everything that can be read on a card; places to break a line left out."""
    keys = ("text", "title", "value", "label")
    found = (one[key] for one in _parts(card) for key in keys if isinstance(one.get(key), str))
    return "\n".join(found).replace("\u200b", "")


def _parts(part: Any, kind: str | None = None) -> Iterator[dict[str, Any]]:
    """Every object of a card, those of one kind if it is named."""
    if isinstance(part, dict):
        if kind in (None, part.get("type")):
            yield part
        for inner in part.values():
            yield from _parts(inner, kind)
    elif isinstance(part, list):
        for inner in part:
            yield from _parts(inner, kind)
