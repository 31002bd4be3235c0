"""The beginning of turns in one statement: where was spoken, by whom, and whether it is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from bot.store import activities, conversations, people
from bot.store.conversations import Conversation
from bot.store.people import Person

Connection = AsyncConnection[Any]

# In one order, always: two turns of one person must not wait for each other.
_MEET: Final = f"""
    WITH said AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%s) AS said(
            {conversations.SAID}, {people.SAID}, activity text, at timestamptz)
    ), who AS ({people.REMEMBER}), place AS ({conversations.REMEMBER})
    {activities.CLAIM}
"""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Somebody spoke somewhere.

    Attributes:
        conversation: Where.
        person: Who; None: nobody whose name is told.
        at: When.
        activity: Id of the activity that is taken, if one is.
    """

    conversation: Conversation
    person: Person | None
    at: datetime
    activity: str | None = None

    @property
    def touches(self) -> tuple[tuple[str, ...], ...]:
        """What is written: two meetings that share one of these go one after the other."""
        place = "place", self.conversation.tenant, self.conversation.id
        if self.person is None:
            return (place,)
        return place, ("person", self.person.tenant, self.person.id)

    @property
    def news(self) -> tuple[str, str, str | None]:
        """The key of the activity."""
        return self.conversation.tenant, self.conversation.id, self.activity


async def meet(conn: Connection, meetings: Sequence[Meeting]) -> list[bool]:
    """Write down places and people, or overwrite what changed, and take the activities.

    Args:
        conn: A connection.
        meetings: No two of the same conversation, or of the same person.

    Returns:
        For each whether its activity is news; False for a repeat, or where none is named.
    """
    said = Jsonb([_row(one) for one in meetings], dumps=orjson.dumps)
    cursor = await conn.execute(_MEET, (said,))
    taken = set(await cursor.fetchall())
    return [one.news in taken for one in meetings]


def _row(one: Meeting) -> dict[str, Any]:
    row = conversations.said(one.conversation) | {"activity": one.activity, "at": one.at}
    return row if one.person is None else row | people.said(one.person)
