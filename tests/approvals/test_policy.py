"""Who may decide: each question, and the reason it says no."""

from __future__ import annotations

from typing import Any

import pytest

from bot.approvals.policy import why_not_asked, why_not_guest, why_not_open, why_not_served
from bot.messaging import Person
from bot.neo.models import Approval
from tests.workplace import ADELE, ALEX, ELSEWHERE, MEGAN, TENANT


def _asked(*approvers: Any, **fields: Any) -> Approval:
    return Approval.model_validate({"id": 481, "approvers": list(approvers), **fields})


def _approver(who: tuple[str | None, str]) -> dict[str, Any]:
    return {"user_id": who[0], "user_name": who[1]}


@pytest.mark.parametrize(
    ("tenant", "served"),
    [(TENANT, True), (TENANT.upper(), True), (ELSEWHERE, False), ("", False)],
)
def test_only_people_of_a_served_tenant_may(tenant: str, *, served: bool) -> None:
    person = Person(tenant, *MEGAN, "29:megan")
    assert (why_not_served(person, [TENANT]) is None) is served
    assert why_not_served(person, []) == "Your organisation is not served here."


@pytest.mark.parametrize(
    ("approvers", "person", "may"),
    [
        ([_approver(MEGAN)], MEGAN[0], True),
        ([_approver(MEGAN)], MEGAN[0].upper(), True),
        ([_approver((MEGAN[0].upper(), "Megan"))], MEGAN[0], True),
        ([_approver(ALEX), _approver(MEGAN)], MEGAN[0], True),
        ([_approver(MEGAN)], ALEX[0], False),
        ([_approver((ADELE[0], MEGAN[1]))], MEGAN[0], False),
        ([_approver((None, MEGAN[1]))], MEGAN[0], False),
        ([_approver(("", MEGAN[1]))], "", False),
        ([], MEGAN[0], False),
    ],
)
def test_only_who_was_asked_may_and_only_the_id_says_who_that_is(
    approvers: list[Any], person: str, *, may: bool
) -> None:
    assert (why_not_asked(person, _asked(*approvers)) is None) is may


def test_where_nobody_was_asked_neo_is_the_place_to_decide() -> None:
    assert "Decide it in Neo" in (why_not_asked(MEGAN[0], _asked()) or "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "PENDING"}, None),
        ({}, None),
        ({"status": "APPROVED"}, "decided already"),
        ({"status": "rejected"}, "decided already"),
        ({"status": "EXPIRED"}, "decided already"),
        ({"status": "PENDING", "decided_by": {"name": "Alex Wilber"}}, "decided already"),
        ({"status": "ESCALATED"}, "ESCALATED"),
    ],
)
def test_only_what_is_open_can_be_decided(fields: dict[str, Any], reason: str | None) -> None:
    said = why_not_open(_asked(**fields))
    assert (reason in said) if reason and said else said is reason


def test_a_guest_may_not() -> None:
    assert why_not_guest(guest=True) == "Guests cannot decide approvals."
    assert why_not_guest(guest=False) is None
