"""Asking Neo's own team for help."""

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import not_found
from bot.sandbox.records import Escalation
from bot.sandbox.refusals import check_length
from bot.sandbox.world import World

_FIRST_TICKET = 5_001
_MOST = 200
_LONGEST_SUMMARY = 300
_LONGEST_DETAILS = 20_000


async def escalate_to_neo_team(world: World, call: Call) -> Answer:
    """Raise a ticket with Neo's team; a run or session that is named must exist."""
    summary, details = call.body["summary"].strip(), call.body["details"].strip()
    check_length(summary, "summary", _LONGEST_SUMMARY, least=1)
    check_length(details, "details", _LONGEST_DETAILS, least=1)
    run, session = call.body.get("execution_id"), call.body.get("chat_session_id")
    if run is not None and world.run(run) is None:
        raise not_found("There is no execution with this id.")
    if session is not None and session not in world.records.chat.sessions:
        raise not_found("There is no chat session with this id.")
    raised = world.records.escalations
    last = int(raised[-1].ticket_id.removeprefix("NEO-")) if raised else _FIRST_TICKET - 1
    ticket = f"NEO-{last + 1}"
    raised.append(Escalation(ticket_id=ticket, summary=summary, details=details, at=call.now))
    del raised[:-_MOST]
    world.changes += 1
    return Answer({"ticket_id": ticket, "ticket_url": f"https://support.example/tickets/{ticket}"})


OPERATIONS = {"escalateToNeoTeam": escalate_to_neo_team}
