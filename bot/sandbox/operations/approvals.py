"""Approvals: what agents ask people, and what people answer."""

from datetime import datetime

from bot.sandbox import params, windows
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import ApiError, not_found
from bot.sandbox.runs import Run, approval_body, stamp
from bot.sandbox.world import AlreadyDecidedError, ApprovalFilter, World

SERVICE_ACCOUNT = ("c0ffee00-5e4f-4d6a-9c55-000000000001", "Neo API service account")
"""Who decides when a tenant key does: Neo ignores the person that a tenant key names."""
ADMINISTRATOR = ("c0ffee00-5e4f-4d6a-9c55-000000000002", "Dashboard administrator")
"""Who decides when the dashboard's admin does."""


async def list_til_requests(world: World, call: Call) -> Answer:
    """Approvals, newest question first."""
    wanted = ApprovalFilter(
        agent_id=call.query.get("agent_id"),
        statuses=params.words(call, "status"),
        approver=call.query.get("approver"),
        text=call.query.get("q"),
        created_after=params.instant(call, "created_after"),
        created_before=params.instant(call, "created_before"),
    )
    if wanted.created_after is not None and wanted.created_before is not None:
        windows.check_order(wanted.created_after, wanted.created_before, "created_before")
    runs = world.approvals(wanted, params.cursor(call, "til-requests"))
    return params.page(call, runs, approval_body, kind="til-requests", key=_asked_key)


async def list_execution_til_requests(world: World, call: Call) -> Answer:
    """What one run has asked so far."""
    run = world.run(call.path["execution_id"])
    if run is None:
        raise not_found("There is no execution with this id.")
    asked = run.approval and run.approval.created_at <= world.now
    return Answer([approval_body(run)] if asked else [])


async def decide_til_request(world: World, call: Call) -> Answer:
    """Approve or reject; the first decision stands."""
    run = world.approval(params.path_integer(call, "request_id", "TIL request"))
    if run is None:
        raise not_found("There is no TIL request with this id.")
    person = ADMINISTRATOR if call.by == "admin" else SERVICE_ACCOUNT
    try:
        world.decide(run, call.body["action"], person, call.body.get("note") or "")
    except AlreadyDecidedError as error:
        raise _already_decided(error.run) from error
    return Answer(approval_body(run))


def _asked_key(run: Run) -> tuple[datetime, int]:
    if run.approval is None:
        raise ValueError(f"Run {run.id} asks nobody.")
    return run.approval.created_at, run.approval.id


def _already_decided(run: Run) -> ApiError:
    body = approval_body(run)
    decision = run.approval.decision if run.approval else None
    return ApiError(
        409,
        "til_request_already_decided",
        f"This request was already {body['status'].lower()} by {body['decided_by']['name']}.",
        {
            "til_request_id": body["id"],
            "status": body["status"],
            "decided_by": body["decided_by"],
            "decided_at": stamp(decision.at) if decision else None,
        },
    )


OPERATIONS = {
    "listTilRequests": list_til_requests,
    "listExecutionTilRequests": list_execution_til_requests,
    "decideTilRequest": decide_til_request,
}
