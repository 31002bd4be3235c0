"""Handovers: a client's chat that asks for a person, taken by the first technician who accepts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.calls import Answer, Call
from bot.sandbox.chance import pick
from bot.sandbox.records import TakenHandover
from bot.sandbox.refusals import check_length
from bot.sandbox.world import World

_FIRST_ID = 9_001
_COUNT = 8
_LIVES = timedelta(hours=24)
_BETWEEN = timedelta(hours=5)
_TAKEN_BY_A_COLLEAGUE = 1
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Handover:
    """A request for a person: which client's, since when."""

    id: str
    company: str
    asked_at: datetime


def handovers(world: World) -> list[Handover]:
    """The world's handovers, newest first; they were asked before it began, and live for a day."""
    companies = world.planner.library.companies
    return [
        Handover(
            id=str(_FIRST_ID + place),
            company=pick(companies, world.seed, 91, place).name,
            asked_at=world.history.anchor - timedelta(minutes=4) - place * _BETWEEN,
        )
        for place in range(_COUNT)
    ]


async def accept_handover(world: World, call: Call) -> Answer:
    """Take a handover; every outcome is an answer, not an error."""
    name = call.body["technician_name"].strip()
    for field in ("technician_name", "technician_aad_id", "technician_tenant_id"):
        check_length(call.body[field], field, _LONGEST_TEXT, least=1)
    known = {handover.id: handover for handover in handovers(world)}
    handover = known.get(call.path["request_id"])
    if handover is None:
        return Answer({"status": "not_found", "message": "There is no such request."})
    taken = world.records.handovers.get(handover.id)
    by = taken.by if taken else _colleague(world, handover)
    if by is not None:
        message = f"{by} has taken {handover.company} already."
        return Answer({"status": "already_taken", "accepted_by": by, "message": message})
    if handover.asked_at + _LIVES <= call.now:
        message = f"The request of {handover.company} has expired."
        return Answer({"status": "expired", "message": message})
    world.records.handovers[handover.id] = TakenHandover(by=name, at=call.now)
    world.changes += 1
    message = f"You have taken {handover.company}; the ticket is in your chat."
    return Answer({"status": "accepted", "accepted_by": name, "message": message})


def _colleague(world: World, handover: Handover) -> str | None:
    """Who took it before the world began; nobody, for all but one."""
    is_taken = handover.id == str(_FIRST_ID + _TAKEN_BY_A_COLLEAGUE)
    return world.people[-1][1] if is_taken else None


OPERATIONS = {"acceptHandover": accept_handover}
