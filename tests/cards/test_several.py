"""Ticking several approvals, and what became of each."""

from __future__ import annotations

from typing import Any

import pytest

from bot.neo.models import Approval
from cards.actions import (
    MOST_TICKED,
    DecideSeveral,
    PickSeveral,
    parse_action,
)
from cards.approvals import ApprovalsView, approvals
from cards.card import LARGEST_BYTES, Card
from cards.parts import literal
from cards.results import Result, results
from tests.cards.reading import buttons, everything, words
from tests.cards.samples import APPROVALS, CHANNEL, MANY, READER, TOKEN, an_approval


def _list(found: list[Approval], **fields: Any) -> Card:
    given: dict[str, Any] = {"status": "pending", "total_known": len(found)} | fields
    return approvals(ApprovalsView(found, **given), READER)


def _choices(card: Card) -> dict[str, str]:
    """Title by value."""
    return {
        choice["value"]: choice["title"].replace("\xa0", " ")
        for one in everything(card.content)
        if one["type"] == "Input.ChoiceSet"
        for choice in one["choices"]
    }


def test_what_may_be_ticked_is_a_choice_and_the_rest_a_row_with_why() -> None:
    card = _list(
        APPROVALS,
        tick={"455": "t455", "481": "t481"},
        not_tickable={"479": "needs its ticket's number: open it"},
    )
    assert _choices(card) == {
        "455": "#48051 · Adatum · 2 h · "
        "Offboarding wants to disable the account of Isaiah Langer and end all sessions",
        "481": "#48213 · Contoso Dental · 14 min · "
        "Password Reset wants to reset the password of Lee Gu",
    }
    assert "⚠ Needs its ticket's number: open it" in words(card)
    pressed = buttons(card)
    assert "Show approval 479" in pressed
    assert "Show approval 455" not in pressed
    shown = {"455": "t455", "481": "t481"}
    assert pressed["Approve ticked"] == DecideSeveral(verdict="approve", shown=shown)
    assert pressed["Reject ticked"] == DecideSeveral(verdict="reject", shown=shown)


def test_the_choices_are_several_and_what_is_ticked_goes_with_the_buttons_alone() -> None:
    card = _list(APPROVALS, tick={"455": TOKEN})
    field = next(one for one in everything(card.content) if one["type"] == "Input.ChoiceSet")
    assert field["isMultiSelect"]
    assert field["style"] == "expanded"
    assert "value" not in field
    with_inputs = {
        one["title"]
        for one in everything(card.content["body"])
        if one["type"] == "Action.Execute" and one.get("associatedInputs") != "none"
    }
    assert with_inputs == {"Approve ticked", "Reject ticked"}


def test_at_most_so_many_are_ticked_and_what_does_not_fit_is_said() -> None:
    card = _list(MANY, tick={one.id: TOKEN for one in MANY})
    assert list(_choices(card)) == [one.id for one in MANY[:MOST_TICKED]]
    assert f"and {len(MANY) - MOST_TICKED} more" in words(card)
    assert f"and {len(MANY) - MOST_TICKED} more" in card.summary
    pressed = buttons(card)["Approve ticked"]
    assert isinstance(pressed, DecideSeveral)
    assert set(pressed.shown) == set(_choices(card))


def test_those_that_can_be_ticked_come_first_however_long_the_others_have_waited() -> None:
    last = MANY[-1]
    card = _list(MANY, tick={last.id: TOKEN})
    assert list(_choices(card)) == [last.id]


def test_long_tokens_and_texts_leave_as_many_choices_as_fit_with_a_token_each() -> None:
    long = [an_approval(id=n, agent_name="\U0001f600 " * 500) for n in range(20)]
    card = _list(long, tick={one.id: "t" * 512 for one in long})
    pressed = buttons(card)["Approve ticked"]
    assert isinstance(pressed, DecideSeveral)
    assert 0 < len(pressed.shown) < len(long)
    assert set(pressed.shown) == set(_choices(card))
    assert f"and {len(long) - len(pressed.shown)} more" in words(card)
    assert card.size < LARGEST_BYTES


@pytest.mark.parametrize("number", ["4,81", "x" * 129])
def test_an_id_that_would_not_come_back_whole_keeps_its_row(number: str) -> None:
    card = _list([an_approval(id=number)], tick={number: TOKEN})
    assert not _choices(card)
    assert "Approve ticked" not in buttons(card)


def test_a_list_that_nobody_may_tick_is_as_it_was() -> None:
    card = _list(APPROVALS)
    assert not _choices(card)
    assert {"Show approval 455", "Only mine"} <= set(buttons(card))


def test_in_a_channel_a_button_asks_what_one_may_tick() -> None:
    view = ApprovalsView(APPROVALS, status="pending", total_known=3, pick=True)
    card = approvals(view, CHANNEL)
    assert buttons(card)["Decide several…"] == PickSeveral()
    empty = ApprovalsView([], status="pending", pick=True)
    assert "Decide several…" not in buttons(approvals(empty, CHANNEL))


def test_a_redrawn_list_says_why_and_keeps_the_comment() -> None:
    card = _list(
        APPROVALS,
        tick={"455": TOKEN},
        remark="Nothing was ticked.",
        comment="Planned",
        comment_to_reject=True,
    )
    assert words(card).startswith("Nothing was ticked.")
    assert card.summary.startswith("Nothing was ticked.")
    field = next(one for one in everything(card.content) if one["type"] == "Input.Text")
    assert field["value"] == "Planned"
    assert field["label"] == "Comment (needed to reject)"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Reset a password · #48213", "Reset a password · #48213"),
        ("**now** [x](y)", "\u200b∗∗now∗∗ (x)(y)"),  # noqa: RUF001 -- what stands for the asterisk
        ("1. first", "\u200b1. first"),
        ("<b>a</b>", "\u200b‹b›a‹/\u200bb›"),  # noqa: RUF001 -- what stands for the brackets
        ("evil.example", "\u200bevil.\u200bexample"),
    ],
)
def test_a_caption_that_could_be_markdown_is_none(typed: str, shown: str) -> None:
    assert literal(typed) == shown


# Results

_CHANGED = "It has changed since this card was drawn. Nothing was decided: look again."


def test_the_result_counts_and_tells_of_each_those_that_did_not_go_first() -> None:
    found = [
        Result(APPROVALS[0], "455", went=True, text="approved"),
        Result(APPROVALS[1], "479", went=False, text=_CHANGED),
        Result(an_approval(), "481", went=True, text=""),
    ]
    card = results("approve", found, READER, "Planned")
    read = words(card)
    assert read.startswith("⚠ 2 approved, 1 not")
    assert "“Planned”" in read
    assert read.index("Backup Watch") < read.index("Offboarding")
    assert "Not approved · #48177 · Contoso Dental · approval 479" in read
    assert _CHANGED in read
    assert "Approved · #48051 · Adatum · approval 455" in read
    assert {"Show approval 455", "Show approval 479", "Show approval 481"} <= set(buttons(card))
    assert card.summary.startswith("⚠ 2 approved, 1 not, as of 10:02.")
    assert _CHANGED in card.summary


def test_a_decision_that_only_counts_is_not_called_approved() -> None:
    voted = Result(an_approval(), "481", went=True, text="one more person has to approve it")
    read = words(results("approve", [voted], READER, ""))
    assert read.startswith("✓ 1 counted")
    assert "Counted · #48213" in read
    assert "One more person has to approve it" in read
    assert "Approved" not in read


@pytest.mark.parametrize(
    ("verdict", "went", "title"),
    [
        ("approve", [True, True], "✓ 2 approved"),
        ("reject", [True], "✓ 1 rejected"),
        ("reject", [True, False], "⚠ 1 rejected, 1 not"),
        ("approve", [False, False], "✕ None of 2 approved"),
        ("approve", [False], "✕ Not approved"),
    ],
)
def test_the_title_counts(verdict: Any, went: list[bool], title: str) -> None:
    found = [Result(None, str(n), went=one, text="") for n, one in enumerate(went)]
    assert words(results(verdict, found, READER, "")).split("\n")[0] == title


def test_where_others_read_it_too_the_title_says_who_decided() -> None:
    found = [Result(None, "333", went=False, text="You were not asked to decide this.")]
    card = results("approve", found, CHANNEL, "", by="Megan *Bowen*")
    assert words(card).split("\n")[0] == "✕ Megan *Bowen*: Not approved"
    assert card.summary.startswith("✕ Megan *Bowen*: Not approved, as of")


def test_one_that_is_not_known_is_told_by_its_number() -> None:
    card = results("approve", [Result(None, "333", went=False, text="Gone.")], READER, "")
    assert "Approval 333" in words(card)
    assert "✕ Approval 333 · Not approved · Gone." in card.summary


def test_what_a_client_sends_back_of_a_list_is_read() -> None:
    card = _list(APPROVALS, tick={"455": TOKEN, "481": TOKEN})
    sent = next(
        one["data"]
        for one in everything(card.content["body"])
        if one.get("title") == "Reject ticked" and one["type"] == "Action.Execute"
    )
    back = parse_action(sent | {"ticked": "455,481", "comment": "Not tonight"})
    assert isinstance(back, DecideSeveral)
    assert back.ticked.split(",") == ["455", "481"]
    assert back.comment == "Not tonight"
