"""What an agent is configured to do, now and at any moment before."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.sandbox.library import Agent
from bot.sandbox.profiles import agent_body
from bot.sandbox.records import AgentVersion
from bot.sandbox.runs import stamp

if TYPE_CHECKING:
    from bot.sandbox.world import World

MOST_VERSIONS = 1_000
"""Versions that are kept of one agent."""

_SUMMARY = (
    *("id", "name", "state", "autonomy_type", "trigger_type", "entity_type"),
    *("audience", "access", "created_at", "updated_at"),
)
_SHOWN = (*_SUMMARY, "actions", "agent_settings", "toolbox", "integrations")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def summary(body: dict[str, Any]) -> dict[str, Any]:
    """A row of the list."""
    return {name: body[name] for name in _SUMMARY}


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """All that a read shows; Neo takes a schedule and a description, but does not give them."""
    return {name: body[name] for name in _SHOWN}


def configuration(world: World, agent: Agent) -> dict[str, Any]:
    """The agent as it is configured now."""
    changed = world.records.agents.current(agent.id)
    if changed is None:
        return agent_body(agent, world.history.anchor, world.people)
    return changed | {"state": agent.state}


def versions(world: World, agent: Agent) -> list[AgentVersion]:
    """Every version of the agent, oldest first; the last one is in force."""
    kept = world.records.agents.versions.get(agent.id, [])
    if agent.id in world.records.agents.created:
        return kept
    first = kept[0].body if kept else configuration(world, agent)
    return [*_before(first), *kept] if kept else [*_before(first), _version(first)]


def agent_at(world: World, agent_id: int, at: datetime) -> Agent | None:
    """The agent as it was set up at a moment; None for one that was not there."""
    agent = world.agents.get(agent_id)
    kept = world.records.agents.versions.get(agent_id, [])
    then = [version for version in kept if version.at <= at]
    if kept and not then:
        if agent_id in world.records.agents.created:
            return None
        then = kept[:1]
    return as_agent(then[-1].body, agent) if then else agent


def change(world: World, agent: Agent, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Put another configuration in force; it comes back, with the time of the change in it."""
    records = world.records.agents
    if agent.id not in records.versions:
        before = configuration(world, agent)
        records.keep(agent.id, _version(before).at, before, MOST_VERSIONS)
    changed = body | {"updated_at": stamp(now)}
    records.keep(agent.id, now, changed, MOST_VERSIONS)
    world.agents[agent.id] = as_agent(changed, agent)
    world.changes += 1
    return changed


def create(world: World, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Add an agent; its configuration comes back with id and times in it."""
    identifier = max(world.agents) + 1
    created = {"id": str(identifier), **body, "created_at": stamp(now), "updated_at": stamp(now)}
    world.records.agents.created.append(identifier)
    world.records.agents.keep(identifier, now, created, MOST_VERSIONS)
    world.agents[identifier] = as_agent(created)
    world.changes += 1
    return created


def settle(world: World) -> None:
    """Let the world's agents be what the records say, after these were read from disk."""
    for identifier, kept in world.records.agents.versions.items():
        world.agents[identifier] = as_agent(kept[-1].body, world.agents.get(identifier))


def as_agent(body: dict[str, Any], pattern: Agent | None = None) -> Agent:
    """The agent that runs as configured: with the pattern's stories, or none of its own."""
    settings = body["agent_settings"] or {}
    told = {
        "id": int(body["id"]),
        "name": body["name"],
        "state": body["state"],
        "autonomy_type": body["autonomy_type"],
        "trigger_type": body["trigger_type"],
        "audience": body["audience"],
        "access": body["access"],
        "integrations": tuple(body["integrations"] or ()),
        "actions": tuple(action["action_type"] for action in body["actions"]),
        "instructions": str(
            settings.get("custom_instructions") or body.get("description") or body["name"]
        ),
    }
    if pattern is not None:
        return pattern.model_copy(update=told)
    usual = {"weight": 0, "seconds": (20, 60), "credits": (2, 4)}
    return Agent.model_validate({**told, **usual, "on_tickets": body["entity_type"] == "TICKET"})


def _version(body: dict[str, Any]) -> AgentVersion:
    return AgentVersion(at=datetime.fromisoformat(body["updated_at"]).astimezone(UTC), body=body)


def _before(body: dict[str, Any]) -> list[AgentVersion]:
    """The past of an agent of the library: switched off at first, its instructions growing."""
    identifier = int(body["id"])
    created, updated = (
        datetime.fromisoformat(body[name]).astimezone(UTC) for name in ("created_at", "updated_at")
    )
    count = 1 + identifier % 4
    told: list[AgentVersion] = []
    for place in range(count):
        at = created + (updated - created) * place / count
        at -= timedelta(microseconds=at.microsecond)
        earlier = {
            **body,
            "state": body["state"] if place else "DISABLED",
            "updated_at": stamp(at if place else created),
            "agent_settings": _part_of(body["agent_settings"], (place + 1) / (count + 1)),
        }
        told.append(_version(earlier))
    return told


def _part_of(settings: dict[str, Any] | None, share: float) -> dict[str, Any] | None:
    if settings is None:
        return None
    sentences = _SENTENCE.split(str(settings.get("custom_instructions") or ""))
    kept = sentences[: max(round(len(sentences) * share), 1)]
    return settings | {"custom_instructions": " ".join(kept)}
