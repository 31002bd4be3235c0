"""Who may: a table of (person, approval, policy) -> allowed, or the reason in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from bot.approvals import who_may
from bot.approvals.case import Case
from bot.messaging import Person
from bot.neo.models import Approval
from bot.policies import Policy, Risk
from bot.store.approvals import Known
from bot.store.circumstances import Circumstances, Delegation, Vote
from cards.confirming import Confirming, confirming
from cards.words import Reader

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
TENANT = "7f5d3c1a-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
MEGAN = "1a6f0c52-8e1b-4f7d-9b3a-2d4c6e8f0a11"
ALEX = "2b7a1d63-9f2c-4a8e-8c4b-3e5d7f9a1b22"
ADELE = "3c8b2e74-a03d-4b9f-9d5c-4f6e8a0b2c33"
LEE = "5e0d4a96-c25f-4db1-9f7e-6b8a0c2d4e55"
NAMES = {MEGAN: "Megan Bowen", ALEX: "Alex Wilber", ADELE: "Adele Vance", LEE: "Lee Gu"}

NOT_ASKED = "You were not asked to decide this."
NOBODY = "Nobody was asked, so nobody can decide it here. Decide it in Neo."
DECIDED = "It is decided already."
ONCE = "You have approved this already. It needs the approval of one more person."
OWN = "You asked for this yourself, so somebody else has to decide it."

LEADS = Policy.model_validate(
    {"second_group": {"name": "Leads", "people": [ADELE], "may_decide": True}}
)
TOLD_LEADS = Policy.model_validate({"second_group": {"name": "Leads", "people": [ADELE]}})
TWO = Policy.model_validate({"rule": [{"agent": "password*", "people": 2}]})
TWO_ELSEWHERE = Policy.model_validate({"rule": [{"agent": "Offboarding", "people": 2}]})
BY_CLIENT = Policy.model_validate({"rule": [{"client": "contoso*", "people": 2}]})
BY_TOOL = Policy.model_validate({"rule": [{"tool": "*RESET*", "people": 2}]})
NOT_OWN = Policy.model_validate({"rule": [{"not_the_requester": True}]})


def person(number: str, *, name: str | None = None, tenant: str = TENANT) -> Person:
    return Person(tenant, number, name or NAMES[number], f"29:{number}")


def an_approval(asked: tuple[str, ...] = (MEGAN, ALEX), **fields: Any) -> Approval:
    said: dict[str, Any] = {
        "id": 481,
        "agent_id": 20431,
        "agent_name": "Password Reset",
        "ticket_number": "48213",
        "requested_for": {
            "action": "Reset the password of lee.gu@contosodental.example",
            "tool": "M365_RESET_PASSWORD",
            "company": "Contoso Dental",
        },
        "approvers": [{"user_id": one.upper(), "user_name": NAMES[one]} for one in asked],
        "status": "PENDING",
    }
    return Approval.model_validate(said | fields)


def vote(by: str) -> Vote:
    return Vote(
        digest="d", person=by, name=NAMES[by], for_person=None, for_name=None, comment="", at=NOW
    )


def away(who: str, to: str) -> Delegation:
    return Delegation(
        id=1,
        person=who,
        name=NAMES[who],
        delegate=to,
        delegate_name=NAMES[to],
        since=NOW - timedelta(days=1),
        until=NOW + timedelta(days=1),
    )


def a_case(
    approval: Approval | None = None,
    policy: Policy | None = None,
    **around: Any,
) -> Case:
    asked = approval or an_approval()
    known = Known(
        tenant=TENANT,
        id=asked.id,
        body=asked.model_dump(mode="json", by_alias=True),
        digest="d",
        state=asked.state.value,
        gone_at=None,
        deciding_person=None,
        deciding_name=None,
        deciding_at=None,
        decided_person=None,
        decided_name=None,
        decided_comment=None,
        decided_at=None,
        decided_for=None,
        decided_with=None,
        run=None,
        revision=0,
    )
    return Case(known, Circumstances(**around), policy or Policy(), NOW)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    says: str
    who: str
    why_not: str | None
    approval: Approval = field(default_factory=an_approval)
    policy: Policy = field(default_factory=Policy)
    around: dict[str, Any] = field(default_factory=dict)
    verdict: Literal["approve", "reject"] = "approve"
    name: str | None = None


TABLE = [
    Row("an approver may", MEGAN, None),
    Row("an approver may reject", ALEX, None, verdict="reject"),
    Row("nobody else may", ADELE, NOT_ASKED),
    Row("a name alike is not the person", ADELE, NOT_ASKED, name="Megan Bowen"),
    Row("without approvers nobody may", MEGAN, NOBODY, an_approval(asked=())),
    Row("a name without an id asks nobody", MEGAN, NOBODY,
        an_approval(approvers=[{"user_name": "Megan Bowen"}])),
    Row("what is decided stays so", MEGAN, DECIDED, an_approval(status="APPROVED")),
    Row("a named decider means decided", MEGAN, DECIDED,
        an_approval(status=None, decided_by={"name": "api key"})),
    Row("what cannot be read is decided in Neo", MEGAN,
        "Neo says “ON_ICE”, which is not known here. Decide it in Neo.",
        an_approval(status="ON_ICE")),
    # In another's name
    Row("a delegate may", ADELE, None, around={"delegations": (away(MEGAN, ADELE),)}),
    Row("whoever is away still may", MEGAN, None, around={"delegations": (away(MEGAN, ADELE),)}),
    Row("the delegate of somebody else may not", ADELE, NOT_ASKED,
        around={"delegations": (away(LEE, ADELE),)}),
    Row("a delegation is not passed on", LEE, NOT_ASKED,
        around={"delegations": (away(MEGAN, ADELE), away(ADELE, LEE))}),
    Row("a delegate of nobody asked may not", ADELE, NOBODY, an_approval(asked=()),
        around={"delegations": (away(MEGAN, ADELE),)}),
    # The second group
    Row("the second group may not before it heard", ADELE, NOT_ASKED, policy=LEADS),
    Row("the second group may once it heard", ADELE, None, policy=LEADS,
        around={"escalated": True}),
    Row("a group that is only told may not", ADELE, NOT_ASKED, policy=TOLD_LEADS,
        around={"escalated": True}),
    Row("who is not of the group may not", LEE, NOT_ASKED, policy=LEADS,
        around={"escalated": True}),
    Row("without approvers the second group may not either", ADELE, NOBODY,
        an_approval(asked=()), LEADS, {"escalated": True}),
    # Two people
    Row("the first of two may", MEGAN, None, policy=TWO),
    Row("the same person is not the second", MEGAN, ONCE, policy=TWO,
        around={"votes": (vote(MEGAN),)}),
    Row("another person is", ALEX, None, policy=TWO, around={"votes": (vote(MEGAN),)}),
    Row("who has approved may still reject", MEGAN, None, policy=TWO, verdict="reject",
        around={"votes": (vote(MEGAN),)}),
    Row("the same person is not the second for a colleague", ALEX, ONCE, policy=TWO,
        around={"votes": (vote(ALEX),), "delegations": (away(MEGAN, ALEX),)}),
    Row("two are asked for by client", MEGAN, ONCE, policy=BY_CLIENT,
        around={"votes": (vote(MEGAN),)}),
    Row("two are asked for by tool", MEGAN, ONCE, policy=BY_TOOL,
        around={"votes": (vote(MEGAN),)}),
    Row("a rule about another agent says nothing", MEGAN, None, policy=TWO_ELSEWHERE,
        around={"votes": (vote(MEGAN),)}),
    # The requester
    Row("the requester may, without a rule", MEGAN, None,
        an_approval(requested_by=MEGAN)),
    Row("the requester may not, with one", MEGAN, OWN,
        an_approval(requested_by=MEGAN.upper()), NOT_OWN),
    Row("nor by an id in an object", MEGAN, OWN,
        an_approval(requester={"user_id": MEGAN, "name": "M. Bowen"}), NOT_OWN),
    Row("nor by name, which only takes a right away", MEGAN, OWN,
        an_approval(requested_for={"requested_by_name": "megan bowen"}), NOT_OWN),
    Row("nor to reject", MEGAN, OWN, an_approval(requester_id=MEGAN), NOT_OWN, verdict="reject"),
    Row("nor however the field is written", MEGAN, OWN,
        an_approval(requestedBy=MEGAN), NOT_OWN),
    Row("nor with spaces in it", MEGAN, OWN,
        an_approval(requested_for={"Requested by": MEGAN}), NOT_OWN),
    Row("nor by the name that Neo gives them, if Teams gives another", MEGAN, OWN,
        an_approval(requested_by="Megan Bowen"), NOT_OWN, name="M. Bowen-Smith"),
    Row("nor with the name turned around", MEGAN, OWN,
        an_approval(requested_by="Bowen, Megan (megan.bowen@contoso.example)"), NOT_OWN),
    Row("nor by the name that only Teams gives them", MEGAN, OWN,
        an_approval(requested_by="M. Bowen-Smith"), NOT_OWN, name="M. Bowen-Smith"),
    *(
        Row(f"nor in {said}", MEGAN, OWN, an_approval(**said), NOT_OWN)
        for said in (
            {"requestedBy": {"displayName": "Megan Bowen"}},
            {"requestedBy": {"userId": MEGAN}},
            {"requestedby": MEGAN},
            {"requester": {"user": {"id": MEGAN.upper()}}},
            {"requester": [{"name": "Lee Gu"}, {"full_name": "Megan Bowen"}]},
            {"details": {"steps": [{"requested_by": "Megan Bowen"}]}},
            {"requester_object_id": MEGAN},
            {"requested_by_user": "Megan Bowen "},
            {"requested_by": "Megan\u00a0Bo\u200bwen"},
        )
    ),
    Row("whom else the request is about may", MEGAN, None,
        an_approval(requested_by={"name": "Lee Gu", "note": "Megan Bowen"}, user=MEGAN), NOT_OWN),
    Row("a part of a name is another person", MEGAN, None,
        an_approval(requested_by="Megan"), NOT_OWN),
    Row("and one word is not a longer name", MEGAN, None,
        an_approval(asked=(), approvers=[{"user_id": MEGAN}], requested_by="Megan Bowen"),
        NOT_OWN, name="Megan"),
    Row("another approver may", ALEX, None, an_approval(requested_by=MEGAN), NOT_OWN),
    Row("nor may a delegate in the requester's name", ADELE,
        "Megan Bowen asked for this, so you cannot decide it in their name.",
        an_approval(requested_by=MEGAN), NOT_OWN, {"delegations": (away(MEGAN, ADELE),)}),
    Row("where nobody is named as the requester, all who were asked may", MEGAN, None,
        policy=NOT_OWN),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[row.says for row in TABLE])
def test_who_may_decide(row: Row) -> None:
    case = a_case(row.approval, row.policy, **row.around)
    who = person(row.who, name=row.name)
    assert who_may.why_not_decide(who, row.verdict, case) == row.why_not


@pytest.mark.parametrize(
    ("who", "around", "policy", "capacity"),
    [
        (MEGAN, {}, Policy(), who_may.Capacity()),
        (MEGAN.upper(), {}, Policy(), who_may.Capacity()),
        (
            ADELE,
            {"delegations": (away(MEGAN, ADELE),)},
            Policy(),
            who_may.Capacity(MEGAN, "Megan Bowen"),
        ),
        # Whoever was asked decides in their own name, although a colleague is away.
        (ALEX, {"delegations": (away(MEGAN, ALEX),)}, Policy(), who_may.Capacity()),
        (ADELE, {"escalated": True}, LEADS, who_may.Capacity(for_name="Leads")),
        (LEE, {}, Policy(), None),
    ],
    ids=["own", "capitals", "delegate", "asked and delegate", "second group", "nobody"],
)
def test_in_whose_name(
    who: str, around: dict[str, Any], policy: Policy, capacity: who_may.Capacity | None
) -> None:
    assert who_may.capacity(who, a_case(policy=policy, **around)) == capacity


def test_people_of_other_tenants_are_not_served() -> None:
    assert who_may.why_not_served(person(MEGAN), [TENANT.upper()]) is None
    other = person(MEGAN, tenant="99999999-0b6e-4e9a-8d2f-1c4b6a8e0d3f")
    assert who_may.why_not_served(other, [TENANT]) == "Your organisation is not served here."
    assert who_may.why_not_served(person(MEGAN), []) is not None


def test_guests_decide_nothing() -> None:
    assert who_may.why_not_guest(guest=False) is None
    assert who_may.why_not_guest(guest=True) == "Guests cannot decide approvals."


@pytest.mark.parametrize(
    ("verdict", "comment", "asked_for", "allowed"),
    [
        ("approve", "", True, True),
        ("reject", "", False, True),
        ("reject", "wrong mailbox", True, True),
        ("reject", "", True, False),
    ],
)
def test_a_rejection_needs_a_comment_where_the_tenant_says_so(
    verdict: Literal["approve", "reject"], comment: str, *, asked_for: bool, allowed: bool
) -> None:
    case = a_case(policy=Policy(comment_to_reject=asked_for))
    assert (who_may.why_not_without_comment(verdict, comment, case) is None) is allowed


HARMLESS: dict[str, Any] = {
    "agent_name": "Dispatch",
    "requested_for": {"action": "Assign the ticket to the network team", "tool": "ASSIGN_TICKET"},
}


@pytest.mark.parametrize(
    ("typed", "fields", "policy", "verdict", "allowed"),
    [
        ("48213", {}, Policy(), "approve", True),
        (" #48213 ", {}, Policy(), "approve", True),
        ("", {}, Policy(), "approve", False),
        ("48214", {}, Policy(), "approve", False),
        ("481", {}, Policy(), "approve", False),
        ("481", {"ticket_number": None}, Policy(), "approve", True),
        ("t20261101.0042", {"ticket_number": "T20261101.0042"}, Policy(), "approve", True),
        ("", {}, Policy(), "reject", True),
        ("", {}, Policy(high_risk=frozenset()), "approve", True),
        ("", {}, Policy(high_risk=frozenset({Risk.DELETE})), "approve", True),
        ("", HARMLESS, Policy(), "approve", True),
        (
            "",
            HARMLESS,
            Policy.model_validate({"rule": [{"tool": "assign_*", "confirm": True}]}),
            "approve",
            False,
        ),
    ],
    ids=[
        "the number",
        "with a hash",
        "nothing",
        "another number",
        "the approval's number",
        "the approval's number where there is no ticket",
        "capitals do not matter",
        "a rejection",
        "no kind is risky",
        "another kind is risky",
        "harmless",
        "a rule asks for it",
    ],
)
def test_what_is_risky_is_confirmed_by_the_tickets_number(
    typed: str,
    fields: dict[str, Any],
    policy: Policy,
    verdict: Literal["approve", "reject"],
    *,
    allowed: bool,
) -> None:
    case = a_case(an_approval(**fields), policy)
    assert (who_may.why_not_confirmed(verdict, typed, case) is None) is allowed


def test_what_needs_a_number_is_not_ticked_among_others() -> None:
    assert who_may.why_not_tick(person(MEGAN), a_case()) is not None
    harmless = a_case(an_approval(**HARMLESS))
    assert who_may.why_not_tick(person(MEGAN), harmless) is None
    assert who_may.why_not_tick(person(LEE), harmless) == NOT_ASKED


@pytest.mark.parametrize(
    ("who", "until", "status", "allowed"),
    [
        (MEGAN, NOW + timedelta(hours=2), "PENDING", True),
        (MEGAN, NOW + timedelta(hours=24), "PENDING", True),
        (MEGAN, NOW + timedelta(hours=25), "PENDING", False),
        (MEGAN, NOW, "PENDING", False),
        (LEE, NOW + timedelta(hours=2), "PENDING", False),
        (MEGAN, NOW + timedelta(hours=2), "APPROVED", False),
    ],
    ids=["2 h", "24 h", "25 h", "past", "not asked", "decided"],
)
def test_who_may_put_it_off(who: str, until: datetime, status: str, *, allowed: bool) -> None:
    case = a_case(an_approval(status=status))
    assert (who_may.why_not_snooze(who, case, until=until) is None) is allowed


@pytest.mark.parametrize(
    ("to", "changed", "why_not"),
    [
        (ALEX, {}, None),
        (MEGAN, {}, "yourself"),
        (LEE, {}, "cannot decide yours"),
        (ALEX, {"deciders": {ALEX}}, "nothing to delegate"),
        (ALEX, {"delegations": [away(ALEX, ADELE)]}, "away themselves"),
        (ALEX, {"until": NOW}, "in the past"),
        (ALEX, {"until": NOW + timedelta(days=61)}, "60 days"),
        # Standing in for somebody does not keep one from being away oneself.
        (ALEX, {"delegations": [away(ADELE, MEGAN)]}, None),
    ],
    ids=["may", "oneself", "no approver", "asked nothing", "away", "past", "long", "stands in"],
)
def test_between_whom_decisions_are_delegated(
    to: str, changed: dict[str, Any], why_not: str | None
) -> None:
    words: dict[str, Any] = {
        "deciders": {MEGAN, ALEX, ADELE},
        "delegations": [],
        "until": NOW + timedelta(days=4),
        "at": NOW,
    } | changed
    reason = who_may.why_not_delegate(MEGAN, to, **words)
    assert reason is None if why_not is None else why_not in (reason or "")


@pytest.mark.parametrize(
    ("answer", "why_not"),
    [
        (who_may.why_not_delegate_as_guest(guest=False), None),
        (who_may.why_not_delegate_as_guest(guest=True), "cannot delegate them either"),
        (who_may.why_not_delegate_to_guest(guest=False), None),
        (who_may.why_not_delegate_to_guest(guest=True), "They are a guest"),
        (who_may.why_not_confirm_delegation(MEGAN, by=MEGAN.upper()), None),
        (who_may.why_not_confirm_delegation(ALEX, by=MEGAN), "Only the person who asked for this"),
        (who_may.why_not_end_delegation(MEGAN, away(MEGAN, ALEX)), None),
        (who_may.why_not_end_delegation(ALEX.upper(), away(MEGAN, ALEX)), None),
        (who_may.why_not_end_delegation(ADELE, away(MEGAN, ALEX)), "Only the two people"),
    ],
    ids=[
        "no guest delegates",
        "a guest delegates",
        "to no guest",
        "to a guest",
        "confirmed by who asked",
        "confirmed by another",
        "ended by who is away",
        "ended by the stand-in",
        "ended by another",
    ],
)
def test_no_guest_has_part_in_a_delegation_and_nobody_changes_anothers(
    answer: str | None, why_not: str | None
) -> None:
    assert answer is None if why_not is None else why_not in (answer or "")


def test_the_strictest_of_several_rules_counts() -> None:
    policy = Policy.model_validate({"rule": [{"people": 1}, {"agent": "pass*", "people": 2}, {}]})
    assert a_case(policy=policy).people_needed == 2
    other = replace(a_case(policy=policy), policy=Policy())
    assert other.people_needed == 1


@pytest.mark.parametrize("blank", [" ", "#", "# #", "\u200b", "\u00a0"], ids=ascii)
def test_a_ticket_number_of_nothing_is_none(blank: str) -> None:
    case = a_case(an_approval(ticket_number=blank), Policy())
    assert who_may.number_to_type(case.approval) == "481"
    for typed in ("", blank):
        assert who_may.why_not_confirmed("approve", typed, case) is not None
    assert who_may.why_not_confirmed("approve", "481", case) is None


@pytest.mark.parametrize(
    ("ticket", "number"),
    [
        ("T20261101.0042 - Password reset for the receptionist", None),
        ("9" * 60, None),
        ("9" * 61, "481"),
        ("T20261101.0042 - Password reset for the new receptionist of Contoso Dental", "481"),
        ("x" * 300, "481"),
    ],
)
def test_what_has_to_be_typed_stands_on_the_card_in_full(ticket: str, number: str | None) -> None:
    approval = an_approval(ticket_number=ticket)
    typed = who_may.number_to_type(approval)
    assert typed == (number or ticket)
    reader = Reader(now=NOW, zone=ZoneInfo("UTC"))
    card = confirming(Confirming(approval, "x.y", "approve", ticket=typed, why="It does."), reader)
    called = "approval" if number else "ticket"
    assert f"To approve it, type the {called}'s number: {typed}" in card.summary.split("\n")
    assert who_may.why_not_confirmed("approve", typed, a_case(approval)) is None
