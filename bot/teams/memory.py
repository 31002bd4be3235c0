"""What the Bot Framework side has to remember: people, conversations, activities it has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cachetools import LRUCache
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from bot.messaging import Conversation, Person
from bot.store import activities, meeting, people
from bot.store.batches import Batches
from bot.store.database import single
from bot.store.meeting import Meeting
from bot.store.people import Standing

Pool = AsyncConnectionPool[AsyncConnection[Any]]
_PEOPLE = 10_000


@dataclass(frozen=True, slots=True)
class Met:
    """Somebody spoke, or (None) nobody whose name is told."""

    person: Person | None


class Memory(Protocol):
    """Fulfilled by `StoreMemory`."""

    async def claim(
        self, conversation: Conversation, activity: str, *, met: Met | None = None
    ) -> bool:
        """Take an activity; True for the first caller, False for every repeat of it.

        The first caller also writes down where was spoken and by whom, if ``met`` says so.
        """
        ...

    async def meet(self, conversation: Conversation, person: Person | None) -> None:
        """Write down where was spoken, by whom; overwrites what changed."""
        ...

    async def keep_answer(
        self, conversation: Conversation, activity: str, answer: dict[str, Any]
    ) -> None:
        """Keep an invoke's answer for its repeats."""
        ...

    async def answer(self, conversation: Conversation, activity: str) -> dict[str, Any] | None:
        """The answer that was given to this invoke, or None if there is none yet."""
        ...

    async def teams_id(self, tenant: str, person: str) -> str | None:
        """The Teams account of somebody who spoke to the bot before, else None."""
        ...

    async def standing(self, person: Person) -> Standing | None:
        """What the roster last said of them."""
        ...

    async def note_standing(self, person: Person, standing: Standing) -> None:
        """Remember what the roster said."""
        ...


class StoreMemory:
    """`Memory` in PostgreSQL.

    Args:
        pool: Open connections to the database.
        clock: The time, aware UTC.
    """

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[Any]], *, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._standings = LRUCache[tuple[str, str], Standing](maxsize=_PEOPLE)
        self._meetings = Batches(self._meet, keys=lambda meeting: meeting.touches)

    async def claim(
        self, conversation: Conversation, activity: str, *, met: Met | None = None
    ) -> bool:
        """See `Memory.claim`."""
        at = self._clock()
        if met is not None:
            return await self._meetings.done(Meeting(conversation, met.person, at, activity))
        async with single(self._pool) as conn:
            return await activities.claim(
                conn, conversation.tenant, conversation.id, activity, at=at
            )

    async def meet(self, conversation: Conversation, person: Person | None) -> None:
        """See `Memory.meet`."""
        await self._meetings.done(Meeting(conversation, person, self._clock()))

    async def _meet(self, meetings: Sequence[Meeting]) -> list[bool]:
        async with single(self._pool) as conn:
            return await meeting.meet(conn, meetings)

    async def keep_answer(
        self, conversation: Conversation, activity: str, answer: dict[str, Any]
    ) -> None:
        """See `Memory.keep_answer`."""
        async with single(self._pool) as conn:
            await activities.keep_answer(
                conn, conversation.tenant, conversation.id, activity, answer
            )

    async def answer(self, conversation: Conversation, activity: str) -> dict[str, Any] | None:
        """See `Memory.answer`."""
        async with single(self._pool) as conn:
            return await activities.answer(conn, conversation.tenant, conversation.id, activity)

    async def teams_id(self, tenant: str, person: str) -> str | None:
        """See `Memory.teams_id`."""
        async with single(self._pool) as conn:
            known = await people.find(conn, tenant, person)
        return known.teams_id if known else None

    async def standing(self, person: Person) -> Standing | None:
        """See `Memory.standing`."""
        found = self._standings.get((person.tenant, person.id))
        if found is None:
            async with single(self._pool) as conn:
                found = await people.standing(conn, person.tenant, person.id)
        if found is not None:
            self._standings[person.tenant, person.id] = found
        return found

    async def note_standing(self, person: Person, standing: Standing) -> None:
        """See `Memory.note_standing`."""
        async with single(self._pool) as conn:
            await people.note_standing(conn, person.tenant, person.id, standing)
        self._standings[person.tenant, person.id] = standing
