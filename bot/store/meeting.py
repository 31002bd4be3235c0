"""The beginning of a turn in one statement: where was spoken, by whom, and whether it is news."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from bot.store import activities, conversations, people
from bot.store.conversations import Conversation
from bot.store.people import Person

Connection = AsyncConnection[Any]


async def meet(
    conn: Connection,
    conversation: Conversation,
    person: Person | None,
    *,
    at: datetime,
    activity: str | None = None,
) -> bool:
    """Write down place and person, or overwrite what changed, and take the activity.

    Args:
        conn: A connection.
        conversation: Where was spoken.
        person: Who spoke; None: nobody whose name is told.
        at: The present.
        activity: Id of the activity that is taken.

    Returns:
        Whether the activity is news; False for a repeat, or where none is named.
    """
    # In one order, always: two turns of one person must not wait for each other.
    parts = [f"place AS ({conversations.REMEMBER})"]
    values = conversations.remembered(conversation, at=at)
    if person is not None:
        parts.insert(0, f"who AS ({people.REMEMBER})")
        values |= people.remembered(person, at=at)
    taken = "SELECT NULL WHERE false"
    if activity is not None:
        taken = activities.CLAIM
        values |= activities.claimed(conversation.tenant, conversation.id, activity, at=at)
    cursor = await conn.execute(f"WITH {', '.join(parts)} {taken}", values)
    return await cursor.fetchone() is not None
