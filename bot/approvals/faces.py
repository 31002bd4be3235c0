"""Which card is the truth about an approval, for one conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.approvals.policy import why_not_asked
from bot.approvals.signature import sign
from bot.messaging import Conversation, Scope
from bot.neo.models import ApprovalState
from bot.store.approvals import Known
from cards import approval as face
from cards.card import Card
from cards.words import Reader

# A decision under way for longer than this belongs to a process that died: Neo's client gives an
# answer up after 10 s.
CLAIM_LASTS = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Faces:
    """Draws an approval's card.

    Args:
        clock: The present.
        zone: For conversations whose people's zone is not known.
    """

    clock: Callable[[], datetime]
    zone: ZoneInfo

    def reader(self, conversation: Conversation) -> Reader:
        """Who reads a card there."""
        return Reader(
            now=self.clock(),
            zone=ZoneInfo(conversation.zone) if conversation.zone else self.zone,
            person=conversation.person if conversation.scope is Scope.PERSONAL else None,
            shared=conversation.scope is not Scope.PERSONAL,
        )

    def draw(
        self,
        known: Known,
        conversation: Conversation,
        key: bytes,
        *,
        remark: str | None = None,
        may_press: bool = True,
        comment: str = "",
    ) -> Card:
        """The card that is true now.

        Args:
            known: What is known of the approval.
            conversation: Where it is shown.
            key: The tenant's signing key.
            remark: Why it was redrawn, for the one who clicked.
            may_press: Whether it carries buttons while it is pending.
            comment: What the person had typed, so that a redrawn card does not lose it.
        """
        card = self._face(known, conversation, key, remark, comment, may_press=may_press)
        return replace(card, approval=known.id, shows=known.fingerprint)

    def _face(
        self,
        known: Known,
        conversation: Conversation,
        key: bytes,
        remark: str | None,
        comment: str,
        *,
        may_press: bool,
    ) -> Card:
        reader = self.reader(conversation)
        if known.gone_at is not None:
            return face.gone(known.id, reader)
        approval = known.approval
        if approval.state is not ApprovalState.PENDING:
            by_neo = approval.decided_by.name if approval.decided_by else None
            return face.decided(
                approval,
                reader,
                by=known.decided_name or by_neo,
                at=known.decided_at or approval.updated_at,
                comment=known.decided_comment or None,
                remark=remark,
                run=known.run,
            )
        if known.deciding_name and known.deciding_at and self._fresh(known.deciding_at):
            return face.deciding(approval, reader, by=known.deciding_name)
        if reader.person and why_not_asked(reader.person, approval):
            may_press = False  # the one reader of a personal chat was not asked
        token = sign(
            key,
            tenant=known.tenant,
            conversation=conversation.id,
            approval=known.id,
            digest=known.digest,
        )
        return face.pending(
            approval, reader, shown=token, may_press=may_press, remark=remark, comment=comment
        )

    def _fresh(self, claimed_at: datetime) -> bool:
        return self.clock() - claimed_at < CLAIM_LASTS
