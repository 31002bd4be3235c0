"""Agents that were shared: what anybody who has the link can see."""

from typing import Any

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import not_found
from bot.sandbox.library import Agent
from bot.sandbox.profiles import stable_id
from bot.sandbox.runs import stamp
from bot.sandbox.versions import configuration
from bot.sandbox.world import World

_SHARED = ("Onboarding L1", "Password Reset")
_LEVELS = {"DISABLED": "none", "READ_ONLY": "read", "READ_WRITE": "read and write"}
_PEOPLE = "REQUEST_TECHNICIAN_APPROVAL"


def shared_agents(world: World) -> dict[str, Agent]:
    """The agents that are shared, by the token of their link."""
    return {
        stable_id(world.seed, f"share {agent.name}").replace("-", ""): world.agents[agent.id]
        for agent in world.planner.library.agents
        if agent.name in _SHARED
    }


async def get_shared_agent(world: World, call: Call) -> Answer:
    """What a link shows: how the agent works, but none of the tenant's people or values."""
    agent = shared_agents(world).get(call.path["share_token"])
    if agent is None or agent.state != "ENABLED":
        raise not_found("There is no shared agent behind this link.")
    body = configuration(world, agent)
    tools = (body["toolbox"] or {}).get("tool_settings_by_type") or {}
    public = {name: body[name] for name in ("name", "autonomy_type", "trigger_type", "entity_type")}
    return Answer(
        {
            "view": _view(world, body, sorted(tools)),
            "agent": public,
            "action_schemas": [
                {"action_type": action["action_type"]} for action in body["actions"]
            ],
            "tool_schemas": [
                {
                    "tool_type": name,
                    "requires_approval": bool(tools[name].get("require_technician_approval")),
                }
                for name in sorted(tools)
            ],
            "integration_schemas": {name: {"name": name} for name in body["integrations"] or {}},
            "integration_statuses": dict.fromkeys(body["integrations"] or {}, "CONNECTED"),
            "ticket_schema": {},
            "time_entry_schema": {},
            "callback_change_options": ["CREATE", "FIELD_UPDATED"],
        }
    )


def _view(world: World, body: dict[str, Any], tools: list[str]) -> dict[str, Any]:
    settings = body["agent_settings"] or {}
    integrations = [
        {
            "key": key,
            "name": key,
            "groups": [
                {
                    "name": permission["group_type"],
                    "access": _LEVELS.get(permission["access_level"], "none"),
                    "requires_approval": permission["require_til"],
                }
                for permission in granted.get("permissions") or []
            ],
        }
        for key, granted in (body["integrations"] or {}).items()
    ]
    return {
        "name": body["name"],
        "prompt": settings.get("custom_instructions", ""),
        "pipeline": [action["action_type"] for action in body["actions"]],
        "tools": [name for name in tools if name != _PEOPLE],
        "integrations": integrations,
        "triggers": [body["trigger_type"]],
        "filters": [],
        "filter_values_masked": True,
        "schedule": body.get("schedule"),
        "attribution": {"label": "Tailwind IT", "logo_url": None},
        "capabilities": {
            "sandbox_enabled": False,
            "subagents_enabled": bool(settings.get("subagent_fanout_enabled")),
        },
        "created_at": stamp(world.history.anchor),
    }


OPERATIONS = {"getSharedAgent": get_shared_agent}
