"""What an operation gets and gives, once the contract has been kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from aiohttp import web

from bot.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the contract allows.

    Attributes:
        request: As it came; for headers, and for a handler that streams.
        path: The path's placeholders.
        query: Query parameters that were given, typed as the contract says, defaults put in.
        body: The JSON body; empty where none was sent.
        by: Who asks: a tenant's API key, or an admin of the dashboard.
        now: When it arrived (UTC); the world stands there.
        new_id: Makes ids.
    """

    request: web.Request
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    by: Literal["key", "admin"]
    now: datetime
    new_id: Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the success envelope.

    Attributes:
        data: The data.
        page: ``meta.pagination`` of a list that has pages.
        status: HTTP status.
    """

    data: Any
    page: dict[str, Any] | None = None
    status: int = 200


Operation = Callable[[World, Call], Awaitable[Answer | web.StreamResponse]]
"""An operation; raises `envelope.ApiError` where the contract alone cannot tell that it is wrong.

Each module of `operations` names its own in ``OPERATIONS``: the contract's operationId -> function.
"""
