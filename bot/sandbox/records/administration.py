"""The smaller things a tenant sets up: clients, channels, skills, handovers, analyses."""

from typing import Any

from bot.sandbox.records.base import Instant, Record


class EndCompany(Record):
    """A client as a caller described it; `told` holds what the contract lets them say."""

    told: dict[str, Any]
    created_at: Instant


class Channel(Record):
    """A place where an agent can be met; `told` holds what the contract lets callers say."""

    id: str
    told: dict[str, Any]
    created_at: Instant
    updated_at: Instant


class SkillFile(Record):
    """One file of a skill; `version` rises with each edit."""

    id: str
    path: str
    content: str
    version: int = 1


class Skill(Record):
    """Files that teach agents something."""

    id: str
    name: str
    slug: str
    description: str | None
    source_run_id: str | None
    files: list[SkillFile]
    updated_at: Instant


class TakenHandover(Record):
    """Who took a handover, and when."""

    by: str
    at: Instant


class Escalation(Record):
    """A ticket with Neo's own team."""

    ticket_id: str
    summary: str
    details: str
    at: Instant


class Analysis(Record):
    """What an analysis was asked to weigh; `result` once it was worked out."""

    id: int
    asked_at: Instant
    currency_symbol: str
    hourly_rate: float
    period_days: int
    sample_size: int
    result: dict[str, Any] | None = None
