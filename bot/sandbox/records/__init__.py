"""What callers made or changed that is no run, kept so that it can be saved and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bot.sandbox.records.administration import (
    Analysis,
    Channel,
    EndCompany,
    Escalation,
    Skill,
    SkillFile,
    TakenHandover,
)
from bot.sandbox.records.agents import AgentRecords, AgentVersion
from bot.sandbox.records.base import Record
from bot.sandbox.records.chat import ChatRecords, Lookup, Session, Turn
from bot.sandbox.records.keys import ApiKey, KeyRecords
from bot.sandbox.records.schedule import ScheduledWork, ScheduleRecords
from bot.sandbox.scheduling import DueWork, begin_schedule

if TYPE_CHECKING:
    from bot.sandbox.world import World

__all__ = [
    "AgentRecords",
    "AgentVersion",
    "Analysis",
    "ApiKey",
    "Channel",
    "ChatRecords",
    "EndCompany",
    "Escalation",
    "KeyRecords",
    "Lookup",
    "Records",
    "ScheduleRecords",
    "ScheduledWork",
    "Session",
    "Skill",
    "SkillFile",
    "TakenHandover",
    "Turn",
]


class Records(Record):
    """Everything callers made or changed; empty in a new world.

    Attributes:
        agents: Agents created, and versions of those that were changed.
        schedule: Work that runs when it is due.
        chat: Sessions and their turns.
        keys: API keys and who holds them; the server asks ``keys.caller(token, now)``.
        settings: The tenant's settings as they were put; None where one was cleared.
        end_companies: Clients by their id in the PSA, beside those of the library.
        channels: By id.
        skills: By id.
        handovers: Who took which handover.
        escalations: Tickets raised with Neo's own team, oldest first.
        analyses: Analyses of the return on Neo's work, oldest first.
        mapped_technicians: Entra object ids of the technicians that were mapped.
    """

    agents: AgentRecords = Field(default_factory=AgentRecords)
    schedule: ScheduleRecords = Field(default_factory=ScheduleRecords)
    chat: ChatRecords = Field(default_factory=ChatRecords)
    keys: KeyRecords = Field(default_factory=KeyRecords)
    settings: dict[str, str | int | None] = Field(default_factory=dict)
    end_companies: dict[str, EndCompany] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=dict)
    skills: dict[str, Skill] = Field(default_factory=dict)
    handovers: dict[str, TakenHandover] = Field(default_factory=dict)
    escalations: list[Escalation] = Field(default_factory=list)
    analyses: list[Analysis] = Field(default_factory=list)
    mapped_technicians: list[str] = Field(default_factory=list)

    def begin(self, world: World) -> None:
        """Make a new world's records its own: what is there from the start, and what will happen.

        The world calls it once, at the end of its making; later records may take the place of
        these (`world.records = …`), the sources ask the world for the records it has then.
        A second call does nothing.
        """
        if any(isinstance(source, DueWork) for source in world.sources):
            return
        begin_schedule(world)
        world.sources.append(DueWork(world))
