"""One approval on the brink: what is shown before it is confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cards.actions import Decide, ShowApproval
from cards.approval import Approved
from cards.card import Card
from cards.confirming import Confirming, confirming
from tests.cards.reading import buttons, everything, words
from tests.cards.samples import ALEX, NOW, READER, TOKEN, an_approval


def _inputs(content: dict[str, object]) -> list[str]:
    return [one["id"] for one in everything(content) if one["type"] == "Input.Text"]


def _confirm(**fields: Any) -> Card:
    given: dict[str, Any] = {"approval": an_approval(), "shown": TOKEN, "verdict": "approve"}
    given |= fields
    return confirming(Confirming(**given), READER)


def test_a_confirmation_shows_the_number_and_the_field_for_it_is_empty() -> None:
    card = _confirm(ticket="48213", why="It deletes something.", comment="by phone")
    read = words(card)
    assert read.startswith("Approve this?")
    assert "⚠ It deletes something." in read
    assert "To approve it, type the ticket's number: \n48213" in read
    fields = {one["id"]: one for one in everything(card.content) if one["type"] == "Input.Text"}
    assert "value" not in fields["typed"]
    assert fields["typed"]["isRequired"]
    assert fields["comment"]["value"] == "by phone"
    assert buttons(card) == {
        "Approve now": Decide(approval="481", verdict="approve", shown=TOKEN, confirming=True),
        "Back": ShowApproval(approval="481"),
    }
    assert "Nothing is decided yet." in card.summary


def test_a_wrong_number_is_said_first() -> None:
    card = _confirm(ticket="48213", remark="“48231” is not the number 48213.")
    assert words(card).startswith("“48231” is not the number 48213.")
    assert card.summary.startswith("“48231” is not the number 48213.")


def test_without_a_number_to_type_one_press_confirms() -> None:
    card = _confirm(approval=an_approval(id=455), comment="client confirmed")
    assert _inputs(card.content) == ["comment"]
    assert set(buttons(card)) == {"Approve now", "Back"}


def test_a_rejection_is_confirmed_without_a_number() -> None:
    card = _confirm(verdict="reject", ticket="48213", comment_to_reject=True)
    assert words(card).startswith("Reject this?")
    assert _inputs(card.content) == ["comment"]
    assert set(buttons(card)) == {"Reject now", "Back"}


def test_a_confirmation_shows_all_that_is_asked() -> None:
    read = words(_confirm())
    for value in ("lee.gu@contosodental.example", "Cannot sign in after new phone", "Front desk"):
        assert value in read


def test_the_number_of_an_approval_without_a_ticket_is_called_so() -> None:
    card = _confirm(approval=an_approval(ticket_number=None), ticket="481")
    assert "To approve it, type the approval's number: \n481" in words(card)


def test_the_second_approval_is_confirmed_beside_the_first() -> None:
    first = Approved(ALEX, "Alex Wilber", None, "", NOW - timedelta(minutes=4))
    assert "◐ 1 of 2 approved: Alex Wilber, 09:58" in words(_confirm(people=2, approved=[first]))


def test_the_comment_in_its_field_is_in_the_words_too_and_shortened() -> None:
    assert "Comment: “by phone”" in _confirm(comment="by phone").summary.split("\n")
    assert "Comment" not in _confirm().summary
    long = _confirm(comment="the client called back " * 40)
    said = next(one for one in long.summary.split("\n") if one.startswith("Comment: "))
    assert said.startswith("Comment: “the client called back")
    assert said.endswith("…”")
    assert len(said) <= 212
