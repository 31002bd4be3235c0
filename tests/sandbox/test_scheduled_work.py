"""Scheduled work waits, begins when it is due, and says what came of it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.library import read_library
from bot.sandbox.runs import stamp
from bot.sandbox.world import World
from tests.sandbox.conftest import START, Client, Clock

PASSWORD_RESET, CHAT = 20418, 20470


async def schedule(client: Client, *, minutes: float = 10, **body: Any) -> Any:
    due = stamp(START + timedelta(minutes=minutes))
    asked = {"workflow_id": PASSWORD_RESET, "ticket_id": "900017", "scheduled_for": due} | body
    return await client.post("/scheduled-work", asked)


async def test_it_waits_until_it_is_due_then_becomes_a_run(client: Client, clock: Clock) -> None:
    work = (await schedule(client, additional_custom_instructions="Call first.")).data
    clock.goes_on(599)
    waiting = (await client.get("/scheduled-work")).data[0]
    runs_before = (await client.get("/executions")).data
    clock.goes_on(2)
    taken_up = (await client.get("/scheduled-work")).data[0]
    clock.goes_on(120)
    run = (await client.get(f"/executions/{taken_up['execution_temporal_run_id']}")).data

    assert work["status"] == waiting["status"] == "PENDING"
    assert runs_before == []
    assert taken_up["status"] == "PROCESSING"
    assert taken_up["executed_at"] == work["scheduled_for"] == run["created_at"]
    assert run["agent_id"] == PASSWORD_RESET
    assert run["additional_custom_instructions"] == "Call first."


async def test_its_end_follows_its_run(neo: EmbeddedNeo, client: Client, clock: Clock) -> None:
    for minutes in range(1, 31):
        await schedule(client, minutes=minutes, ticket_id=f"77{minutes}")
    clock.goes_on(3_600)
    for approval in (await client.get("/til-requests", status="PENDING")).data:
        await client.decide(approval["id"], "reject")
    clock.goes_on(60)

    outcomes = {"SUCCESS": "COMPLETED", "SKIPPED": "COMPLETED", "FAILURE": "FAILED"}
    all_work = (await client.get("/scheduled-work")).data
    assert {work["status"] for work in all_work} == {"COMPLETED", "FAILED"}
    for work in all_work:
        run = (await client.get(f"/executions/{work['execution_temporal_run_id']}")).data
        assert work["status"] == outcomes[run["status"]]
        assert work["execution_message"]


async def test_an_agent_switched_off_meanwhile_lets_it_fail(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    await schedule(client)
    neo.has_agent("Password Reset", state="DISABLED")
    clock.goes_on(601)

    work = (await client.get("/scheduled-work", status="FAILED")).data[0]

    assert work["execution_message"] == "Password Reset is switched off."
    assert "execution_temporal_run_id" not in work
    assert (await client.get("/executions")).data == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"scheduled_for": stamp(START)}, 422, "unprocessable"),
        ({"workflow_id": 4}, 404, "not_found"),
        ({"workflow_id": CHAT}, 400, "invalid_for_conversational"),
        ({"ticket_id": None}, 400, "validation_error"),
        ({"additional_custom_instructions": "x" * 20_001}, 400, "validation_error"),
    ],
)
async def test_what_cannot_be_scheduled_is_refused(
    client: Client, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await schedule(client, **body)

    assert (answer.status, answer.code) == (status, code)
    assert (await client.get("/scheduled-work")).data == []


async def test_the_list_counts_pages_and_narrows(client: Client, clock: Clock) -> None:
    for ticket in ("111", "112", "211"):
        await schedule(client, ticket_id=ticket)
    await schedule(client, ticket_id="311", minutes=1)
    clock.goes_on(70)

    async def tickets(**query: str | int) -> list[str]:
        return [work["ticket_id"] for work in (await client.get("/scheduled-work", **query)).data]

    first = await client.get("/scheduled-work", page_size=3)

    assert [work["ticket_id"] for work in first.data] == ["311", "211", "112"]
    assert first.body["meta"]["pagination"]["has_more"] is True
    assert first.body["meta"]["pagination"]["total"] == 4
    assert await tickets(page=2, page_size=3) == ["111"]
    assert await tickets(page=9) == []
    assert await tickets(status="PENDING") == ["211", "112", "111"]
    assert await tickets(ticket_id="11") == []
    assert await tickets(ticket_id="112") == ["112"]
    assert await tickets(search="11", status="PENDING") == ["211", "112", "111"]
    assert await tickets(search="21") == ["211"]


def test_some_work_is_there_from_the_start_and_what_waits_really_runs() -> None:
    world = World(library=read_library(), seed=7, runs=400, anchor=START, pace_seconds=900)

    at_first = {work.id: work.run_id for work in world.records.schedule.work}
    world.advance(START + timedelta(days=1))

    assert len(at_first) == 5
    done = [world.run(run_id) for run_id in at_first.values() if run_id]
    assert len(done) == 3
    assert all(run is not None and run.has_ended(START) for run in done)
    assert all(work.run_id and world.run(work.run_id) for work in world.records.schedule.work)


def test_nothing_is_scheduled_in_a_world_without_a_past() -> None:
    world = World(library=read_library(), seed=7, runs=0, anchor=START)

    assert world.records.schedule.work == []
