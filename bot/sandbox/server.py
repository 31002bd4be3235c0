"""The embedded Neo's HTTP side: who asks, within which budget, for which operation."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from uuid import UUID

from aiohttp import web

from bot.sandbox.calls import Answer, Call, Operation
from bot.sandbox.contract import Body, Route, read_json, routes
from bot.sandbox.envelope import (
    BODY_LIMIT_BYTES,
    ApiError,
    RateLimit,
    failure,
    not_found,
    read_bytes,
    success,
)
from bot.sandbox.operations import operations
from bot.sandbox.troubles import SKEW, Handler, Troubles
from bot.sandbox.world import World

__all__ = ["Handler", "Server"]

_log = logging.getLogger(__name__)

_ADMIN_PATHS = "/public-api/api-keys"
_PLATFORM_FIELD = "client_id"  # names another tenant, which no caller of this one may do
_REQUEST_ID = web.RequestKey("request_id", str)
_BEGAN = web.RequestKey("began", datetime)
_IS_BEGUN = web.RequestKey("is_begun", bool)  # the answer's head is out: no other can follow

Caller = Literal["key", "admin"]


class Server:
    """Serves one world to whoever holds a key of its.

    Args:
        world: What is served; it is advanced to the present before each answer.
        key: An API key to admit; None admits only the keys that are made in this world.
        admin_token: The token of the dashboard's admin, who may do all that a key may, and alone
            makes keys; None when there is none.
        now: The clock (aware UTC).
        new_id: Makes ids.
        rate_limit: The tenant's request budget.

    Attributes:
        troubles: What goes wrong, to order.
        before: By operationId, what is awaited when a request for it has kept the contract.
    """

    def __init__(
        self,
        world: World,
        *,
        key: str | None,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        admin_token: str | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.world = world
        self.now = now
        self.rate_limit = rate_limit or RateLimit()
        self.troubles = Troubles(new_id, self._may_order)
        self.before: dict[str, Callable[[Call], Awaitable[None]]] = {}
        self._new_id = new_id
        world.records.keys.add(key or "")
        world.records.keys.add_admin(admin_token or "")

    def application(self, *outermost: Callable[..., Any]) -> web.Application:
        """The aiohttp application; `outermost` middlewares stand before everything else."""
        app = web.Application(
            middlewares=[*outermost, self.troubles.meet, self._speak],
            client_max_size=BODY_LIMIT_BYTES,
        )
        app.on_response_prepare.append(self._sign)
        served, methods = operations(), dict[str, set[str]]()
        for route in routes():
            methods.setdefault(route.path, set()).add(route.method)
            handler = self._handler(route, served[route.operation_id])
            app.router.add_route(route.method, route.path, handler)
        for path, known in methods.items():
            # Else GET /channels/install-events would look for a channel of that name.
            app.router.add_route("*", path, self._refusal(known))
        return app

    @web.middleware
    async def _speak(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The failure envelope, also where no operation is meant."""
        request[_REQUEST_ID], request[_BEGAN] = str(self._new_id()), self.now()
        try:
            if request.match_info.http_exception is not None:
                self._admit(request)
            return await handler(request)
        except ApiError as error:
            refusal = error
        except web.HTTPNotFound:
            refusal = not_found("The embedded Neo serves nothing at this path.")
        except web.HTTPException:
            raise
        except Exception:
            if request.get(_IS_BEGUN):
                raise
            _log.exception("The embedded Neo failed at %s %s", request.method, request.path)
            message = "The embedded Neo failed at this request; its log says why."
            refusal = ApiError(500, "internal_error", message)
        return failure(refusal, request[_REQUEST_ID])

    async def _sign(self, request: web.Request, response: web.StreamResponse) -> None:
        """Date and budget on everything that Neo says; a proxy's page has neither."""
        request[_IS_BEGUN] = True
        if response.content_type == "text/html":
            return
        now, skew = self.now(), request.get(SKEW, timedelta())
        response.headers["Date"] = format_datetime(now + skew, usegmt=True)
        for name, value in self.rate_limit.headers(now, skew).items():
            response.headers.setdefault(name, value)

    def _handler(self, route: Route, operation: Operation) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            by: Caller = "key" if route.is_open else self._admit(request)
            if by != "admin" and route.path.startswith(_ADMIN_PATHS):
                raise ApiError(403, "FORBIDDEN", "Only an admin of the dashboard can do this.")
            query = {name: request.query.getall(name) for name in request.query}
            call = Call(
                request=request,
                path=request.match_info,
                query=route.read_query(query),
                body=await _body(request, route.body) if route.body else {},
                by=by,
                now=request[_BEGAN],
                new_id=self._new_id,
            )
            return await self._answer(route, operation, call)

        return handle

    def _refusal(self, known: set[str]) -> Handler:
        async def refuse(request: web.Request) -> web.StreamResponse:
            self._admit(request)
            allowed = ", ".join(sorted(known))
            message = f"{request.method} cannot be used here, only {allowed}."
            raise ApiError(405, "method_not_allowed", message, headers={"Allow": allowed})

        return refuse

    async def _answer(self, route: Route, operation: Operation, call: Call) -> web.StreamResponse:
        if route.operation_id in self.before:
            await self.before[route.operation_id](call)
        # As of now, not of the beginning: somebody else may have changed the world meanwhile.
        self.world.advance(self.now())
        answer = await operation(self.world, replace(call, now=self.world.now))
        if not isinstance(answer, Answer):
            return answer
        request = call.request
        return success(answer, request[_REQUEST_ID], self.now() - request[_BEGAN])

    def _admit(self, request: web.Request) -> Caller:
        """Who asks, once there is budget for it."""
        by = self._caller(request, request[_BEGAN])
        if by is None:
            raise ApiError(401, "UNAUTHORIZED", "The API key is missing, unknown or revoked.")
        if not self.rate_limit.take(request[_BEGAN]):
            seconds = self.rate_limit.retry_after_seconds(request[_BEGAN])
            raise ApiError(
                429,
                "rate_limit_exceeded",
                f"Too many requests for this tenant; the next fits in {seconds} s.",
                headers={"Retry-After": str(seconds)},
            )
        return by

    def _caller(self, request: web.Request, at: datetime) -> Caller | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        by = self.world.records.keys.caller(token.strip(), at)
        return by if scheme.lower() == "bearer" else None

    def _may_order(self, request: web.Request) -> bool:
        """Whether a request may order its own trouble: it has a key, or needs none."""
        is_open = any(
            route.is_open and (route.method, route.path) == (request.method, request.path)
            for route in routes()
        )
        return is_open or self._caller(request, self.now()) is not None


async def _body(request: web.Request, expected: Body) -> dict[str, Any]:
    """The body, as the contract wants it."""
    raw = await read_bytes(request)
    if not raw and not expected.required:
        return {}
    if raw and request.content_type != "application/json":
        message = "The body must be sent with Content-Type: application/json."
        raise ApiError(415, "unsupported_media_type", message)
    body = read_json(raw)
    expected.check(body)
    if _PLATFORM_FIELD in expected.names and body.get(_PLATFORM_FIELD) is not None:
        message = f"Only platform service accounts may name a {_PLATFORM_FIELD}."
        raise ApiError(403, "FORBIDDEN", message)
    return body
