"""Ticking several approvals of a list, to decide them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.neo.models import Approval
from cards import elements as el
from cards import labels
from cards.actions import MOST_TICKED, TICKED_INPUT
from cards.buttons import several, showing
from cards.listing import Form
from cards.parts import Room, dotted, line, literal
from cards.request import wish
from cards.waiting import comment_field
from cards.words import Reader

_WISH: Final = 90
"""Most characters of a wish: there may be twenty of them, one under the other."""


@dataclass(frozen=True, slots=True)
class Ticking:
    """What of a list one reader may tick.

    Attributes:
        tick: For each that may be ticked, the signed digest of what the list shows of it.
        reader: Who reads.
        comment: What they had typed already.
        comment_to_reject: A rejection needs a comment.
    """

    tick: Mapping[str, str]
    reader: Reader
    comment: str = ""
    comment_to_reject: bool = False

    def can(self, one: Approval) -> bool:
        """Whether it can be a choice: ticked ones come back as ids with commas between."""
        return one.id in self.tick and "," not in one.id and showing(one.id) is not None

    def first(self, listed: Sequence[Approval]) -> list[Approval]:
        """The same approvals, those that can be ticked before the others."""
        return sorted(listed, key=lambda one: not self.can(one))

    def form(self, shown: Sequence[Approval], room: Room) -> Form[Approval]:
        """The choices, the comment and the buttons for those that are shown."""
        ticked = [one for one in shown if self.can(one)][:MOST_TICKED]
        rows = [one for one in shown if one not in ticked]
        pressed = several({one.id: self.tick[one.id] for one in ticked})
        if not ticked or not pressed:
            return Form((), shown, (), ())
        choices = [el.Choice(title=_title(one, self.reader), value=one.id) for one in ticked]
        field = el.ChoiceSet(
            id=TICKED_INPUT,
            label="Tick those that you decide",
            choices=choices,
            style="expanded",
            multi_select=True,
            wrap=True,
        )
        comment = comment_field(self.comment, room, to_reject=self.comment_to_reject)
        return Form([field, *_others(rows)], rows, [comment], pressed)


def _title(one: Approval, reader: Reader) -> str:
    """Where it belongs comes first: so the eye sees where each of many begins."""
    return literal(
        dotted(
            labels.ticket(one.ticket_number),
            labels.client(one, one.requested_for),
            reader.age(one.created_at) if one.created_at else "",
            wish(one, _WISH),
        )
    )


def _others(rows: Sequence[Approval]) -> list[Any]:
    return [line("These are decided one by one:", subtle=True, spacing="Medium")] if rows else []
