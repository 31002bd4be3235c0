"""Reading lists from Neo until a question is answered, and no further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from bot.chat.grammar import Grammar
from bot.errors import NeoError
from bot.neo.client import LARGEST_PAGE, Neo
from bot.neo.models import Agent, Approval, ApprovalState, Run

T = TypeVar("T")

# A question reads at most this many pages of 200; past that the answer says "at least".
MOST_PAGES = 5

# Where nobody said since when, approvals are looked for this far back.
APPROVALS_BACK = timedelta(days=30)
ONE_APPROVAL_BACK = timedelta(days=90)

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found, newest first; ``complete`` is False if there may be more."""

    items: list[T]
    complete: bool


async def runs(
    neo: Neo,
    fits: Callable[[Run], bool],
    *,
    agent: str | None = None,
    ticket: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    enough: int | None = None,
) -> Found[Run]:
    """Runs that fit.

    Executions have no date filter, so pages are read until one is wholly older than ``since``.
    Neo's order is not trusted: what was read is sorted here.

    Args:
        neo: The tenant's Neo.
        fits: Whether a run is asked for.
        agent: Only this agent's, by id.
        ticket: Only those on this ticket, by number.
        since: Not before.
        until: Before.
        enough: Stop when this many were found.
    """
    found: list[Run] = []
    cursor: str | None = None
    complete = False
    for _ in range(MOST_PAGES):
        page = await neo.runs.page(
            agent=agent, ticket=ticket, cursor=cursor, page_size=LARGEST_PAGE
        )
        found.extend(r for r in page.items if within(r.created_at, since, until) and fits(r))
        cursor = page.cursor
        past = bool(page.items) and all(_before(r.created_at, since) for r in page.items)
        complete = cursor is None or past
        if complete or (enough is not None and len(found) >= enough):
            break
    found.sort(key=_created, reverse=True)
    return Found(found, complete)


async def approvals(
    neo: Neo,
    fits: Callable[[Approval], bool],
    *,
    now: datetime,
    agent: str | None = None,
    ticket: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    state: ApprovalState | None = None,
) -> Found[Approval]:
    """Approvals that fit, by when they were asked for; without ``since`` a month back.

    Args:
        neo: The tenant's Neo.
        fits: Whether an approval is asked for.
        now: The present.
        agent: Only this agent's, by id.
        ticket: Only those on this ticket, by number.
        since: Not before.
        until: Before.
        state: Only those that stand so; Neo narrows its list where its words for it are known.
    """
    statuses = neo.vocabulary.approval_values(state) if state else ()
    found: list[Approval] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await neo.approvals.page(
            agent=agent,
            statuses=statuses or None,
            text=ticket,
            created_after=since or now - APPROVALS_BACK,
            created_before=until,
            cursor=cursor,
        )
        found.extend(
            a
            for a in page.items
            if state in {None, a.state} and within(a.created_at, since, until) and fits(a)
        )
        if (cursor := page.cursor) is None:
            break
    found.sort(key=_created, reverse=True)
    return Found(found, cursor is None)


async def approval(neo: Neo, number: str, *, now: datetime) -> Approval | None:
    """One approval by its number; no operation reads one, so the list is searched."""
    found = await approvals(neo, lambda a: a.id == number, now=now, since=now - ONE_APPROVAL_BACK)
    return found.items[0] if found.items else None


class KnownAgents:
    """A tenant's agents, and the grammar that knows their names.

    Every sentence is read with their names in mind, so an answer of Neo's serves for a minute; when
    Neo does not answer, sentences are read with the names known last.
    """

    AGE = timedelta(seconds=60)
    PAUSE = timedelta(seconds=15)
    """For so long after Neo did not answer, sentences are read without asking it again."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._failed: dict[str, datetime] = {}
        self._grammars: dict[str, _Known] = {}

    async def of(self, neo: Neo) -> list[Agent]:
        """The agents, at most a minute old.

        Raises:
            NeoError: Neo did not say.
        """
        slow = neo.with_options(max_age_seconds=self.AGE.total_seconds())
        return [agent async for agent in slow.agents.list()]

    async def grammar(self, tenant: str, neo: Neo) -> Grammar:
        """The grammar that knows the agents' names, the last known ones if Neo does not answer."""
        known = self._grammars.get(tenant)
        if known and known.answers == neo.answers_forgotten and self._within(known.at, self.AGE):
            return known.grammar
        names = await self._names(tenant, neo)
        if names is None:
            known = known or _Known((), Grammar(), _NEVER, neo.answers_forgotten)
            self._grammars[tenant] = known
            return known.grammar
        grammar = known.grammar if known and known.names == names else Grammar(names)
        self._grammars[tenant] = _Known(names, grammar, self._clock(), neo.answers_forgotten)
        return grammar

    async def _names(self, tenant: str, neo: Neo) -> tuple[str, ...] | None:
        """The agents' names; None if Neo does not say, or did not a moment ago."""
        failed = self._failed.get(tenant)
        if failed is not None and self._within(failed, self.PAUSE):
            return None
        try:
            agents = await self.of(neo)
        except NeoError:
            self._failed[tenant] = self._clock()
            return None
        self._failed.pop(tenant, None)
        return tuple(agent.name for agent in agents if agent.name)

    def _within(self, at: datetime, span: timedelta) -> bool:
        """Whether it is no longer ago; what lies ahead, after a clock was put back, is."""
        return timedelta(0) <= self._clock() - at < span


@dataclass(frozen=True, slots=True)
class _Known:
    names: tuple[str, ...]
    grammar: Grammar
    at: datetime
    answers: int
    """`Neo.answers_forgotten` when they were read."""


def within(at: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    """Whether a moment lies in a span; one that is not known lies in every span."""
    return at is None or ((since is None or at >= since) and (until is None or at < until))


def _before(at: datetime | None, since: datetime | None) -> bool:
    return at is not None and since is not None and at < since


def _created(item: Run | Approval) -> float:
    return item.created_at.timestamp() if item.created_at else 0.0
