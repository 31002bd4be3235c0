"""Gathers what helps to decide an approval, within a few seconds and a few requests to Neo."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bot.approvals.origin import likeliest, run_of
from bot.approvals.risks import client_of, tool_of
from bot.errors import NeoError, NeoNotFound
from bot.neo.client import Neo
from bot.neo.models import Approval, ApprovalState, Outcome, Run, Step
from bot.neo.options import Purpose
from bot.neo.resource import LARGEST_PAGE
from bot.store import approvals as stored
from bot.store.approvals import Known
from bot.store.database import Pool
from cards import request as wished
from cards.evidence import DAYS, EARLIER, ENDS, MOST_EARLIER, RUN, STEPS, Earlier, Evidence
from cards.external_request import external_request

WITHIN_SECONDS: Final = 4.0
"""A click is answered within ten seconds, and the approval itself is read before this."""

_PARTS: Final = (RUN, STEPS, EARLIER, ENDS)
_DECIDED: Final = frozenset({ApprovalState.APPROVED, ApprovalState.REJECTED})
_SHAPE: Final = 8  # words that tell one wish from another: names and numbers are not among them

T = TypeVar("T")


@dataclass(slots=True)
class _Reading:
    """Parts that are read until one moment; what fails is named, and the others go on."""

    until: float  # by the event loop's clock
    missing: list[str] = field(default_factory=list)

    async def of(self, part: str, asked: Awaitable[T]) -> T | None:
        """What Neo answers, None if it did not in time."""
        try:
            async with asyncio.timeout_at(self.until):
                return await asked
        except (NeoError, TimeoutError):
            self.missing.append(part)
            return None


@dataclass(frozen=True, slots=True)
class Gathering:
    """Reads the run that asks, its steps, and what became of such requests before.

    Eight requests to Neo at most: five to find the run, or one where it is known; its steps; a page
    of the agent's approvals; a page of its runs.

    Args:
        pool: Remembers the run once it is found.
        neo_of: A tenant's Neo.
        clock: The present.
        within_seconds: How long all of it may take.
    """

    pool: Pool
    neo_of: Callable[[str], Neo]
    clock: Callable[[], datetime]
    within_seconds: float = WITHIN_SECONDS

    async def gather(self, tenant: str, known: Known) -> Evidence:
        """The evidence; whatever Neo did not say in time is named in it, never an error.

        It writes down which run asks: draw a card from what is read of the approval afterwards.
        """
        neo = self.neo_of(tenant).with_options(
            purpose=Purpose.ASKING, within_seconds=self.within_seconds
        )
        approval = known.approval
        reading = _Reading(asyncio.get_running_loop().time() + self.within_seconds)
        (run, steps), decided, runs = await asyncio.gather(
            self._run(neo, known, reading),
            reading.of(EARLIER, self._decided(neo, approval)),
            reading.of(ENDS, self._runs(neo, approval)),
        )
        if run is not None and known.run is None:
            await self._remember(tenant, known.id, run)
        earlier = await self._earlier(tenant, decided or [], runs or [])
        if not any(one.state is ApprovalState.APPROVED for one in earlier):
            reading.missing = [part for part in reading.missing if part != ENDS]
        missing = tuple(part for part in _PARTS if part in reading.missing)
        return Evidence(run=run, steps=steps, earlier=earlier, missing=missing)

    async def _run(
        self, neo: Neo, known: Known, reading: _Reading
    ) -> tuple[Run | None, Sequence[Step]]:
        if known.run is None:
            run = await reading.of(RUN, run_of(neo, known.approval))
            steps = await reading.of(STEPS, _steps(neo, run.id)) if run else None
            return run, steps or ()
        run, steps = await asyncio.gather(
            reading.of(RUN, _get(neo, known.run)), reading.of(STEPS, _steps(neo, known.run))
        )
        return run, steps or ()

    async def _remember(self, tenant: str, approval: str, run: Run) -> None:
        async with self.pool.connection() as conn:
            now = await stored.lock(conn, tenant, approval)
            if now is not None and now.run is None:
                await stored.write_run(conn, tenant, approval, run.id)

    async def _decided(self, neo: Neo, approval: Approval) -> list[Approval]:
        """The latest decided approvals of the same agent for the same action.

        Raises:
            NeoError: Neo did not say.
            TimeoutError: the latest are beyond the page that was read.
        """
        since = self.clock() - timedelta(days=DAYS)
        page = await neo.approvals.page(
            agent=approval.agent_id, created_after=since, page_size=LARGEST_PAGE
        )
        at = [one.created_at for one in page.items if one.created_at]
        if page.cursor is not None and at and at[0] < at[-1]:
            raise TimeoutError  # oldest first: reading up to the latest would take too long
        kind = action(approval)
        alike = [
            one
            for one in page.items
            if one.id != approval.id and one.state in _DECIDED and action(one) == kind
        ]
        recent = (one for one in alike if (_decided_at(one) or since) >= since)
        return sorted(recent, key=lambda one: _decided_at(one) or since, reverse=True)[
            :MOST_EARLIER
        ]

    async def _runs(self, neo: Neo, approval: Approval) -> list[Run]:
        page = await neo.runs.page(agent=approval.agent_id, page_size=LARGEST_PAGE)
        return page.items

    async def _earlier(
        self, tenant: str, decided: Sequence[Approval], runs: Sequence[Run]
    ) -> tuple[Earlier, ...]:
        async with self.pool.connection() as conn:
            here = [await stored.find(conn, tenant, one.id) for one in decided]
        return tuple(_told(one, known, runs) for one, known in zip(decided, here, strict=True))


def action(approval: Approval) -> tuple[str, ...]:
    """What two approvals must share to be about the same action.

    Agent and tool, and for a call to an outside API its method and host; without a tool, the wish
    without the names and numbers in it.
    """
    agent = approval.agent_id or approval.agent_name or ""
    outside = external_request(approval)
    if outside is not None:
        return agent, tool_of(approval).casefold(), outside.target
    if tool := tool_of(approval):
        return agent, tool.casefold()
    plain_words = (word for word in wished.wish(approval).split() if word.isalpha())
    return agent, "", *[word for word in plain_words if word.islower()][:_SHAPE]


def _decided_at(approval: Approval) -> datetime | None:
    return approval.updated_at or approval.created_at


def _told(decided: Approval, known: Known | None, runs: Sequence[Run]) -> Earlier:
    by_neo = decided.decided_by.name if decided.decided_by else None
    return Earlier(
        id=decided.id,
        state=decided.state,
        by=(known.decided_name if known else None) or by_neo or "",
        at=(known.decided_at if known else None) or _decided_at(decided),
        ticket=decided.ticket_number,
        client=client_of(decided),
        ended=_ended(decided, known, runs),
    )


def _ended(decided: Approval, known: Known | None, runs: Sequence[Run]) -> Outcome | None:
    """How its run ended; None where that run is not among these, or its status is not known."""
    if known is not None and known.run is not None:
        found = [run for run in runs if run.id == known.run]
    else:
        same = [run for run in runs if run.entity_number == decided.ticket_number]
        found = likeliest(same if decided.ticket_number else [], decided.created_at)
        asked_at = decided.created_at
        if found and asked_at and found[0].created_at and found[0].created_at > asked_at:
            found = []  # it began after the question: not the one that asked
    outcome = found[0].outcome if found else Outcome.UNKNOWN
    return None if outcome is Outcome.UNKNOWN else outcome


async def _get(neo: Neo, run: str) -> Run | None:
    try:
        return await neo.runs.get(run)
    except NeoNotFound:
        return None


async def _steps(neo: Neo, run: str) -> Sequence[Step]:
    try:
        return await neo.runs.steps(run, data=True)
    except NeoNotFound:
        return ()
