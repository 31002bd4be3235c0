"""Who decides for whom while they are away: to be confirmed, begun, ended, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from cards import elements as el
from cards.actions import Delegate, EndDelegation
from cards.buttons import button, buttons
from cards.card import Card, plain
from cards.parts import and_more, assemble, facts, heading, line, small_print
from cards.words import Reader, counted

MOST_CHOICES: Final = 5
_MOST_LISTED: Final = 6
_MOST_NAMED: Final = 3
_CAPTION: Final = 28
"""Most characters of a name on a button."""
_MEANS: Final = (
    "{name} then gets your approvals and can approve or reject them in your name. "
    "The cards and the ledger say so. You can go on deciding, and end it at any time."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody who could decide for the person; ``id`` is their Entra object id."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Term:
    """A delegation, named to one of its two people.

    Attributes:
        id: Its number.
        name: The other one.
        mine: The other decides for the reader; else the reader for the other.
    """

    id: int
    name: str
    until: datetime
    mine: bool


def confirm(
    by: str,
    to: Choice,
    until: datetime,
    reader: Reader,
    *,
    instead_of: str | None = None,
    stands_in_for: Sequence[str] = (),
) -> Card:
    """Ask whoever wants to delegate (``by``) whether they mean exactly this.

    Args:
        by: Entra object id of who delegates; nobody else can confirm.
        to: Who would decide for them.
        until: Up to when.
        reader: Who reads.
        instead_of: Who decides for them now, and then no more.
        stands_in_for: For whom they decide themselves, which they cannot pass on.
    """
    name, ends = plain(to.name, 80), reader.until(until)
    title = f"Have {name} decide for you?"
    means = _MEANS.format(name=name) + _stays(stands_in_for)
    known = [("Who", name), ("Until", ends), ("Instead of", plain(instead_of, 80))]
    return assemble(
        [
            heading(title),
            line("Nothing has changed yet.", subtle=True, spacing="Small"),
            facts(known, spacing="Medium"),
            line(means, spacing="Medium"),
            *buttons(_delegating("Delegate", by, to, until, style="positive")),
            small_print(reader.as_of()),
        ],
        summary=f"{title} Until {ends}. Nothing has changed yet."
        + (f" Instead of {known[2][1]}." if instead_of else "")
        + f"\n{means}",
    )


def which(
    said: str,
    by: str,
    choices: Sequence[Choice],
    until: datetime,
    reader: Reader,
    *,
    found: bool,
    stands_in_for: Sequence[str] = (),
) -> Card:
    """Nobody, or more than one, is called so: the choices as buttons, each of which delegates.

    Args:
        said: The name as it was typed.
        by: Entra object id of who delegates.
        choices: Those who may be meant, or (not ``found``) who could decide at all.
        until: Up to when.
        reader: Who reads.
        found: Several are called so; else nobody.
        stands_in_for: For whom they decide themselves, which they cannot pass on.
    """
    asked, ends = plain(said, 60), reader.until(until)
    title = f"Which “{asked}”?" if found else f"I know no approver called “{asked}”"
    if not asked:
        title = "Who is to decide for you?"
    names = [plain(one.name, 80) for one in choices[:MOST_CHOICES]]
    hint = (
        f"Nothing has changed yet. Press one, and until {ends} that person can approve or "
        f"reject in your name what you are asked.{_stays(stands_in_for)}"
        if names
        else "Nothing was changed. Only somebody whom Neo asks to decide approvals can decide for "
        "you, and there is nobody else."
    )
    rest = and_more(len(names), len(choices))
    if rest:
        rest = f"{rest[0].upper()}{rest[1:]}: type the whole name."
    pressed = (
        _delegating(f"Delegate to {plain(one.name, _CAPTION)}", by, one, until)
        for one in choices[:MOST_CHOICES]
    )
    return assemble(
        [
            heading(title),
            line(hint),
            *buttons(*pressed, primary=MOST_CHOICES),
            line(rest, subtle=True),
            small_print(reader.as_of()),
        ],
        summary=f"{title}. {hint}".replace("?.", "?") + f"\n{', '.join(names)}\n{rest}",
    )


def until_when(
    by: str,
    to: Choice,
    ends: Sequence[tuple[str, datetime]],
    reader: Reader,
    *,
    stands_in_for: Sequence[str] = (),
) -> Card:
    """Ask up to when, the usual ends as buttons, each of which delegates."""
    name = plain(to.name, 80)
    title = f"Until when does {name} decide for you?"
    means = f"Nothing has changed yet. {_MEANS.format(name=name)}{_stays(stands_in_for)}"
    hint = f"Or type it: “delegate my approvals to {name} until Friday”."
    pressed = (_delegating(caption, by, to, until) for caption, until in ends)
    return assemble(
        [
            heading(title),
            line(means),
            *buttons(*pressed),
            line(hint, subtle=True),
            small_print(reader.as_of()),
        ],
        summary=f"{title} {means}\n{', '.join(caption for caption, _ in ends)}\n{hint}",
    )


def started(
    name: str, term: Term, reader: Reader, *, waiting: int, instead_of: str | None = None
) -> Card:
    """A delegation is in force.

    Args:
        name: Who delegates.
        term: It, named to them: ``term.name`` decides for them.
        reader: Who reads.
        waiting: How many approvals the delegate gets at once.
        instead_of: Who decided for them before.
    """
    to, ends = plain(term.name, 80), reader.until(term.until)
    title = f"{to} decides for {plain(name, 80)}"
    text = f"Until {ends}."
    if waiting:
        text += f" {to} gets {counted(waiting, 'approval')} that wait now, and what comes."
        text = text.replace("approval that wait now", "approval that waits now")
    if instead_of:
        text += f" {plain(instead_of, 80)} no longer does."
    return assemble(
        [
            heading(title, "good"),
            line(text),
            *buttons(button("End it", EndDelegation(delegation=term.id))),
            small_print(reader.as_of()),
        ],
        summary=f"{title}. {text}",
    )


def ended(name: str, delegate: str, reader: Reader) -> Card:
    """A delegation is over."""
    title = f"{plain(delegate, 80)} no longer decides for {plain(name, 80)}"
    text = f"What {plain(name, 80)} is asked, {plain(name, 80)} decides again."
    return assemble(
        [heading(title), line(text), small_print(reader.as_of())], summary=f"{title}. {text}"
    )


def mine(terms: Sequence[Term], reader: Reader) -> Card:
    """A person's delegations in both directions, each with a button that ends it."""
    shown = terms[:_MOST_LISTED]
    title = "Your delegations" if terms else "Nobody decides for you, and you for nobody else"
    lines = [
        f"{plain(one.name, 80)} decides for you until {reader.until(one.until)}"
        if one.mine
        else f"You decide for {plain(one.name, 80)} until {reader.until(one.until)}"
        for one in shown
    ]
    hint = "" if terms else "To be away: “delegate my approvals to Megan Bowen until Friday”."
    more = and_more(len(shown), len(terms))
    ends = (
        button(f"End: {plain(one.name, 30)}", EndDelegation(delegation=one.id)) for one in shown
    )
    return assemble(
        [
            heading(title),
            *(line(text, spacing="Small") for text in lines),
            line(more or hint, subtle=True),
            *buttons(*ends),
            small_print(reader.as_of()),
        ],
        summary="\n".join([f"{title}." if not lines else f"{title}: {len(terms)}.", *lines, hint])
        + f"\n{more}",
    )


def refused(reason: str, reader: Reader) -> Card:
    """Why it was not done."""
    title, text = "Nothing was delegated", plain(reason, 300)
    return assemble(
        [
            heading(title),
            line(text),
            small_print(reader.as_of()),
        ],
        summary=f"{title}. {text}",
    )


def _stays(names: Sequence[str]) -> str:
    """What is not passed on, as a sentence to add; empty where there is nothing."""
    if not names:
        return ""
    listed = ", ".join(plain(one, 80) for one in names[:_MOST_NAMED])
    more = f" ({and_more(_MOST_NAMED, len(names))})" if len(names) > _MOST_NAMED else ""
    return f" It does not pass on what you decide for others: {listed}{more}."


def _delegating(
    caption: str, by: str, to: Choice, until: datetime, **look: Any
) -> el.Execute | None:
    try:
        payload = Delegate(by=by, to=to.id, until=until.isoformat())
    except ValidationError:
        return None
    return button(caption, payload, **look)
