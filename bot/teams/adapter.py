"""botbuilder's adapter with both ends replaced: checked activities in, our connector out."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from botbuilder.core import BotAdapter, TurnContext
from botbuilder.schema import Activity, ConversationReference, ResourceResponse

from bot.teams.admission import Admission
from bot.teams.handler import Handler, log_broken
from bot.teams.memory import Memory, Met
from bot.teams.turn import Outcome, Turn, told
from bot.telemetry.watched import note_outcome

log = structlog.get_logger(__name__)

STILL_WORKING: Final = "Still working on it. The answer appears here when it is done."
REPEAT_WAITS_SECONDS: Final = 4.0
_LOOK_EVERY_SECONDS: Final = 0.2

# What can make the bot act: these are taken once, however often Teams sends them.
_TAKEN_ONCE: Final = frozenset({"message", "invoke", "conversationUpdate", "installationUpdate"})


class TeamsAdapter(BotAdapter):  # type: ignore[misc] # botbuilder ships no types
    """Runs a turn: seen before? who and where? then the handler.

    Args:
        handler: What the activities mean.
        memory: What is remembered of people, conversations and activities.
    """

    def __init__(self, handler: Handler, memory: Memory) -> None:
        super().__init__()
        self._handler = handler
        self._memory = memory
        self._admission = Admission()
        self.keeping: set[asyncio.Task[None]] = set()
        """Answers on their way into memory."""

    async def take(self, turn: Turn) -> Outcome:
        """Do what an activity asks for; never raises, so that no person sees an HTTP error."""
        try:
            if not turn.is_invoke:
                return await self._take(turn)
            async with self._admission.turn(turn.conversation.tenant):
                return await self._take(turn)
        except asyncio.CancelledError as stopped:
            # The process ends, and the turn with it: whoever waits is told, once.
            log.warning("turn.stopped", type=turn.inbound.type)
            return await self._handler.apologise(turn, stopped)
        except Exception as error:  # noqa: BLE001 -- the edge of a turn
            log_broken(turn, error)
            return await self._handler.apologise(turn, error)

    async def finish_late(self, turn: Turn, outcome: Outcome) -> None:
        """Give the answer that came too late for its invoke; never raises."""
        try:
            if turn.redraw is not None:
                await self._handler.redraw(turn, turn.redraw)
            elif turn.is_invoke:
                await self._handler.say_late(turn, outcome)
        except Exception as error:  # noqa: BLE001 -- the edge of a turn
            log_broken(turn, error)

    async def _take(self, turn: Turn) -> Outcome:
        inbound, conversation = turn.inbound, turn.conversation
        if inbound.type not in _TAKEN_ONCE:
            if (met := _met(turn)) is not None:
                await self._memory.meet(conversation, met.person)
            return Outcome()
        if not await self._memory.claim(conversation, inbound.id, met=_met(turn)):
            log.info("turn.repeated", type=inbound.type)
            note_outcome("repeated")
            return await self._same_answer(turn) if turn.is_invoke else Outcome()
        turn.begun = True
        context = TurnContext(self, inbound.for_botbuilder())
        turn.put_into(context)
        await self.run_pipeline(context, self._handler.on_turn)
        if turn.is_invoke:
            # Whoever pressed need not wait for what only a repeat of the press reads.
            keeping = asyncio.create_task(self._keep(turn, turn.outcome))
            self.keeping.add(keeping)
            keeping.add_done_callback(self.keeping.discard)
        return turn.outcome

    async def _keep(self, turn: Turn, outcome: Outcome) -> None:
        kept = {"status": outcome.status, "body": outcome.body}
        try:
            await self._memory.keep_answer(turn.conversation, turn.inbound.id, kept)
        except Exception as error:  # noqa: BLE001 -- what was done is done: the person hears of it
            log_broken(turn, error)

    async def _same_answer(self, turn: Turn) -> Outcome:
        """What the first of these invokes was answered; it may be under way in any replica."""
        try:
            async with asyncio.timeout(REPEAT_WAITS_SECONDS):
                while True:
                    kept = await self._memory.answer(turn.conversation, turn.inbound.id)
                    if kept is not None:
                        return Outcome(kept["status"], kept["body"])
                    await asyncio.sleep(_LOOK_EVERY_SECONDS)
        except TimeoutError:
            return told(STILL_WORKING)

    async def send_activities(
        self, context: TurnContext, activities: list[Activity]
    ) -> list[ResourceResponse]:
        """Refused: cards are posted by the connector, an invoke is answered by `Turn.outcome`."""
        raise NotImplementedError("Send cards with Connector.reply.")

    async def update_activity(self, context: TurnContext, activity: Activity) -> None:
        """Refused: cards are edited by the connector, which knows their text twins."""
        raise NotImplementedError("Edit cards with Connector.edit.")

    async def delete_activity(self, context: TurnContext, reference: ConversationReference) -> None:
        """Refused: what was said stays, redrawn where it no longer holds."""
        raise NotImplementedError("Messages are edited, not deleted.")


def _met(turn: Turn) -> Met | None:
    # A good-bye must not open again what an earlier one closed.
    if turn.inbound.is_departure:
        return None
    # Events leave names out; the one that is known shall stay.
    return Met(turn.person if turn.inbound.from_.name else None)
