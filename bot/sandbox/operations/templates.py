"""Templates: agents as they can be had ready-made."""

from typing import Any

from bot.sandbox import params
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import not_found
from bot.sandbox.library import Agent
from bot.sandbox.profiles import agent_body
from bot.sandbox.world import World

_PSAS = ["CONNECTWISE", "AUTOTASK", "HALO_PSA"]
_POPULAR_WEIGHT = 8


def templates(world: World) -> dict[int, Agent]:
    """What can be had, by number: each agent of the library that runs by itself."""
    agents = [a for a in world.planner.library.agents if a.autonomy_type != "CONVERSATIONAL"]
    return dict(enumerate(agents, start=1))


async def get_template(world: World, call: Call) -> Answer:
    """One template."""
    number = params.path_integer(call, "template_id", "template")
    agent = templates(world).get(number)
    if agent is None:
        raise not_found("There is no template with this id.")
    return Answer(_body(world, number, agent))


def _body(world: World, number: int, agent: Agent) -> dict[str, Any]:
    body = agent_body(agent, world.history.anchor, ())
    told = " ".join(agent.instructions.split())
    scheduled = agent.trigger_type == "SCHEDULED"
    return {
        "id": number,
        "name": agent.name,
        "tagline": told.split(". ")[0].rstrip(".") + ".",
        "description": told,
        "category": "Reporting" if scheduled else "Service desk",
        "popular": agent.weight >= _POPULAR_WEIGHT,
        "scope": 1,
        "required_integrations": [name for name in agent.integrations if name != "cw_psa"],
        "supported_psas": _PSAS,
        "actions": body["actions"],
        "toolbox": body["toolbox"],
        "agent_settings": body["agent_settings"] or {},
        "integrations": body["integrations"],
        "schedule": {"frequency": "DAILY", "hour": 7} if scheduled else {},
        "callback_settings": {}
        if scheduled
        else {"target_changes": [{"change_type": "CREATE"}], "run_only_once_per_entity": True},
        "process_entities_sequentially": False,
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
    }


OPERATIONS = {"getTemplate": get_template}
