"""A decision is recorded once, and the run goes where it leads."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.operations.approvals import SERVICE_ACCOUNT
from tests.sandbox.conftest import Client, Clock


async def run_of(client: Client, approval: dict[str, Any]) -> Any:
    return (await client.get(f"/executions/{approval['execution_id']}")).data


async def test_an_approved_run_goes_on_and_ends_seconds_later(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    approval = neo.has_approval(481, agent="Password Reset")
    assert (await run_of(client, approval))["status"] == "WAITING_FOR_APPROVAL"
    assert "Alex Wilber" in (await run_of(client, approval))["message_for_dashboard"]

    decided = await client.decide(481, "approve", note="Megan Bowen: client confirmed")

    assert decided.data["status"] == "APPROVED"
    assert decided.data["comment"] == "Megan Bowen: client confirmed"
    assert decided.data["decided_by"] == {"id": SERVICE_ACCOUNT[0], "name": SERVICE_ACCOUNT[1]}
    assert (await run_of(client, approval))["status"] == "RUNNING"
    clock.goes_on(6)
    ended = await run_of(client, approval)
    assert ended["status"] == "SUCCESS"
    assert ended["message_for_dashboard"].startswith("Reset the password of")
    assert neo.decisions == [(481, "approve")]
    assert neo.decision_bodies == [{"action": "approve", "note": "Megan Bowen: client confirmed"}]


async def test_a_rejected_run_stops_and_says_so(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    approval = neo.has_approval(481, agent="Password Reset")

    await client.decide(481, "reject", note="Call the client first.")
    clock.goes_on(3)

    run = await run_of(client, approval)
    steps = (await client.get(f"/executions/{approval['execution_id']}/steps")).data
    assert run["status"] == "SKIPPED"
    assert 'rejected it ("Call the client first.")' in run["message_for_dashboard"]
    assert "error" not in run
    assert steps[-1]["type"] == "FINAL_MESSAGE"
    assert steps[-1]["message"].startswith("Stopped: rejected.")
    assert not any(step.get("tool_type_name") == "M365_RESET_PASSWORD" for step in steps)


async def test_the_second_decision_names_the_first_decider(
    neo: EmbeddedNeo, client: Client
) -> None:
    megan = neo.people[1]
    neo.has_approval(481, agent="Password Reset", approvers=neo.people[:2])
    neo.decides_elsewhere(481, "reject", by=megan)

    late = await client.decide(481, "approve")

    assert (late.status, late.code) == (409, "til_request_already_decided")
    assert late.details["decided_by"] == {"id": megan[0], "name": "Megan Bowen"}
    assert late.details["status"] == "REJECTED"
    decision = neo.decision_on(481)
    assert decision is not None
    assert decision.action == "reject"


async def test_of_many_decisions_at_once_one_is_taken(neo: EmbeddedNeo, client: Client) -> None:
    neo.has_approval(481, agent="Password Reset")

    answers = await asyncio.gather(
        *(client.decide(481, action) for action in ("approve", "reject") * 4)
    )

    assert sorted(answer.status for answer in answers) == [200] + [409] * 7


async def test_a_test_can_stop_inside_a_decision(neo: EmbeddedNeo, client: Client) -> None:
    neo.has_approval(481, agent="Password Reset")
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def hook(_identifier: int, _action: str) -> None:
        inside.set()
        await go_on.wait()

    neo.before_decision(hook)
    deciding = asyncio.create_task(client.decide(481, "approve"))
    await inside.wait()
    neo.decides_elsewhere(481, "reject", by=neo.people[1])
    go_on.set()

    assert (await deciding).status == 409


async def test_the_person_a_tenant_key_names_is_ignored(neo: EmbeddedNeo, client: Client) -> None:
    neo.has_approval(481, agent="Password Reset")

    body = {"action": "approve", "acting_end_user": neo.people[1][0], "acting_end_user_name": "M"}
    answer = await client.post("/til-requests/481/decision", body)

    assert answer.data["decided_by"]["name"] == SERVICE_ACCOUNT[1]


async def test_naming_a_client_is_forbidden(neo: EmbeddedNeo, client: Client) -> None:
    neo.has_approval(481, agent="Password Reset")

    body = {"action": "approve", "client_id": "another tenant"}
    answer = await client.post("/til-requests/481/decision", body)

    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert neo.decision_on(481) is None


async def test_a_changed_approval_moves_its_update_time(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    before = neo.has_approval(481, agent="Password Reset")
    clock.goes_on(60)

    neo.changes_approval(481, requested_for={"action": "Reset everything"})

    after = (await client.get("/til-requests", q="everything")).data[0]
    assert after["requested_for"] == {"action": "Reset everything"}
    assert after["updated_at"] > before["updated_at"]


async def test_a_removed_approval_is_gone(neo: EmbeddedNeo, client: Client) -> None:
    neo.has_approval(481, agent="Password Reset")

    neo.removes_approval(481)

    assert (await client.get("/til-requests")).data == []
    assert (await client.decide(481, "approve")).status == 404


async def test_the_past_cannot_be_changed(busy_neo: EmbeddedNeo, busy: Client) -> None:
    past = (await busy.get("/til-requests")).data[0]

    with pytest.raises(ValueError, match="lies in the past"):
        busy_neo.changes_approval(past["id"], comment="Something else")
    late = await busy.decide(past["id"], "reject")

    assert (late.status, late.details["decided_by"]) == (409, past["decided_by"])
