"""What a person said or pressed, taken to the feature that answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.alerts.following import Following
from bot.approvals.decisions import Decisions
from bot.approvals.delivery import Delivery
from bot.approvals.showing import Showing
from bot.chat.answers import Answers, Asker
from bot.chat.grammar import EXAMPLES, closest_questions
from bot.chat.lists import KnownAgents
from bot.chat.query import Query
from bot.errors import (
    NeoError,
    NeoForbidden,
    NeoInvalid,
    NeoNotFound,
    NeoRateLimited,
    NeoUnauthorized,
    NeoUnintelligible,
)
from bot.messaging import Answer, Conversation, Pressed, Said, Scope
from bot.neo.client import Neo
from bot.store import conversations
from bot.store.database import Pool
from cards.actions import Action, Ask, BadButton, Decide, Follow, ShowApproval, parse_action
from cards.ask import closest
from cards.card import Card
from cards.greeting import greeting
from cards.help import help_card
from cards.notice import notice
from cards.problem import problem
from cards.words import Reader

# From here on a wait is told in minutes.
_MINUTES_FROM_SECONDS = 90
# HTTP statuses from here on say that Neo, or the way to it, is out of order.
_OUT_OF_ORDER = 500
LONGEST_TEXT = 1_000
ONE_INSTALLATION = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Turns:
    """One turn each: `bot.teams` and the terminal call these.

    Args:
        zone: For people whose zone Teams does not name.
        neo_of: A tenant's Neo.
    """

    pool: Pool
    decisions: Decisions
    delivery: Delivery
    showing: Showing
    following: Following
    agents: KnownAgents
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]
    zone: ZoneInfo

    async def greet(self, conversation: Conversation) -> Card | None:
        """The greeting, once for each time the bot is added; None if it was given."""
        async with self.pool.connection() as conn:
            first = await conversations.claim_greeting(
                conn,
                conversation.tenant,
                conversation.id,
                at=self.clock(),
                again_after=ONE_INSTALLATION,
            )
        if not first:
            return None
        await self.delivery.catch_up(conversation)
        return greeting(conversation.scope.value)

    async def left(self, conversation: Conversation) -> None:
        """The bot was removed there."""
        async with self.pool.connection() as conn:
            await conversations.close(conn, conversation.tenant, conversation.id, at=self.clock())

    async def placed(self, conversation: Conversation, message: str, card: Card) -> None:
        """A card now stands in a message; one that shows an approval is kept true."""
        await self.delivery.placed(conversation, message, card)

    async def message(self, said: Said) -> Answer:
        """Answer what a person typed."""
        return Answer(await self._answer(said))

    async def action(self, pressed: Pressed) -> Answer:
        """Do what a button says."""
        try:
            action = parse_action({**pressed.data, "verb": pressed.verb})
        except BadButton as error:
            return Answer(notice("That button did not work", str(error)))
        return await self._act(pressed, action)

    async def _act(self, pressed: Pressed, action: Action) -> Answer:
        def said(text: str) -> Said:
            return Said(pressed.person, pressed.conversation, text)

        match action:
            case Decide():
                return await self.decisions.decide(pressed, action)
            case Ask():
                return Answer(await self._answer(said(action.text)), in_place=action.in_place)
            case ShowApproval(approval=number):
                query = Query(intent="approval", approval=number, text=f"approval {number}")
                return Answer(await self._guarded(query, said(query.text)), in_place=True)
            case Follow(topic=topic, on=on):
                query = Query(intent="follow" if on else "unfollow", topic=topic)
                return Answer(await self._guarded(query, said("")))

    async def _answer(self, said: Said) -> Card:
        if len(said.text) > LONGEST_TEXT:
            return notice(
                "That is too long to read as a question",
                f"It has {len(said.text):,} characters; up to {LONGEST_TEXT:,} are read. "
                "Nothing was changed. Ask in one sentence.",
                questions=["help"],
            )
        grammar = await self.agents.grammar(said.conversation.tenant, self._neo(said))
        query = grammar.parse(said.text, now=self.clock(), zone=self._zone(said))
        return await self._guarded(query, said)

    async def _guarded(self, query: Query, said: Said) -> Card:
        try:
            card = await self._dispatch(query, said)
        except NeoError as error:
            log.warning(
                "turn.neo_failed",
                intent=query.intent,
                error=type(error).__name__,
                operation=error.operation,
                status=error.status,
                request_id=error.request_id,
            )
            return explain(error, again=query.text or None)
        log.info("question.answered", intent=query.intent, scope=said.conversation.scope.value)
        return card

    async def _dispatch(self, query: Query, said: Said) -> Card:
        place = said.conversation
        asker = Asker(said.person.id, self._reader(said))
        answers = Answers(self._neo(said), self.agents)
        if (card := await answers.answer(query, asker)) is not None:
            return card
        match query:
            case Query(intent="help") | Query(intent="ask", text=""):
                return help_card([(question, shows) for question, shows, _ in EXAMPLES])
            case Query(intent="approval", approval=str(number)):
                return await self.showing.show(place, number)
            case Query(intent="follow", topic=str(topic)):
                return await self.following.follow(place, topic, said.person)
            case Query(intent="unfollow", topic=str(topic)):
                return await self.following.unfollow(place, topic)
        return closest(query.text, closest_questions(query.text))

    def _neo(self, said: Said) -> Neo:
        return self.neo_of(said.conversation.tenant)

    def _zone(self, said: Said) -> ZoneInfo:
        return ZoneInfo(said.person.zone) if said.person.zone else self.zone

    def _reader(self, said: Said) -> Reader:
        return Reader(
            now=self.clock(),
            zone=self._zone(said),
            person=said.person.id if said.conversation.scope is Scope.PERSONAL else None,
            shared=said.conversation.scope is not Scope.PERSONAL,
        )


def explain(error: NeoError, *, again: str | None) -> Card:
    """What happened, that nothing was changed, and what to do."""
    title, text = _told(error)
    return problem(title, text, again=again, request_id=error.request_id)


def _told(error: NeoError) -> tuple[str, str]:
    """A title, and what to do."""
    # An error without a status is this bot's own: what was asked never left.
    here = error.status is None
    title, text = "Neo did not answer", "Try again in a moment, or look in Neo."
    match error:
        case NeoUnauthorized():
            title = "This bot has no key for Neo" if here else "Neo refuses the key of this bot"
            text = "An administrator has to give this bot a new one. Until then, use Neo."
        case NeoForbidden():
            title = "Neo does not allow this with the key of this bot"
            text = "An administrator can look at the key in Neo."
        case NeoRateLimited(retry_after_seconds=seconds):
            title = "Neo has had too many requests from your organisation"
            text = f"{error} " if here else ""
            text += f"Try again in {_wait(seconds)}."
        case NeoInvalid():
            title = "Neo did not accept the question"
            text = str(error) if here else f"It says: {error}"
        case NeoNotFound():
            title = "Neo does not have this"
            text = "It may be gone. Ask again for what is there now."
        case NeoUnintelligible(status=int(status)) if status < _OUT_OF_ORDER:
            title = "Neo's answer could not be read"
            text = "If that stays, an administrator can find out why with the doctor."
    return title, text


def _wait(seconds: float) -> str:
    """How long to wait, as people say it."""
    if seconds < _MINUTES_FROM_SECONDS:
        return f"{max(round(seconds), 1)} s"
    return f"{math.ceil(seconds / 60)} min"
