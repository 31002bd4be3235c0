"""The document that the embedded Neo serves about itself at `GET /public-api/openapi.json`."""

from typing import Any

from bot.sandbox.runs import APPROVAL_STATUSES, RUN_STATUSES

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_NUMBER = {"type": "number"}
_INSTANT = {"type": "string", "format": "date-time"}
_OPEN = {"type": "object", "additionalProperties": True}
_PAGED = (("page_size", _WHOLE), ("cursor", _TEXT))


def document() -> dict[str, Any]:
    """The operations served here, OpenAPI 3.1, with the values that statuses can take."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Neo Public API (embedded)", "version": "1.0.0"},
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _paths() -> dict[str, Any]:
    runs = (
        ("agent_id", _WHOLE),
        ("entity_id", _TEXT),
        ("entity_number", _TEXT),
        ("status", _TEXT),
        *_PAGED,
    )
    approvals = (
        ("status", _TEXT),
        ("agent_id", _WHOLE),
        ("approver", _TEXT),
        ("q", _TEXT),
        ("created_after", _INSTANT),
        ("created_before", _INSTANT),
        *_PAGED,
    )
    steps = (
        ("type", _TEXT),
        ("tool_type_name", _TEXT),
        ("step_id", _TEXT),
        ("include_data", {"type": "boolean"}),
    )
    run = ("execution_id",)
    decision = _operation("decideTilRequest", "TilRequest", path=("request_id",))
    decision["requestBody"] = {"required": True, "content": _json(_ref("TilDecisionRequest"))}
    open_document = _operation("getOpenApi", None)
    open_document["security"] = []
    get = {
        "/openapi.json": open_document,
        "/agents": _operation("listAgents", "AgentSummary", query=_PAGED, many=True),
        "/agents/{agent_id}": _operation("getAgent", "Agent", path=("agent_id",)),
        "/executions": _operation("listExecutions", "Execution", query=runs, many=True),
        "/executions/{execution_id}": _operation("getExecution", "Execution", path=run),
        "/executions/{execution_id}/steps": _operation(
            "listExecutionSteps", "ExecutionStep", path=run, query=steps, many=True
        ),
        "/executions/{execution_id}/til-requests": _operation(
            "listExecutionTilRequests", "TilRequest", path=run, many=True
        ),
        "/til-requests": _operation("listTilRequests", "TilRequest", query=approvals, many=True),
        "/inbox": _operation("listInbox", "InboxMessage", many=True),
        "/billing/usage": _operation("getBillingUsage", "MonthlyUsage", query=(("month", _TEXT),)),
    }
    paths = {f"/public-api{path}": {"get": operation} for path, operation in get.items()}
    paths["/public-api/til-requests/{request_id}/decision"] = {"post": decision}
    return paths


def _operation(
    name: str,
    schema: str | None,
    *,
    path: tuple[str, ...] = (),
    query: tuple[tuple[str, dict[str, Any]], ...] = (),
    many: bool = False,
) -> dict[str, Any]:
    answer: dict[str, Any] = _OPEN
    if schema:
        data = {"type": "array", "items": _ref(schema)} if many else _ref(schema)
        answer = _object(("data", "meta"), data=data, meta=_ref("Meta"))
    return {
        "operationId": name,
        "parameters": [
            *({"name": part, "in": "path", "required": True, "schema": _TEXT} for part in path),
            *({"name": part, "in": "query", "schema": kind} for part, kind in query),
        ],
        "responses": {
            "200": {"description": "Success envelope.", "content": _json(answer)},
            "default": {"description": "Error envelope.", "content": _json(_ref("ErrorEnvelope"))},
        },
    }


def _schemas() -> dict[str, Any]:
    person = _object((), user_id=_TEXT, user_name=_TEXT)
    summary = _object(
        ("id", "name"),
        id=_TEXT,
        name=_TEXT,
        state=_enum("ENABLED", "DISABLED"),
        autonomy_type=_enum("CHAINED_ACTIONS", "AGENTIC", "CONVERSATIONAL"),
        trigger_type=_enum("SCHEDULED", "TRIGGERED", "NONE"),
        entity_type=_enum("TICKET", "NONE"),
        audience=_enum("MSP", "END_USER"),
        access=_enum("ALL_USERS", "ADMINS_ONLY", "SPECIFIC_USERS"),
        created_at=_INSTANT,
        updated_at=_INSTANT,
    )
    return {
        "AgentSummary": summary,
        "Agent": {"allOf": [_ref("AgentSummary"), _OPEN]},
        "Execution": _object(
            ("execution_id", "agent_id", "status"),
            execution_id=_TEXT,
            agent_id=_WHOLE,
            agent_name=_TEXT,
            status=_enum(*RUN_STATUSES),
            company_name=_TEXT,
            entity_type=_enum("TICKET", "NONE"),
            entity_id=_TEXT,
            entity_number=_TEXT,
            entity_summary=_TEXT,
            message_for_dashboard=_TEXT,
            error=_TEXT,
            seconds_spent=_WHOLE,
            credits_consumed=_WHOLE,
            created_at=_INSTANT,
            updated_at=_INSTANT,
        ),
        "ExecutionStep": _object(
            ("step_id", "type"),
            step_id=_TEXT,
            type=_enum("TOOL_CALL", "TOOL_RESULT", "THOUGHT", "FINAL_MESSAGE"),
            tool_call_id=_TEXT,
            tool_type_name=_TEXT,
            message=_TEXT,
            is_error={"type": "boolean"},
            data={},
            created_at=_INSTANT,
        ),
        "TilRequest": _object(
            ("id", "status"),
            id=_WHOLE,
            agent_id=_WHOLE,
            agent_name=_TEXT,
            status=_enum(*APPROVAL_STATUSES),
            ticket_id=_TEXT,
            ticket_number=_TEXT,
            requested_for=_OPEN,
            comment=_TEXT,
            approvers={"type": "array", "items": person},
            decided_by=_object((), id=_TEXT, name=_TEXT),
            created_at=_INSTANT,
            updated_at=_INSTANT,
        ),
        "TilDecisionRequest": _object(
            ("action",), action=_enum("approve", "reject"), note={"type": ["string", "null"]}
        ),
        "InboxMessage": _object(
            (),
            message=_TEXT,
            read={"type": "boolean"},
            number_of_occurrences=_WHOLE,
            affected_workflow_ids={"type": "array", "items": _WHOLE},
            affected_entity_numbers={"type": "array", "items": _TEXT},
            deduplication_message_id=_TEXT,
            created_at=_INSTANT,
            updated_at=_INSTANT,
        ),
        "MonthlyUsage": _object(
            ("month",),
            month=_TEXT,
            credits_used=_NUMBER,
            forecasted_credits=_NUMBER,
            credits_limit={"type": ["number", "null"]},
            credits_remaining={"type": ["number", "null"]},
            reserve_balance={"type": ["number", "null"]},
        ),
        "Meta": _object(("request_id",), request_id={"type": "string", "format": "uuid"}),
        "ErrorEnvelope": _object(
            ("error", "meta"),
            error=_object(("code", "message"), code=_TEXT, message=_TEXT, details=_OPEN),
            meta=_object(("request_id",), request_id=_TEXT),
        ),
    }


def _object(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "object", "properties": properties}
    return shape | ({"required": list(required)} if required else {})


def _enum(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
