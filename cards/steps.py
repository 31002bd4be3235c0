"""The steps of a run, as lines and in detail.

Neo lists a tool's call and its result as two steps, and thoughts between them. People count what
was done: a call and its result are one line here, and thoughts stand with the details.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bot.neo.models import Outcome, Run, Step
from cards import elements as el
from cards import labels
from cards.card import plain
from cards.fields import masked, told
from cards.parts import Room, dotted, line, run
from cards.words import duration

_WORDLESS: Final = frozenset({"THOUGHT", "FINAL_MESSAGE"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as people see it.

    Attributes:
        number: From 1.
        mark: How it stands.
        name: What it did, in words.
        took: How long, in words; empty if not known.
        parts: The step or steps of Neo's: a call and its result.
        thoughts: What the agent thought before it.
    """

    number: int
    mark: labels.Mark
    name: str
    took: str
    parts: tuple[Step, ...]
    thoughts: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether Neo marked it as an error."""
        return any(part.is_error for part in self.parts)


def numbered(steps: Sequence[Step], of: Run) -> list[Shown]:
    """The steps with numbers, marks and the time each took."""
    groups = _grouped(steps)
    ends = [*(group[0].created_at for group, _ in groups[1:]), of.updated_at]
    shown: list[Shown] = []
    for number, ((group, thoughts), end) in enumerate(zip(groups, ends, strict=False), 1):
        going = number == len(groups) and of.outcome in {Outcome.RUNNING, Outcome.WAITING}
        took = "" if going else _took(group, end)
        shown.append(
            Shown(number, _mark(group, of, going=going), _name(group), took, group, thoughts)
        )
    return shown


def _grouped(steps: Sequence[Step]) -> list[tuple[tuple[Step, ...], tuple[str, ...]]]:
    """Steps of one tool call together, where its first one stands, with the thoughts before it."""
    groups: list[tuple[list[Step], tuple[str, ...]]] = []
    calls: dict[str, list[Step]] = {}
    thoughts: list[str] = []
    for step in steps:
        if not step.tool and (step.type or "").upper() in _WORDLESS:
            thoughts.append(step.message or "")
        elif step.tool_call_id and step.tool_call_id in calls:
            calls[step.tool_call_id].append(step)
        else:
            group = [step]
            groups.append((group, tuple(thoughts)))
            thoughts = []
            if step.tool_call_id:
                calls[step.tool_call_id] = group
    return [(tuple(group), before) for group, before in groups]


def _took(group: Sequence[Step], end: datetime | None) -> str:
    """Until the tool answered; where Neo has one step for both, until the next one began."""
    began = group[0].created_at
    ended = group[-1].created_at if len(group) > 1 else end
    if began is None or ended is None or ended - began < timedelta(seconds=1):
        return ""
    return duration((ended - began).total_seconds())


def _mark(group: Sequence[Step], of: Run, *, going: bool) -> labels.Mark:
    if any(step.is_error for step in group):
        return labels.Mark(labels.BAD, "failed", "Attention")
    if going:
        return labels.outcome(of)
    return labels.Mark(labels.GOOD, "done", "Good")


def _name(group: Sequence[Step]) -> str:
    first = group[0]
    said = told(first.message, 80)
    if said and not said.endswith("…") and not first.is_error:
        return said
    return labels.words(first.tool) or said or labels.said(first.type) or "A step"


def step_row(one: Shown) -> el.Columns:
    """Number and mark, what it did, how long it took."""
    took = [el.Column(width="auto", items=[line(one.took, subtle=True)])] if one.took else []
    return el.Columns(
        spacing="Small",
        columns=[
            el.Column(
                width="auto",
                items=[line(f"{one.number} ", run(one.mark.shape, color=one.mark.color))],
            ),
            el.Column(width="stretch", items=[line(one.name, narrow=True)]),
            *took,
        ],
    )


def step_words(one: Shown) -> str:
    """A step as a line of text."""
    return dotted(f"{one.number} {one.mark.shape} {one.name}", one.took)


def step_detail(one: Shown, room: Room, *, titled: bool = False) -> list[Any]:
    """What the agent thought, wrote and read at this step; secrets are masked, code monospaced."""
    found = [line(told(text, room.text), spacing="None") for text in one.thoughts]
    for part in one.parts:
        said, read = told(part.message, room.text), _read(part.data, room)
        if said != one.name:
            found.append(line(said, spacing="None"))
        if read and read != said:
            code = run(read, fontType="Monospace", size="Small")
            found.append(line(code, spacing="None"))
    found = [part for part in found if part is not None]
    if not found:
        return []
    tool = labels.words(one.parts[0].tool)
    title = line(
        run(f"{one.number} {one.name}", weight="Bolder"),
        run(f" · {tool}", isSubtle=True) if tool and tool != one.name else None,
        spacing="Medium",
    )
    return [title, *found] if titled else found


def _read(data: Any, room: Room) -> str:
    if data in (None, "", [], {}):
        return ""
    if isinstance(data, str):
        return told(data, room.text)
    shown = masked(data, room.text * 8)
    return plain(json.dumps(shown, ensure_ascii=False, default=str), room.text)
