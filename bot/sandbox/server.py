"""The embedded Neo's HTTP side: the operations it serves, and nothing else."""

import hmac
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from aiohttp import web

from bot.sandbox import params
from bot.sandbox.document import document
from bot.sandbox.envelope import ApiError, RateLimit, failure, invalid, not_found, success
from bot.sandbox.profiles import agent_body, agent_summary
from bot.sandbox.reports import Reports
from bot.sandbox.runs import Run, approval_body, run_body, stamp, step_bodies
from bot.sandbox.world import AlreadyDecidedError, ApprovalFilter, RunFilter, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SERVICE_ACCOUNT = ("c0ffee00-5e4f-4d6a-9c55-000000000001", "Neo API service account")
"""Who decides when a tenant key does: Neo ignores the person that a tenant key names."""

_BASE = "/public-api"
_OPEN_PATHS = {f"{_BASE}/openapi.json"}
_BODY_LIMIT_BYTES = 1_000_000
_REQUEST_ID = web.RequestKey("request_id", str)
_BEGAN = web.RequestKey("began", datetime)


class Server:
    """Serves one world to whoever holds the key.

    Args:
        world: What is served; it is advanced to the present before each answer.
        key: The API key; None when every key is refused.
        now: The clock (aware UTC).
        new_id: Makes request ids.
        rate_limit: The tenant's request budget.
    """

    def __init__(
        self,
        world: World,
        *,
        key: str | None,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.world = world
        self.key = key
        self.now = now
        self.rate_limit = rate_limit or RateLimit()
        self.reports = Reports(world)
        self.before_decision: Callable[[int, str], Awaitable[None]] | None = None
        self.on_decision: Callable[[int, dict[str, Any]], None] | None = None
        self._new_id = new_id

    def application(self, *outermost: Callable[..., Any]) -> web.Application:
        """The aiohttp application; `outermost` middlewares stand before everything else."""
        app = web.Application(
            middlewares=[*outermost, self._speak], client_max_size=_BODY_LIMIT_BYTES
        )
        app.add_routes(
            [
                web.get(f"{_BASE}/openapi.json", self._document),
                web.get(f"{_BASE}/agents", self._agents),
                web.get(f"{_BASE}/agents/{{agent_id}}", self._agent),
                web.get(f"{_BASE}/executions", self._runs),
                web.get(f"{_BASE}/executions/{{execution_id}}", self._run),
                web.get(f"{_BASE}/executions/{{execution_id}}/steps", self._steps),
                web.get(f"{_BASE}/executions/{{execution_id}}/til-requests", self._run_approvals),
                web.get(f"{_BASE}/til-requests", self._approvals),
                web.post(f"{_BASE}/til-requests/{{request_id}}/decision", self._decide),
                web.get(f"{_BASE}/inbox", self._inbox),
                web.get(f"{_BASE}/billing/usage", self._usage),
                web.route("*", "/{path:.*}", self._unknown),
            ]
        )
        return app

    @web.middleware
    async def _speak(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Key, budget and envelope, around every operation."""
        began = self.now()
        request[_REQUEST_ID], request[_BEGAN] = str(self._new_id()), began
        try:
            if request.path not in _OPEN_PATHS:
                self._admit(request, began)
            self.world.advance(began)
            response = await handler(request)
        except ApiError as error:
            response = failure(error, request[_REQUEST_ID])
            if error.status == web.HTTPTooManyRequests.status_code:
                response.headers["Retry-After"] = str(self.rate_limit.retry_after_seconds(began))
        response.headers.update(self.rate_limit.headers(began))
        return response

    def _admit(self, request: web.Request, now: datetime) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        known = (self.key or "").encode()
        # An empty key matches nothing; the comparison takes as long for a near miss as for any.
        matches = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), known)
        if not (known and matches and scheme.lower() == "bearer"):
            raise ApiError(401, "UNAUTHORIZED", "The API key is missing, unknown or revoked.")
        if not self.rate_limit.take(now):
            raise ApiError(429, "rate_limit_exceeded", "Too many requests for this tenant.")

    def _success(
        self, request: web.Request, data: Any, page: dict[str, Any] | None = None
    ) -> web.Response:
        return success(data, request[_REQUEST_ID], self.now() - request[_BEGAN], page)

    def _page(
        self,
        request: web.Request,
        runs: Iterator[Run],
        draw: Callable[[Run], Any],
        kind: str,
        key: Callable[[Run], tuple[datetime, int]],
    ) -> web.Response:
        size = params.page_size(request)
        found = list(islice(runs, size + 1))
        has_more = len(found) > size
        shown = found[:size]
        next_cursor = params.cursor_of(kind, *key(shown[-1])) if has_more else None
        page = {"has_more": has_more, "next_cursor": next_cursor}
        return self._success(request, [draw(run) for run in shown], page)

    async def _document(self, _request: web.Request) -> web.Response:
        return web.json_response(document())

    async def _agents(self, request: web.Request) -> web.Response:
        size = params.page_size(request)
        seen = params.cursor(request, "agents")
        anchor = self.world.history.anchor
        agents = sorted(self.world.agents.values(), key=lambda agent: agent.id)
        found = [agent for agent in agents if seen is None or agent.id > seen[1]]
        has_more = len(found) > size
        next_cursor = params.cursor_of("agents", anchor, found[size - 1].id) if has_more else None
        return self._success(
            request,
            [agent_summary(agent, anchor) for agent in found[:size]],
            {"has_more": has_more, "next_cursor": next_cursor},
        )

    async def _agent(self, request: web.Request) -> web.Response:
        agent = self.world.agents.get(params.path_integer(request, "agent_id"))
        if agent is None:
            raise not_found("There is no agent with this id.")
        world = self.world
        return self._success(request, agent_body(agent, world.history.anchor, world.people))

    async def _runs(self, request: web.Request) -> web.Response:
        wanted = RunFilter(
            agent_id=params.integer(request, "agent_id"),
            entity_id=request.query.get("entity_id"),
            entity_number=request.query.get("entity_number"),
            statuses=params.words(request, "status"),
        )
        runs = self.world.runs(wanted, params.cursor(request, "runs"))
        return self._page(
            request,
            runs,
            lambda run: run_body(run, self.world.now),
            "runs",
            lambda run: (run.started_at, run.index),
        )

    def _run_of(self, request: web.Request) -> Run:
        run = self.world.run(request.match_info["execution_id"])
        if run is None:
            raise not_found("There is no execution with this id.")
        return run

    async def _run(self, request: web.Request) -> web.Response:
        return self._success(request, run_body(self._run_of(request), self.world.now))

    async def _steps(self, request: web.Request) -> web.Response:
        types = params.words(request, "type")
        tool = request.query.get("tool_type_name", "").casefold()
        step_id = request.query.get("step_id")
        include_data = params.flag(request, "include_data", default=True)
        steps = step_bodies(
            self._run_of(request), self.world.now, include_data=include_data or step_id is not None
        )
        return self._success(
            request,
            [
                step
                for step in steps
                if (types is None or step["type"] in types)
                and (not tool or step.get("tool_type_name", "").casefold() == tool)
                and step_id in {None, step["step_id"]}
            ],
        )

    async def _run_approvals(self, request: web.Request) -> web.Response:
        run = self._run_of(request)
        asked = run.approval and run.approval.created_at <= self.world.now
        return self._success(request, [approval_body(run)] if asked else [])

    async def _approvals(self, request: web.Request) -> web.Response:
        wanted = ApprovalFilter(
            agent_id=params.integer(request, "agent_id"),
            statuses=params.words(request, "status"),
            approver=request.query.get("approver"),
            text=request.query.get("q"),
            created_after=params.instant(request, "created_after"),
            created_before=params.instant(request, "created_before"),
        )
        runs = self.world.approvals(wanted, params.cursor(request, "til-requests"))
        return self._page(request, runs, approval_body, "til-requests", _asked_key)

    async def _decide(self, request: web.Request) -> web.Response:
        identifier = params.path_integer(request, "request_id")
        body = await params.json_object(request)
        action = body.get("action")
        if action not in {"approve", "reject"}:
            raise invalid("action", "action must be approve or reject.")
        note = params.text_or_none(body, "note")
        if body.get("client_id") is not None:
            raise ApiError(403, "FORBIDDEN", "Only platform service accounts may name a client_id.")
        if self.on_decision is not None:
            self.on_decision(identifier, body)
        if self.before_decision is not None:
            await self.before_decision(identifier, action)
        # Looked up only now: somebody else may have decided while this request waited.
        self.world.advance(self.now())
        run = self.world.approval(identifier)
        if run is None:
            raise not_found("There is no TIL request with this id.")
        try:
            self.world.decide(run, action, SERVICE_ACCOUNT, note)
        except AlreadyDecidedError as error:
            raise _already_decided(error.run) from error
        return self._success(request, approval_body(run))

    async def _inbox(self, request: web.Request) -> web.Response:
        return self._success(request, self.reports.inbox())

    async def _usage(self, request: web.Request) -> web.Response:
        return self._success(request, self.reports.usage(params.month(request, self.world.now)))

    async def _unknown(self, request: web.Request) -> web.Response:
        raise not_found(f"The embedded Neo does not serve {request.method} {request.path}.")


def _asked_key(run: Run) -> tuple[datetime, int]:
    if run.approval is None:
        raise ValueError(f"Run {run.id} asks nobody.")
    return run.approval.created_at, run.approval.id


def _already_decided(run: Run) -> ApiError:
    body = approval_body(run)
    decision = run.approval.decision if run.approval else None
    return ApiError(
        409,
        "til_request_already_decided",
        f"This request was already {body['status'].lower()} by {body['decided_by']['name']}.",
        {
            "til_request_id": body["id"],
            "status": body["status"],
            "decided_by": body["decided_by"],
            "decided_at": stamp(decision.at) if decision else None,
        },
    )
