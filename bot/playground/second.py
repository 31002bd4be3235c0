"""The second person, for whoever tries the bot alone: approves what they have approved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.app import Rooms
from bot.approvals import case as cases
from bot.approvals import who_may
from bot.approvals.case import Case
from bot.messaging import Conversation, Person, Pressed
from bot.playground.scene import PlaygroundUser
from bot.store import approvals as stored
from cards.actions import COMMENT_INPUT, TYPED_INPUT, Decide

AGREE: Final = "trying.second_person"
EVERY: Final = "* * * * * */20"


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """Colleagues who press Approve after somebody else did, where two people have to.

    Their press goes through everything that a person's goes through.

    Args:
        rooms: The bot's features.
        place: Where they press.
        colleagues: Who there is; whoever of them was asked presses.
        clock: The present.
    """

    rooms: Rooms
    place: Conversation
    colleagues: Sequence[PlaygroundUser]
    clock: Callable[[], datetime]

    async def agree(self, *, timestamp: int) -> None:  # noqa: ARG002 -- see `Jobs.every`
        """Job: give each approval that needs one more person that person."""
        tenant, clicks = self.place.tenant, self.rooms.turns.clicks
        presses: list[tuple[PlaygroundUser, Case, str]] = []
        async with self.rooms.pool.connection() as conn:
            for known in await stored.waiting(conn, tenant):
                policy = clicks.policy_of(tenant)
                case = await cases.around(conn, known, policy=policy, at=self.clock())
                colleague = self._next(case)
                if colleague is not None:
                    token = clicks.faces.token(case, self.place, colleague.object_id)
                    presses.append((colleague, case, token))
        for colleague, case, token in presses:
            await self._press(colleague, case, token)

    def _next(self, case: Case) -> PlaygroundUser | None:
        if not case.around.votes:
            return None
        for one in self.colleagues:
            if who_may.why_not_decide(self._person(one), "approve", case) is None:
                return one
        return None

    async def _press(self, colleague: PlaygroundUser, case: Case, token: str) -> None:
        wish = Decide(approval=case.known.id, verdict="approve", shown=token, confirming=True)
        fields = {
            TYPED_INPUT: who_may.number_to_type(case.approval),
            COMMENT_INPUT: "Looked at it as well.",
        }
        data = {**wish.pack(), **fields}
        person = self._person(colleague)
        await self.rooms.turns.action(Pressed(person, self.place, None, wish.verb, data))

    def _person(self, one: PlaygroundUser) -> Person:
        return Person(self.place.tenant, one.object_id, one.name, one.object_id)
