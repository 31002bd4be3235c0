"""Agents are created, changed, looked at as they were, and run."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.runs import stamp
from bot.sandbox.versions import configuration
from tests.sandbox.conftest import START, Client, Clock

PASSWORD_RESET, TRIAGE, CHAT, MANAGED, SWITCHED_OFF = 20418, 20401, 20470, 20452, 20395
AGENTIC = {
    "name": "Printer Whisperer",
    "autonomy_type": "AGENTIC",
    "trigger_type": "TRIGGERED",
    "agent_settings": {"custom_instructions": "Wake the printer. Then tell the contact."},
    "toolbox": {"tool_settings_by_type": {"UPDATE_TICKET_FIELDS": {}}},
}
CHAINED = {
    "name": "Summary Chain",
    "trigger_type": "TRIGGERED",
    "actions": [{"action_type": "TRIAGE_TICKET"}, {"action_type": "ADD_TICKET_NOTE"}],
}


async def change(client: Client, agent: int | str, **body: Any) -> Any:
    return await client.send("PUT", f"/agents/{agent}", body)


async def test_a_created_agent_gets_the_actions_that_neo_adds(client: Client) -> None:
    created = (await client.post("/agents", AGENTIC)).data

    agent = (await client.get(f"/agents/{created['id']}")).data
    assert created["id"].isdecimal()
    assert [action["action_type"] for action in agent["actions"]] == ["FIND_ENTITIES", "AGENTIC"]
    assert agent["entity_type"] == "TICKET"
    assert agent["agent_settings"] == AGENTIC["agent_settings"]
    assert created["id"] in {row["id"] for row in (await client.get("/agents")).data}


async def test_chained_actions_stand_behind_finding_the_entities(client: Client) -> None:
    created = (await client.post("/agents", CHAINED)).data

    agent = (await client.get(f"/agents/{created['id']}")).data
    kinds = [action["action_type"] for action in agent["actions"]]
    assert kinds == ["FIND_ENTITIES", "TRIAGE_TICKET", "ADD_TICKET_NOTE"]
    assert agent["agent_settings"] is None
    assert len({action["id"] for action in agent["actions"]}) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"actions": [{"action_type": "FIND_ENTITIES"}]}, "actions"),
        ({"actions": [{"input_as_dict": {}}]}, "actions.action_type"),
        ({"trigger_type": "SCHEDULED"}, "schedule"),
    ],
)
async def test_what_neo_would_not_build_is_refused(
    client: Client, changes: dict[str, Any], field: str
) -> None:
    answer = await client.post("/agents", CHAINED | changes)

    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.details == {"field": field}
    assert len((await client.get("/agents")).data) == 16


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("EXTERNAL_API_REQUEST", "bearer_token"),
        ("EXTERNAL_API_REQUEST", "bearer"),
        ("EXTERNAL_API_REQUEST", "key"),
        ("EXTERNAL_API_REQUEST", "basic"),
        ("EXTERNAL_API_REQUEST", "headers"),
        ("WEB_FETCH", "Authorization"),
        ("WEB_FETCH", "apiKey"),
        ("WEB_FETCH", "client_secret"),
    ],
)
async def test_credentials_of_external_apis_are_refused(
    client: Client, tool: str, name: str
) -> None:
    tools = {tool: {"apis": [{"name": "Orders", name: "s3cret"}]}}

    created = await client.post("/agents", AGENTIC | {"toolbox": {"tool_settings_by_type": tools}})
    changed = await change(client, PASSWORD_RESET, toolbox={"tool_settings_by_type": tools})

    assert (created.status, created.code) == (changed.status, changed.code)
    assert (created.status, created.code) == (400, "validation_error")
    assert "s3cret" not in str(created.body)


async def test_actions_merge_by_id_then_by_type_and_are_never_dropped(client: Client) -> None:
    before = (await client.get(f"/agents/{TRIAGE}")).data["actions"]
    by_id = {"id": before[2]["id"], "input_as_dict": {"board": "Service Desk"}}
    by_type = {"action_type": "FIND_SIMILAR_TICKETS", "input_as_dict": {"days": 30}}

    await change(client, TRIAGE, actions=[by_id, by_type, {"action_type": "NOTIFY_USERS"}])

    after = (await client.get(f"/agents/{TRIAGE}")).data["actions"]
    assert [action["id"] for action in after[:4]] == [action["id"] for action in before]
    assert after[1]["input_as_dict"] == {"days": 30}
    assert after[2] == before[2] | {"input_as_dict": {"board": "Service Desk"}}
    assert [action["action_type"] for action in after[4:]] == ["NOTIFY_USERS"]


async def test_the_toolbox_merges_by_tool_and_settings_are_replaced(client: Client) -> None:
    before = (await client.get(f"/agents/{PASSWORD_RESET}")).data
    tools = before["toolbox"]["tool_settings_by_type"]
    gone = next(iter(tools))

    await change(
        client,
        PASSWORD_RESET,
        toolbox={"tool_settings_by_type": {gone: None, "WEB_FETCH": {"limit": 1}}},
        agent_settings={"custom_instructions": "Ask twice."},
    )
    await change(
        client, PASSWORD_RESET, toolbox={"tool_settings_by_type": {"WEB_FETCH": {"hosts": []}}}
    )

    after = (await client.get(f"/agents/{PASSWORD_RESET}")).data
    kept = {name: settings for name, settings in tools.items() if name != gone}
    assert after["toolbox"]["tool_settings_by_type"] == kept | {
        "WEB_FETCH": {"limit": 1, "hosts": []}
    }
    assert after["agent_settings"] == {"custom_instructions": "Ask twice."}
    assert after["integrations"] == before["integrations"]


@pytest.mark.parametrize(
    ("agent", "body", "field"),
    [
        (PASSWORD_RESET, {"actions": []}, "actions"),
        (PASSWORD_RESET, {"actions": [{"action_type": "NOTIFY_USERS"}]}, "actions"),
        (CHAT, {"ticket_conditions": {}}, "ticket_conditions"),
        (TRIAGE, {"agent_settings": {"model": "GPT5_4_MINI"}}, "agent_settings"),
        (TRIAGE, {"autonomy_type": "AGENTIC"}, "autonomy_type"),
    ],
)
async def test_what_does_not_fit_the_kind_is_refused(
    client: Client, agent: int, body: dict[str, Any], field: str
) -> None:
    answer = await change(client, agent, **body)

    assert (answer.status, answer.details) == (400, {"field": field})


async def test_an_agent_that_neo_manages_cannot_be_changed(client: Client) -> None:
    answer = await change(client, MANAGED, name="Mine now")

    assert (answer.status, answer.code) == (403, "agent_managed_by_neo")


async def test_who_read_before_somebody_elses_change_gets_a_conflict(
    client: Client, clock: Clock
) -> None:
    read = (await client.get(f"/agents/{PASSWORD_RESET}")).data
    clock.goes_on(60)
    await change(client, PASSWORD_RESET, name="Reset Desk")

    late = await change(client, PASSWORD_RESET, name="Other", updated_at=read["updated_at"])
    fresh = (await client.get(f"/agents/{PASSWORD_RESET}")).data
    again = await change(client, PASSWORD_RESET, name="Other", updated_at=fresh["updated_at"])

    assert (late.status, late.code) == (409, "agent_update_conflict")
    assert again.data["name"] == "Other"


async def test_each_change_is_a_version_and_the_newest_comes_first(
    client: Client, clock: Clock
) -> None:
    before = (await client.get(f"/agents/{PASSWORD_RESET}/versions")).data
    for name in ("Reset One", "Reset Two", "Reset Two"):
        clock.goes_on(60)
        await change(client, PASSWORD_RESET, name=name)

    versions = (await client.get(f"/agents/{PASSWORD_RESET}/versions")).data

    assert [row["name"] for row in versions[:3]] == ["Reset Two", "Reset One", "Password Reset"]
    assert versions[2:] == before
    moments = [row["version_timestamp"] for row in versions]
    assert moments == sorted(moments, reverse=True)
    assert versions[-1]["version_timestamp"] == versions[-1]["created_at"]


async def test_the_configuration_of_any_moment_can_be_read(client: Client, clock: Clock) -> None:
    now = (await client.get(f"/agents/{PASSWORD_RESET}")).data
    clock.goes_on(60)
    await change(client, PASSWORD_RESET, name="Reset Desk")
    path = f"/agents/{PASSWORD_RESET}/version-at"

    before = (await client.get(path, timestamp=stamp(START))).data
    after = (await client.get(path, timestamp=stamp(clock.at))).data
    first = (await client.get(path, timestamp=now["created_at"])).data
    created = datetime.fromisoformat(now["created_at"])
    too_early = await client.get(path, timestamp=stamp(created - timedelta(seconds=1)))

    assert before == now | {"version_timestamp": now["updated_at"]}
    assert after["name"] == "Reset Desk"
    assert first["state"] == "DISABLED"
    assert now["agent_settings"]["custom_instructions"].startswith(
        first["agent_settings"]["custom_instructions"]
    )
    assert too_early.status == 404


async def test_a_run_that_was_asked_for_really_runs(
    client: Client, neo: EmbeddedNeo, clock: Clock
) -> None:
    created = (await client.post("/agents", AGENTIC)).data

    told = (await client.post(f"/agents/{created['id']}/run-now", {"target_entity_id": "77"})).data
    begun = (await client.get(f"/executions/{told['execution_id']}")).data
    clock.goes_on(120)
    ended = (await client.get(f"/executions/{told['execution_id']}")).data

    assert told["status"] == "queued"
    assert (begun["status"], begun["agent_name"]) == ("RUNNING", "Printer Whisperer")
    assert begun["entity_id"] == "77"
    assert ended["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("agent", "body", "status", "code"),
    [
        (PASSWORD_RESET, {}, 400, "validation_error"),
        (CHAT, {}, 400, "invalid_for_conversational"),
        (SWITCHED_OFF, {"target_entity_id": "77"}, 409, "agent_disabled"),
        (1, {}, 404, "not_found"),
        ("none", {}, 404, "not_found"),
    ],
)
async def test_what_cannot_run_is_refused(
    client: Client, agent: int | str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.post(f"/agents/{agent}/run-now", body)

    assert (answer.status, answer.code) == (status, code)
    assert (await client.get("/executions")).data == []


async def test_an_agent_with_instructions_can_be_sent_back_as_it_was_read(client: Client) -> None:
    for row in (await client.get("/agents")).data:
        if int(row["id"]) == MANAGED or row["autonomy_type"] == "CHAINED_ACTIONS":
            continue
        read = (await client.get(f"/agents/{row['id']}")).data
        sent = await client.send("PUT", f"/agents/{row['id']}", read)

        assert sent.status == 200, sent.body
        assert (await client.get(f"/agents/{row['id']}")).data == read


async def test_a_version_that_is_no_longer_kept_is_not_made_up(
    client: Client, neo: EmbeddedNeo, clock: Clock
) -> None:
    made = (await client.post("/agents", AGENTIC)).data
    agent, body = int(made["id"]), configuration(neo.world, neo.world.agents[int(made["id"])])
    for minute in range(1, 6):
        named = body | {"name": f"Name {minute}"}
        neo.world.records.agents.keep(agent, START + timedelta(minutes=minute), named, 3)

    async def name_at(minute: float) -> str | int:
        moment = stamp(START + timedelta(minutes=minute))
        told = await client.get(f"/agents/{agent}/version-at", timestamp=moment)
        return str(told.data["name"]) if told.status == 200 else told.status

    names = [await name_at(minute) for minute in (0.5, 1, 2, 3.5, 4, 9)]
    assert names == ["Printer Whisperer", 404, 404, 404, "Name 4", "Name 5"]
