"""What a person asked for, once their text has been read."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

Intent = Literal[
    "help",
    "status",
    "agents",
    "agent",
    "runs",
    "run",
    "approvals",
    "approval",
    "follow",
    "unfollow",
    "ask",
]
Topic = Literal["failures", "approvals"]
Status = Literal[
    "failed",
    "succeeded",
    "skipped",
    "running",
    "pending",
    "approved",
    "rejected",
    "enabled",
    "disabled",
]

INTENTS: tuple[Intent, ...] = get_args(Intent)


@dataclass(frozen=True, slots=True)
class Query:
    """A question, with what was said about it; None where nothing was said.

    Every intent shows something or changes what a conversation hears. There is none that decides
    an approval: a decision is a button's, never a sentence's.

    Attributes:
        intent: which question it is.
        agent: the exact name of a known agent.
        agent_said: the words that named an agent, where no agent, or more than one, answers to
            them; `nearest_agents` finds what they may have meant.
        status: narrows a list: a run's, an approval's or an agent's, as the intent says.
        ticket: the ticket's number as text, without ``#``.
        run: a run's id as typed.
        approval: an approval's number as text.
        mine: the person asks for what is theirs.
        limit: how many, at least 1.
        since: the first instant asked for, aware, in the person's zone.
        until: the first instant no longer asked for, aware, in the person's zone.
        topic: what to follow, or to follow no more.
        unread: words that no slot took and that may have narrowed the question.
        text: the text after normalisation, at most 4,000 characters.
    """

    intent: Intent
    agent: str | None = None
    agent_said: str | None = None
    status: Status | None = None
    ticket: str | None = None
    run: str | None = None
    approval: str | None = None
    mine: bool = False
    limit: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    topic: Topic | None = None
    unread: tuple[str, ...] = ()
    text: str = ""

    def said(self) -> dict[str, Any]:
        """The intent and the slots that were said, ready for JSON; times in ISO 8601."""
        slots = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"text", "unread"}
        }
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in slots.items()
            if value is not None and value is not False
        }
