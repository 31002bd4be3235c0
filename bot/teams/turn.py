"""One turn: what the adapter, the handler and the endpoint tell one another about an activity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from botbuilder.core import TurnContext

from bot.messaging import Answer, Conversation, Person
from bot.teams.activity import Inbound
from bot.teams.connector import CARD_TYPE
from cards.card import Card

MESSAGE_TYPE: Final = "application/vnd.microsoft.activity.message"
ERROR_TYPE: Final = "application/vnd.microsoft.error"

_KEY = "bot.teams.turn"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The HTTP answer to an activity: a status, and for an invoke a JSON body."""

    status: int = 200
    body: dict[str, Any] | None = None


@dataclass(slots=True)
class Turn:
    """An activity on its way.

    Attributes:
        inbound: What Teams sent.
        conversation: Where, without the thread.
        person: Who, or None where Teams does not say.
        outcome: The HTTP answer; the handler of an invoke puts it here.
        redraw: The answer that the invoke's answer draws in place. An answer that comes too late
            for the invoke is drawn by editing the message instead.
        begun: Whether anything of it may have been done.
    """

    inbound: Inbound
    conversation: Conversation = field(init=False)
    person: Person | None = field(init=False)
    outcome: Outcome = field(default_factory=Outcome, init=False)
    redraw: Answer | None = None
    begun: bool = False

    def __post_init__(self) -> None:
        self.conversation = self.inbound.where()
        self.person = self.inbound.who()

    @property
    def thread(self) -> str:
        """The conversation's id with the thread that the activity came from."""
        return self.inbound.conversation.id

    @property
    def is_invoke(self) -> bool:
        """Whether Teams waits for an answer in the response."""
        return self.inbound.type == "invoke"

    @property
    def is_automatic(self) -> bool:
        """Whether the client pressed by itself, to draw its person's own view (`refresh`)."""
        value = self.inbound.value
        return isinstance(value, dict) and value.get("trigger") == "automatic"

    def put_into(self, context: TurnContext) -> None:
        """Let botbuilder's context carry it."""
        context.turn_state[_KEY] = self

    @staticmethod
    def of(context: TurnContext) -> Turn:
        """The turn that the context carries."""
        turn = context.turn_state[_KEY]
        if not isinstance(turn, Turn):
            raise TypeError("The context carries no turn: it was not made by our adapter.")
        return turn


def drawn(card: Card) -> Outcome:
    """Redraw the clicked card for the one who clicked."""
    return Outcome(body={"statusCode": 200, "type": CARD_TYPE, "value": card.content})


def told(text: str) -> Outcome:
    """Show a short text to the one who clicked; the card stays."""
    return Outcome(body={"statusCode": 200, "type": MESSAGE_TYPE, "value": text})


def failed(status: int, code: str, message: str) -> Outcome:
    """Refuse an invoke that is malformed or not supported."""
    value = {"code": code, "message": message}
    return Outcome(status, {"statusCode": status, "type": ERROR_TYPE, "value": value})
