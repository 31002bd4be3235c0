"""What a person said or pressed, taken to the feature that answers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import structlog

from bot.alerts.following import Following
from bot.approvals.clicks import Clicks, too_late
from bot.approvals.delegating import Delegating
from bot.approvals.delivery import Delivery
from bot.approvals.history import History
from bot.approvals.showing import Showing
from bot.approvals.snoozing import Snoozing
from bot.chat import orders
from bot.chat.answers import Answers, Asker
from bot.chat.examples import ORDERS
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
from bot.telemetry.watched import note_intent, note_outcome
from cards.actions import (
    Action,
    Ask,
    BadButton,
    Decide,
    DecideSeveral,
    Delegate,
    EndDelegation,
    Follow,
    PickSeveral,
    ShowApproval,
    ShowEvidence,
    SnoozeApproval,
    Ticking,
    parse_action,
)
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

# What is read like an order, and only shows something.
_HARMLESS = orders.DelegationsQuestion | orders.HistoryQuestion

Drawn = TypeVar("Drawn", bound=Card | Answer | None)


@dataclass(frozen=True, slots=True)
class Turns:
    """One turn each: `bot.teams` and the terminal call these.

    Args:
        zone: For people whose zone Teams does not name.
        neo_of: A tenant's Neo.
    """

    pool: Pool
    clicks: Clicks
    delivery: Delivery
    showing: Showing
    snoozing: Snoozing
    delegating: Delegating
    history: History
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
        note_intent(action.verb)
        match action:
            case Decide():
                work = self.clicks.decide(pressed, action)
            case DecideSeveral():
                work = self.clicks.decide_several(pressed, action)
            case PickSeveral():
                work = self.clicks.pick(pressed)
            case Delegate():
                work = self.delegating.start(pressed, action)
            case EndDelegation():
                work = self.delegating.end(pressed, action)
            case ShowApproval() | ShowEvidence() | SnoozeApproval():
                work = self._look(pressed, action)
            case Ask() | Follow():
                work = self._ask(pressed, action)
        return await work

    async def _look(
        self, pressed: Pressed, action: ShowApproval | ShowEvidence | SnoozeApproval
    ) -> Answer:
        """Redraw a card for the one who looks at it, and for nobody else."""
        work = self._looked(pressed, action)
        answer = await self._explained(work, action.verb, f"approval {action.approval}")
        if isinstance(answer, Answer):
            return answer
        # What stood in Neo's way is the same for everybody.
        return Answer(answer, in_place=True, aside=answer.summary, for_all=answer)

    async def _looked(
        self, pressed: Pressed, action: ShowApproval | ShowEvidence | SnoozeApproval
    ) -> Answer:
        place, viewer, number = pressed.conversation, pressed.person.id, action.approval
        match action:
            case ShowEvidence(comment=comment):
                return await self.showing.evidence(place, number, viewer=viewer, comment=comment)
            case SnoozeApproval(hours=hours):
                until = self.clock() + timedelta(hours=hours)
                aside = await self.snoozing.put_off(pressed.person, place, number, until)
                card = await self.showing.view(place, number, viewer=viewer, remark=aside)
            case ShowApproval():
                aside = too_late(f"approval {number}")
                card = await self.showing.view(place, number, viewer=viewer)
        return Answer(card, in_place=True, aside=aside)

    async def _ask(self, pressed: Pressed, action: Ask | Follow) -> Answer:
        def said(text: str) -> Said:
            return Said(pressed.person, pressed.conversation, text)

        if isinstance(action, Ask):
            # A button asks; what changes something has a payload of its own.
            card = await self._answer(said(action.text), may_order=False)
            return Answer(card, in_place=action.in_place)
        query = Query(intent="follow" if action.on else "unfollow", topic=action.topic)
        return Answer(await self._guarded(query, said("")))

    async def _answer(self, said: Said, *, may_order: bool = True) -> Card:
        if len(said.text) > LONGEST_TEXT:
            return notice(
                "That is too long to read as a question",
                f"It has {len(said.text):,} characters; up to {LONGEST_TEXT:,} are read. "
                "Nothing was changed. Ask in one sentence.",
                questions=["help"],
            )
        order = orders.read(
            said.text, mentions=said.mentions, now=self.clock(), zone=self._zone(said)
        )
        if order is not None and (may_order or isinstance(order, _HARMLESS)):
            note_intent(type(order).__name__)
            return await self._explained(self._ordered(said, order), type(order).__name__, None)
        return await self._question(said)

    async def _ordered(self, said: Said, order: orders.Order) -> Card:
        """The answer to an order."""
        place, person = said.conversation, said.person
        match order:
            case orders.DecideOrder(approval=number, verdict=verdict, comment=comment):
                return await self.clicks.propose(person, place, number, verdict, comment)
            case orders.SnoozeOrder(approval=number, until=until):
                return await self.snoozing.snooze(person, place, number, until)
            case orders.DelegateOrder(to=to, mention=mention, until=until):
                return await self.delegating.propose(person, place, to, mention, until)
            case orders.EndDelegationOrder():
                return await self.delegating.end_mine(person, place)
            case orders.DelegationsQuestion():
                return await self.delegating.mine(person, place)
            case orders.HistoryQuestion(approval=number):
                return await self.history.show(place, number)

    async def _question(self, said: Said) -> Card:
        grammar = await self.agents.grammar(said.conversation.tenant, self._neo(said))
        query = grammar.parse(said.text, now=self.clock(), zone=self._zone(said))
        return await self._guarded(query, said)

    async def _guarded(self, query: Query, said: Said) -> Card:
        note_intent(query.intent)
        work = self._dispatch(query, said)
        return await self._explained(work, query.intent, query.text or None)

    async def _explained(
        self, work: Awaitable[Drawn], intent: str, again: str | None
    ) -> Drawn | Card:
        """What the work draws; where Neo stood in its way, what happened and what to do."""
        try:
            return await work
        except NeoError as error:
            note_outcome("neo_failed")
            log.warning(
                "turn.neo_failed",
                intent=intent,
                error=type(error).__name__,
                operation=error.operation,
                status=error.status,
                request_id=error.request_id,
            )
            return explain(error, again=again)

    async def _dispatch(self, query: Query, said: Said) -> Card:
        place = said.conversation
        asker = Asker(said.person.id, self._reader(said), self._ticking(said))
        answers = Answers(self._neo(said), self.agents)
        if (card := await answers.answer(query, asker)) is not None:
            return card
        match query:
            case Query(intent="help") | Query(intent="ask", text=""):
                return _help()
            case Query(intent="approval", approval=str(number)):
                # What is posted in a channel is everybody's; a personal chat has one reader.
                return await self.showing.show(place, number)
            case Query(intent="follow", topic=str(topic)):
                return await self.following.follow(place, topic, said.person)
            case Query(intent="unfollow", topic=str(topic)):
                return await self.following.unfollow(place, topic)
        return closest(query.text, closest_questions(query.text))

    def _ticking(self, said: Said) -> Callable[[Sequence[str]], Awaitable[Ticking]] | None:
        """What the person may tick in a list, where nobody else sees it."""
        if said.conversation.scope is not Scope.PERSONAL:
            return None
        return lambda numbers: self.clicks.ticking(said.person, said.conversation, numbers)

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


@cache
def _help() -> Card:
    """What can be asked is the same for everybody: drawn once."""
    return help_card([(question, shows) for question, shows, _ in EXAMPLES], ORDERS)


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
