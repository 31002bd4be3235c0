from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.neo.models import Approval
from cards.actions import Ask, Decide, ShowApproval
from cards.approval import decided, deciding, gone, pending
from tests.cards.examples import ALEX, CHANNEL, NOW, READER, TOKEN, an_approval
from tests.cards.reading import buttons, everything, words


def _inputs(content: dict[str, object]) -> list[str]:
    return [one["id"] for one in everything(content) if one["type"] == "Input.Text"]


def test_an_approver_sees_what_is_wanted_where_and_since_when_and_can_decide() -> None:
    card = pending(an_approval(), READER, shown=TOKEN)
    read = words(card)
    assert "Password Reset wants to reset the password of Lee Gu" in read
    assert "#48213 · Contoso Dental · ◷ waiting 14 min" in read
    assert "as of 10:02" in read
    assert "you, Alex Wilber" in read
    assert _inputs(card.content) == ["comment"]
    pressed = buttons(card)
    assert pressed["Approve"] == Decide(approval="481", verdict="approve", shown=TOKEN)
    assert pressed["Reject"] == Decide(approval="481", verdict="reject", shown=TOKEN)
    assert card.approval == "481"


def test_everybody_else_sees_who_it_waits_for_and_nothing_to_press() -> None:
    card = pending(an_approval(), CHANNEL, shown=TOKEN, may_press=False)
    assert "Waiting for Alex Wilber or Megan Bowen." in words(card)
    assert not buttons(card)
    assert not _inputs(card.content)
    assert TOKEN not in json.dumps(card.content)
    assert "Waiting for Alex Wilber or Megan Bowen." in card.summary


def test_without_approvers_nobody_can_decide_it_here() -> None:
    card = pending(an_approval(approvers=[]), READER, shown=TOKEN, may_press=True)
    assert "Decide it in Neo." in words(card)
    assert not buttons(card)


def test_a_redrawn_card_says_why_first_and_keeps_what_was_typed() -> None:
    card = pending(an_approval(), READER, shown=TOKEN, remark="This changed.", comment="by phone")
    assert words(card).startswith("This changed.")
    assert card.summary.startswith("This changed.")
    field = next(one for one in everything(card.content) if one["type"] == "Input.Text")
    assert field["value"] == "by phone"


def test_nothing_that_the_request_holds_is_dropped_and_secrets_are_masked() -> None:
    asked = {
        "action": "Call the API",
        "body": {"amount": 12.5, "to": [{"name": "Adatum"}, {"name": "Fabrikam"}], "urgent": False},
        "headers": {"Authorization": "Bearer abc", "X-Trace": "t-1"},
        "client_secret": "hunter2",
        "company_name": "Contoso",
        "client_name": "Contoso Dental",
    }
    approval = an_approval(requested_for=asked, severity="high", comment="Second try")
    card = pending(approval, READER, shown=TOKEN)
    read = words(card)
    for value in (
        "12.5",
        "Adatum",
        "Fabrikam",
        "no",
        "t-1",
        "high",
        "Second try",
        "Contoso Dental",
    ):
        assert value in read
    assert "abc" not in read + card.summary
    assert "hunter2" not in read + card.summary
    assert "Client secret\n••••" in read


def test_the_same_field_beside_the_request_is_shown_as_well() -> None:
    approval = an_approval(requested_for={"action": "Unlock Lee", "user": "Lee"}, user="Adele")
    read = words(pending(approval, READER, shown=TOKEN))
    assert "Lee" in read
    assert "Adele" in read


def test_a_request_larger_than_a_card_says_that_it_is_not_all_there() -> None:
    approval = an_approval(requested_for={"action": "Mail them", "body": "x " * 50_000})
    card = pending(approval, READER, shown=TOKEN)
    assert "Read the whole of it in Neo before you decide." in words(card)
    assert "Read the whole of it in Neo before you decide." in card.summary


def test_a_request_that_fits_does_not_say_so() -> None:
    assert "Read the whole" not in words(pending(an_approval(), READER, shown=TOKEN))


@pytest.mark.parametrize(
    ("requested_for", "comment", "wish"),
    [
        ({"action": "Unlock the account"}, None, "Password Reset wants to unlock the account"),
        ({"action": "reset_password"}, None, "Password Reset wants to reset password"),
        ({"action": "Account unlock"}, None, "Password Reset asks: Account unlock"),
        ({"text": "May I?", "other": "x"}, None, "Password Reset asks: May I?"),
        ({"unheard_of": "x"}, "Please look", "Password Reset asks: Please look"),
        ({"action": {"nested": "x"}}, None, "Password Reset asks for approval"),
        (None, None, "Password Reset asks for approval"),
    ],
)
def test_the_wish_is_found_wherever_neo_puts_it(
    requested_for: dict[str, object] | None, comment: str | None, wish: str
) -> None:
    approval = an_approval(requested_for=requested_for, comment=comment)
    assert words(pending(approval, READER, shown=TOKEN)).startswith(wish)


def test_an_approval_that_holds_nothing_is_still_drawn() -> None:
    bare = Approval.model_validate({"id": 7})
    assert "An agent asks for approval" in words(pending(bare, READER, shown=TOKEN))


def test_many_approvers_are_counted() -> None:
    crowd = [{"user_id": str(n), "user_name": f"Person {n}"} for n in range(60)]
    approval = an_approval(approvers=[*crowd, {"user_id": READER.person, "user_name": "Megan"}])
    assert "you, Person 0, Person 1, Person 2, Person 3 and 56 more" in words(
        pending(approval, READER, shown=TOKEN)
    )


def test_the_decision_says_which_way_who_when_and_why_and_cannot_be_pressed() -> None:
    card = decided(
        an_approval(status="APPROVED"),
        READER,
        by="Megan Bowen",
        at=NOW - timedelta(minutes=5),
        comment="Client confirmed",
        run="8f14",
    )
    read = words(card)
    assert read.startswith("✓ Approved by Megan Bowen")
    assert "5 min ago · 09:57" in read
    assert "“Client confirmed”" in read
    assert buttons(card) == {"Show the run": Ask(text="run 8f14")}
    assert "✓ Approved by Megan Bowen" in card.summary
    assert "Client confirmed" in card.summary


@pytest.mark.parametrize(
    ("status", "first"),
    [
        ("REJECTED", "✕ Rejected by Neo key"),
        ("EXPIRED", "○ Expired by Neo key"),
        ("HANDED_OVER", "○ Handed over by Neo key"),
        ("PENDING", "○ Pending by Neo key"),
    ],
)
def test_what_neo_says_is_said_as_it_came(status: str, first: str) -> None:
    approval = an_approval(status=status, decided_by={"id": "k", "name": "Neo key"})
    assert words(decided(approval, READER, by=None)).startswith(first)


def test_a_decision_that_neo_does_not_list_yet_is_said_all_the_same() -> None:
    card = decided(an_approval(), READER, by="Megan Bowen", verdict="reject")
    assert words(card).startswith("✕ Rejected by Megan Bowen")


def test_while_somebody_decides_nobody_else_can() -> None:
    card = deciding(an_approval(approvers=[{"user_id": ALEX}]), CHANNEL, by="Megan Bowen")
    assert words(card).startswith("● Megan Bowen is deciding")
    assert buttons(card) == {"Refresh": ShowApproval(approval="481")}


def test_what_is_gone_says_so() -> None:
    card = gone("481", READER)
    assert "Approval 481 is no longer in Neo" in card.summary
    assert card.approval == "481"
    assert set(buttons(card)) == {"Pending approvals"}
