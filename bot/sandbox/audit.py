"""What a run wrote into the fields of its ticket, field by field."""

from typing import Any

from bot.sandbox.library import TicketField
from bot.sandbox.runs import Run, stamp
from bot.sandbox.scripts import Beat
from bot.sandbox.world import World

_WRITING_TOOLS = frozenset({"UPDATE_TICKET_FIELDS", "ESCALATE_TICKET"})
_NO_PROMPT = "N/A"


def field_audit(world: World, run: Run) -> list[dict[str, Any]]:
    """An entry for each field that a step of the run set, or tried to, oldest first."""
    thought = next((b.message for _at, b in run.steps(world.now) if b.type == "THOUGHT"), "")
    fields = {field.name: field for field in world.planner.library.fields}
    return [
        _entry(run, fields[name], str(value), thought) | {"created_at": stamp(at)}
        for at, beat in run.steps(world.now)
        for name, value in _written(beat).items()
        if name in fields
    ]


def _written(beat: Beat) -> dict[str, Any]:
    is_write = beat.type == "TOOL_CALL" and beat.tool in _WRITING_TOOLS
    return beat.data if is_write and isinstance(beat.data, dict) else {}


def _entry(run: Run, field: TicketField, value: str, thought: str) -> dict[str, Any]:
    ids = {option.name: option.id for option in field.options}
    entry: dict[str, Any] = {
        "agent_id": run.script.agent_id,
        "agent_name": run.script.agent_name,
        "entity_id": run.script.ticket.id if run.script.ticket else None,
        "field_name": field.name,
        "is_custom_field": False,
        "current_value": field.usual,
        "predicted_value": value,
        "predicted_value_id": ids.get(value),
        "should_update_field": value != field.usual,
        "ai_justification": thought,
        "system_prompt": _NO_PROMPT,
        "user_prompt": _NO_PROMPT,
        "gpt_response": value,
        "options_to_choose_from": [option.model_dump() for option in field.options],
    }
    return {name: told for name, told in entry.items() if told is not None}
