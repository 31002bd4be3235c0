"""What is gathered for a decision, out of a Neo that answers, lags or fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.approvals.evidence import Gathering, action
from bot.neo.models import Approval, ApprovalState, Outcome
from bot.store import approvals as stored
from bot.store.approvals import Known
from cards.evidence import EARLIER, ENDS, RUN, STEPS, Evidence
from tests.workplace import ADELE, ALEX, MEGAN, TENANT, Workplace

AGENT = "Password Reset"


def gathering(office: Workplace, **how: Any) -> Gathering:
    return Gathering(office.pool, office.rooms.turns.neo_of, office.clock, **how)


async def known(office: Workplace, number: int) -> Known:
    """The approval as it is in Neo, written down here."""
    neo = office.rooms.turns.neo_of(TENANT)
    found = [one async for one in neo.approvals.list() if one.id == str(number)]
    async with office.pool.connection() as conn:
        await stored.write(conn, TENANT, found[0], at=office.clock())
        there = await stored.find(conn, TENANT, str(number))
    assert there is not None
    return there


async def gathered(office: Workplace, number: int, **how: Any) -> Evidence:
    return await gathering(office, **how).gather(TENANT, await known(office, number))


def decided(office: Workplace, number: int, verdict: str, **words: Any) -> None:
    """An approval of an hour ago and its decision, by Alex Wilber in Neo."""
    at = office.clock() - timedelta(hours=1, minutes=number)
    asked: dict[str, Any] = {"agent": AGENT, "ticket": f"47{number:03d}", "at": at} | words
    office.neo.has_approval(number, **asked)
    office.neo.decides_elsewhere(number, verdict, by=ALEX)


def asked_paths(office: Workplace) -> list[str]:
    return [request.path for request in office.neo.requests]


async def test_the_run_that_asks_is_found_with_its_steps_and_remembered(office: Workplace) -> None:
    made = office.neo.has_approval(481, agent=AGENT)
    office.neo.has_run(agent=AGENT, at=office.clock() - timedelta(hours=2))

    evidence = await gathered(office, 481)

    assert evidence.run is not None
    assert evidence.run.id == made["execution_id"]
    assert evidence.run.outcome is Outcome.WAITING
    assert [step.tool for step in evidence.steps][-1] == "REQUEST_TECHNICIAN_APPROVAL"
    assert any(step.data for step in evidence.steps)
    assert evidence.missing == ()
    async with office.pool.connection() as conn:
        there = await stored.find(conn, TENANT, "481")
    assert there is not None
    assert there.run == made["execution_id"]


async def test_a_run_that_is_remembered_is_not_looked_for(office: Workplace) -> None:
    made = office.neo.has_approval(481, agent=AGENT)
    await gathered(office, 481)
    before = await known(office, 481)
    office.neo.requests.clear()

    evidence = await gathering(office).gather(TENANT, before)

    assert evidence.run is not None
    assert evidence.run.id == made["execution_id"]
    assert len(asked_paths(office)) == 4
    asks_of_runs = [path for path in asked_paths(office) if "executions/" in path]
    assert not [path for path in asks_of_runs if path.endswith("/til-requests")]


async def test_it_takes_eight_requests_at_most(office: Workplace) -> None:
    office.neo.has_approval(481, agent=AGENT, at=office.clock() - timedelta(minutes=5))
    for minutes in range(1, 12):
        # Each began before the approval's own run, or after it.
        office.neo.has_run(agent=AGENT, at=office.clock() - timedelta(minutes=minutes * 2))
    before = await known(office, 481)
    office.neo.requests.clear()

    evidence = await gathering(office).gather(TENANT, before)

    assert evidence.run is not None
    assert len(asked_paths(office)) <= 8


async def test_earlier_decisions_on_the_same_action_are_counted_with_their_ends(
    office: Workplace,
) -> None:
    for number in range(1, 9):
        decided(office, number, "approve")
    failed = office.neo.world.approval(3)
    assert failed is not None
    failed.set_fields = {"status": "FAILURE", "error": "The user is not in the directory"}
    decided(office, 9, "reject")
    decided(office, 10, "approve")
    decided(office, 11, "approve", tool="M365_UNLOCK_USER")
    decided(office, 12, "approve", agent="Offboarding")
    decided(office, 13, "approve", at=office.clock() - timedelta(days=91))
    office.neo.has_approval(14, agent=AGENT, ticket="47014")
    office.neo.has_approval(481, agent=AGENT)
    office.clock.goes_on(minutes=5)

    evidence = await gathered(office, 481)

    assert sorted(int(one.id) for one in evidence.earlier) == list(range(1, 11))
    assert evidence.tally == "9 of the last 10 approved, 1 of those failed"
    assert {one.by for one in evidence.earlier} == {"Alex Wilber"}
    ends = {one.id: one.ended for one in evidence.earlier}
    assert ends["3"] is Outcome.FAILED
    assert ends["1"] is Outcome.SUCCEEDED


async def test_the_newest_come_first_and_no_more_than_ten(office: Workplace) -> None:
    for number in range(1, 16):
        at = office.clock() - timedelta(days=number)
        office.neo.has_approval(number, agent=AGENT, ticket=f"47{number:03d}", at=at)
        office.neo.decides_elsewhere(number, "approve", by=ADELE)
        office.clock.goes_on(minutes=1)
    office.neo.has_approval(481, agent=AGENT)

    evidence = await gathered(office, 481)

    assert [int(one.id) for one in evidence.earlier] == list(range(15, 5, -1))
    moments = [one.at for one in evidence.earlier if one.at]
    assert moments == sorted(moments, reverse=True)


async def test_who_decided_through_this_bot_is_named_and_not_the_key(office: Workplace) -> None:
    office.neo.has_approval(7, agent=AGENT, ticket="47007")
    await known(office, 7)
    office.neo.decides_elsewhere(7, "reject", by=("key", "Neo API service account"))
    async with office.pool.connection() as conn:
        decision = stored.Decision(*MEGAN, comment="", decided_at=office.clock())
        await stored.write_decision(conn, TENANT, "7", decision)
    office.neo.has_approval(481, agent=AGENT)

    evidence = await gathered(office, 481)

    assert [(one.by, one.state) for one in evidence.earlier] == [
        ("Megan Bowen", ApprovalState.REJECTED)
    ]


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/steps", (STEPS,)),
        ("/public-api/til-requests", (EARLIER,)),
        ("/executions", (RUN, ENDS)),
        ("/public-api", (RUN, EARLIER)),
    ],
)
async def test_what_neo_does_not_answer_is_named_and_the_rest_is_there(
    office: Workplace, path: str, missing: tuple[str, ...]
) -> None:
    decided(office, 1, "approve")
    office.neo.has_approval(481, agent=AGENT)
    before = await known(office, 481)
    office.neo.trouble(status=503, times=None, path=path)

    evidence = await gathering(office, within_seconds=0.3).gather(TENANT, before)

    assert evidence.missing == missing
    assert bool(evidence.earlier) is (EARLIER not in missing)
    assert (evidence.run is not None) is (RUN not in missing)


async def test_a_slow_part_costs_the_others_nothing(office: Workplace) -> None:
    decided(office, 1, "approve")
    office.neo.has_approval(481, agent=AGENT)
    before = await known(office, 481)
    office.neo.trouble(latency_seconds=30, times=None, path="/steps")

    evidence = await gathering(office, within_seconds=1.0).gather(TENANT, before)

    assert evidence.missing == (STEPS,)
    assert evidence.run is not None
    assert len(evidence.earlier) == 1


async def test_a_run_that_neo_no_longer_has_is_simply_not_there(office: Workplace) -> None:
    office.neo.has_approval(481, agent=AGENT)
    async with office.pool.connection() as conn:
        await known(office, 481)
        await stored.write_run(conn, TENANT, "481", "gone")

    evidence = await gathered(office, 481)

    assert evidence.run is None
    assert evidence.steps == ()
    assert evidence.missing == ()


def asking(**fields: Any) -> Approval:
    return Approval.model_validate({"id": "1", "agent_id": "20410", "requested_for": fields})


def test_the_same_action_is_the_same_tool_or_else_the_same_wish() -> None:
    one = asking(action="Reset the password of Lee Gu", tool="M365_RESET_PASSWORD")
    other = asking(action="Reset it", tool="m365_reset_password")
    assert action(one) == action(other)
    assert action(one) != action(asking(action="Reset it", tool="M365_RESET_MFA"))
    assert action(asking(action="Reset the password of Lee Gu")) == action(
        asking(action="Reset the password of Adele Vance")
    )
    assert action(asking(action="Delete 12 files")) != action(asking(action="Move 12 files"))


def test_calls_to_an_outside_api_are_alike_where_method_and_host_are() -> None:
    def call(method: str, url: str) -> tuple[str, ...]:
        return action(asking(tool="EXTERNAL_API_REQUEST", method=method, url=url))

    first = call("POST", "https://api.northwind.example/v1/orders?id=4")
    assert first == call("post", "https://API.northwind.example/v1/other")
    assert first != call("POST", "https://api.wingtip.example/v1/orders")
    assert first != call("GET", "https://api.northwind.example/v1/orders")
