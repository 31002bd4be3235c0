from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.neo.models import Approval
from cards.actions import Ask, Decide, ShowApproval, ShowEvidence, SnoozeApproval, parse_action
from cards.approval import (
    Approved,
    Away,
    PutOff,
    Waiting,
    decided,
    deciding,
    gone,
    waiting,
)
from cards.card import Card
from cards.changes import changes
from cards.words import Reader
from tests.cards.reading import buttons, everything, words
from tests.cards.samples import (
    ALEX,
    CHANGED,
    CHANNEL,
    EVIDENCE,
    MEGAN,
    NOW,
    OUTSIDE,
    READER,
    TOKEN,
    an_approval,
)


def _own(approval: Approval, reader: Reader = READER, **fields: Any) -> Card:
    """The view of somebody who may decide it."""
    return waiting(Waiting(approval, shown=TOKEN, may_press=True, **fields), reader)


def _inputs(content: dict[str, object]) -> list[str]:
    return [one["id"] for one in everything(content) if one["type"] == "Input.Text"]


def test_an_approver_sees_what_is_wanted_where_and_since_when_and_can_decide() -> None:
    card = _own(an_approval())
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
    card = waiting(Waiting(an_approval(), shown=TOKEN), CHANNEL)
    assert "Waiting for Alex Wilber or Megan Bowen." in words(card)
    assert not buttons(card)
    assert not _inputs(card.content)
    assert TOKEN not in json.dumps(card.content)
    assert "Waiting for Alex Wilber or Megan Bowen." in card.summary


def test_without_approvers_nobody_can_decide_it_here() -> None:
    card = _own(an_approval(approvers=[]))
    assert "Decide it in Neo." in words(card)
    assert not buttons(card)


def test_a_redrawn_card_says_why_first_and_keeps_what_was_typed() -> None:
    card = _own(an_approval(), remark="This changed.", comment="by phone")
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
    card = _own(approval)
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
    read = words(_own(approval))
    assert "Lee" in read
    assert "Adele" in read


def test_a_request_larger_than_a_card_says_that_it_is_not_all_there() -> None:
    approval = an_approval(requested_for={"action": "Mail them", "body": "x " * 50_000})
    card = _own(approval)
    assert "Read the whole of it in Neo before you decide." in words(card)
    assert "Read the whole of it in Neo before you decide." in card.summary


def test_a_request_that_fits_does_not_say_so() -> None:
    assert "Read the whole" not in words(_own(an_approval()))


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
    assert words(_own(approval)).startswith(wish)


def test_an_approval_that_holds_nothing_is_still_drawn() -> None:
    bare = Approval.model_validate({"id": 7})
    assert "An agent asks for approval" in words(_own(bare))


def test_many_approvers_are_counted() -> None:
    crowd = [{"user_id": str(n), "user_name": f"Person {n}"} for n in range(60)]
    approval = an_approval(approvers=[*crowd, {"user_id": READER.person, "user_name": "Megan"}])
    assert "you, Person 0, Person 1, Person 2, Person 3 and 56 more" in words(_own(approval))


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


def test_what_helps_to_decide_and_leaving_it_for_later_are_one_tap_away() -> None:
    pressed = buttons(_own(an_approval()))
    assert pressed["What it did so far, and earlier decisions"] == ShowEvidence(approval="481")
    assert pressed["Snooze 2 h"] == SnoozeApproval(approval="481", hours=2)


def test_evidence_that_is_shown_is_not_offered_again() -> None:
    card = _own(an_approval(), evidence=EVIDENCE, comment="by phone")
    assert not [one for one in buttons(card).values() if isinstance(one, ShowEvidence)]
    assert "What it did so far: 1 step" in words(card)
    assert "2 of the last 3 approved, 1 of those failed" in words(card)
    assert "2 of the last 3 approved, 1 of those failed" in card.summary
    kinds = [one.get("id") for one in everything(card.content["body"])]
    shown = words(card)
    assert shown.index("Asked") < shown.index("What it did so far")
    assert "comment" in kinds


def test_what_was_typed_goes_along_to_the_evidence() -> None:
    card = _own(an_approval())
    tap = next(
        one["selectAction"]
        for one in everything(card.content)
        if one.get("selectAction", {}).get("verb") == "approval.evidence"
    )
    assert "associatedInputs" not in tap


def test_the_clients_of_those_who_may_decide_draw_their_own_view() -> None:
    card = waiting(Waiting(an_approval(), refresh_for=["29:megan", "29:alex"]), CHANNEL)
    refresh = card.content["refresh"]
    assert refresh["userIds"] == ["29:megan", "29:alex"]
    assert refresh["action"]["type"] == "Action.Execute"
    assert parse_action(refresh["action"]["data"]) == ShowApproval(approval="481")
    assert refresh["action"]["verb"] == "approval.show"


@pytest.mark.parametrize(("count", "refreshes"), [(0, False), (1, True), (60, True), (61, False)])
def test_own_views_are_for_sixty_people_at_most(count: int, refreshes: bool) -> None:  # noqa: FBT001 -- a table of examples
    people = [f"29:{number}" for number in range(count)]
    card = waiting(Waiting(an_approval(), refresh_for=people), CHANNEL)
    assert ("refresh" in card.content) is refreshes


def test_no_client_draws_its_own_view_over_evidence_that_was_asked_for() -> None:
    card = waiting(Waiting(an_approval(), refresh_for=["29:megan"], evidence=EVIDENCE), CHANNEL)
    assert "refresh" not in card.content


def test_somebody_who_may_not_decide_reads_why_above_who_it_waits_for() -> None:
    card = waiting(Waiting(an_approval(), why_not="You asked for this yourself."), CHANNEL)
    read = words(card)
    assert read.index("You asked for this yourself.") < read.index("Waiting for Alex Wilber")
    assert "You asked for this yourself." in card.summary
    assert not buttons(card)


def test_the_same_reason_is_not_said_twice() -> None:
    why = "You were not asked to decide this."
    card = waiting(
        Waiting(an_approval(), why_not=why, remark=f"{why} Nothing was decided."), READER
    )
    assert words(card).count(why) == 1


def test_one_of_two_approvals_is_told_with_who_gave_it() -> None:
    first = Approved(ALEX, "Alex Wilber", "Lee Gu", "Called them", NOW - timedelta(minutes=4))
    card = _own(an_approval(), people=2, approved=[first])
    said = "◐ 1 of 2 approved: Alex Wilber for Lee Gu, 09:58 “Called them”"
    assert said in words(card)
    assert said in card.summary


def test_whoever_approved_it_is_no_longer_waited_for_however_their_name_is_spelt() -> None:
    approved = [Approved(MEGAN.upper(), "Bowen, Megan", None, "", NOW)]
    hers = {"user_id": MEGAN, "user_name": "Megan Bowen"}
    both = an_approval(approvers=[hers, {"user_id": ALEX, "user_name": "Alex Wilber"}])
    card = waiting(Waiting(both, people=2, approved=approved), CHANNEL)
    assert "Waiting for Alex Wilber." in words(card)
    only_her = an_approval(approvers=[hers])
    alone = waiting(Waiting(only_her, people=2, approved=approved), CHANNEL)
    for read in (words(alone), alone.summary):
        assert "Everybody who was asked has approved it. One more person has to." in read
        assert "Neo names nobody" not in read


def test_that_two_are_needed_is_told_before_the_first() -> None:
    card = waiting(Waiting(an_approval(), people=2), CHANNEL)
    assert "○ 0 of 2 people needed" in words(card)


def test_where_one_is_enough_nobody_is_counted() -> None:
    assert "people needed" not in words(_own(an_approval()))


def test_who_decides_for_whom_who_put_it_off_and_who_was_told_is_on_the_card() -> None:
    card = waiting(
        Waiting(
            an_approval(),
            away=[Away("Megan Bowen", "Lee Gu", NOW + timedelta(days=3, hours=7))],
            snoozed=[PutOff("Alex Wilber", NOW + timedelta(hours=2))],
            second_group="Night shift",
        ),
        CHANNEL,
    )
    for said in (
        "Lee Gu decides for Megan Bowen until Fri 27 Nov 18:02 CET",
        "Alex Wilber until 13:02 CET",
        "Night shift",
    ):
        assert said in words(card)
        assert said in card.summary


def test_a_stand_in_reads_for_whom_they_decide() -> None:
    away = [Away("Alex Wilber", "Megan Bowen", NOW + timedelta(hours=2))]
    card = _own(an_approval(), stands_in_for="Alex Wilber", away=away)
    assert "You decide for Alex Wilber until 12:02" in words(card)
    alone = _own(an_approval(), stands_in_for="Alex Wilber")
    assert "You decide for Alex Wilber" in words(alone)


def test_a_member_of_the_second_group_may_press_where_nobody_else_was_asked() -> None:
    card = _own(an_approval(approvers=[]), stands_in_for="Night shift", second_group="Night shift")
    assert "You decide as one of Night shift" in words(card)
    assert "Approve" in buttons(card)


def test_a_high_risk_approval_says_that_it_asks_for_the_number() -> None:
    card = _own(an_approval(), confirm="It deletes something.")
    assert "⚠ It deletes something. To approve it, you type the ticket's number." in words(card)
    assert buttons(card)["Approve…"] == Decide(approval="481", verdict="approve", shown=TOKEN)
    assert "Approve" not in buttons(card)


def test_the_field_says_where_a_rejection_needs_a_comment() -> None:
    labels = [
        one["label"]
        for one in everything(_own(an_approval(), comment_to_reject=True).content)
        if one["type"] == "Input.Text"
    ]
    assert labels == ["Comment (needed to reject)"]


def test_an_outside_request_is_seen_whole_and_once() -> None:
    read = words(_own(OUTSIDE))
    assert "POST https://api.vendor.example/v2/cases?priority=high" in read
    assert read.count("FW-2041") == 1
    assert "Rain-7-Candle" not in read


# What changed


def _changes(**fields: Any) -> dict[str, tuple[str, str]]:
    found = changes(an_approval(), an_approval(**fields))
    return {one.label: (one.old, one.new) for one in found}


def test_what_changed_is_told_old_and_new_in_words() -> None:
    card = _own(CHANGED, before=an_approval(), remark="Look again.")
    read = words(card)
    assert "≠ 6 things changed" in read
    assert "was: \nReset the password of Lee Gu\nnow: \nReset the passwords of everybody" in read
    assert "Why\n went away" in read
    assert "Notify\n is new" in read
    assert "User: was lee.gu@contosodental.example, is now *@contosodental.example" in card.summary


@pytest.mark.parametrize(
    ("fields", "label", "old", "new"),
    [
        ({"agent_name": "Offboarding"}, "Agent", "Password Reset", "Offboarding"),
        ({"ticket_number": "48214"}, "Ticket", "#48213", "#48214"),
        ({"comment": "Hurry"}, "Comment", "", "Hurry"),
        ({"severity": "high"}, "Severity", "", "high"),
        (
            {"approvers": [{"user_id": ALEX, "user_name": "Alex Wilber"}]},
            "Asked",
            "Alex Wilber, Megan Bowen",
            "Alex Wilber",
        ),
    ],
)
def test_whatever_changed_is_found(fields: dict[str, Any], label: str, old: str, new: str) -> None:
    assert _changes(**fields) == {label: (old, new)}


def test_a_change_deep_inside_is_named_by_its_way_and_a_hidden_one_is_not_told() -> None:
    before = an_approval(requested_for={"call": {"headers": {"X-Trace": "1", "Api-Key": "old"}}})
    now = an_approval(requested_for={"call": {"headers": {"X-Trace": "2", "Api-Key": "new"}}})
    found = {one.label: (one.old, one.new) for one in changes(before, now)}
    assert found["Call / Headers / X trace"] == ("1", "2")
    hidden = next(pair for label, pair in found.items() if label.lower().endswith("key"))
    assert hidden == ("••••", "another one, not shown here")
    assert "old" not in str(found)


def test_a_named_value_that_is_a_secret_stays_hidden_when_it_changes() -> None:
    pair = {"name": "Authorization", "value": "first-one"}
    before = an_approval(requested_for={"header": pair})
    now = an_approval(requested_for={"header": pair | {"value": "second-one"}})
    found = changes(before, now)
    assert len(found) == 1
    assert "one" not in found[0].old
    assert found[0].new == "another one, not shown here"


def test_what_differs_late_in_a_long_text_is_seen() -> None:
    same = "the same words again and again " * 40
    before = an_approval(requested_for={"body": f"{same} pay Adatum"})
    now = an_approval(requested_for={"body": f"{same} pay Fabrikam"})
    read = words(_own(now, before=before))
    assert "pay Adatum" in read
    assert "pay Fabrikam" in read


def test_what_only_neo_marked_as_changed_is_said_to_look_the_same() -> None:
    before = an_approval(updated_at="2026-11-24T09:00:00Z")
    read = words(_own(an_approval(), before=before))
    assert "≠ Neo marked it as changed; nothing that is shown here differs" in read


# Two people


@pytest.mark.parametrize("stuck", [True, False])
def test_where_fewer_may_approve_than_have_to_the_card_says_what_to_do(*, stuck: bool) -> None:
    view = Waiting(an_approval(), shown=TOKEN, people=2, too_few=stuck)
    for card in (waiting(view, CHANNEL), waiting(replace(view, may_press=True), READER)):
        for read in (words(card), card.summary):
            assert ("as things stand it cannot go through here. Decide it in Neo" in read) is stuck


# Decided


def test_where_two_approved_both_are_named() -> None:
    approval = an_approval(status="APPROVED")
    card = decided(approval, CHANNEL, by="Megan Bowen", with_name="Alex Wilber", at=NOW)
    assert words(card).startswith("✓ Approved by Alex Wilber and Megan Bowen")


def test_whoever_stood_in_is_named_with_the_one_they_stood_in_for() -> None:
    card = decided(an_approval(status="APPROVED"), CHANNEL, by="Lee Gu", for_name="Alex Wilber")
    assert words(card).startswith("✓ Approved by Lee Gu for Alex Wilber")
    assert "Approved by Lee Gu for Alex Wilber" in card.summary


def test_a_rejection_after_one_approval_names_both_and_what_each_did() -> None:
    approval = an_approval(status="REJECTED")
    card = decided(approval, CHANNEL, by="Megan Bowen", with_name="Alex Wilber")
    assert words(card).startswith("✕ Rejected by Megan Bowen")
    assert "Alex Wilber had approved it." in words(card)
    assert "Alex Wilber had approved it." in card.summary
