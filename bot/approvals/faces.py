"""Which card is the truth about an approval, for one conversation and one reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.approvals import who_may
from bot.approvals.case import Case
from bot.approvals.signature import EVERYBODY, Signatures
from bot.messaging import Conversation, Scope
from bot.neo.models import Approval, ApprovalState
from bot.settings import is_loopback
from cards import approval as face
from cards.card import Card
from cards.circumstances import Approved, Away, PutOff
from cards.confirming import Confirming, confirming
from cards.evidence import Evidence
from cards.waiting import MOST_REFRESHING, Waiting, waiting
from cards.words import Reader


@dataclass(frozen=True, slots=True)
class Faces:
    """Draws an approval's card.

    Args:
        clock: The present.
        zone: For conversations whose people's zone is not known.
        signatures: What the buttons carry.
    """

    clock: Callable[[], datetime]
    zone: ZoneInfo
    signatures: Signatures

    def reader(self, conversation: Conversation, viewer: str | None = None) -> Reader:
        """Who reads a card there; ``viewer`` is the one person who sees this drawing."""
        shared = conversation.scope is not Scope.PERSONAL
        return Reader(
            now=self.clock(),
            zone=ZoneInfo(conversation.zone) if conversation.zone else self.zone,
            person=viewer or (None if shared else conversation.person),
            shared=shared,
        )

    def draw(
        self,
        case: Case,
        conversation: Conversation,
        *,
        viewer: str | None = None,
        may_press: bool = True,
        remark: str | None = None,
        comment: str = "",
        before: Approval | None = None,
        evidence: Evidence | None = None,
    ) -> Card:
        """The card that is true now.

        Args:
            case: The approval and what surrounds it.
            conversation: Where it is shown.
            viewer: Entra object id of the one person who sees this drawing; None: everybody there.
            may_press: Whether they may decide it at this moment, if they may at all.
            remark: Why it was redrawn, for the one who clicked.
            comment: What the person had typed, so that a redrawn card does not lose it.
            before: What their card showed, where it has changed since: the changes are marked.
            evidence: What they asked to see under it.
        """
        if conversation.scope is Scope.PERSONAL:
            viewer = conversation.person
        reader, known = self.reader(conversation, viewer), case.known
        if known.gone_at is not None:
            card = face.gone(known.id, reader)
        elif case.approval.state is not ApprovalState.PENDING:
            card = self._decided(case, reader, remark)
        elif self.is_deciding(case):
            card = face.deciding(case.approval, reader, by=known.deciding_name or "")
        else:
            view = replace(_waiting(case), remark=remark, comment=comment)
            view = replace(view, before=before, evidence=evidence)
            own = self._own(case, conversation, viewer)
            own["may_press"] = may_press and own.get("may_press", False)
            card = waiting(replace(view, **own), reader)
        return self._kept_true(card, case)

    def confirm(
        self,
        case: Case,
        conversation: Conversation,
        *,
        viewer: str,
        verdict: Literal["approve", "reject"],
        comment: str = "",
        remark: str | None = None,
    ) -> Card:
        """The card on which one person confirms a decision, with a number to type where it asks."""
        why = who_may.why_confirm(case) if verdict == "approve" else None
        card = confirming(
            Confirming(
                approval=case.approval,
                shown=self.token(case, conversation, viewer),
                verdict=verdict,
                comment=comment,
                ticket=who_may.number_to_type(case.approval) if why else None,
                why=why or "",
                remark=remark,
                people=case.people_needed,
                approved=_approved(case),
                comment_to_reject=case.policy.comment_to_reject,
            ),
            self.reader(conversation, viewer),
        )
        return self._kept_true(card, case)

    def _kept_true(self, card: Card, case: Case) -> Card:
        return replace(card, approval=case.known.id, shows=case.known.fingerprint)

    def _own(self, case: Case, conversation: Conversation, viewer: str | None) -> dict[str, Any]:
        """What depends on who sees it: buttons, or why there are none, or who is to get them."""
        accounts = self._accounts(case, conversation)
        if viewer is not None:
            why_not = who_may.why_not_decide(
                case.person(viewer), "reject", case
            ) or who_may.why_not_guest(guest=case.is_guest(viewer))
            acting = who_may.capacity(viewer, case)
            own: dict[str, Any] = {"may_press": why_not is None, "why_not": why_not}
            own["may_approve"] = who_may.why_not_again(viewer, "approve", case) is None
            own["stands_in_for"] = acting.for_name if acting else None
        elif accounts:
            return {"refresh_for": accounts}
        else:
            own = {"may_press": bool(case.asked)}
        if conversation.scope is not Scope.PERSONAL:
            own["refresh_for"] = accounts
        if own["may_press"]:
            own["shown"] = self.token(case, conversation, viewer or EVERYBODY)
        return own

    def _accounts(self, case: Case, conversation: Conversation) -> tuple[str, ...]:
        """Whose clients draw their own view; nobody's where that cannot be."""
        host = urlsplit(conversation.service_url).hostname or ""
        if conversation.scope is Scope.PERSONAL or is_loopback(host):
            return ()  # an emulator on this machine never refreshes
        people = [*case.asked, *(one.delegate for one in case.around.delegations)]
        group = case.policy.second_group
        people += group.people if group else ()
        may = dict.fromkeys(p for p in people if who_may.capacity(p, case) is not None)
        if len(may) > MOST_REFRESHING:
            return ()
        return tuple(case.around.people[p].teams_id for p in may if p in case.around.people)

    def _decided(self, case: Case, reader: Reader, remark: str | None) -> Card:
        known, approval = case.known, case.approval
        by_neo = approval.decided_by.name if approval.decided_by else None
        return face.decided(
            approval,
            reader,
            by=known.decided_name or by_neo,
            for_name=known.decided_for,
            with_name=known.decided_with,
            at=known.decided_at or approval.updated_at,
            comment=known.decided_comment or None,
            remark=remark,
            run=known.run,
        )

    def token(self, case: Case, conversation: Conversation, viewer: str) -> str:
        """The signed digest of an approval, for one reader's buttons there."""
        known = case.known
        return self.signatures.sign(
            tenant=known.tenant,
            conversation=conversation.id,
            approval=known.id,
            digest=known.digest,
            reader=viewer,
        )

    def is_deciding(self, case: Case) -> bool:
        """Whether a decision is on its way to Neo."""
        name, at = case.known.deciding_name, case.known.deciding_at
        return bool(name) and at is not None and who_may.respects(at, self.clock())


def _waiting(case: Case) -> Waiting:
    """What everybody sees alike of an approval that waits."""
    return Waiting(
        approval=case.approval,
        comment_to_reject=case.policy.comment_to_reject,
        confirm=who_may.why_confirm(case),
        people=case.people_needed,
        too_few=who_may.too_few_may(case),
        approved=_approved(case),
        away=_away(case),
        snoozed=tuple(PutOff(one.name, one.until) for one in case.around.snoozes),
        second_group=_second_group(case),
        group_may_decide=bool(case.policy.second_group and case.policy.second_group.may_decide),
    )


def _approved(case: Case) -> tuple[Approved, ...]:
    return tuple(Approved(v.person, v.name, v.for_name, v.comment, v.at) for v in case.around.votes)


def _away(case: Case) -> tuple[Away, ...]:
    """The delegations of those who were asked."""
    return tuple(
        Away(one.name, one.delegate_name, one.until)
        for one in case.around.delegations
        if one.person in case.asked
    )


def _second_group(case: Case) -> str | None:
    group = case.policy.second_group
    return group.name if group and case.around.escalated else None
