"""Scheduled work: what waits, what came of it, and putting an agent on the clock."""

from bot.sandbox import params
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import not_found
from bot.sandbox.operations.agents import check_can_run
from bot.sandbox.operations.approvals import ADMINISTRATOR, SERVICE_ACCOUNT
from bot.sandbox.profiles import tenant_id
from bot.sandbox.records import ScheduledWork
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.scheduling import MOST_WORK, ticket_number, work_body, work_status
from bot.sandbox.world import World

_LONGEST_INSTRUCTIONS = 20_000


async def list_scheduled_work(world: World, call: Call) -> Answer:
    """What was scheduled, newest first; this list counts pages instead of handing out cursors."""
    status, ticket = call.query.get("status"), call.query.get("ticket_id")
    search = str(call.query.get("search", "")).casefold()

    def is_wanted(work: ScheduledWork) -> bool:
        places = f"{work.ticket_id or ''}\n{ticket_number(world, work) or ''}".casefold()
        return (
            (status is None or work_status(world, work) == status)
            and (ticket is None or work.ticket_id == ticket)
            and (not search or search in places)
        )

    found = [work for work in reversed(world.records.schedule.work) if is_wanted(work)]
    number, size = int(call.query["page"]), int(call.query["page_size"])
    begin = (number - 1) * size
    page = {
        "has_more": len(found) > begin + size,
        "next_cursor": None,
        "page": number,
        "page_size": size,
        "total": len(found),
    }
    tenant = tenant_id(world.seed)
    return Answer([work_body(world, work, tenant) for work in found[begin : begin + size]], page)


async def schedule_work(world: World, call: Call) -> Answer:
    """Let an agent run at an instant to come."""
    agent = world.agents.get(call.body["workflow_id"])
    if agent is None:
        raise not_found("There is no workflow with this id.")
    ticket = call.body.get("ticket_id") or None
    check_can_run(agent, ticket, "ticket_id")
    at = params.as_instant(call.body["scheduled_for"], "scheduled_for")
    if at <= call.now:
        raise unprocessable("scheduled_for", "scheduled_for must lie in the future.")
    instructions = call.body.get("additional_custom_instructions") or ""
    check_length(instructions, "additional_custom_instructions", _LONGEST_INSTRUCTIONS)
    work = world.records.schedule.add(
        workflow_id=agent.id,
        ticket_id=ticket,
        instructions=instructions,
        scheduled_for=at,
        created_by=(ADMINISTRATOR if call.by == "admin" else SERVICE_ACCOUNT)[1],
        now=call.now,
        most=MOST_WORK,
    )
    world.changes += 1
    return Answer(work_body(world, work, tenant_id(world.seed)))


OPERATIONS = {"listScheduledWork": list_scheduled_work, "scheduleWork": schedule_work}
