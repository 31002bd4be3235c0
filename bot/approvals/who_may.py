"""Who may. One function per question; each answers with the reason it says no, as a card shows it.

A person is their Entra object id, in lower case. Names are for people to read, with one exception:
where Neo names who asked for something by name alone, a person of that name is taken for them,
because that only ever takes a right away.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.approvals.case import Case
from bot.approvals.naming import is_among
from bot.approvals.reasons import Reason
from bot.approvals.risks import risks, why
from bot.messaging import Person
from bot.neo.models import Approval, ApprovalState
from bot.store.circumstances import Delegation
from cards.asking import asks_for_ticket
from cards.card import plain

# A decision under way for longer than this belongs to a process that died: Neo's client gives an
# answer up before.
CLAIM_LASTS: Final = timedelta(seconds=15)
LONGEST_SNOOZE: Final = timedelta(hours=24)
LONGEST_DELEGATION: Final = timedelta(days=60)
GONE: Final = Reason("gone", "Neo no longer has it.")


@dataclass(frozen=True, slots=True)
class Capacity:
    """In whose name somebody decides; without one, in their own.

    Attributes:
        for_person: The colleague they stand in for (Entra object id).
        for_name: That colleague's name, or the name of the group they belong to.
    """

    for_person: str | None = None
    for_name: str | None = None


def capacities(person: str, case: Case) -> tuple[Capacity, ...]:
    """In whose names this person may decide the approval: their own first; none if they may not."""
    person = person.lower()
    if person in case.asked:
        return (Capacity(),)
    found = [
        Capacity(one.person, one.name)
        for one in case.around.delegations
        if one.delegate == person and one.person in case.asked
    ]
    group = case.policy.second_group
    # Somebody has to be asked in Neo: the second group only joins them.
    heard = bool(case.asked) and case.around.escalated
    if heard and group and group.may_decide and person in group.people:
        found.append(Capacity(for_name=group.name))
    return tuple(found)


def capacity(person: str, case: Case) -> Capacity | None:
    """The name they decide in: of several, the first that the policy allows."""
    found = capacities(person, case)
    return next((one for one in found if not _requested_by(one, case)), next(iter(found), None))


def why_not_served(person: Person, tenants: Collection[str]) -> str | None:
    """Why this tenant's people may not use the bot."""
    if person.tenant.lower() not in {tenant.lower() for tenant in tenants}:
        return Reason("not_served", "Your organisation is not served here.")
    return None


def why_not_guest(*, guest: bool) -> str | None:
    """Why a guest may not decide."""
    return Reason("guest", "Guests cannot decide approvals.") if guest else None


def why_not_open(case: Case) -> str | None:
    """Why the approval can no longer be decided."""
    approval = case.approval
    if case.known.gone_at is not None:
        return GONE
    if approval.state is ApprovalState.PENDING:
        return None
    if approval.state is ApprovalState.UNKNOWN:
        said = f"Neo says “{approval.status}”, which is not known here. Decide it in Neo."
        return Reason("unknown_status", said)
    return Reason("decided_already", "It is decided already.")


def respects(claimed_at: datetime, at: datetime) -> bool:
    """Whether a decision may still be under way.

    Not one that lies ahead: it was begun before the clock was put back, and nobody would see it end
    until the clock is there again.
    """
    return abs(at - claimed_at) < CLAIM_LASTS


def why_not_now(person: str, case: Case) -> str | None:
    """Why it has to wait for a decision that is on its way to Neo."""
    known = case.known
    if known.deciding_at is None or not respects(known.deciding_at, case.at):
        return None
    if known.deciding_person == person.lower():
        said = "Your own decision is on its way to Neo already. This press changed nothing."
    else:
        said = f"{known.deciding_name} is deciding it at this moment. Your decision was not taken."
    return Reason("being_decided", said)


def why_not_asked(person: str, case: Case) -> str | None:
    """Why it is not for this person to decide, in their own name or another's."""
    if not case.asked:
        said = "Nobody was asked, so nobody can decide it here. Decide it in Neo."
        return Reason("nobody_asked", said)
    if capacity(person, case) is None:
        return Reason("not_asked", "You were not asked to decide this.")
    return None


def why_not_requester(person: Person, case: Case) -> str | None:
    """Why whoever asked for it does not decide it, where the policy says so."""
    if not _excludes_requester(case):
        return None
    if _asked_for_it(person.id, case, person.name):
        said = "You asked for this yourself, so somebody else has to decide it."
        return Reason("requester", said)
    acting = capacity(person.id, case)
    if acting and _requested_by(acting, case):
        said = f"{acting.for_name} asked for this, so you cannot decide it in their name."
        return Reason("requester", said)
    return None


def why_not_again(person: str, verdict: Literal["approve", "reject"], case: Case) -> str | None:
    """Why nobody approves the same twice, where two people have to."""
    if verdict == "reject" or case.people_needed == 1:
        return None
    mine = [vote for vote in case.around.votes if vote.person == person.lower()]
    if not mine:
        return None
    said = "You have approved this already. It needs the approval of one more person."
    return Reason("approved_already", said)


def too_few_may(case: Case) -> bool:
    """Whether it takes more people to approve it than may, even once the second group was told.

    Where nobody was asked, nobody is too few: it is said that it is for Neo alone.
    """
    # What the roster says of guests is believed for an hour: too short to count by.
    told = replace(case, around=case.around.model_copy(update={"escalated": True}))
    group = case.policy.second_group
    people = {
        *case.asked,
        *(one.delegate for one in case.around.delegations),
        *(group.people if group else ()),
    }
    may = {
        person
        for person in people
        if not (why_not_asked(person, told) or why_not_requester(told.person(person), told))
    }
    may |= {vote.person for vote in case.around.votes}
    return bool(case.asked) and len(may) < case.people_needed


def why_not_without_comment(
    verdict: Literal["approve", "reject"], comment: str, case: Case
) -> str | None:
    """Why a rejection needs a comment, where the policy says so."""
    if verdict == "approve" or comment or not case.policy.comment_to_reject:
        return None
    said = "Say why: your organisation asks for a comment with a rejection. Nothing was decided."
    return Reason("no_comment", said)


def why_confirm(case: Case) -> str | None:
    """Why it is approved only after its ticket's number was typed; None where it needs none."""
    found = risks(case.approval) & case.policy.high_risk
    if found:
        return " ".join(why(risk) for risk in sorted(found))
    if any(rule.confirm for rule in case.rules):
        return "Your organisation asks for this."
    return None


def number_to_type(approval: Approval) -> str:
    """What has to be typed to confirm: the ticket's number, else the approval's own."""
    return (approval.ticket_number if asks_for_ticket(approval) else None) or approval.id


def why_not_confirmed(verdict: Literal["approve", "reject"], typed: str, case: Case) -> str | None:
    """Why what was typed does not confirm it. A rejection does no harm: nothing is typed for it."""
    if verdict == "reject" or why_confirm(case) is None:
        return None
    number = number_to_type(case.approval)
    if _bare(typed) and _bare(typed) == _bare(number):
        return None
    return Reason("wrong_number", f"“{typed}” is not the number {number}. Nothing was decided.")


def why_not_decide(person: Person, verdict: Literal["approve", "reject"], case: Case) -> str | None:
    """Why this person may not decide it this way: the first of the questions above that says no.

    Whether they are a guest is asked of Teams, and what they typed is another question.
    """
    return (
        why_not_open(case)
        or why_not_asked(person.id, case)
        or why_not_requester(person, case)
        or why_not_again(person.id, verdict, case)
    )


def why_not_tick(person: Person, case: Case) -> str | None:
    """Why it cannot be decided among several: only by itself, or not by them."""
    reason = why_not_decide(person, "approve", case)
    if reason is not None:
        return reason
    return "needs its ticket's number: open it" if why_confirm(case) else None


def why_not_snooze(person: str, case: Case, *, until: datetime) -> str | None:
    """Why somebody may not put it off until then."""
    reason = why_not_open(case) or why_not_asked(person, case)
    if reason is not None:
        return reason
    if until <= case.at:
        return "That is in the past."
    if until - case.at > LONGEST_SNOOZE:
        return "An approval can be put off for 24 hours at most. Delegate it if you are away."
    return None


def why_not_delegate(
    person: str,
    to: str,
    *,
    deciders: Collection[str],
    delegations: Sequence[Delegation],
    until: datetime,
    at: datetime,
) -> str | None:
    """Why a person may not have another decide what they are asked.

    Args:
        person: Who wants to delegate.
        to: Who would decide for them.
        deciders: Everybody who may decide approvals of this tenant.
        delegations: Those in force.
        until: Up to when.
        at: The present.
    """
    answers = (
        (person == to, "That is you yourself."),
        (
            person not in deciders,
            "Neo has not asked you to decide anything, so there is nothing to delegate.",
        ),
        (
            to not in deciders,
            "Neo does not ask them to decide approvals, so they cannot decide yours.",
        ),
        (
            any(one.person == to for one in delegations),
            "They are away themselves and have somebody else decide for them.",
        ),
        (until <= at, "That is in the past."),
        (until - at > LONGEST_DELEGATION, "A delegation lasts 60 days at most."),
    )
    return next((reason for holds, reason in answers if holds), None)


def why_not_delegate_as_guest(*, guest: bool) -> str | None:
    """Why a guest may not have another decide."""
    return "Guests cannot decide approvals, so they cannot delegate them either." if guest else None


def why_not_delegate_to_guest(*, guest: bool) -> str | None:
    """Why nobody may have a guest decide."""
    return "They are a guest, and guests cannot decide approvals." if guest else None


def why_not_confirm_delegation(person: str, *, by: str) -> str | None:
    """Why this person may not confirm a delegation that ``by`` asked for."""
    if person.lower() == by.lower():
        return None
    return "Only the person who asked for this can confirm it. Nothing was changed."


def why_not_end_delegation(person: str, one: Delegation) -> str | None:
    """Why this person may not end a delegation."""
    if person.lower() in {one.person, one.delegate}:
        return None
    return "Only the two people of a delegation can end it. Nothing was changed."


def _excludes_requester(case: Case) -> bool:
    return any(rule.not_the_requester for rule in case.rules)


def _requested_by(acting: Capacity, case: Case) -> bool:
    """Whether the colleague in whose name it would be decided asked for it, and must not."""
    if acting.for_person is None or not _excludes_requester(case):
        return False
    return _asked_for_it(acting.for_person, case, acting.for_name or "")


def _asked_for_it(person: str, case: Case, name: str) -> bool:
    """Whether Neo names this person, by id or any name they go by, as who asked for it."""
    person = person.lower()
    names = {person, name, case.asked.get(person, ""), case.person(person).name}
    for one in case.around.delegations:
        names |= {one.name} if one.person == person else set()
        names |= {one.delegate_name} if one.delegate == person else set()
    return any(is_among(known, case.requesters) for known in names)


def _bare(number: str) -> str:
    return "".join(plain(number).replace("#", " ").split()).casefold()
