"""What Neo says is read page by page, as it stands, whatever fields it has or lacks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.neo.client import Neo
from bot.neo.models import Agent, Approval, ApprovalState, Outcome, Run
from bot.sandbox.embedded import EmbeddedNeo
from tests.neo.conftest import Connect
from tests.workplace import ALEX, MEGAN, START

ANY = "https://neo.northwind.example"


def answering(body: object, seen: list[httpx.Request] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        content = json.dumps(body, ensure_ascii=True)
        return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    return httpx.MockTransport(answer)


async def test_every_agent_is_read_over_as_many_pages_as_there_are(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    first = await neo.agents.page(page_size=5)
    assert len(first.items) == 5
    assert first.cursor
    read = list(first.items)
    cursor: str | None = first.cursor
    while cursor:
        page = await neo.agents.page(page_size=5, cursor=cursor)
        read += page.items
        cursor = page.cursor
    assert [a.name for a in read] == [a.name async for a in neo.agents.list()]
    assert len(read) == len(embedded.world.agents)


async def test_runs_come_newest_first_page_after_page_without_a_gap(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    for minute in range(7):
        embedded.has_run(agent="Dispatch", at=START - timedelta(minutes=minute + 1))
    first = await neo.runs.page(page_size=4)
    second = await neo.runs.page(page_size=4, cursor=first.cursor)
    begun = [run.created_at for run in (*first.items, *second.items)]
    assert len(begun) == 7
    assert begun == sorted(begun, key=str, reverse=True)
    assert second.cursor is None


async def test_a_page_that_promises_more_and_names_no_cursor_is_the_last(connect: Connect) -> None:
    body = {"data": [], "meta": {"pagination": {"has_more": True, "next_cursor": None}}}
    neo = connect(ANY, "k", transport=answering(body))
    assert [agent async for agent in neo.agents.list()] == []


async def test_the_request_id_of_a_page_is_kept(neo: Neo) -> None:
    assert (await neo.agents.page()).request_id


async def test_one_agent_one_run_its_steps_and_its_approvals_are_read(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    asked = embedded.has_approval(481, agent="Password Reset")
    agent = await neo.agents.get(str(asked["agent_id"]))
    run = await neo.runs.get(asked["execution_id"])
    steps = await neo.runs.steps(run.id, data=True)
    approvals = await neo.runs.approvals(run.id)
    assert agent.name == run.agent_name == "Password Reset"
    assert agent.enabled is True
    assert run.outcome is Outcome.WAITING
    assert any(step.tool for step in steps)
    assert [a.id for a in approvals] == ["481"]


async def test_an_approval_is_read_again_as_it_stands_now(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.has_approval(481, agent="Password Reset")
    embedded.has_approval(482, agent="Password Reset")
    (before,) = [a for a in (await neo.approvals.page()).items if a.id == "481"]
    assert before.state is ApprovalState.PENDING
    embedded.decides_elsewhere(481, "reject", by=ALEX)
    after = await neo.approvals.reread(before)
    assert after is not None
    assert (after.id, after.state) == ("481", ApprovalState.REJECTED)
    embedded.removes_approval(481)
    assert await neo.approvals.reread(before) is None


async def test_approvals_are_narrowed_to_an_agent_a_text_and_a_time(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    old = START - timedelta(days=2)
    embedded.has_approval(480, agent="Password Reset", at=old, ticket="48213")
    embedded.has_approval(481, agent="Offboarding", ticket="48214")
    since = START - timedelta(days=1)
    assert [a.id for a in (await neo.approvals.page(created_after=since)).items] == ["481"]
    assert [a.id for a in (await neo.approvals.page(created_before=since)).items] == ["480"]
    assert [a.id for a in (await neo.approvals.page(text="48213")).items] == ["480"]
    assert [a.id async for a in neo.approvals.list(agent="20418")] == ["480"]


async def test_credits_and_notices_are_read(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.fails_run(agent="Dispatch", error="No technician is free")
    usage = await neo.billing.usage()
    past = await neo.billing.usage("2026-10")
    (notice,) = await neo.inbox.list()
    assert usage.credits_used is not None
    assert usage.credits_limit is not None
    assert (past.month, past.credits_limit) == ("2026-10", None)
    assert notice.message == "Dispatch: No technician is free"
    assert notice.occurrences == 1


async def test_unknown_fields_nulls_and_unknown_values_stay_as_they_came(connect: Connect) -> None:
    run = {"execution_id": 7, "status": "HIBERNATING", "mood": {"deep": [1, None]}, "error": None}
    neo = connect(ANY, "k", transport=answering({"data": [run], "meta": {"request_id": 9}}))
    page = await neo.runs.page()
    (read,) = page.items
    assert (read.id, read.status, read.outcome) == ("7", "HIBERNATING", Outcome.UNKNOWN)
    assert read.model_extra == {"mood": {"deep": [1, None]}}
    assert page.request_id == "9"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"status": "SUCCESS"}, Outcome.SUCCEEDED),
        ({"status": "success", "error": "Access denied"}, Outcome.FAILED),
        ({"status": "SUCCESS", "error": "  "}, Outcome.SUCCEEDED),
        ({"status": "Timed Out"}, Outcome.FAILED),
        ({"status": "in-progress"}, Outcome.RUNNING),
        ({"status": "WAITING_FOR_APPROVAL"}, Outcome.WAITING),
        ({"status": "cancelled"}, Outcome.SKIPPED),
        ({"status": None}, Outcome.UNKNOWN),
        ({}, Outcome.UNKNOWN),
    ],
)
def test_how_a_run_went_is_read_from_its_status_and_its_error(
    fields: dict[str, Any], outcome: Outcome
) -> None:
    assert Run.model_validate({"execution_id": "r", **fields}).outcome is outcome


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "PENDING"}, ApprovalState.PENDING),
        ({"status": "Awaiting approval"}, ApprovalState.PENDING),
        ({"status": "APPROVED", "decided_by": {"name": "Alex"}}, ApprovalState.APPROVED),
        ({"status": "denied"}, ApprovalState.REJECTED),
        ({"status": "expired"}, ApprovalState.CLOSED),
        ({"status": "pending", "decided_by": {"name": "Alex"}}, ApprovalState.CLOSED),
        ({"status": "pending", "decided_by": {"id": None, "name": None}}, ApprovalState.PENDING),
        ({"status": "escalated"}, ApprovalState.UNKNOWN),
        ({}, ApprovalState.PENDING),
        ({"decided_by": {"id": 3}}, ApprovalState.CLOSED),
    ],
)
def test_how_an_approval_stands_is_read_from_its_status_and_its_decider(
    fields: dict[str, Any], state: ApprovalState
) -> None:
    assert Approval.model_validate({"id": 481, **fields}).state is state


def test_an_approval_without_approvers_asks_nobody() -> None:
    assert Approval.model_validate({"id": 481, "approvers": None}).approvers == ()


def test_what_is_asked_changes_the_fingerprint_and_how_it_stands_does_not() -> None:
    asked = {"id": 481, "requested_for": {"action": "Reset"}, "new_field": 1}
    one = Approval.model_validate(asked)
    assert one.digest == Approval.model_validate({**asked, "status": "APPROVED"}).digest
    assert one.digest != Approval.model_validate({**asked, "new_field": 2}).digest
    assert one.digest != Approval.model_validate({**asked, "approvers": [{"user_id": "x"}]}).digest


def test_an_agent_in_a_state_nobody_knows_is_neither_on_nor_off() -> None:
    assert Agent.model_validate({"id": 1, "state": "DRAFT"}).enabled is None
    assert Agent.model_validate({"id": 1}).enabled is None


@pytest.mark.parametrize(
    "typed", ["../agents", "a?b=c", "a#b", "%2F", "a/b", "ä ö", ".", "..", "\ud800"]
)
async def test_what_a_person_typed_never_leaves_its_place_in_the_path(
    connect: Connect, typed: str
) -> None:
    seen: list[httpx.Request] = []
    neo = connect(ANY, "k", transport=answering({"data": {"execution_id": "r"}}, seen))
    await neo.runs.get(typed)
    (request,) = seen
    sent = request.url.raw_path.decode()
    assert sent.startswith("/public-api/executions/")
    assert "/" not in sent.removeprefix("/public-api/executions/")
    assert not request.url.query
    assert not request.url.fragment


async def test_a_decision_carries_its_way_and_the_note(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.has_approval(481, agent="Password Reset", approvers=[MEGAN])
    answer = await neo.approvals.decide("481", "approve", note="by phone")
    assert answer.state is ApprovalState.APPROVED
    assert answer.comment == "by phone"
    assert embedded.decision_bodies == [{"action": "approve", "note": "by phone"}]
