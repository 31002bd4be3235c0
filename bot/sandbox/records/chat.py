"""Chat sessions and their turns; a turn's stream follows from what it says and when it began."""

import re
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, PrivateAttr

from bot.sandbox.records.base import Instant, Record
from bot.sandbox.runs import stamp

DONE = "[DONE]"
"""What ends a turn's stream, instead of a part."""

_WORDS_IN_A_DELTA = 3
_MOST_SESSIONS = 200
_MOST_TURNS = 50


class Lookup(Record):
    """One look into the world: a tool, what it was asked, what it said."""

    tool: str
    asked: dict[str, Any]
    found: dict[str, Any]


class Turn(Record):
    """A person's message and the agent's answer.

    Attributes:
        id: The turn's own id.
        user_message_id: The person's message.
        message_id: The agent's message.
        client_message_id: The caller's key, by which a repeat is known.
        message: What the person wrote.
        attachments: What they added.
        first_part: The number, in the whole session, of the stream's first part.
        asked_at: When the message came.
        begins_at: When the agent began to answer: after the turn before this one.
        pace_seconds: Between two parts of the stream.
        lookups: What the agent looked up.
        text: The answer.
        is_delivered: Whether a reader has had all of it.
    """

    id: str
    user_message_id: str
    message_id: str
    client_message_id: str | None = None
    message: str
    attachments: list[dict[str, Any]] = Field(default_factory=list)
    first_part: int
    asked_at: Instant
    begins_at: Instant
    pace_seconds: float
    lookups: list[Lookup]
    text: str
    is_delivered: bool = False

    def parts(self) -> list[dict[str, Any] | str]:
        """The stream, in the order of the AI SDK's UI messages; the last one is `DONE`."""
        parts: list[dict[str, Any] | str] = [{"type": "start", "messageId": self.message_id}]
        for place, lookup in enumerate(self.lookups):
            call = {"toolCallId": self.call_id(place)}
            parts += [
                {"type": "start-step"},
                {"type": "tool-input-start", **call, "toolName": lookup.tool},
                {
                    "type": "tool-input-available",
                    **call,
                    "toolName": lookup.tool,
                    "input": lookup.asked,
                },
                {"type": "tool-output-available", **call, "output": lookup.found},
                {"type": "finish-step"},
            ]
        text = {"id": f"text-{self.message_id[:8]}"}
        deltas = [{"type": "text-delta", **text, "delta": delta} for delta in _deltas(self.text)]
        return [
            *parts,
            {"type": "start-step"},
            {"type": "text-start", **text},
            *deltas,
            {"type": "text-end", **text},
            {"type": "finish-step"},
            {"type": "finish", "finishReason": "stop"},
            DONE,
        ]

    def call_id(self, place: int) -> str:
        """The id of the look-up at a place."""
        return f"call_{self.message_id[:8]}_{place + 1}"

    def due(self, place: int) -> datetime:
        """When the part at a place of the stream is there to be read."""
        return self.begins_at + timedelta(seconds=place * self.pace_seconds)

    @property
    def after_last_part(self) -> int:
        """The number of the part that follows this turn's last one."""
        return self.first_part + len(self.parts())

    @property
    def ends_at(self) -> datetime:
        """When the last part is there."""
        return self.due(len(self.parts()) - 1)

    def is_over(self, now: datetime) -> bool:
        """Whether the answer is complete."""
        return self.is_delivered or self.ends_at <= now


class Session(Record):
    """A conversation with one agent.

    Attributes:
        id: Its id; `/executions/{id}/steps` knows it too.
        agent_id: The agent; None where Neo itself manages it.
        managed_agent_key: How a managed agent was named.
        title: What the person called it.
        channel: API, or TEAMS where the relay opened it.
        inbound_tenant_id: The client's Microsoft 365 tenant that the relay named.
        created_at: When it began.
        updated_at: When the last message came.
        turns: Oldest first; the oldest of very many are forgotten.
    """

    id: str
    agent_id: int | None = None
    managed_agent_key: str | None = None
    title: str
    channel: str
    inbound_tenant_id: str | None = None
    created_at: Instant
    updated_at: Instant
    turns: list[Turn] = Field(default_factory=list)

    @property
    def next_part(self) -> int:
        """The number that the next turn's first part will have."""
        return self.turns[-1].after_last_part if self.turns else 1

    def add(self, turn: Turn) -> None:
        """Append a turn; of very many the oldest goes."""
        self.turns.append(turn)
        del self.turns[:-_MOST_TURNS]
        self.updated_at = turn.asked_at

    def turn_after(self, part: int) -> Turn | None:
        """The oldest turn that has a part whose number is greater."""
        return next((turn for turn in self.turns if turn.after_last_part > part + 1), None)


class ChatRecords(Record):
    """All sessions, by id, the least recently used first.

    Attributes:
        sessions: The newest of them.
    """

    sessions: dict[str, Session] = Field(default_factory=dict)
    _pace_seconds: float = PrivateAttr(default=0.02)

    @property
    def pace_seconds(self) -> float:
        """Seconds between two parts of a stream; a test may set it to 0."""
        return self._pace_seconds

    @pace_seconds.setter
    def pace_seconds(self, seconds: float) -> None:
        self._pace_seconds = seconds

    def open(self, session: Session) -> None:
        """Keep a session; of very many the least recently used goes."""
        self.sessions[session.id] = session
        if len(self.sessions) > _MOST_SESSIONS:
            oldest = min(self.sessions.values(), key=lambda known: known.updated_at)
            del self.sessions[oldest.id]

    def steps(self, session_id: str) -> list[dict[str, Any]] | None:
        """The trace of a session, shaped as a run's steps; None if there is no such session."""
        session = self.sessions.get(session_id)
        if session is None:
            return None
        return [step for turn in session.turns for step in _steps(turn)]


def _steps(turn: Turn) -> list[dict[str, Any]]:
    """Each look-up as call and result, then the answer, at the instants of the stream."""
    told: list[tuple[int, dict[str, Any]]] = []
    for place, lookup in enumerate(turn.lookups):
        tool = {"tool_type_name": lookup.tool, "tool_call_id": turn.call_id(place)}
        at = 1 + place * 5
        told += [
            (at + 2, {"type": "TOOL_CALL", "message": "Look it up", "data": lookup.asked, **tool}),
            (at + 3, {"type": "TOOL_RESULT", "message": "Found", "data": lookup.found, **tool}),
        ]
    told.append((len(turn.parts()) - 1, {"type": "FINAL_MESSAGE", "message": turn.text}))
    return [
        {
            "step_id": f"{turn.id[:8]}-{number:03d}",
            "is_error": False,
            "created_at": stamp(turn.due(place)),
            **step,
        }
        for number, (place, step) in enumerate(told, start=1)
    ]


def _deltas(text: str) -> list[str]:
    words = re.findall(r"\S+\s*", text)
    return [
        "".join(words[at : at + _WORDS_IN_A_DELTA])
        for at in range(0, len(words), _WORDS_IN_A_DELTA)
    ]
