"""Neo's operations, one method each, grouped by resource.

To add one: a model in `models.py` for what it answers, a method here that names the path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter, ValidationError

from bot.neo.http import NeoHttp
from bot.neo.models import (
    Agent,
    Approval,
    Envelope,
    InboxMessage,
    NeoModel,
    Run,
    Step,
    Usage,
)

M = TypeVar("M", bound=NeoModel)

log = structlog.get_logger()

_LIST = TypeAdapter(Envelope[list[Any]])
_AGENT = TypeAdapter(Envelope[Agent])
_RUN = TypeAdapter(Envelope[Run])
_APPROVAL = TypeAdapter(Envelope[Approval])
_USAGE = TypeAdapter(Envelope[Usage])

LARGEST_PAGE = 200
_ABOUT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of a list; ``cursor`` is None on the last."""

    items: list[M]
    cursor: str | None
    request_id: str | None


def _page(model: type[M], envelope: Envelope[list[Any]]) -> Page[M]:
    where = envelope.meta.pagination
    more = where is not None and bool(where.has_more) and bool(where.next_cursor)
    cursor = where.next_cursor if where and more else None
    return Page(_items(model, envelope), cursor, envelope.meta.request_id)


def _items(model: type[M], envelope: Envelope[list[Any]]) -> list[M]:
    """What can be read of a list: one odd item must not hide the others."""
    items: list[M] = []
    for one in envelope.data:
        try:
            items.append(model.model_validate(one))
        except ValidationError as error:
            log.warning(
                "neo.item_skipped",
                kind=model.__name__,
                faults=[".".join(map(str, fault["loc"])) for fault in error.errors()],
                request_id=envelope.meta.request_id,
            )
    return items


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _segment(text: str) -> str:
    """One segment of a path, whatever was typed; a segment of dots would be resolved away."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def _said(**params: Any) -> dict[str, Any]:
    """The query parameters that were given."""
    return {name: value for name, value in params.items() if value is not None}


class Agents:
    """Agents; the dashboard says workflows. Source: Neo API reference, Agents."""

    def __init__(self, http: NeoHttp) -> None:
        self._http = http

    async def page(
        self, *, cursor: str | None = None, page_size: int = LARGEST_PAGE
    ) -> Page[Agent]:
        """One page of agents. Shape: ``GET /public-api/agents`` -> agents."""
        params = _said(page_size=page_size, cursor=cursor)
        return _page(
            Agent, await self._http.read("agents.list", "/public-api/agents", _LIST, params)
        )

    async def list(self) -> AsyncIterator[Agent]:
        """Every agent, page by page as it is read."""
        cursor: str | None = None
        while True:
            page = await self.page(cursor=cursor)
            for agent in page.items:
                yield agent
            if (cursor := page.cursor) is None:
                return

    async def get(self, agent: str) -> Agent:
        """One agent. Shape: ``GET /public-api/agents/{agent_id}`` -> agent.

        Raises:
            NeoNotFound: no agent with this id.
        """
        path = f"/public-api/agents/{_segment(agent)}"
        return (await self._http.read("agents.get", path, _AGENT, {})).data


class Runs:
    """Runs of agents and their steps. Source: Neo API reference, Executions."""

    def __init__(self, http: NeoHttp) -> None:
        self._http = http

    async def page(
        self,
        *,
        agent: str | None = None,
        ticket: str | None = None,
        cursor: str | None = None,
        page_size: int = 50,
    ) -> Page[Run]:
        """One page of runs, newest first as far as Neo keeps to it (verify, do not trust).

        Shape: ``GET /public-api/executions?agent_id=&entity_number=`` -> runs.
        Not narrowed by status: the values that filter takes are not published.
        """
        params = _said(agent_id=agent, entity_number=ticket, page_size=page_size, cursor=cursor)
        return _page(
            Run, await self._http.read("runs.list", "/public-api/executions", _LIST, params)
        )

    async def get(self, run: str) -> Run:
        """One run. Shape: ``GET /public-api/executions/{execution_id}`` -> run.

        Raises:
            NeoNotFound: no run with this id.
        """
        path = f"/public-api/executions/{_segment(run)}"
        return (await self._http.read("runs.get", path, _RUN, {})).data

    async def steps(self, run: str, *, data: bool = False) -> list[Step]:
        """The run's steps in order; ``data`` adds each tool's input and output.

        Shape: ``GET /public-api/executions/{execution_id}/steps?include_data=`` -> steps.
        """
        path = f"/public-api/executions/{_segment(run)}/steps"
        params = {"include_data": "true" if data else "false"}
        return _items(Step, await self._http.read("runs.steps", path, _LIST, params))

    async def approvals(self, run: str) -> list[Approval]:
        """The approvals that the run asked for.

        Shape: ``GET /public-api/executions/{execution_id}/til-requests`` -> approvals.
        """
        path = f"/public-api/executions/{_segment(run)}/til-requests"
        return _items(Approval, await self._http.read("runs.approvals", path, _LIST, {}))


class Approvals:
    """Technician-in-the-loop requests. Source: Neo API reference, TIL requests."""

    def __init__(self, http: NeoHttp) -> None:
        self._http = http

    async def page(
        self,
        *,
        agent: str | None = None,
        text: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        cursor: str | None = None,
        page_size: int = LARGEST_PAGE,
    ) -> Page[Approval]:
        """One page of approvals; both moments are inclusive.

        Shape: ``GET /public-api/til-requests?agent_id=&q=&created_after=&created_before=``
        -> approvals. ``text`` searches ticket id, ticket number and the request's text.
        """
        params = _said(
            agent_id=agent,
            q=text,
            created_after=_iso(created_after),
            created_before=_iso(created_before),
            cursor=cursor,
            page_size=page_size,
        )
        return _page(
            Approval,
            await self._http.read("approvals.list", "/public-api/til-requests", _LIST, params),
        )

    async def list(
        self,
        *,
        agent: str | None = None,
        text: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> AsyncIterator[Approval]:
        """Every approval that fits, page by page as it is read."""
        cursor: str | None = None
        while True:
            page = await self.page(
                agent=agent,
                text=text,
                created_after=created_after,
                created_before=created_before,
                cursor=cursor,
            )
            for approval in page.items:
                yield approval
            if (cursor := page.cursor) is None:
                return

    async def reread(self, approval: Approval) -> Approval | None:
        """The approval as it stands now, None if Neo no longer has it.

        No operation reads one approval, so the list is narrowed to its agent and its moment; a
        little wider, for Neo may keep the moment more exactly than it says it.
        """
        at = approval.created_at
        same_moment = self.list(
            agent=approval.agent_id,
            created_after=at - _ABOUT if at else None,
            created_before=at + _ABOUT if at else None,
        )
        async for found in same_moment:
            if found.id == approval.id:
                return found
        return None

    async def decide(
        self, approval: str, action: Literal["approve", "reject"], *, note: str
    ) -> Approval:
        """Send a decision, once; the answer is the approval as it then stands.

        Shape: ``POST /public-api/til-requests/{request_id}/decision`` {action, note} -> approval.

        Raises:
            NeoConflict: somebody was faster.
            NeoUnavailable: nobody knows whether it was taken: read it again.
        """
        path = f"/public-api/til-requests/{_segment(approval)}/decision"
        body = {"action": action, "note": note}
        return (await self._http.write_once("approvals.decide", path, _APPROVAL, body)).data


class Inbox:
    """Neo's own notices. Source: Neo API reference, Inbox."""

    def __init__(self, http: NeoHttp) -> None:
        self._http = http

    async def list(self) -> list[InboxMessage]:
        """All messages; not paged. Shape: ``GET /public-api/inbox`` -> messages."""
        return _items(
            InboxMessage, await self._http.read("inbox.list", "/public-api/inbox", _LIST, {})
        )


class Billing:
    """Credits. Source: Neo API reference, Billing."""

    def __init__(self, http: NeoHttp) -> None:
        self._http = http

    async def usage(self, month: str | None = None) -> Usage:
        """Credits of one month, ``YYYY-MM``; the running month if none is given.

        Shape: ``GET /public-api/billing/usage?month=`` -> used, forecast, limit, remaining,
        reserve. Units: credits. Limit, remaining and reserve are None for past months.
        """
        params = _said(month=month)
        return (
            await self._http.read("billing.usage", "/public-api/billing/usage", _USAGE, params)
        ).data


class Neo:
    """One tenant's Neo."""

    def __init__(self, http: NeoHttp) -> None:
        self.agents = Agents(http)
        self.runs = Runs(http)
        self.approvals = Approvals(http)
        self.inbox = Inbox(http)
        self.billing = Billing(http)
