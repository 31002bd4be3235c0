"""Buttons: each asks, decides or follows; laid in rows that a small phone shows whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import ValidationError

from cards import elements as el
from cards.actions import (
    Action,
    Ask,
    Decide,
    DecideSeveral,
    Follow,
    ShowApproval,
    ShowEvidence,
    SnoozeApproval,
)
from cards.letters import width

Verdict = Literal["approve", "reject"]

PRIMARY: Final = 3
"""Most buttons side by side; the others stand in the overflow."""
BUTTONS: Final = 6
"""Most buttons in one place: Teams may hide more."""
# What a card on a small phone leaves for a row of buttons, in pixels; a button's edges; a gap.
_PHONE, _EDGES, _GAP = 262, 24, 8
_OVERFLOW: Final = 40
"""The button with the dots."""


def button(
    title: str, payload: Action | None, *, style: str | None = None, inputs: bool = False
) -> el.Execute | None:
    """A button; None where the payload could not be made, for a dead button is none."""
    if payload is None:
        return None
    data = payload.pack()
    look = {"title": title, "style": style, "associated_inputs": None if inputs else "none"}
    return el.Execute(verb=payload.verb, data=data, **look, fallback=el.Submit(data=data, **look))


def asking(text: str | None, *, in_place: bool = False) -> Ask | None:
    """The payload that asks ``text``; None if it is empty or too long to be asked."""
    try:
        return Ask(text=text, in_place=in_place) if text else None
    except ValidationError:
        return None


def question(title: str, text: str | None, *, in_place: bool = False) -> el.Execute | None:
    """A button that asks ``text`` as if it had been typed."""
    return button(title, asking(text, in_place=in_place))


def select(title: str, text: str | None, *, in_place: bool = False) -> el.Execute | None:
    """The same for a tap on a row; ``title`` is what a screen reader says."""
    made = question(title, text, in_place=in_place)
    if made is not None:
        made.tooltip = title
    return made


def following(title: str, payload: Follow) -> el.Execute | None:
    """A button that starts or stops following."""
    return button(title, payload)


def showing(approval: str) -> ShowApproval | None:
    """The payload that redraws a card with an approval; None if its id can be none of Neo's."""
    try:
        return ShowApproval(approval=approval)
    except ValidationError:
        return None


def verdicts(approval: str, shown: str, *, asks_first: bool = False) -> list[el.Execute | None]:
    """Approve and Reject; empty if the payload cannot be made.

    ``asks_first``: Approve leads to a card that asks for the ticket's number.
    """
    try:
        approve = Decide(approval=approval, verdict="approve", shown=shown)
        reject = Decide(approval=approval, verdict="reject", shown=shown)
    except ValidationError:
        return []
    return [
        button("Approve…" if asks_first else "Approve", approve, style="positive", inputs=True),
        button("Reject", reject, inputs=True),
    ]


def confirmed(approval: str, shown: str, verdict: Verdict) -> el.Execute | None:
    """The button that decides on the card that asks to confirm; None as in `button`."""
    try:
        payload = Decide(approval=approval, verdict=verdict, shown=shown, confirming=True)
    except ValidationError:
        return None
    if verdict == "approve":
        return button("Approve now", payload, style="positive", inputs=True)
    return button("Reject now", payload, inputs=True)


def several(shown: Mapping[str, str]) -> list[el.Execute | None]:
    """Approve and Reject what is ticked; empty if the payload cannot be made."""
    try:
        approve = DecideSeveral(verdict="approve", shown=dict(shown))
        reject = DecideSeveral(verdict="reject", shown=dict(shown))
    except ValidationError:
        return []
    return [
        button("Approve ticked", approve, style="positive", inputs=True),
        button("Reject ticked", reject, inputs=True),
    ]


def snoozing(approval: str, hours: int = 2) -> el.Execute | None:
    """A button that puts an approval off; None as in `button`."""
    try:
        return button(f"Snooze {hours} h", SnoozeApproval(approval=approval, hours=hours))
    except ValidationError:
        return None


def evidence_of(approval: str, title: str) -> el.Execute | None:
    """A tap that brings what helps to decide; what was typed goes with it, to come back."""
    try:
        made = button(title, ShowEvidence(approval=approval), inputs=True)
    except ValidationError:
        return None
    if made is not None:
        made.tooltip = title
    return made


def buttons(*made: el.Execute | None, primary: int = PRIMARY) -> list[el.ActionSet]:
    """Buttons: ``primary`` to be seen, the rest in the overflow.

    They are laid in as many rows as a small phone needs to show their captions whole.
    """
    shown = [one for one in made if one is not None][:BUTTONS]
    seen = shown[:primary]
    rows: list[list[el.Execute]] = []
    room = 0.0
    for one in seen:
        needed = _EDGES + width(one.title)
        dots = _GAP + _OVERFLOW if one is seen[-1] and len(shown) > primary else 0
        if needed + dots > room:
            rows.append([])
            room = _PHONE
        room -= needed + _GAP
        rows[-1].append(one)
    for extra in shown[primary:]:
        extra.mode = "secondary"
        rows[-1].append(extra)
    return [
        el.ActionSet(actions=actions, spacing="Small" if place else "Medium")
        for place, actions in enumerate(rows)
    ]
