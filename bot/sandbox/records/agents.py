"""Agents that callers created or changed: each change is a version."""

from datetime import datetime
from typing import Any

from pydantic import Field

from bot.sandbox.records.base import Instant, Record


class AgentVersion(Record):
    """An agent's whole configuration, as of one moment."""

    at: Instant
    body: dict[str, Any]


class AgentRecords(Record):
    """Versions by agent, oldest first; an agent that nobody touched has none here.

    Attributes:
        versions: By the agent's id.
        created: Ids of agents that callers created.
        gaps: Since when an agent's versions are no longer kept, up to the second one that is.
    """

    versions: dict[int, list[AgentVersion]] = Field(default_factory=dict)
    created: list[int] = Field(default_factory=list)
    gaps: dict[int, Instant] = Field(default_factory=dict)

    def current(self, agent_id: int) -> dict[str, Any] | None:
        """The configuration that callers left behind; None for an agent nobody touched."""
        versions = self.versions.get(agent_id)
        return versions[-1].body if versions else None

    def keep(self, agent_id: int, at: datetime, body: dict[str, Any], most: int) -> None:
        """Add a version; of more than `most` the oldest change goes, the first one stays."""
        versions = self.versions.setdefault(agent_id, [])
        versions.append(AgentVersion(at=at, body=body))
        if len(versions) > most:
            self.gaps.setdefault(agent_id, versions.pop(1).at)

    def has_forgotten(self, agent_id: int, at: datetime) -> bool:
        """Whether what was in force at a moment is no longer kept."""
        since = self.gaps.get(agent_id)
        return since is not None and since <= at < self.versions[agent_id][1].at
