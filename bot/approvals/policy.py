"""Who may decide. One function per question; each answers with the reason it says no."""

from __future__ import annotations

from collections.abc import Collection

from bot.messaging import Person
from bot.neo.models import Approval, ApprovalState


def why_not_served(person: Person, tenants: Collection[str]) -> str | None:
    """Why this tenant's people may not use the bot, or None if they may."""
    if person.tenant.lower() not in {tenant.lower() for tenant in tenants}:
        return "Your organisation is not served here."
    return None


def why_not_open(approval: Approval) -> str | None:
    """Why the approval can no longer be decided, or None if it can."""
    if approval.state is ApprovalState.PENDING:
        return None
    if approval.state is ApprovalState.UNKNOWN:
        return f"Neo says “{approval.status}”, which is not known here. Decide it in Neo."
    return "It is decided already."


def why_not_asked(person: str, approval: Approval) -> str | None:
    """Why this person may not decide it, or None if they were asked.

    Args:
        person: Entra object id. Only that counts; names are for people to read.
        approval: As Neo has it.
    """
    asked = {a.user_id.lower() for a in approval.approvers if a.user_id}
    if not asked:
        return "Nobody was asked, so nobody can decide it here. Decide it in Neo."
    if person.lower() not in asked:
        return "You were not asked to decide this."
    return None


def why_not_guest(*, guest: bool) -> str | None:
    """Why a guest may not decide, or None for a member."""
    return "Guests cannot decide approvals." if guest else None
