"""Runs: the list, one of them, its steps, the fields it set, the callback that started it."""

from typing import Any

from bot.sandbox import params
from bot.sandbox.audit import field_audit
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import not_found
from bot.sandbox.lists import run_key
from bot.sandbox.matches import callback_detail
from bot.sandbox.runs import Run, run_body, step_bodies
from bot.sandbox.world import RunFilter, World


async def list_executions(world: World, call: Call) -> Answer:
    """Runs, newest first."""
    wanted = RunFilter(
        agent_id=call.query.get("agent_id"),
        entity_id=call.query.get("entity_id"),
        entity_number=call.query.get("entity_number"),
        statuses=params.words(call, "status"),
    )
    runs = world.runs(wanted, params.cursor(call, "runs"))
    return params.page(call, runs, lambda run: run_body(run, world.now), kind="runs", key=run_key)


async def get_execution(world: World, call: Call) -> Answer:
    """One run as it stands."""
    return Answer(run_body(_run(world, call), world.now))


async def list_execution_steps(world: World, call: Call) -> Answer:
    """What a run, or a chat session, has done so far."""
    steps = world.records.chat.steps(call.path["execution_id"])
    if steps is None:
        steps = step_bodies(_run(world, call), world.now)
    types = params.words(call, "type")
    tool = call.query.get("tool_type_name", "").casefold()
    step_id = call.query.get("step_id")
    has_data = call.query["include_data"] or step_id is not None
    return Answer(
        [
            _drawn(step, has_data=has_data)
            for step in steps
            if (types is None or step["type"] in types)
            and (not tool or step.get("tool_type_name", "").casefold() == tool)
            and step_id in {None, step["step_id"]}
        ]
    )


def _drawn(step: dict[str, Any], *, has_data: bool) -> dict[str, Any]:
    return step if has_data else {key: value for key, value in step.items() if key != "data"}


async def get_field_update_audit(world: World, call: Call) -> Answer:
    """What a run wrote into its ticket's fields, and why."""
    return Answer(field_audit(world, _run(world, call)))


async def get_execution_callback(world: World, call: Call) -> Answer:
    """The callback that started a run."""
    callback = world.callbacks.of_run(_run(world, call))
    if callback is None:
        raise not_found("No callback started this execution.")
    return Answer(callback_detail(world, callback))


def _run(world: World, call: Call) -> Run:
    run = world.run(call.path["execution_id"])
    if run is None:
        raise not_found("There is no execution with this id.")
    return run


OPERATIONS = {
    "listExecutions": list_executions,
    "getExecution": get_execution,
    "listExecutionSteps": list_execution_steps,
    "getFieldUpdateAudit": get_field_update_audit,
    "getExecutionCallback": get_execution_callback,
}
