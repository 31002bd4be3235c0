"""What the features speak of, so that none of them knows Teams' SDK.

`bot.teams` fulfils `Messenger` and `Roster`; the terminal and the tests have their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.store.conversations import Conversation, Scope
from bot.store.people import Person
from cards.card import Card

__all__ = [
    "Answer",
    "Conversation",
    "Mention",
    "Messenger",
    "Person",
    "Pressed",
    "Roster",
    "Said",
    "Scope",
]


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody mentioned in a text: their account in Teams (``29:…``), and the words it stands in.

    ``text`` is as it stands in the message, ``<at>Megan Bowen</at>``.
    """

    teams_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A person typed something.

    Attributes:
        text: As it came, mentions and entities included.
        mentions: The people mentioned in it, the bot not among them.
    """

    person: Person
    conversation: Conversation
    text: str
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Pressed:
    """A person pressed a button.

    Attributes:
        message: Id of the message that carries the card, or None where Teams did not say.
        verb: The button's verb.
        data: The button's payload merged with the card's inputs: from outside, not believed.
    """

    person: Person
    conversation: Conversation
    message: str | None
    verb: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person gets: a new message, or (``in_place``) the pressed card redrawn.

    Attributes:
        aside: Set where the card is for the one who pressed alone: what they are told where others
            read it too and it cannot be redrawn for one person (too late, or an old client).
        for_all: Said instead of those words, where they are too few: a card that is the same for
            everybody.
        placed: Whether it is known already that the pressed message shows the card.
    """

    card: Card
    in_place: bool = False
    aside: str | None = None
    for_all: Card | None = None
    placed: bool = False


class Messenger(Protocol):
    """Writes into conversations.

    Raises of both methods: `SendLater`, `ConversationClosed`, `MessageGone` (edit only) and
    `SendRejected` (bot.errors).
    """

    async def send(self, conversation: Conversation, card: Card, *, alert: bool = False) -> str:
        """Post a card; returns the message's id. ``alert`` also rings the activity feed."""
        ...

    async def edit(self, conversation: Conversation, message: str, card: Card) -> None:
        """Redraw a message that the bot posted."""
        ...

    async def open_personal(self, conversation: Conversation, person: str) -> Conversation:
        """Open the personal chat with ``person`` (Entra object id), and return it.

        Asked of the connector of ``conversation``. Works where the person has the app.
        """
        ...


class Roster(Protocol):
    """Knows who is a guest."""

    async def is_guest(self, person: Person, conversation: Conversation) -> bool:
        """Whether the person is a guest of the tenant.

        Raises:
            SendError: the roster did not answer, so nobody knows.
        """
        ...
