"""What was done about an approval, for whoever asks in a chat."""

from __future__ import annotations

from dataclasses import dataclass

from bot.approvals.faces import Faces
from bot.messaging import Conversation
from bot.store import approvals as stored
from bot.store import ledger
from bot.store.database import Pool
from bot.store.ledger import Row
from cards import labels
from cards.card import Card
from cards.history import Deed
from cards.history import history as draw
from cards.not_found import unknown_approval
from cards.notice import notice


@dataclass(frozen=True, slots=True)
class History:
    """Reads the ledger of the conversation's own tenant; ``faces`` knows who reads there."""

    pool: Pool
    faces: Faces

    async def show(self, conversation: Conversation, approval: str) -> Card:
        """Every row about an approval, or that it is not known here."""
        async with self.pool.connection() as conn:
            rows = await ledger.history(conn, conversation.tenant, approval)
            known = await stored.find(conn, conversation.tenant, approval)
        if not rows and known is None:
            return unknown_approval(approval)
        if not rows:
            title = f"Nothing is recorded about approval {approval} yet"
            return notice(title, "Nobody has tried to decide it here.")
        reader = self.faces.reader(conversation)
        about = known.approval if known else None
        return draw(approval, [_deed(row) for row in rows], about, reader)


def _deed(row: Row) -> Deed:
    entry = row.entry
    return Deed(
        position=row.position,
        at=entry.at,
        who=entry.person_name if entry.person else labels.BOT,
        wish=entry.wish,
        outcome=entry.outcome,
        reason=entry.reason,
        comment=entry.comment,
        for_name=entry.for_name,
    )
