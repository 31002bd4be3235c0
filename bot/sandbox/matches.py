"""Which agents a change of a ticket starts, field by field, as the API shows a callback."""

from typing import Any

from bot.sandbox.callbacks import LEAD, Callback
from bot.sandbox.chance import callback_id, pick
from bot.sandbox.library import Agent, Condition
from bot.sandbox.runs import stamp
from bot.sandbox.versions import agent_at
from bot.sandbox.world import World

_USUAL = {
    "board": "Service Desk",
    "type": "Request",
    "status": "In Progress",
    "priority": "Priority 3",
    "contact_type": "Standard",
}
_IDLE_STATUSES = ("Waiting for Client", "Closed", "Closed")


def ticket_fields(callback: Callback, seed: int) -> dict[str, str]:
    """The ticket's fields as the callback found them."""
    card = callback.card
    found = _USUAL | {
        condition.field: pick(condition.values, seed, 94, card, place)
        for place, condition in enumerate(callback.plan.agent.conditions)
    }
    if callback.plan.outcome != "started":
        found["status"] = pick(_IDLE_STATUSES, seed, 95, card)
    return found


def callback_body(world: World, callback: Callback) -> dict[str, Any]:
    """A row of `GET /callbacks`; what is not known yet is left out."""
    matches = _matches(world, callback)
    started = [callback.plan.agent.id] if callback.plan.outcome == "started" else []
    body: dict[str, Any] = {
        "callback_id": callback.id,
        "entity_type": "TICKET",
        "entity_id": callback.ticket.id,
        "entity_number": callback.ticket.number,
        "change_type": callback.plan.change,
        "created_in_psa_at": stamp(callback.created_at),
        "started_workflow_ids": started,
        "failed_to_match_workflow_ids": [
            match["workflow_id"] for match in matches if not match["matched"]
        ],
        "workflow_matches": matches,
    }
    if callback.finished_at <= world.now:
        body["finished_processing_at"] = stamp(callback.finished_at)
    if callback.error:
        body["error_message"] = callback.error
    else:
        # Another seed, so that it looks like an id and is nobody else's.
        body["matcher_run_id"] = callback_id(world.seed + 1, callback.place)
    return body


def callback_detail(world: World, callback: Callback) -> dict[str, Any]:
    """The callback of `GET /callbacks/{id}`, with what was done when."""
    received = callback.created_at + (callback.finished_at - callback.created_at) / 4
    trail: list[dict[str, Any]] = [
        {"at": callback.created_at, "stage": "CHANGED_IN_PSA", "change": callback.plan.change},
        {"at": received, "stage": "RECEIVED", "entity_number": callback.ticket.number},
    ]
    done: dict[str, Any] = {"at": callback.finished_at}
    if callback.error:
        trail.append(done | {"stage": "FAILED", "error": callback.error})
    else:
        fields = ticket_fields(callback, world.seed)
        trail.append(done | {"stage": "MATCHED", "ticket": fields})
    if callback.plan.outcome == "started":
        agent = _started(world, callback)
        begun = {"stage": "STARTED", "workflow_id": agent.id, "workflow_name": agent.name}
        trail.append({"at": callback.created_at + LEAD, **begun})
    told = [entry | {"at": stamp(entry["at"])} for entry in trail if entry["at"] <= world.now]
    return callback_body(world, callback) | {"processed_audit_trail": told}


def _matches(world: World, callback: Callback) -> list[dict[str, Any]]:
    if callback.error:
        return []  # an unread ticket is compared with nothing
    then = (agent_at(world, identifier, callback.created_at + LEAD) for identifier in world.agents)
    watching = {
        agent.id: agent
        for agent in then
        if agent is not None and agent.trigger_type == "TRIGGERED" and agent.state == "ENABLED"
    }
    if callback.plan.outcome == "started":
        started = _started(world, callback)
        watching[started.id] = started
    fields = ticket_fields(callback, world.seed)
    return [_match(agent, callback, fields) for agent in watching.values()]


def _started(world: World, callback: Callback) -> Agent:
    """The agent that was started, as it was set up then."""
    agent = callback.plan.agent
    return agent_at(world, agent.id, callback.created_at + LEAD) or agent


def _match(agent: Agent, callback: Callback, fields: dict[str, str]) -> dict[str, Any]:
    change = callback.plan.change
    failed = [c for c in agent.conditions if fields.get(c.field) not in c.values]
    listens = change in agent.events and bool(agent.conditions)
    if not agent.conditions:
        reason = "No condition of this agent can be compared: it runs when somebody asks."
    elif not listens:
        reason = f"The agent does not listen to {change}."
    elif failed:
        reason = " ".join(_why_not(condition, fields.get(condition.field)) for condition in failed)
    else:
        reason = f"All {len(agent.conditions)} conditions hold."
    return {
        "workflow_id": agent.id,
        "workflow_name": agent.name,
        "matched": listens and not failed,
        "match_reason": reason,
        "error": False,
        "match_details": {
            "event_type": change,
            "field_comparisons": [
                {
                    "field_name": condition.field,
                    "field_value": fields.get(condition.field),
                    "is_match": fields.get(condition.field) in condition.values,
                    "operator": condition.operator,
                    "rule_value": condition.value,
                }
                for condition in agent.conditions
            ],
        },
    }


def _why_not(condition: Condition, value: str | None) -> str:
    wanted = " or ".join(condition.values)
    return f"{condition.field} is {value or 'not set'}, not {wanted}."
