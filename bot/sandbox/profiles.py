"""An agent as the API shows it: a row of the list, and the whole configuration."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.sandbox.chance import number
from bot.sandbox.library import Agent
from bot.sandbox.planner import Person
from bot.sandbox.runs import stamp


def stable_id(seed: int, text: str) -> str:
    """The id of something that is the same in every world of this seed, shaped as a UUID."""
    halves = (number(seed, half, *text.encode()) for half in (80, 81))
    return str(UUID(bytes=b"".join(half.to_bytes(8) for half in halves), version=4))


def tenant_id(seed: int) -> str:
    """The id of the MSP whose world it is."""
    return stable_id(seed, "tenant")


def agent_summary(agent: Agent, anchor: datetime) -> dict[str, Any]:
    """A row of `GET /agents`: the id as text, as Neo writes it in agents' bodies."""
    updated_at = anchor - timedelta(days=agent.id % 41, hours=agent.id % 7)
    created_at = updated_at - timedelta(days=60 + agent.id % 113, minutes=agent.id)
    return {
        "id": str(agent.id),
        "name": agent.name,
        "state": agent.state,
        "autonomy_type": agent.autonomy_type,
        "trigger_type": agent.trigger_type,
        "entity_type": "TICKET" if agent.on_tickets else "NONE",
        "audience": agent.audience,
        "access": agent.access,
        "created_at": stamp(created_at),
        "updated_at": stamp(updated_at),
    }


def agent_body(agent: Agent, anchor: datetime, people: tuple[Person, ...]) -> dict[str, Any]:
    """One agent with actions, settings, tools and permissions; `people` are its approvers."""
    chained = agent.autonomy_type == "CHAINED_ACTIONS"
    return agent_summary(agent, anchor) | {
        "actions": [
            {"id": _action_id(agent, place), "action_type": name, "input_as_dict": {}}
            for place, name in enumerate(agent.actions)
        ],
        "agent_settings": None if chained else _settings(agent),
        "toolbox": {"tool_settings_by_type": _tools(agent, people)},
        "integrations": {
            name: {"permissions": [_permission(agent, name)]} for name in agent.integrations
        },
    }


def _action_id(agent: Agent, place: int) -> str:
    halves = (number(agent.id, place, half).to_bytes(8) for half in (0, 1))
    return str(UUID(bytes=b"".join(halves), version=4))


def _settings(agent: Agent) -> dict[str, Any]:
    return {
        "custom_instructions": agent.instructions.strip(),
        "model": "GPT5_4_MINI",
        "reasoning_effort": "HIGH",
        "test_mode": False,
        "report_test_via": "INTERNAL_TICKET_NOTE",
        "til_channel": "TEAMS",
        "subagent_fanout_enabled": False,
    }


def _tools(agent: Agent, people: tuple[Person, ...]) -> dict[str, Any]:
    asking = {story.tool for story in agent.asks}
    stories = (*agent.does, *agent.fails, *agent.asks)
    used = {use.tool for story in stories for use in story.steps} | {s.tool for s in agent.fails}
    tools: dict[str, Any] = {
        name: {"require_technician_approval": True} if name in asking else {}
        for name in sorted(used | asking)
    }
    if asking:
        tools["REQUEST_TECHNICIAN_APPROVAL"] = {
            "available_technicians_in_the_loop": [{"id": id_, "name": name} for id_, name in people]
        }
    return tools


def _permission(agent: Agent, integration: str) -> dict[str, Any]:
    return {
        "group_type": "TICKETS" if integration == "cw_psa" else "DEFAULT",
        "access_level": "READ_WRITE",
        "require_til": bool(agent.asks) and integration != "cw_psa",
    }
