"""Callbacks tell what changed in the PSA, whom that started and why nobody else."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.callbacks import LEAD, CallbackFilter
from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.library import read_library
from tests.sandbox.conftest import START, Client, Clock

WEEK = (START - timedelta(days=7)).isoformat()


async def of_the_week(client: Client, **query: str | int) -> list[dict[str, Any]]:
    pages = await client.pages("/callbacks", since=WEEK, **query)
    return [callback for page in pages for callback in page]


async def all_runs(client: Client) -> list[dict[str, Any]]:
    return [run for page in await client.pages("/executions", page_size=200) for run in page]


async def test_each_triggered_run_on_a_ticket_came_from_a_callback_of_its_own(
    busy: Client,
) -> None:
    triggered = {a.id for a in read_library().agents if a.trigger_type == "TRIGGERED"}
    seen: set[str] = set()
    for run in (await all_runs(busy))[::5]:
        answer = await busy.get(f"/executions/{run['execution_id']}/callback")
        if run["agent_id"] not in triggered:
            assert answer.status == 404
            continue
        callback = answer.data
        assert callback["started_workflow_ids"] == [run["agent_id"]]
        assert callback["entity_number"] == run["entity_number"]
        assert callback["created_in_psa_at"] < callback["finished_processing_at"]
        assert callback["finished_processing_at"] < run["created_at"]
        assert (await busy.get(f"/callbacks/{callback['callback_id']}")).data == callback
        assert callback["callback_id"] not in seen
        seen.add(callback["callback_id"])
    assert len(seen) > 50


async def test_the_agent_that_matched_is_the_one_that_was_started(busy: Client) -> None:
    for callback in await of_the_week(busy, page_size=200):
        matches = callback["workflow_matches"]
        matched = [m["workflow_id"] for m in matches if m["matched"]]
        assert matched == callback["started_workflow_ids"]
        missed = callback["failed_to_match_workflow_ids"]
        assert missed == [m["workflow_id"] for m in matches if not m["matched"]]
        for match in matches:
            compared = match["match_details"]["field_comparisons"]
            assert match["match_reason"]
            for one in compared:
                rule = one["rule_value"]
                values = [rule] if one["operator"] == "EQUALS" else rule
                assert one["is_match"] == (one["field_value"] in values)
            if match["matched"]:
                assert compared
                assert all(one["is_match"] for one in compared)


async def test_some_callbacks_start_nothing_and_a_few_go_wrong(busy: Client) -> None:
    callbacks = await of_the_week(busy, page_size=200)
    idle = [c for c in callbacks if not c["started_workflow_ids"]]
    wrong = [c for c in callbacks if "error_message" in c]

    assert 0.1 < len(idle) / len(callbacks) < 0.5
    assert wrong
    assert all(c["workflow_matches"] == [] for c in wrong)
    assert {"CREATED", "UPDATED"} <= {c["change_type"] for c in callbacks}


async def test_callbacks_page_newest_first_without_gaps(busy: Client) -> None:
    whole = await of_the_week(busy, page_size=200)
    paged = await of_the_week(busy, page_size=7)
    usual = (await busy.get("/callbacks", since=WEEK)).data

    assert paged == whole
    assert usual == whole[:20]
    made = [c["created_in_psa_at"] for c in whole]
    assert made == sorted(made, reverse=True)
    assert len({c["callback_id"] for c in whole}) == len(whole)


async def test_callbacks_are_narrowed_by_change_agent_time_and_ticket(busy: Client) -> None:
    whole = await of_the_week(busy, page_size=200)
    late, early = whole[4], whole[11]
    agent = next(c for c in whole if c["started_workflow_ids"])["started_workflow_ids"][0]

    updated = await of_the_week(busy, change_type="updated,MERGED", page_size=200)
    by_agent = await of_the_week(busy, agent_id=agent, page_size=200)
    between = await busy.get(
        "/callbacks", since=early["created_in_psa_at"], until=late["created_in_psa_at"]
    )
    by_number = await busy.get("/callbacks", entity_number=late["entity_number"])
    by_id = await busy.get("/callbacks", entity_type="ticket", entity_id=late["entity_id"])

    assert updated == [c for c in whole if c["change_type"] == "UPDATED"]
    assert by_agent == [c for c in whole if agent in c["started_workflow_ids"]]
    assert between.data == whole[5:12]
    assert by_id.data == by_number.data
    assert by_number.data == [c for c in whole if c["entity_number"] == late["entity_number"]]
    assert (await busy.get("/callbacks", entity_type="COMPANY", entity_id="1")).data == []


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({}, 400, "since"),
        ({"entity_type": "TICKET"}, 400, "since"),
        ({"entity_id": "900001"}, 400, "entity_type"),
        ({"since": "2026-11-16T13:59:59Z"}, 400, "since"),
        ({"since": "yesterday"}, 400, "since"),
        ({"since": "2026-11-22T10:00:00Z", "until": "soon"}, 400, "until"),
        ({"since": "2026-11-22T10:00:00Z", "until": "2026-11-22T09:00:00Z"}, 422, "until"),
        ({"since": "2026-11-22T10:00:00Z", "cursor": "nonsense"}, 400, "cursor"),
    ],
)
async def test_a_question_that_cannot_be_answered_names_its_field(
    client: Client, query: dict[str, str], status: int, field: str
) -> None:
    answer = await client.get("/callbacks", **query)

    assert (answer.status, answer.details["field"]) == (status, field)


async def test_the_trail_tells_what_was_done_when(busy: Client) -> None:
    run = next(r for r in await all_runs(busy) if r["agent_name"] == "Password Reset")

    callback = (await busy.get(f"/executions/{run['execution_id']}/callback")).data

    trail = callback["processed_audit_trail"]
    assert [t["stage"] for t in trail] == ["CHANGED_IN_PSA", "RECEIVED", "MATCHED", "STARTED"]
    assert trail[2]["ticket"]["type"] == "Password"
    assert trail[3]["at"] == run["created_at"]
    assert [t["at"] for t in trail] == sorted(t["at"] for t in trail)


async def test_living_runs_have_callbacks_too(
    clock: Clock, neo: EmbeddedNeo, client: Client
) -> None:
    begun = neo.has_run(agent="Ticket Triage", ticket="48213")
    neo.has_run(agent="Patch Report", ticket=None)

    callback = (await client.get(f"/executions/{begun['execution_id']}/callback")).data
    listed = (await client.get("/callbacks", since=WEEK)).data

    assert callback["started_workflow_ids"] == [begun["agent_id"]]
    assert [c["callback_id"] for c in listed] == [callback["callback_id"]]
    assert (await client.get("/callbacks/nobodys")).status == 404


async def test_what_somebody_asked_for_has_no_callback(neo: EmbeddedNeo, client: Client) -> None:
    ticket = neo.has_run(agent="Ticket Triage", ticket="48213")["entity_id"]
    agent = neo.world.agents[20418]

    run = neo.world.start_for(agent, ticket=ticket, at=neo.now())

    assert (await client.get(f"/executions/{run.id}")).data["entity_number"] == "48213"
    assert (await client.get(f"/executions/{run.id}/callback")).status == 404
    assert (await client.get("/executions/unknown/callback")).status == 404


async def test_the_audit_of_fields_agrees_with_the_steps(busy: Client) -> None:
    audited: Counter[str] = Counter()
    for run in await all_runs(busy):
        if run["agent_name"] not in {"Ticket Triage", "VIP Escalation", "Patch Report"}:
            continue
        path = f"/executions/{run['execution_id']}"
        entries = (await busy.get(f"{path}/field-update-audit")).data
        steps = (await busy.get(f"{path}/steps", type="TOOL_CALL")).data
        written = [
            (field, value)
            for step in steps
            if step["tool_type_name"] in {"UPDATE_TICKET_FIELDS", "ESCALATE_TICKET"}
            for field, value in step["data"].items()
        ]
        assert [(e["field_name"], e["predicted_value"]) for e in entries] == written
        for entry in entries:
            options = {option["id"]: option["name"] for option in entry["options_to_choose_from"]}
            assert options[entry["predicted_value_id"]] == entry["predicted_value"]
            assert entry["current_value"] in options.values()
            assert entry["should_update_field"] == (
                entry["current_value"] != entry["predicted_value"]
            )
            assert entry["ai_justification"]
            assert entry["entity_id"] == run["entity_id"]
        audited[run["agent_name"]] += len(entries)
    assert audited["Ticket Triage"] > 20
    assert audited["Patch Report"] == 0


async def test_a_callback_that_has_not_been_made_yet_is_not_there(clock: Clock) -> None:
    async with EmbeddedNeo(now=clock, runs=50, seed=2, pace_seconds=15) as neo:
        callbacks = neo.world.callbacks
        clock.goes_on(600)
        neo.world.advance(clock())
        later = [
            made
            for run in neo.world.living
            for place, plan in callbacks._living_plans(run)
            if (made := callbacks._told(place, plan, run)).created_at + LEAD > neo.world.now
        ]
        assert later
        assert all(callbacks.find(made.id) is None for made in later)

        neo.world.advance(max(made.created_at for made in later) + LEAD)

        assert all(callbacks.find(made.id) == made for made in later)
        assert datetime.fromisoformat(WEEK) < later[0].created_at


async def test_who_asks_for_what_is_new_misses_nothing(clock: Clock) -> None:
    async with EmbeddedNeo(now=clock, runs=50, seed=2, pace_seconds=15) as neo:
        newest, seen = clock(), set[str]()
        for _ in range(600):
            clock.goes_on(1)
            neo.world.advance(clock())
            found = list(neo.world.callbacks.newest_first(CallbackFilter(since=newest)))
            seen |= {callback.id for callback in found}
            newest = found[0].created_at if found else newest
        whole = list(neo.world.callbacks.newest_first(CallbackFilter(since=START)))

    assert len(whole) > 40
    assert {callback.id for callback in whole} == seen
