"""What of an approval is no longer as an earlier card showed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bot.neo.models import Approval
from cards import elements as el
from cards import labels
from cards.card import plain
from cards.fields import hides
from cards.parts import Room, folded, line, run
from cards.request import approvers, field_lines
from cards.words import counted

_SIGN: Final = "≠"
_NOTHING: Final = "(nothing)"
_HIDDEN: Final = "another one, not shown here"
_SEEN: Final = 4
_BEFORE_IT: Final = 30
_DEEPEST: Final = 6


class Change(NamedTuple):
    """One thing that differs; ``old`` or ``new`` is empty where it was not there."""

    label: str
    old: str
    new: str


def changes(before: Approval, now: Approval) -> list[Change]:
    """Everything that differs in what the two ask, in the order in which cards show it.

    A value that is masked, and not the same as it was, is said to be another one.
    """
    found = [
        Change(label, old, new)
        for label, old, new in (
            ("Agent", _agent(before), _agent(now)),
            ("Ticket", labels.ticket(before.ticket_number), labels.ticket(now.ticket_number)),
            ("Asked", _people(before), _people(now)),
            ("Comment", before.comment or "", now.comment or ""),
        )
        if old != new
    ]
    found += _differing(before.requested_for or {}, now.requested_for or {})
    found += _differing(before.model_extra or {}, now.model_extra or {})
    return found


def _agent(approval: Approval) -> str:
    return labels.agent(approval.agent_name, approval.agent_id)


def _people(approval: Approval) -> str:
    return ", ".join(name for _, name in approvers(approval))


def _differing(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str = "", depth: int = 0
) -> Iterator[Change]:
    for name in dict.fromkeys([*new, *old]):
        was, is_ = old.get(name), new.get(name)
        if was == is_:
            continue
        inside, inside_now = _opened(name, was), _opened(name, is_)
        if depth < _DEEPEST and inside and inside_now:
            under = _under(path, labels.words(name))
            yield from _differing(inside, inside_now, under, depth + 1)
            continue
        lines_before, lines_now = _lines(name, was), _lines(name, is_)
        differing = [
            Change(_under(path, label), lines_before.get(label, ""), lines_now.get(label, ""))
            for label in dict.fromkeys([*lines_now, *lines_before])
            if lines_before.get(label, "") != lines_now.get(label, "")
        ]
        # Nothing of it to see: the value is masked, or lies deeper than cards show.
        yield from differing or [Change(_under(path, labels.words(name)), labels.MASK, _HIDDEN)]


def _opened(name: str, value: Any) -> Mapping[str, Any] | None:
    """Its fields, where they can be held against each other one by one.

    Not where a name beside the value may say that the value is a secret.
    """
    if not isinstance(value, Mapping) or hides(name, value):
        return None
    return None if any(str(key).lower() == "value" for key in value) else value


def _under(path: str, label: str) -> str:
    return f"{path} / {label}" if path else label


def _lines(name: str, value: Any) -> dict[str, str]:
    """The lines of a field by their label; of two with the same one, both."""
    found: dict[str, str] = {}
    for label, said in field_lines(name, value) if value not in (None, "", [], {}) else ():
        found[label] = f"{found[label]}, {said}" if label in found else said
    return found


def changed_parts(found: Sequence[Change], room: Room) -> list[Any]:
    """The changes drawn: what it was, what it is now; those that are many are folded."""
    shown, left = _shown(found, room)
    title = f"{_SIGN} {_title(len(shown) + left)}"
    rows = [_row(one) for one in shown]
    rest = [*rows[_SEEN:], line(f"and {left:,} more" if left else "", subtle=True)]
    more = len(rest) - 1 + left
    folds = folded(f"Show {counted(more, 'more change')}", rest if more else [], name="changes")
    return [
        el.Container(
            style="emphasis",
            bleed=True,
            items=[line(run(title, weight="Bolder")), *rows[:_SEEN], *folds],
        )
    ]


def changed_words(found: Sequence[Change], room: Room) -> str:
    """The same as lines of text."""
    shown, left = _shown(found, room)
    told = [f"{one.label}: was {one.old}, is now {one.new}" for one in shown]
    return "\n".join(
        [f"{_SIGN} {_title(len(shown) + left)}", *told, f"and {left:,} more" if left else ""]
    )


def _title(count: int) -> str:
    if not count:
        return "Neo marked it as changed; nothing that is shown here differs"
    return f"{counted(count, 'thing')} changed"


def _shown(found: Sequence[Change], room: Room) -> tuple[list[Change], int]:
    """As many as there is room for, in words fit for a card, and how many are left out."""
    limit = min(room.text, 200)
    shown = [_cut(one, limit) for one in found[: room.rows]]
    return shown, len(found) - len(shown)


def _cut(one: Change, limit: int) -> Change:
    """Shortened so that what differs is among what is left."""
    pairs = zip(one.old, one.new, strict=False)
    same = next((n for n, (was, is_) in enumerate(pairs) if was != is_), 0)
    start = max(same - _BEFORE_IT, 0) if max(len(one.old), len(one.new)) > limit else 0
    old, new = (
        ("…" * bool(start and text) + plain(text[start:], limit)) or _NOTHING
        for text in (one.old, one.new)
    )
    return Change(plain(one.label, 60), old, new)


def _row(one: Change) -> el.Container:
    gone, added = one.new == _NOTHING, one.old == _NOTHING
    how = " went away" if gone else " is new" if added else ""
    return el.Container(
        spacing="Small",
        items=[
            part
            for part in (
                line(run(one.label, weight="Bolder"), how),
                None if added else line(run("was: ", isSubtle=True), one.old, spacing="None"),
                None if gone else line(run("now: ", isSubtle=True), one.new, spacing="None"),
            )
            if part is not None
        ],
    )
