"""Lists page without gaps, filter as Neo does, and agree with each other."""

from datetime import timedelta

from bot.sandbox.embedded import EmbeddedNeo
from tests.sandbox.conftest import START, Client, Clock


async def test_every_run_comes_once_and_newest_first(busy: Client) -> None:
    runs = [run for page in await busy.pages("/executions", page_size=57) for run in page]

    assert len({run["execution_id"] for run in runs}) == len(runs) == 400
    begun = [run["created_at"] for run in runs]
    assert begun == sorted(begun, reverse=True)


async def test_new_runs_do_not_shift_the_next_page(busy_neo: EmbeddedNeo, busy: Client) -> None:
    first = await busy.get("/executions", page_size=5)
    expected = (await busy.get("/executions", page_size=10)).data[5:]
    for _ in range(3):
        busy_neo.has_run(agent="Dispatch")

    cursor = first.body["meta"]["pagination"]["next_cursor"]
    second = await busy.get("/executions", page_size=5, cursor=cursor)

    assert second.data == expected


async def test_approvals_page_across_past_and_present(busy_neo: EmbeddedNeo, busy: Client) -> None:
    busy_neo.has_approval(481, agent="Password Reset")
    whole = (await busy.get("/til-requests", page_size=200)).data

    paged = [a for page in await busy.pages("/til-requests", page_size=7) for a in page]

    assert paged == whole
    assert whole[0]["id"] == 481
    assert [a["created_at"] for a in whole] == sorted(
        (a["created_at"] for a in whole), reverse=True
    )


async def test_runs_are_narrowed_by_agent_status_and_ticket(busy: Client) -> None:
    runs = (await busy.get("/executions", page_size=200)).data
    failed = next(run for run in runs if run["status"] == "FAILURE" and "entity_number" in run)

    by_status = await busy.get("/executions", status="failure,SKIPPED", page_size=200)
    by_agent = await busy.get("/executions", agent_id=failed["agent_id"], page_size=200)
    by_number = await busy.get("/executions", entity_number=failed["entity_number"])
    by_id = await busy.get("/executions", entity_id=failed["entity_id"])

    assert {run["status"] for run in by_status.data} == {"FAILURE", "SKIPPED"}
    assert {run["agent_name"] for run in by_agent.data} == {failed["agent_name"]}
    assert failed in by_number.data
    assert by_id.data == by_number.data


async def test_every_ticket_leads_to_its_runs(busy: Client) -> None:
    runs = [run for page in await busy.pages("/executions", page_size=200) for run in page]
    tickets = {run["entity_number"] for run in runs if "entity_number" in run}
    assert any(ticket.startswith("T2026") for ticket in tickets)

    for ticket in sorted(tickets)[::9]:
        found = (await busy.get("/executions", entity_number=ticket)).data
        assert found == [run for run in runs if run.get("entity_number") == ticket]
        assert len({run["entity_summary"] for run in found}) == 1


async def test_unknown_filters_are_ignored_and_unknown_values_match_nothing(busy: Client) -> None:
    agents = await busy.get("/agents", state="ENABLED")
    assert {agent["state"] for agent in agents.data} == {"ENABLED", "DISABLED"}
    assert (await busy.get("/executions", status="EXPLODED")).data == []
    assert (await busy.get("/til-requests", agent_id=1)).data == []


async def test_agents_page_and_each_can_be_opened(busy: Client) -> None:
    agents = [a for page in await busy.pages("/agents", page_size=4) for a in page]

    assert len(agents) == 16
    for agent in agents:
        opened = (await busy.get(f"/agents/{agent['id']}")).data
        assert isinstance(agent["id"], str)
        assert opened | agent == opened
        assert (opened["agent_settings"] is None) == (agent["autonomy_type"] == "CHAINED_ACTIONS")


async def test_creation_bounds_include_the_instant_itself(neo: EmbeddedNeo, client: Client) -> None:
    for number, minutes in ((1, 30), (2, 20), (3, 10)):
        neo.has_approval(number, agent="Password Reset", at=START - timedelta(minutes=minutes))
    at = (await client.get("/til-requests", q="48213")).data[1]["created_at"]

    async def found(**query: str) -> list[int]:
        return [a["id"] for a in (await client.get("/til-requests", **query)).data]

    assert await found(created_after=at, created_before=at) == [2]
    assert await found(created_after=at) == [3, 2]
    assert await found(created_before=at) == [2, 1]
    assert await found(created_before="2026-11-23T13:39:59.999999Z") == [1]


async def test_past_approvals_are_bounded_inclusively_too(busy: Client) -> None:
    everything = (await busy.get("/til-requests", page_size=200)).data
    late, early = everything[3], everything[9]

    found = await busy.get(
        "/til-requests", created_after=early["created_at"], created_before=late["created_at"]
    )

    assert found.data == everything[3:10]


async def test_approvals_are_searched_by_words_person_and_status(
    neo: EmbeddedNeo, client: Client
) -> None:
    alex, megan = neo.people[:2]
    neo.has_approval(1, agent="Password Reset", action="Reset LEE.GU", approvers=[alex, megan])
    neo.has_approval(2, agent="Backup Watch", ticket="T20261101.0042", approvers=[megan])
    neo.decides_elsewhere(2, "reject", by=megan)

    async def found(**query: str) -> list[int]:
        return [a["id"] for a in (await client.get("/til-requests", **query)).data]

    assert await found(q="lee.gu") == [1]
    assert await found(q="t20261101.0042") == [2]
    assert await found(approver=alex[0]) == [1]
    assert await found(approver=megan[0]) == [2, 1]
    assert await found(status="pending") == [1]
    assert await found(status="APPROVED,REJECTED") == [2]


async def test_steps_are_narrowed_and_can_be_light(busy: Client) -> None:
    run = (await busy.get("/executions", status="FAILURE")).data[0]
    path = f"/executions/{run['execution_id']}/steps"
    steps = (await busy.get(path)).data

    assert steps[-1]["type"] == "FINAL_MESSAGE"
    wrong = [step for step in steps if step["is_error"]]
    assert [step["message"] for step in wrong] == [run["error"]]
    assert (await busy.get(path, step_id=wrong[0]["step_id"])).data == wrong
    tool = wrong[0]["tool_type_name"].lower()
    assert wrong[0] in (await busy.get(path, tool_type_name=tool)).data
    types = (await busy.get(path, type="tool_call,THOUGHT")).data
    assert {step["type"] for step in types} == {"TOOL_CALL", "THOUGHT"}
    assert all("data" not in step for step in (await busy.get(path, include_data="false")).data)


async def test_an_approval_is_reached_from_its_run_but_does_not_name_it(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    run_id = neo.has_approval(481, agent="Password Reset", ticket="48213")["execution_id"]

    runs = (await client.get("/executions", entity_number="48213")).data
    approvals = (await client.get(f"/executions/{run_id}/til-requests")).data

    assert [(run["execution_id"], run["status"]) for run in runs] == [
        (run_id, "WAITING_FOR_APPROVAL")
    ]
    assert [approval["id"] for approval in approvals] == [481]
    assert run_id not in str(approvals)


async def test_the_document_names_every_status_that_is_shown(busy: Client) -> None:
    document = (await busy.get("/openapi.json")).body
    schemas = document["components"]["schemas"]
    runs = (await busy.get("/executions", page_size=200)).data
    approvals = (await busy.get("/til-requests", page_size=200)).data

    assert document["openapi"].startswith("3.1")
    assert {r["status"] for r in runs} <= set(schemas["Execution"]["properties"]["status"]["enum"])
    assert {a["status"] for a in approvals} <= set(
        schemas["TilRequest"]["properties"]["status"]["enum"]
    )
