"""What each kind of activity means: a message, a pressed button, a greeting, a good-bye."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog
from botbuilder.core import TurnContext
from botbuilder.core.teams import TeamsActivityHandler

from bot.errors import MessageGone, SendError
from bot.logs import place_of
from bot.messaging import Answer, Conversation, Pressed, Said, Scope
from bot.teams.activity import Inbound
from bot.teams.broken import apology
from bot.teams.connector import Connector
from bot.teams.turn import MESSAGE_TYPE, Outcome, Turn, drawn, failed, told
from bot.telemetry.watched import note_outcome
from cards.card import Card, plain
from cards.notice import notice

log = structlog.get_logger(__name__)

ANSWERED_BELOW: Final = "Answered below."
NOT_POSTED: Final = "The answer could not be posted here. Try again in a minute."
NOBODY: Final = (
    "Teams did not say who you are, so nothing was done. "
    "Sign in to Teams with your work account and try again."
)


class Turns(Protocol):
    """What the product does with a turn. Errors that a person can react to are answers."""

    async def greet(self, conversation: Conversation) -> Card | None:
        """The greeting, or None where it was greeted already."""
        ...

    async def message(self, said: Said) -> Answer:
        """Answer what a person typed."""
        ...

    async def action(self, pressed: Pressed) -> Answer:
        """Answer a pressed button."""
        ...

    async def placed(self, conversation: Conversation, message_id: str, card: Card) -> None:
        """Hear where a copy of an approval now stands (``card.approval`` is set)."""
        ...

    async def left(self, conversation: Conversation) -> None:
        """Hear that the bot was removed from there."""
        ...


class Handler(TeamsActivityHandler):  # type: ignore[misc] # botbuilder ships no types
    """Sorts activities by kind, asks the turns, and brings their answers to Teams."""

    def __init__(self, turns: Turns, connector: Connector) -> None:
        super().__init__()
        self._turns = turns
        self._connector = connector

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A person typed, or pressed a button on a client that knows only Action.Submit."""
        turn = Turn.of(turn_context)
        inbound = turn.inbound
        verb = _submitted(inbound)
        if turn.person is None:
            answer = Answer(notice("Not done", NOBODY))
        elif verb is not None:
            answer = await self._ask(turn, self._turns.action(_pressed(turn, inbound.value, verb)))
        else:
            said = Said(turn.person, turn.conversation, inbound.text or "", inbound.mentions())
            answer = await self._ask(turn, self._turns.message(said))
        if answer.in_place:
            await self.redraw(turn, answer)
        else:
            await self._reply(turn, answer.card)

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        """A button pressed on a client of today; everything else is not supported.

        botbuilder's own reading of the value serialises exceptions, so it is done here. And it
        would copy an answer, card and all, to send it: it goes back with the turn.
        """
        turn = Turn.of(turn_context)
        if turn.inbound.name != "adaptiveCard/action":
            turn.outcome = failed(501, "NotSupported", "This bot does not offer that.")
        else:
            turn.outcome = await self._action(turn)

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Somebody joined or left; it matters where it is the bot itself.

        botbuilder's own would ask the connector about every member first.
        """
        turn = Turn.of(turn_context)
        if turn.inbound.is_arrival:
            await self._greet(turn)
        elif turn.inbound.is_departure:
            await self._leave(turn)

    async def on_installation_update_add(self, turn_context: TurnContext) -> None:
        """The app was installed."""
        await self._greet(Turn.of(turn_context))

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """The app was removed."""
        await self._leave(Turn.of(turn_context))

    async def redraw(self, turn: Turn, answer: Answer) -> None:
        """Redraw the pressed card by an edit; the answer is a new message where that cannot be.

        Everybody there sees an edit. So a card that is for the one who pressed alone is drawn in
        their own chat only; elsewhere they are told in words that others may read.
        """
        message, card = turn.inbound.reply_to_id, answer.card
        if answer.aside is not None and turn.conversation.scope is not Scope.PERSONAL:
            await self._tell_aside(turn, answer, answer.aside)
            return
        if message is None:
            await self._reply(turn, card)
            return
        try:
            await self._connector.edit(turn.conversation, message, card)
        except SendError as error:
            if not isinstance(error, MessageGone):
                log.warning("turn.not_redrawn", error=type(error).__name__, status=error.status)
            await self._reply(turn, card)
        else:
            await self._placed(turn, message, card)

    async def _tell_aside(self, turn: Turn, answer: Answer, aside: str) -> None:
        message, card = turn.inbound.reply_to_id, answer.card
        # Nobody pressed where a client did by itself: that would be a message for each client.
        if not turn.is_automatic:
            await self._reply(turn, answer.for_all or notice(_about(turn, card), aside))
        if message is not None:
            await self._placed(turn, message, replace(card, shows=None))

    async def say_late(self, turn: Turn, outcome: Outcome) -> None:
        """Post what an invoke would have been answered in words, had it been in time."""
        body = outcome.body or {}
        said = body.get("value")
        if body.get("type") == MESSAGE_TYPE and isinstance(said, str) and said != ANSWERED_BELOW:
            await self._reply(turn, notice("About what you pressed", said))

    async def apologise(self, turn: Turn, error: BaseException) -> Outcome:
        """Tell the person that the turn broke. Returns the HTTP answer."""
        said = apology(error, begun=turn.begun)
        if turn.is_invoke:
            return told(said.words)
        if turn.inbound.type == "message":
            await self._reply(turn, said.card)
        return Outcome()

    async def _action(self, turn: Turn) -> Outcome:
        value = turn.inbound.value
        action = value.get("action") if isinstance(value, dict) else None
        if not isinstance(action, dict) or not isinstance(action.get("verb"), str):
            return failed(400, "BadRequest", "The value names no action with a verb.")
        data = action.get("data") or {}
        if not isinstance(data, dict):
            return failed(400, "BadRequest", "The action's data is not an object.")
        if turn.person is None:
            return told(NOBODY)
        pressed = _pressed(turn, data, action["verb"])
        answer = await self._ask(turn, self._turns.action(pressed))
        if answer.in_place:
            turn.redraw = answer
            if turn.inbound.reply_to_id and not answer.placed:
                await self._placed(turn, turn.inbound.reply_to_id, answer.card)
            return drawn(answer.card)
        posted = await self._reply(turn, answer.card)
        return told(ANSWERED_BELOW if posted else NOT_POSTED)

    async def _ask(self, turn: Turn, work: Awaitable[Answer]) -> Answer:
        try:
            return await work
        except Exception as error:  # noqa: BLE001 -- the edge: whatever broke, the person is told
            log_broken(turn, error)
            return Answer(apology(error, begun=True).card)

    async def _greet(self, turn: Turn) -> None:
        card = await self._turns.greet(turn.conversation)
        if card is not None:
            await self._reply(turn, card)

    async def _leave(self, turn: Turn) -> None:
        await self._turns.left(turn.conversation)

    async def _reply(self, turn: Turn, card: Card) -> bool:
        """Post the card where the activity came from; False if that cannot be done."""
        try:
            message = await self._connector.reply(turn.conversation, turn.thread, card)
        except SendError as error:
            log.warning("turn.not_answered", error=type(error).__name__, status=error.status)
            return False
        await self._placed(turn, message, card)
        return True

    async def _placed(self, turn: Turn, message: str, card: Card) -> None:
        if card.approval is None:
            return
        try:
            await self._turns.placed(turn.conversation, message, card)
        except Exception as error:  # noqa: BLE001 -- the edge: the card stands, and is no lie yet
            log_broken(turn, error)


def log_broken(turn: Turn, error: Exception) -> None:
    """Log that a turn broke: the kind of error and its place, never its words."""
    note_outcome("broken")
    kind = type(error).__name__
    log.error("turn.broken", type=turn.inbound.type, error=kind, at=place_of(error))


def _submitted(inbound: Inbound) -> str | None:
    """The verb of an Action.Submit, which comes as a message with a value and without text."""
    if (inbound.text or "").strip() or not isinstance(inbound.value, dict):
        return None
    verb = inbound.value.get("verb")
    return verb if isinstance(verb, str) else None


def _pressed(turn: Turn, data: dict[str, Any], verb: str) -> Pressed:
    if turn.person is None:
        raise TypeError("A button without a person is refused before this.")
    return Pressed(
        person=turn.person,
        conversation=turn.conversation,
        message=turn.inbound.reply_to_id or None,
        verb=verb,
        data={**data, "verb": verb},
    )


def _about(turn: Turn, card: Card) -> str:
    """Whom words are for that others read too, and what they are about."""
    about = f"about approval {card.approval}" if card.approval else "about what you pressed"
    name = plain(turn.person.name, 60) if turn.person else ""
    return f"{name}, {about}" if name else f"{about[0].upper()}{about[1:]}"
