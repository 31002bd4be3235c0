"""A story and its people, written out as the steps of one run."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.library import Agent, Kind, Story, ToolUse, Words, fill

ASK_AFTER_SECONDS = 6
"""From a run's start to its question: the same for all, so approvals and runs keep one order."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The PSA ticket a run works on."""

    id: str
    number: str
    subject: str


@dataclass(frozen=True, slots=True)
class Beat:
    """One step, `at_seconds` after the start of its part (the run, or the decision)."""

    at_seconds: float
    type: str
    message: str
    tool: str = ""
    call: int = 0
    is_error: bool = False
    data: Any = None


@dataclass(frozen=True, slots=True)
class Script:
    """All a run will do. `tail_*` follow the decision and are empty for a run that does not ask."""

    agent_id: int
    agent_name: str
    company: str
    ticket: Ticket | None
    credits: int
    outcome: str
    message: str
    error: str
    beats: tuple[Beat, ...]
    requested_for: dict[str, Any] | None = None
    tail_approved: tuple[Beat, ...] = ()
    tail_rejected: tuple[Beat, ...] = ()
    message_rejected: str = ""

    @property
    def seconds(self) -> float:
        """From the start to the last step, or to the question."""
        return self.beats[-1].at_seconds


def write_script(
    agent: Agent,
    kind: Kind,
    story: Story,
    words: Words,
    *,
    ticket: Ticket | None,
    spent: int,
    seconds: float,
) -> Script:
    """Turn a story into steps; `spent` is in credits, `seconds` for a run that does not ask."""
    told = {name: fill(getattr(story, name), words) for name in ("message", "error", "rejected")}
    opening = [_reading(ticket, words)] if ticket else []
    ends = {"does": "SUCCESS", "fails": "FAILURE", "skips": "SKIPPED", "asks": "SUCCESS"}
    requested_for = None
    tail_approved: tuple[Beat, ...] = ()
    tail_rejected: tuple[Beat, ...] = ()
    calls = [_filled(use, words) for use in story.steps]
    if kind == "asks":
        requested_for = question(story, words, ticket.subject if ticket else None)
        beats = _played(opening, story.thought, words, ASK_AFTER_SECONDS)
        asking = Beat(
            ASK_AFTER_SECONDS,
            "TOOL_CALL",
            f"Ask a technician: {requested_for['action']}",
            "REQUEST_TECHNICIAN_APPROVAL",
            len(opening) + 1,
            data=requested_for,
        )
        beats = (*beats, asking)
        first = len(opening) + 2
        tail_approved = (*_calls(calls, 1, 4, first), Beat(5, "FINAL_MESSAGE", told["message"]))
        tail_rejected = (Beat(2, "FINAL_MESSAGE", f"Stopped: rejected. {told['rejected']}"),)
    else:
        beats = _played([*opening, *calls], story.thought, words, seconds * 0.9)
        if kind == "fails":
            beats = (*beats, *_failing(story, words, told["error"], seconds, len(calls) + 2))
        beats = (*beats, Beat(seconds, "FINAL_MESSAGE", told["message"]))
    return Script(
        agent_id=agent.id,
        agent_name=agent.name,
        company=str(words["company"]),
        ticket=ticket,
        credits=spent,
        outcome=ends[kind],
        message=told["message"],
        error=told["error"],
        beats=beats,
        requested_for=requested_for,
        tail_approved=tail_approved,
        tail_rejected=tail_rejected,
        message_rejected=told["rejected"],
    )


def question(story: Story, words: Words, subject: str | None) -> dict[str, Any]:
    """What a story asks people, as ``requested_for`` holds it; `subject` is its ticket's."""
    asked = {
        "action": fill(story.action, words),
        "reason": fill(story.reason, words),
        "company": words["company"],
        "tool": story.tool,
        **fill(story.details, words),
    }
    if subject is not None:
        asked["ticket_summary"] = subject
    return asked


def _reading(ticket: Ticket, words: Words) -> ToolUse:
    autotask = ticket.number.startswith("T")
    return ToolUse(
        tool="AUTOTASK_REQUEST" if autotask else "CW_PSA_REQUEST",
        doing=f"Read ticket {ticket.number if autotask else '#' + ticket.number}",
        sends={
            "method": "GET",
            "path": f"/{'Tickets' if autotask else 'service/tickets'}/{ticket.id}",
        },
        gets={
            "summary": ticket.subject,
            "company": words["company"],
            "contact": words["user"],
            "status": "New",
        },
    )


def _filled(use: ToolUse, words: Words) -> ToolUse:
    return ToolUse.model_validate(fill(use.model_dump(), words))


def _played(
    calls: list[ToolUse], thought: str, words: Words, until_seconds: float
) -> tuple[Beat, ...]:
    """The calls, with the thought after the first one, spread over the time."""
    if not calls:
        return (Beat(until_seconds * 0.4, "THOUGHT", fill(thought, words)),)
    gap = until_seconds / (len(calls) + 1)
    first = _calls(calls[:1], gap * 0.2, gap, 1)
    rest = _calls(calls[1:], gap * 1.4, until_seconds, 2)
    return (*first, Beat(gap * 1.2, "THOUGHT", fill(thought, words)), *rest)


def _calls(
    calls: list[ToolUse], since_seconds: float, until_seconds: float, first: int
) -> tuple[Beat, ...]:
    beats: list[Beat] = []
    width = (until_seconds - since_seconds) / max(len(calls), 1)
    for place, use in enumerate(calls):
        begins = since_seconds + place * width
        beats += (
            Beat(begins, "TOOL_CALL", use.doing, use.tool, first + place, data=use.sends),
            Beat(
                begins + width * 0.8,
                "TOOL_RESULT",
                use.doing,
                use.tool,
                first + place,
                data=use.gets,
            ),
        )
    return tuple(beats)


def _failing(story: Story, words: Words, error: str, seconds: float, call: int) -> tuple[Beat, ...]:
    doing, sends = fill(story.doing, words), fill(story.sends, words)
    return (
        Beat(seconds * 0.92, "TOOL_CALL", doing, story.tool, call, data=sends),
        Beat(
            seconds * 0.97,
            "TOOL_RESULT",
            error,
            story.tool,
            call,
            is_error=True,
            data={"error": error},
        ),
    )
