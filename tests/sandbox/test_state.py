"""The demo starts again where it was."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sandbox.command import Options, build_world
from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.library import read_library
from bot.sandbox.runs import approval_body, stamp
from bot.sandbox.scheduling import work_body
from bot.sandbox.state import StateError, save
from bot.sandbox.world import ApprovalFilter, Part, RunFilter, World
from tests.sandbox.conftest import START, Client
from tests.sandbox.test_administration import TECHNICIAN
from tests.sandbox.test_agents import AGENTIC
from tests.sandbox.test_world import ALEX, everything

PENDING = ApprovalFilter(statuses=frozenset({"PENDING"}), approver=ALEX)


def lived(path: Path) -> World:
    told = build_world(Options(state=path, runs=50), START)
    told.advance(START + timedelta(minutes=3))
    told.decide(next(told.approvals(PENDING)), "reject", (ALEX, "Alex Wilber"), "Not today.")
    save(path, told)
    return told


def test_a_saved_world_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")

    again = build_world(Options(state=tmp_path / "neo.json", runs=50), told.now)

    assert everything(again) == everything(told)
    assert any(
        approval_body(run).get("comment") == "Not today." for run in again.living if run.approval
    )


def test_it_goes_on_as_it_would_have_without_the_pause(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")
    again = build_world(Options(state=tmp_path / "neo.json", runs=50), told.now)
    known = {run.id for run in told.living}

    told.advance(told.now + timedelta(minutes=5))
    again.advance(told.now)

    assert [run.id for run in again.living] == [run.id for run in told.living]
    assert known < {run.id for run in again.living}


def test_the_time_in_between_is_not_made_up(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")
    next_day = told.now + timedelta(hours=18)

    again = build_world(Options(state=tmp_path / "neo.json", runs=50), next_day)

    assert [run.id for run in again.living] == [run.id for run in told.living]
    assert not any(again.runs(RunFilter(statuses=frozenset({"RUNNING"}))))
    again.advance(next_day + timedelta(seconds=3))
    begun = [run.part for run in again.living if run.started_at > next_day]
    # The next of the rhythm, and work that was scheduled.
    assert sorted(part == "ordered" for part in begun) == [False, True]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"version": 9}', b"[1, 2]"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "neo.json"
    path.write_bytes(content)

    with pytest.raises(StateError, match="Delete it to begin with a new world") as told:
        build_world(Options(state=path), START)
    assert str(path) in str(told.value)


def test_another_seed_is_refused_with_both_named(tmp_path: Path) -> None:
    lived(tmp_path / "neo.json")

    with pytest.raises(StateError, match=r"--seed 1, now it is 2.*delete the file"):
        build_world(Options(state=tmp_path / "neo.json", runs=50, seed=2), START)


def test_saving_leaves_no_other_file_behind(tmp_path: Path) -> None:
    lived(tmp_path / "deep" / "neo.json")

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["neo.json"]


async def calls(world: World, now: datetime) -> dict[str, Any]:
    """What callers would see of all that they changed."""
    server = EmbeddedNeo(now=lambda: now)
    server.world = server.server.world = world
    world.records.keys.add(server.key)
    async with server, ClientSession() as session:
        client = Client(session, server)
        paths = [
            *("/agents", "/agents/20418", "/agents/20418/versions", "/scheduled-work"),
            *("/executions?page_size=200", "/end-companies/990", "/til-requests"),
            *(f"/chat/sessions/{id_}/messages" for id_ in world.records.chat.sessions),
            *(f"/channels/{id_}" for id_ in world.records.channels),
        ]
        seen = {path: (await client.get(path)).data for path in paths}
        seen["settings"] = (await client.send("PUT", "/settings", {})).data
        return seen


async def changed_world(path: Path) -> World:
    """A world in which callers changed, made and started things; three minutes have passed."""
    now = [START]
    world = build_world(Options(state=path, runs=50), START)
    server = EmbeddedNeo(now=lambda: now[0])
    server.world = server.server.world = world
    world.records.keys.add(server.key)
    async with server, ClientSession() as session:
        client = Client(session, server)
        ticket = {"target_entity_id": "900017"}
        created = (await client.post("/agents", AGENTIC)).data
        await client.post(f"/agents/{created['id']}/run-now", ticket)
        await client.post("/agents/20418/run-now", ticket)
        now[0] += timedelta(seconds=30)
        await client.send("PUT", "/agents/20418", {"name": "Reset Desk"})
        await client.send("PUT", f"/agents/{created['id']}", {"name": "Printer Friend"})
        for minutes in (1, 60):
            due = stamp(START + timedelta(minutes=minutes))
            work = {"workflow_id": 20418, "ticket_id": "77", "scheduled_for": due}
            assert (await client.post("/scheduled-work", work)).status == 200
        chat = (await client.post("/chat/sessions", {"managed_agent_key": "NEO_SUPPORT"})).data
        await client.post(f"/chat/sessions/{chat['id']}/messages", {"message": "What waits?"})
        settings = {"timezone": "Asia/Tokyo", "referral_code": "half a pair: \ud800"}
        await client.send("PUT", "/settings", settings)
        company = {"psa_company_id": "990", "psa_company_name": "Fourth Coffee"}
        await client.post("/end-companies", company)
        await client.post("/channels", {"internal_name": "desk", "audience": "MSP"})
        await client.post("/handover-requests/9001/accept", TECHNICIAN)
        now[0] = START + timedelta(minutes=3)
        assert (await client.get("/agents")).status == 200
    save(path, world)
    return world


async def test_all_that_callers_changed_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "neo.json"
    told = await changed_world(path)

    again = build_world(Options(state=path, runs=50), told.now)

    assert again.records.model_dump() == told.records.model_dump()
    assert await calls(again, told.now) == await calls(told, told.now)
    names = {run.script.agent_name for run in again.living if run.part == "ordered"}
    assert {"Password Reset", "Reset Desk", "Printer Whisperer"} <= names


async def test_work_that_came_due_in_between_begins_after_the_restart(tmp_path: Path) -> None:
    path = tmp_path / "neo.json"
    told = await changed_world(path)
    next_day = told.now + timedelta(hours=18)
    waiting = [work.id for work in told.records.schedule.work if work.executed_at is None]

    again = build_world(Options(state=path, runs=50), next_day)
    at_first = [work for work in again.records.schedule.work if work.executed_at is None]
    again.advance(next_day + timedelta(seconds=3))

    begun = [work.executed_at for work in again.records.schedule.work if work.id in waiting]
    assert [work.id for work in at_first] == waiting
    assert next_day + timedelta(seconds=2) in begun


def test_a_file_from_before_there_were_records_is_still_read(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")
    content = json.loads((tmp_path / "neo.json").read_text())
    del content["records"]
    for run in content["living"]:
        assert run.pop() is None or run[1] == "ordered"
    first = {**content, "version": 1}
    names = ("index", "part", "started_at", "approval")
    first["living"] = [
        dict(zip(names, run, strict=True)) for run in content["living"] if run[1] != "ordered"
    ]
    (tmp_path / "neo.json").write_text(json.dumps(first))

    again = build_world(Options(state=tmp_path / "neo.json", runs=50), told.now)

    assert [run.id for run in again.living] == [run.id for run in told.living]
    assert len(again.records.schedule.work) == 5


def test_very_many_runs_are_forgotten_before_a_restart_as_after_it(tmp_path: Path) -> None:
    path, library = tmp_path / "neo.json", read_library()
    world = World(library=library, seed=1, runs=50, anchor=START, pace_seconds=None, most_runs=10)
    begun: list[str] = []
    for place in range(25):
        world.advance(START + timedelta(minutes=place))
        part: Part = "mine" if place < 3 else "does"
        begun.append(world.start_run(50 + world.started, part, world.now).id)
        if place < 3:
            colleague = world.living[-1].approval
            assert colleague is not None
            colleague.colleague_at = None
    save(path, world)

    again = build_world(Options(state=path, runs=50, pace_seconds=None), world.now)
    again.advance(world.now)

    assert [run.id for run in world.living] == begun[:3] + begun[-7:]
    assert world.run(begun[3]) is None
    assert everything(again) == everything(world)


def test_work_that_failed_stays_failed_when_its_run_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "neo.json"
    world = build_world(Options(state=path, runs=50, pace_seconds=None), START)
    for minute in range(1, 41):
        world.records.schedule.add(
            workflow_id=20418,
            ticket_id=f"77{minute}",
            instructions="",
            scheduled_for=START + timedelta(minutes=minute),
            created_by="Alex Wilber",
            now=START,
            most=100,
        )
    world.advance(START + timedelta(hours=2))
    before = [work_body(world, work, "tenant") for work in world.records.schedule.work]
    living = len(world.living)
    world.most_runs = 10
    for _ in range(living):  # each new one lets an old one go
        world.start_run(50 + world.started, "mine", world.now)
    save(path, world)

    again = build_world(Options(state=path, runs=50, pace_seconds=None), world.now)
    again.advance(world.now)

    after = [work_body(again, work, "tenant") for work in again.records.schedule.work]
    assert "FAILED" in {work["status"] for work in after}
    assert after == before
    assert any(
        again.run(work.run_id) is None for work in again.records.schedule.work if work.run_id
    )


async def test_runs_of_the_rhythm_keep_their_agents_name_over_a_restart(tmp_path: Path) -> None:
    path, now = tmp_path / "neo.json", [START]
    world = build_world(Options(state=path, runs=50), START)
    server = EmbeddedNeo(now=lambda: now[0])
    server.world = server.server.world = world
    world.records.keys.add(server.key)
    async with server, ClientSession() as session:
        client = Client(session, server)
        now[0] += timedelta(minutes=10)
        rows = (await client.get("/agents")).data
        for row in rows:
            await client.send("PUT", f"/agents/{row['id']}", {"name": f"New {row['name']}"})
        now[0] += timedelta(minutes=10)
        runs = (await client.get("/executions", page_size=200)).data
        made = (await client.get("/callbacks", since=stamp(START))).data
    save(path, world)

    again = build_world(Options(state=path, runs=50), now[0])

    fresh = [run for run in runs if run["created_at"] > stamp(START + timedelta(minutes=10))]
    renamed = [run for run in fresh if run["agent_id"] != 20452]  # Neo's own keeps its name
    assert renamed
    assert all(run["agent_name"].startswith("New ") for run in renamed)
    older = [run for run in runs if run not in fresh]
    assert not any(run["agent_name"].startswith("New ") for run in older)
    assert everything(again) == everything(world)
    watching = [match for match in made[0]["workflow_matches"] if match["workflow_id"] != 20452]
    assert watching
    assert all(match["workflow_name"].startswith("New ") for match in watching)
