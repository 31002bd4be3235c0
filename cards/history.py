"""What was done about one approval, row by row, as it stands in the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.neo.models import Approval
from cards import elements as el
from cards import labels
from cards.actions import COMMENT_LIMIT
from cards.buttons import buttons, question
from cards.card import Card, plain
from cards.parts import Room, assemble, dotted, fitted, heading, line, quoted, small_print
from cards.parts import run as piece
from cards.request import wish
from cards.words import Reader, counted, ended


@dataclass(frozen=True, slots=True)
class Deed:
    """One row.

    Attributes:
        position: In the tenant's whole ledger.
        at: When, aware UTC.
        who: The person's name.
        wish: What they wanted: approve, reject, snooze, remind, ….
        outcome: sent, decided, refused, failed, voted or done.
        reason: Why it ended so, where there is a reason.
        comment: What they wrote.
        for_name: In whose place they acted.
    """

    position: int
    at: datetime
    who: str
    wish: str
    outcome: str
    reason: str = ""
    comment: str = ""
    for_name: str | None = None


# By outcome, then by wish where that matters: the shape, the colour, and what follows the name.
_TRIED: Final = {"approve": "tried to approve it", "reject": "tried to reject it"}
_SAID: Final[dict[str, tuple[str, str | None, dict[str, str]]]] = {
    "sent": (
        labels.BUSY,
        None,
        {"approve": "sent the approval to Neo", "reject": "sent the rejection to Neo"},
    ),
    "decided": (labels.GOOD, "Good", {"approve": "approved it", "reject": "rejected it"}),
    "voted": (labels.WAITING, None, {"approve": "approved it, as one of two"}),
    "refused": (labels.SKIPPED, None, {**_TRIED, "snooze": "tried to put it off"}),
    "failed": (labels.BAD, "Attention", {**_TRIED, "remind": "could not remind"}),
    "done": (labels.WAITING, None, {"snooze": "put it off", "remind": "reminded"}),
}
# How reasons are written down for machines, in words.
_REASONS: Final = {
    "overtaken": "Somebody was faster",
    "no answer": "Neo did not answer: it may have arrived",
    "NeoUnavailable": "Neo did not answer",
    "NeoUnreachable": "Neo could not be reached",
    "NeoUnintelligible": "Neo's answer could not be read",
    "NeoInvalid": "Neo did not accept it",
    "NeoNotFound": "Neo did not find it",
    "NeoRateLimited": "Neo had too many requests",
    "NeoUnauthorized": "Neo did not accept the key",
    "NeoForbidden": "Neo does not let this key decide",
}
_QUOTED_WITHIN: Final = str.maketrans({"“": "\u2018", "”": "\u2019"})
_UNTIL: Final = re.compile(r"until (\S+)")
_SNOOZED: Final = re.compile(r"snooze until (\S+): (.+)")


def history(
    approval_id: str, deeds: Sequence[Deed], about: Approval | None, reader: Reader
) -> Card:
    """Every row, oldest first; of very many, the latest.

    Args:
        approval_id: The approval's id.
        deeds: At least one, oldest first.
        about: The approval itself, where it is known.
        reader: Who reads.
    """
    number = plain(approval_id, 40)
    title = f"History of approval {number}"
    place = (
        dotted(labels.ticket(about.ticket_number), labels.client(about, about.requested_for))
        if about
        else ""
    )
    told = dotted(wish(about), place) if about else ""

    def draw(room: Room) -> Card:
        kept = deeds[-room.rows :]
        left = len(deeds) - len(kept)
        earlier = f"{counted(left, 'earlier row')} left out" if left else ""
        drawn = [_Drawn(one, reader, room, before) for one, before in _paired(kept)]
        return assemble(
            [
                heading(title),
                line(told, subtle=True, spacing="Small"),
                line(earlier, subtle=True),
                *(one.element() for one in drawn),
                *buttons(question("Show the approval", f"approval {plain(approval_id, 60)}")),
                small_print(
                    f"From the ledger, {reader.as_of()}",
                    refresh=f"history {plain(approval_id, 60)}",
                ),
            ],
            summary="\n".join(
                filter(
                    None,
                    [
                        ended(f"{title}{f' ({told})' if told else ''}, {reader.as_of()}"),
                        earlier,
                        *(one.words() for one in drawn),
                    ],
                )
            ),
        )

    return fitted(draw, Room(rows=20, text=COMMENT_LIMIT))


def _paired(deeds: Sequence[Deed]) -> Iterator[tuple[Deed, Deed | None]]:
    return zip(deeds, [None, *deeds], strict=False)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A row, as its reader reads it; ``before`` is the one above it."""

    deed: Deed
    reader: Reader
    room: Room
    before: Deed | None

    def element(self) -> el.Container:
        shape, color, _ = _SAID.get(self.deed.outcome, (labels.UNKNOWN, None, {}))
        row = f"row {self.deed.position}"
        parts: list[Any] = [
            line(piece(f"{shape} ", color=color), piece(self._headline(), weight="Bolder")),
            line(self._why(), spacing="None"),
            quoted(self._comment()) if self._comment() else None,
            line(piece(dotted(self._when(), row), size="Small", isSubtle=True), spacing="Small"),
        ]
        return el.Container(
            separator=True, spacing="Medium", items=[part for part in parts if part is not None]
        )

    def words(self) -> str:
        wrote = f"Comment: “{self._comment()}”" if self._comment() else ""
        text = " ".join(filter(None, (ended(self._headline()), self._why(), wrote)))
        return f"{self._when()}: {text} (row {self.deed.position})"

    def _headline(self) -> str:
        _, _, said = _SAID.get(self.deed.outcome, ("", None, {}))
        did = said.get(self.deed.wish) or f"{plain(self.deed.wish)}: {plain(self.deed.outcome)}"
        stood_in = f" for {plain(self.deed.for_name, 80)}" if self.deed.for_name else ""
        who = plain(self.deed.who, 80) or "Somebody"
        return f"{who[:1].upper()}{who[1:]}{stood_in} {did}"

    def _when(self) -> str:
        return self.reader.exact(self.deed.at)

    def _why(self) -> str:
        written = self.deed.reason
        reason = _REASONS.get(written) or self._timed(written) or plain(written, self.room.text)
        if self.deed.outcome == "refused" and reason:
            # It is written to whoever was refused: "You were not asked to decide this."
            return f"They read: “{reason.translate(_QUOTED_WITHIN)}”"
        return ended(reason[:1].upper() + reason[1:])

    def _timed(self, written: str) -> str:
        """A reason that holds an instant, on the reader's clock; empty if it holds none."""
        try:
            if found := _UNTIL.fullmatch(written):
                return f"Until {self._clock(found[1])}"
            if found := _SNOOZED.fullmatch(written):
                who = plain(found[2], self.room.text)
                return f"{who}, who had put it off until {self._clock(found[1])}"
        except ValueError:
            pass
        return ""

    def _clock(self, written: str) -> str:
        return self.reader.until(datetime.fromisoformat(written))

    def _comment(self) -> str:
        """What they wrote; not twice where the row above says it already."""
        above = self.before
        told = (self.deed.who, self.deed.comment)
        if above is not None and (above.who, above.comment) == told:
            return ""
        return plain(self.deed.comment, self.room.text)
