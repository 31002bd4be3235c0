"""What is sent keeps the contract, says what its caller said, and is sent once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bot.errors import NeoConflict, NeoForbidden, NeoInvalid, NeoUnavailable
from bot.neo.client import OPERATIONS, Neo
from bot.neo.models import ApprovalState
from bot.neo.models.agents import (
    Action,
    AgentChanges,
    AgenticAgent,
    AgentSettings,
    ChainedActionsAgent,
    Conditions,
    ConversationalAgent,
    Integration,
    Integrations,
    Permission,
    Rule,
    RuleGroup,
    TargetChange,
    Toolbox,
    TriggerSettings,
)
from bot.neo.models.skills import SkillEdit, SkillFile
from bot.sandbox.embedded import EmbeddedNeo
from tests.neo.conftest import Connect
from tests.workplace import MEGAN, Clock

ANY = "https://neo.northwind.example"
CONTRACT = json.loads((Path(__file__).parents[2] / "bot" / "sandbox" / "openapi.json").read_text())
AT = datetime(2026, 12, 1, 8, 30, tzinfo=timezone(timedelta(hours=1)))

Write = Callable[[Neo], Awaitable[Any]]

DISPATCH = ChainedActionsAgent(
    name="Dispatch",
    trigger_type="TRIGGERED",
    callback_settings=TriggerSettings(
        target_changes=[TargetChange(change_type="TICKET_CREATED")], run_only_once_per_entity=True
    ),
    ticket_conditions=Conditions(
        conditions=RuleGroup(
            combinator="and",
            rules=[
                Rule(field="board", operator="=", value="Service"),
                RuleGroup(combinator="or", rules=[Rule(field="type", operator="null")]),
            ],
        )
    ),
    actions=[Action(action_type="DISPATCH_TICKET", input_as_dict={"by": "skill"})],
)
RESET = AgenticAgent(
    name="Password Reset",
    trigger_type="NONE",
    agent_settings=AgentSettings(custom_instructions="Ask first.", test_mode=False),
    toolbox=Toolbox(tool_settings_by_type={"WEB_FETCH": {}}),
    integrations=Integrations.model_validate(
        {
            "ad": Integration(
                permissions=(
                    Permission(group_type="USERS", access_level="READ_WRITE", require_til=True),
                )
            )
        }
    ),
)

WRITES: list[tuple[str, Write, str, dict[str, Any] | None]] = [
    (
        "agents.create",
        lambda neo: neo.agents.create(DISPATCH),
        "agents",
        {
            "autonomy_type": "CHAINED_ACTIONS",
            "name": "Dispatch",
            "trigger_type": "TRIGGERED",
            "callback_settings": {
                "target_changes": [{"change_type": "TICKET_CREATED"}],
                "run_only_once_per_entity": True,
            },
            "ticket_conditions": {
                "conditions": {
                    "combinator": "and",
                    "rules": [
                        {"field": "board", "operator": "=", "value": "Service"},
                        {"combinator": "or", "rules": [{"field": "type", "operator": "null"}]},
                    ],
                }
            },
            "actions": [{"action_type": "DISPATCH_TICKET", "input_as_dict": {"by": "skill"}}],
        },
    ),
    (
        "agents.create",
        lambda neo: neo.agents.create(RESET),
        "agents",
        {
            "autonomy_type": "AGENTIC",
            "name": "Password Reset",
            "trigger_type": "NONE",
            "agent_settings": {"custom_instructions": "Ask first.", "test_mode": False},
            "toolbox": {"tool_settings_by_type": {"WEB_FETCH": {}}},
            "integrations": {
                "ad": {
                    "permissions": [
                        {"group_type": "USERS", "access_level": "READ_WRITE", "require_til": True}
                    ]
                }
            },
        },
    ),
    (
        "agents.create",
        lambda neo: neo.agents.create(ConversationalAgent(name="Desk", audience="END_USER")),
        "agents",
        {"autonomy_type": "CONVERSATIONAL", "name": "Desk", "audience": "END_USER"},
    ),
    (
        "agents.update",
        lambda neo: neo.agents.update(
            "20418",
            AgentChanges.model_validate(
                {
                    "description": None,
                    "toolbox": Toolbox(tool_settings_by_type={"WEB_FETCH": None}),
                    "state": "DISABLED",
                }
            ),
        ),
        "agents/20418",
        {
            "description": None,
            "toolbox": {"tool_settings_by_type": {"WEB_FETCH": None}},
            "state": "DISABLED",
        },
    ),
    ("agents.run_now", lambda neo: neo.agents.run_now("20418"), "agents/20418/run-now", None),
    (
        "agents.run_now",
        lambda neo: neo.agents.run_now("20418", entity="t1"),
        "agents/20418/run-now",
        {"target_entity_id": "t1"},
    ),
    (
        "approvals.decide",
        lambda neo: neo.approvals.decide("481", "approve", note="by phone"),
        "til-requests/481/decision",
        {"action": "approve", "note": "by phone"},
    ),
    (
        "approvals.decide",
        lambda neo: neo.approvals.decide(
            "481", "reject", technician="aad-1", technician_name="Megan Bowen", client="northwind"
        ),
        "til-requests/481/decision",
        {
            "action": "reject",
            "acting_end_user": "aad-1",
            "acting_end_user_name": "Megan Bowen",
            "client_id": "northwind",
        },
    ),
    (
        "scheduled_work.schedule",
        lambda neo: neo.scheduled_work.schedule("20418", AT),
        "scheduled-work",
        {"scheduled_for": "2026-12-01T08:30:00+01:00", "workflow_id": 20418},
    ),
    (
        "scheduled_work.schedule",
        lambda neo: neo.scheduled_work.schedule(
            "20418", AT.astimezone(UTC), ticket="t1", instructions="Call first."
        ),
        "scheduled-work",
        {
            "scheduled_for": "2026-12-01T07:30:00+00:00",
            "workflow_id": 20418,
            "ticket_id": "t1",
            "additional_custom_instructions": "Call first.",
        },
    ),
    (
        "handovers.accept",
        lambda neo: neo.handovers.accept(
            "h/1",
            technician="aad-1",
            technician_name="Megan Bowen",
            technician_tenant="northwind",
        ),
        "handover-requests/h%2F1/accept",
        {
            "technician_aad_id": "aad-1",
            "technician_name": "Megan Bowen",
            "technician_tenant_id": "northwind",
        },
    ),
    (
        "handovers.accept",
        lambda neo: neo.handovers.accept(
            "h1", technician="a", technician_name="Lee Gu", technician_tenant="t", client="adatum"
        ),
        "handover-requests/h1/accept",
        {
            "technician_aad_id": "a",
            "technician_name": "Lee Gu",
            "technician_tenant_id": "t",
            "client_id": "adatum",
        },
    ),
    (
        "escalations.create",
        lambda neo: neo.escalations.create("Stuck", "Since noon.", run="r1"),
        "escalate-to-neo-team",
        {"summary": "Stuck", "details": "Since noon.", "execution_id": "r1"},
    ),
    (
        "escalations.create",
        lambda neo: neo.escalations.create("Stuck", "Since noon.", chat="s1", requester="u1"),
        "escalate-to-neo-team",
        {
            "summary": "Stuck",
            "details": "Since noon.",
            "chat_session_id": "s1",
            "requester_user_id": "u1",
        },
    ),
    (
        "skills.create",
        lambda neo: neo.skills.create(
            "Printers",
            "printers",
            [SkillFile(path="SKILL.md", content="Turn it off.")],
            description="Printers that do not print.",
            run="r1",
        ),
        "skills",
        {
            "name": "Printers",
            "slug": "printers",
            "files": [{"path": "SKILL.md", "content": "Turn it off."}],
            "description": "Printers that do not print.",
            "source_run_id": "r1",
        },
    ),
    (
        "skills.edit",
        lambda neo: neo.skills.edit(
            "s1",
            [SkillEdit(file_id="f1", old_string="off", new_string="on", replace_all=True)],
            base_hash="h1",
        ),
        "skills/s1",
        {
            "edits": [
                {"file_id": "f1", "old_string": "off", "new_string": "on", "replace_all": True}
            ],
            "base_hash": "h1",
        },
    ),
]
OPERATION = {operation.name: operation for operation in OPERATIONS}


def contract_of(operation: str) -> dict[str, Any]:
    """The schema of what an operation is sent."""
    known = OPERATION[operation]
    body = CONTRACT["paths"][known.path][known.method.lower()]["requestBody"]
    schema: dict[str, Any] = body["content"]["application/json"]["schema"]
    return {"components": CONTRACT["components"], **schema}


@pytest.mark.parametrize(("operation", "write", "path", "body"), WRITES)
async def test_each_write_sends_what_its_caller_said_and_keeps_the_contract(
    connect: Connect, operation: str, write: Write, path: str, body: dict[str, Any] | None
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": {"id": 7, "execution_id": "r1"}, "meta": {}})

    assert await write(connect(ANY, "k", transport=httpx.MockTransport(answer)))
    (request,) = seen
    assert request.method == OPERATION[operation].method
    assert request.url.raw_path.decode() == f"/public-api/{path}"
    assert (json.loads(request.content) if request.content else None) == body
    if body is not None:
        jsonschema.validate(body, contract_of(operation))


@pytest.mark.parametrize(("operation", "write"), [one[:2] for one in WRITES])
@pytest.mark.parametrize("status", [500, 503])
async def test_a_write_whose_answer_is_lost_is_not_sent_again(
    connect: Connect, operation: str, write: Write, status: int
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        body = {"error": {"code": "internal", "message": "Later."}, "meta": {"request_id": "q"}}
        return httpx.Response(status, json=body)

    with pytest.raises(NeoUnavailable) as caught:
        await write(connect(ANY, "k", transport=httpx.MockTransport(answer)))
    assert caught.value.operation == operation
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "agent_managed_by_neo", NeoForbidden),
        (409, "agent_update_conflict", NeoConflict),
        (400, "validation_error", NeoInvalid),
    ],
)
async def test_a_change_that_neo_refuses_says_why(
    connect: Connect, status: int, code: str, kind: type[Exception]
) -> None:
    error = {"code": code, "message": "No.", "details": {"field": "toolbox"}}
    body = {"error": error, "meta": {"request_id": "q"}}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    with pytest.raises(kind) as caught:
        await connect(ANY, "k", transport=transport).agents.update("1", AgentChanges(name="New"))
    assert getattr(caught.value, "code", None) == code


async def test_coming_too_late_for_a_handover_is_an_answer(connect: Connect) -> None:
    data = {"status": "already_taken", "accepted_by": "Alex Wilber"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data, "meta": {}}))
    taken = await connect(ANY, "k", transport=transport).handovers.accept(
        "h1", technician="aad-1", technician_name="Megan Bowen", technician_tenant="northwind"
    )
    assert (taken.accepted, taken.accepted_by) == (False, "Alex Wilber")


async def test_a_decision_carries_its_way_and_the_note(embedded: EmbeddedNeo, neo: Neo) -> None:
    embedded.has_approval(481, agent="Password Reset", approvers=[MEGAN])
    answer = await neo.approvals.decide("481", "approve", note="by phone")
    assert answer.state is ApprovalState.APPROVED
    assert answer.comment == "by phone"
    assert embedded.decision_bodies == [{"action": "approve", "note": "by phone"}]


async def test_an_agent_is_made_read_changed_and_remembered_as_it_was(
    clock: Clock, neo: Neo
) -> None:
    made = await neo.agents.create(RESET)
    read = await neo.agents.get(made.id)
    assert read.agent_settings is not None
    clock.goes_on(minutes=5)
    kinder = read.agent_settings.model_copy(update={"custom_instructions": "Be kind."})
    await neo.agents.update(made.id, AgentChanges(agent_settings=kinder))
    now = await neo.agents.get(made.id)
    before = await neo.agents.version_at(made.id, clock() - timedelta(minutes=1))
    for agent, instructions in ((now, "Be kind."), (before, "Ask first.")):
        assert agent.agent_settings is not None
        assert agent.agent_settings.custom_instructions == instructions
        assert agent.agent_settings.test_mode is False
        assert agent.integrations is not None
        assert [p.group_type for p in agent.integrations.by_key["ad"].permissions] == ["USERS"]
    assert [version.version_at for version in await neo.agents.versions(made.id)] == [
        clock(),
        clock() - timedelta(minutes=5),
    ]


async def test_what_is_scheduled_is_in_the_list_until_its_moment_comes(
    clock: Clock, neo: Neo
) -> None:
    when = clock() + timedelta(days=1)
    scheduled = await neo.scheduled_work.schedule("20418", when, ticket="48213")
    (listed,) = [one async for one in neo.scheduled_work.list(status="PENDING")]
    assert (listed.id, listed.scheduled_for, listed.agent_id) == (scheduled.id, when, "20418")
    with pytest.raises(NeoInvalid):
        await neo.scheduled_work.schedule("20418", clock() - timedelta(days=1))


async def test_a_skill_is_made_and_one_part_of_it_changed(neo: Neo) -> None:
    made = await neo.skills.create("Printers", "printers", [SkillFile(path="a.md", content="off")])
    assert made.files[0].id
    edit = SkillEdit(file_id=made.files[0].id, old_string="off", new_string="on")
    changed = await neo.skills.edit(made.id, [edit])
    assert [(file.path, file.content) for file in changed.files] == [("a.md", "on")]
