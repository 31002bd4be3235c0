from __future__ import annotations

from typing import Any

import pytest

from cards.actions import (
    MOST_TICKED,
    Ask,
    BadButton,
    Decide,
    DecideSeveral,
    Delegate,
    EndDelegation,
    Follow,
    PickSeveral,
    ShowApproval,
    ShowEvidence,
    SnoozeApproval,
    parse_action,
)


@pytest.mark.parametrize(
    "action",
    [
        Ask(text="failed runs", in_place=True),
        Decide(approval="481", verdict="reject", shown="t"),
        Decide(approval="481", verdict="approve", shown="t", confirming=True),
        DecideSeveral(verdict="approve", shown={"481": "t", "455": "u"}),
        PickSeveral(),
        ShowApproval(approval="481"),
        ShowEvidence(approval="481"),
        SnoozeApproval(approval="481", hours=4),
        Delegate(by="a", to="b", until="2026-11-27T17:00:00Z"),
        EndDelegation(delegation=7),
        Follow(topic="failures", on=False),
    ],
)
def test_what_is_packed_comes_back(action: Any) -> None:
    assert parse_action(action.pack()) == action


def test_a_comment_joins_the_decision_and_its_edges_are_trimmed() -> None:
    packed = Decide(approval="481", verdict="approve", shown="t").pack()
    decided = parse_action(packed | {"comment": "  by phone \n"})
    assert isinstance(decided, Decide)
    assert decided.comment == "by phone"


@pytest.mark.parametrize("typed", [None, ""])
def test_an_empty_field_is_no_comment(typed: str | None) -> None:
    packed = Decide(approval="481", verdict="approve", shown="t").pack()
    decided = parse_action(packed | {"comment": typed})
    assert isinstance(decided, Decide)
    assert not decided.comment


def test_what_the_fields_of_a_list_add_joins_the_decision() -> None:
    packed = DecideSeveral(verdict="approve", shown={"481": "t"}).pack()
    decided = parse_action(packed | {"ticked": "481,455", "comment": " planned "})
    assert isinstance(decided, DecideSeveral)
    assert (decided.ticked, decided.comment) == ("481,455", "planned")


def test_the_typed_number_joins_the_decision_that_is_confirmed() -> None:
    packed = Decide(approval="481", verdict="approve", shown="t", confirming=True).pack()
    decided = parse_action(packed | {"typed": " 48213 "})
    assert isinstance(decided, Decide)
    assert decided.typed == "48213"
    assert decided.confirming


def test_a_comment_that_is_too_long_says_so() -> None:
    packed = Decide(approval="481", verdict="approve", shown="t").pack()
    with pytest.raises(BadButton, match=r"more than 2000 characters\. Nothing was decided"):
        parse_action(packed | {"comment": "x" * 2001})


def test_keys_of_other_inputs_are_ignored() -> None:
    assert parse_action({"verb": "ask", "text": "help", "msteams": {}, "comment": "x"}) == Ask(
        text="help"
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"verb": "ask"},
        {"verb": "ask", "text": ""},
        {"verb": "ask", "text": "x" * 501},
        {"verb": "ask", "text": 7},
        {"verb": "ask", "text": "runs", "in_place": "yes"},
        {"verb": "approval.decide", "approval": "481", "verdict": "maybe", "shown": "t"},
        {"verb": "approval.decide", "approval": "481", "verdict": "approve"},
        {"verb": "approval.decide", "approval": 481, "verdict": "approve", "shown": "t"},
        {"verb": "approval.show", "approval": "x" * 129},
        {"verb": "approvals.decide", "verdict": "approve", "shown": {"481": ""}},
        {
            "verb": "approvals.decide",
            "verdict": "approve",
            "shown": {str(number): "t" for number in range(MOST_TICKED + 1)},
        },
        {"verb": "approval.snooze", "approval": "481", "hours": 25},
        {"verb": "follow", "topic": "everything", "on": True},
        {"verb": "explode"},
        {"verb": ["ask"]},
    ],
)
def test_what_is_none_of_ours_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(BadButton, match="Nothing was changed"):
        parse_action(data)
