"""Agents: what they are, what they were, what they shall be, and running one now."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bot.sandbox import params
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import ApiError, invalid, not_found
from bot.sandbox.library import Agent
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.versions import change, configuration, create, shown, summary, versions
from bot.sandbox.world import World

MANAGED_BY_NEO = frozenset({20_452})
"""Agents that Neo itself looks after: nobody else can change them."""

_LONGEST_NAME = 200
_MOST_ACTIONS = 100
_CONDITIONS = ("ticket_conditions", "time_entry_conditions")
_MOST_AGENTS = 500
_LONGEST_ENTITY_ID = 100
_HIDDEN = ("description", "schedule", "callback_settings")
_BY_ITSELF = ("trigger_type", "entity_type", "callback_settings", "schedule", *_CONDITIONS)
_THINKING = ("agent_settings", "toolbox", "integrations")
# What a new agent of each kind may be told; a name that its kind does not know is ignored.
_TOLD = {
    "CHAINED_ACTIONS": (*_BY_ITSELF, "actions"),
    "AGENTIC": (*_BY_ITSELF, *_THINKING),
    "CONVERSATIONAL": (*_THINKING, "audience", "access"),
}
_FIXED = ("autonomy_type", "entity_type", "audience")
_SECRET = re.compile(
    r"secret|token(?!s)|password|credential|api[ _-]?key|bearer|basic|headers?$|^auth|authoriz",
    re.IGNORECASE,
)
_ANY_KEY = re.compile(r"auth|token|key$", re.IGNORECASE)


def agent_of(world: World, call: Call) -> Agent:
    """The agent that the path names.

    Raises:
        ApiError: 404.
    """
    agent = world.agents.get(params.path_integer(call, "agent_id", "agent"))
    if agent is None:
        raise not_found("There is no agent with this id.")
    return agent


async def list_agents(world: World, call: Call) -> Answer:
    """Every agent, by id."""
    seen = params.cursor(call, "agents")
    agents = (world.agents[identifier] for identifier in sorted(world.agents))
    return params.page(
        call,
        (agent for agent in agents if seen is None or agent.id > seen[1]),
        lambda agent: summary(configuration(world, agent)),
        kind="agents",
        key=lambda agent: (world.history.anchor, agent.id),
    )


async def get_agent(world: World, call: Call) -> Answer:
    """One agent with its configuration."""
    return Answer(shown(configuration(world, agent_of(world, call))))


async def list_agent_versions(world: World, call: Call) -> Answer:
    """What changed when, newest first; summaries only."""
    told = versions(world, agent_of(world, call))
    return Answer(
        [
            summary(version.body) | {"version_timestamp": version.body["updated_at"]}
            for version in reversed(told)
        ]
    )


async def get_agent_version_at(world: World, call: Call) -> Answer:
    """The configuration that was in force at a moment."""
    agent = agent_of(world, call)
    moment = params.instant(call, "timestamp")
    then = [v for v in versions(world, agent) if moment is not None and v.at <= moment]
    if not then:
        raise not_found("The agent did not exist at this moment.")
    if moment is not None and world.records.agents.has_forgotten(agent.id, moment):
        raise not_found(
            "What the agent was at this moment is no longer kept: it changed too often."
        )
    body = then[-1].body
    return Answer(shown(body) | {"version_timestamp": body["updated_at"]})


async def create_agent(world: World, call: Call) -> Answer:
    """Add an agent; it starts enabled, with the actions that Neo puts around the given ones."""
    kind = call.body.get("autonomy_type", "CHAINED_ACTIONS")
    known = ("name", "description", *_TOLD[kind])
    body = {part: call.body[part] for part in known if part in call.body}
    name = _name(body["name"])
    given = body.get("actions", [])
    if any(action.get("action_type") == "FIND_ENTITIES" for action in given):
        raise invalid("actions", "FIND_ENTITIES is added by Neo; leave it out.")
    _check_toolbox(body.get("toolbox"))
    trigger = _trigger(body, kind)
    if trigger == "SCHEDULED" and not body.get("schedule"):
        raise invalid("schedule", "An agent that runs by schedule needs a schedule.")
    if len(world.records.agents.created) >= _MOST_AGENTS:
        raise unprocessable("name", f"At most {_MOST_AGENTS} agents can be added.")
    entity = "none" if kind == "CONVERSATIONAL" else str(body.get("entity_type", "ticket"))
    conditions = {part: body[part] for part in _CONDITIONS if body.get(part)}
    first = {"result_entity_type": entity.upper(), **conditions}
    last = [] if kind == "CHAINED_ACTIONS" else [{"action_type": "AGENTIC"}]
    actions = [{"action_type": "FIND_ENTITIES", "input_as_dict": first}, *given, *last]
    created = create(
        world,
        {
            "name": name,
            "state": "ENABLED",
            "autonomy_type": kind,
            "trigger_type": trigger,
            "entity_type": entity.upper(),
            "audience": body.get("audience", "MSP"),
            "access": body.get("access", "ALL_USERS"),
            "actions": _with_ids(actions, call.new_id),
            "agent_settings": None if kind == "CHAINED_ACTIONS" else body.get("agent_settings", {}),
            "toolbox": _merged_toolbox(None, body.get("toolbox")),
            "integrations": body.get("integrations", {}),
            **{part: body[part] for part in _HIDDEN if body.get(part) is not None},
        },
        call.now,
    )
    return Answer(summary(created))


async def update_agent(world: World, call: Call) -> Answer:
    """Change what is sent and nothing else; each change is a version."""
    agent = agent_of(world, call)
    before = configuration(world, agent)
    _check_update(agent, before, call.body)
    after = dict(before)
    if "name" in call.body:
        after["name"] = _name(call.body["name"])
    for part in (*_HIDDEN, "agent_settings", "integrations"):
        if part in call.body:
            after[part] = call.body[part]
    if "toolbox" in call.body:
        after["toolbox"] = _merged_toolbox(before["toolbox"], call.body["toolbox"])
    after["actions"] = _merged_actions(before["actions"], call.body, call.new_id)
    if after != before:
        after = change(world, agent, after, call.now)
    return Answer(summary(after))


async def run_agent_now(world: World, call: Call) -> Answer:
    """Start a run; it goes on in the world like any other."""
    agent = agent_of(world, call)
    entity = call.body.get("target_entity_id") or None
    check_can_run(agent, entity, "target_entity_id")
    if agent.state != "ENABLED":
        raise ApiError(409, "agent_disabled", "The agent is switched off. Switch it on first.")
    run = world.start_for(agent, ticket=entity, at=call.now)
    return Answer({"execution_id": run.id, "status": "queued"})


def check_can_run(agent: Agent, entity: str | None, field: str) -> None:
    """Check that an agent can run by itself, on this ticket.

    Raises:
        ApiError: 400; it only answers in chats, or needs a ticket.
    """
    if agent.autonomy_type == "CONVERSATIONAL":
        message = "A conversational agent answers in chats; it cannot be run by itself."
        raise ApiError(400, "invalid_for_conversational", message)
    if agent.trigger_type == "TRIGGERED" and not entity:
        raise invalid(field, f"This agent works on tickets: {field} must name one.")
    check_length(entity or "", field, _LONGEST_ENTITY_ID)


def _name(given: str) -> str:
    check_length(given, "name", _LONGEST_NAME, least=1)
    return given.strip()


def _trigger(body: Mapping[str, Any], kind: str) -> str:
    if kind == "CONVERSATIONAL":
        return "NONE"
    usual = "TRIGGERED" if body.get("callback_settings") else "NONE"
    return str(body.get("trigger_type", "SCHEDULED" if body.get("schedule") else usual))


def _check_update(agent: Agent, before: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if agent.id in MANAGED_BY_NEO:
        message = "Neo manages this agent. Create a copy of your own to change it."
        raise ApiError(403, "agent_managed_by_neo", message)
    # Whoever sends back what they read also sends when that was last changed.
    read_at = body.get("updated_at")
    if isinstance(read_at, str) and _at(read_at) < _at(str(before["updated_at"])):
        message = "Somebody else changed the agent in the meantime. Read it again, then change it."
        details = {"updated_at": before["updated_at"]}
        raise ApiError(409, "agent_update_conflict", message, details)
    for part in _FIXED:
        if part in body and str(body[part]).upper() != before[part]:
            raise invalid(part, f"{part} cannot be changed.")
    kind = agent.autonomy_type
    # Whoever sends back what they read sends the actions too.
    is_changed = "actions" in body and body["actions"] != before["actions"]
    if is_changed and kind != "CHAINED_ACTIONS":
        raise invalid("actions", "Only agents with chained actions take actions.")
    if body.get("agent_settings") is not None and kind == "CHAINED_ACTIONS":
        raise invalid("agent_settings", "Agents with chained actions have no settings.")
    conditions = next((part for part in _CONDITIONS if part in body), None)
    if conditions and kind == "CONVERSATIONAL":
        raise invalid(conditions, "A conversational agent has no conditions.")
    _check_toolbox(body.get("toolbox"))


def _at(text: str) -> datetime:
    return params.as_instant(text, "updated_at")


def _check_toolbox(toolbox: Mapping[str, Any] | None) -> None:
    tools = (toolbox or {}).get("tool_settings_by_type") or {}
    for name, settings in tools.items():
        is_outside = "EXTERNAL_API" in name.upper()
        if any(
            _SECRET.search(part) or (is_outside and _ANY_KEY.search(part))
            for part in _names(settings)
        ):
            message = "Credentials of external APIs are entered in the dashboard, not sent here."
            raise invalid(f"toolbox.tool_settings_by_type.{name}"[:_LONGEST_NAME], message)


def _names(value: Any) -> Iterable[str]:
    """Every key in a nested value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _merged_toolbox(
    before: Mapping[str, Any] | None, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The tools with what was given put over each; null takes a tool away."""
    tools = dict((before or {}).get("tool_settings_by_type") or {})
    for name, settings in ((given or {}).get("tool_settings_by_type") or {}).items():
        if settings is None:
            tools.pop(name, None)
        else:
            tools[name] = {**(tools.get(name) or {}), **settings}
    return {"tool_settings_by_type": tools}


def _with_ids(
    actions: Iterable[Mapping[str, Any]], new_id: Callable[[], UUID]
) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for action in actions:
        if not action.get("action_type"):
            raise invalid("actions.action_type", "Each action needs an action_type.")
        used = {other["id"] for other in told}
        identifier = action.get("id")
        if not identifier or identifier in used:
            identifier = str(new_id())
        told.append({"input_as_dict": {}, **action, "id": identifier})
    return told


def _merged_actions(
    before: list[dict[str, Any]], body: Mapping[str, Any], new_id: Callable[[], UUID]
) -> list[dict[str, Any]]:
    """The actions with what was given put over the one that is meant; others come at the end."""
    actions = [dict(action) for action in before]
    conditions = {part: body[part] for part in _CONDITIONS if part in body}
    if conditions and actions:
        actions[0]["input_as_dict"] = {**actions[0]["input_as_dict"], **conditions}
    for given in body.get("actions") or []:
        meant = _meant(actions, given)
        if meant is not None:
            inputs = {**meant["input_as_dict"], **(given.get("input_as_dict") or {})}
            meant |= {**given, "id": meant["id"], "input_as_dict": inputs}
            continue
        if given.get("action_type") == "FIND_ENTITIES":
            raise invalid("actions", "FIND_ENTITIES is added by Neo; leave it out.")
        actions = _with_ids([*actions, given], new_id)
    if len(actions) > _MOST_ACTIONS:
        raise invalid("actions", f"An agent has at most {_MOST_ACTIONS} actions.")
    return actions


def _meant(actions: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any] | None:
    same_id = [action for action in actions if action["id"] == given.get("id")]
    same_type = [a for a in actions if a["action_type"] == given.get("action_type")]
    if same_id:
        return same_id[0]
    return same_type[0] if len(same_type) == 1 else None


OPERATIONS = {
    "listAgents": list_agents,
    "createAgent": create_agent,
    "getAgent": get_agent,
    "updateAgent": update_agent,
    "runAgentNow": run_agent_now,
    "listAgentVersions": list_agent_versions,
    "getAgentVersionAt": get_agent_version_at,
}
