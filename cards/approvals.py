"""Approvals, as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.neo.models import Approval, ApprovalState
from cards import elements as el
from cards import labels
from cards.actions import MOST_TICKED, PickSeveral
from cards.buttons import button, question, select
from cards.card import Card, plain
from cards.listing import Listing, listing
from cards.parts import Room, dotted, line, row, run
from cards.periods import period
from cards.request import asked, wish
from cards.ticking import Ticking
from cards.words import Reader, counted


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    """A list of approvals and what was asked for.

    Attributes:
        approvals: The approvals to show, in order.
        agent: Only this agent's, by its name.
        status: Only these: pending, approved, rejected.
        ticket: Only those on this ticket, its number.
        mine: Only those that the reader was asked.
        since: Not before; aware UTC.
        until: Before; aware UTC.
        limit: How many were asked for, if a number was named.
        more: There are more in Neo than were read.
        total_known: How many are known to fit, those not shown included.
        question: The question that this list answers, to ask it again; None: no refresh.
        unread: Words of the question that did not narrow the list.
        tick: For each that the reader may tick, the signed digest of what the list shows of it.
        not_tickable: For each other one that waits for the reader, why it cannot be ticked.
        pick: Everybody reads it: a button draws what the one who presses it may tick.
        remark: Why it was redrawn.
        comment: What the person had typed already.
        comment_to_reject: A rejection needs a comment.
    """

    approvals: Sequence[Approval]
    agent: str | None = None
    status: str | None = None
    ticket: str | None = None
    mine: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    more: bool = False
    total_known: int = 0
    question: str | None = None
    unread: Sequence[str] = ()
    tick: Mapping[str, str] = field(default_factory=dict)
    not_tickable: Mapping[str, str] = field(default_factory=dict)
    pick: bool = False
    remark: str | None = None
    comment: str = ""
    comment_to_reject: bool = False


def approvals(view: ApprovalsView, reader: Reader) -> Card:
    """A line for each approval; a tap shows it, with its buttons for whoever may decide.

    Those that the reader may tick are choices instead, at most `MOST_TICKED`, and come first.
    """
    there = max(view.total_known, len(view.approvals))
    ticking = (
        Ticking(view.tick, reader, view.comment, view.comment_to_reject) if view.tick else None
    )
    shown: Listing[Approval] = Listing(
        title=_title(view, reader, there),
        items=ticking.first(view.approvals) if ticking else view.approvals,
        there=there,
        row=lambda one, _: _row(one, reader, view.not_tickable.get(one.id)),
        words=lambda one: _words(one, reader),
        nexts=_nexts(view),
        more=view.more,
        limit=view.limit,
        again=view.question,
        unread=view.unread,
        remark=view.remark,
        form=ticking.form if ticking else None,
    )
    return listing(shown, reader, Room(rows=MOST_TICKED) if ticking else None)


def _title(view: ApprovalsView, reader: Reader, there: int) -> str:
    kind = {"pending": "pending ", "approved": "approved ", "rejected": "rejected "}.get(
        view.status or "", ""
    )
    rest = f" of {plain(view.agent, 80)}" if view.agent else ""
    rest += f" on {labels.ticket(view.ticket)}" if view.ticket else ""
    rest += " for you" if view.mine else ""
    when = period(view.since, view.until, reader)
    rest += f" {when}" if when else ""
    if not there:
        return f"No {kind}approvals{rest}"
    return f"{'At least ' if view.more else ''}{counted(there, f'{kind}approval')}{rest}"


def _nexts(view: ApprovalsView) -> list[el.Execute | None]:
    several = view.pick and any(one.state is ApprovalState.PENDING for one in view.approvals)
    picking = [button("Decide several…", PickSeveral())] if several else []
    return [*picking, *(question(*each) for each in _next(view))]


def _next(view: ApprovalsView) -> list[tuple[str, str]]:
    asked_next: list[tuple[str, str]] = []
    if view.approvals and not view.mine and view.status == "pending":
        asked_next.append(("Only mine", "my pending approvals"))
    if view.mine or view.status != "pending":
        asked_next.append(("All pending", "pending approvals"))
    if not view.approvals:
        asked_next += [("Decided this week", "approved approvals this week"), ("Status", "status")]
    return asked_next


def _row(one: Approval, reader: Reader, why_not: str | None = None) -> Any:
    mark = labels.state(one)
    return row(
        line(run(f"{mark.shape} ", color=mark.color), run(wish(one, 140), weight="Bolder")),
        line(_where(one, reader), subtle=True, spacing="None"),
        line(_not_tickable(why_not), spacing="None"),
        tap=select(f"Show approval {plain(one.id, 40)}", f"approval {plain(one.id, 60)}"),
    )


def _not_tickable(why: str | None) -> str:
    said = plain(why, 120)
    return f"{labels.WARNING} {said[:1].upper()}{said[1:]}" if said else ""


def _where(one: Approval, reader: Reader) -> str:
    mark = labels.state(one)
    pending = one.state is ApprovalState.PENDING
    when = ""
    if one.created_at:
        when = reader.age(one.created_at) if pending else reader.exact(one.created_at)
    return dotted(
        f"{mark.word} {when}" if pending else mark.word,
        labels.ticket(one.ticket_number),
        labels.client(one, one.requested_for),
        (asked(one, reader, most=2) or "nobody to decide here") if pending else when,
    )


def _words(one: Approval, reader: Reader) -> str:
    mark = labels.state(one)
    return dotted(
        f"{mark.shape} {wish(one, 140)}", _where(one, reader), f"approval {plain(one.id, 40)}"
    )
