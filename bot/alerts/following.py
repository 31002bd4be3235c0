"""A conversation starts or stops to follow a topic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.messaging import Conversation, Person
from bot.store import routes
from bot.store.database import Pool
from bot.store.routes import Topic
from cards.card import Card
from cards.notice import notice

_WHAT = {
    "failures": "Failed runs are told here within seconds.",
    "approvals": "New approvals are shown here as they come; those who were asked can decide here.",
}


@dataclass(frozen=True, slots=True)
class Following:
    """Turns routes on and off."""

    pool: Pool
    clock: Callable[[], datetime]

    async def follow(self, conversation: Conversation, topic: Topic, by: Person) -> Card:
        """Have the conversation told of the topic from now on."""
        async with self.pool.connection() as conn:
            new = await routes.follow(
                conn,
                conversation.tenant,
                conversation.id,
                topic,
                person=by.id,
                at=self.clock(),
            )
        heading = f"This conversation {'now' if new else 'already'} follows {topic}"
        return notice(heading, _WHAT[topic], questions=[f"unfollow {topic}"])

    async def unfollow(self, conversation: Conversation, topic: Topic) -> Card:
        """Tell it no more."""
        async with self.pool.connection() as conn:
            was = await routes.unfollow(conn, conversation.tenant, conversation.id, topic)
        heading = f"This conversation {'no longer follows' if was else 'did not follow'} {topic}"
        return notice(
            heading, "Nothing more is told here about them.", questions=[f"follow {topic}"]
        )
