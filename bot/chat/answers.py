"""A question about Neo, answered: one method a question, each reads and draws."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from bot.chat import lists
from bot.chat.grammar import nearest_agents
from bot.chat.lists import KnownAgents
from bot.chat.query import Query
from bot.errors import NeoError, NeoNotFound
from bot.neo.client import Neo
from bot.neo.models import Agent, Approval, ApprovalState, InboxMessage, Outcome, Run
from cards import agent as agent_card
from cards import agents as agents_card
from cards import approvals as approvals_card
from cards import not_found
from cards import run as run_card
from cards import runs as runs_card
from cards import status as status_card
from cards.actions import Ticking
from cards.approvals import ApprovalsView
from cards.card import Card
from cards.runs import RunsView
from cards.status import StatusView
from cards.words import Reader

T = TypeVar("T")

# A list that nobody limited is read until this many fit; the card says how many more there are.
ENOUGH = 200

_PENDING = ApprovalState.PENDING


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: their id says what "mine" is, the reader how times read.

    ``ticking`` says which of these approvals they may tick; None where others see the list too.
    """

    person: str
    reader: Reader
    ticking: Callable[[Sequence[str]], Awaitable[Ticking]] | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers questions on one tenant's Neo.

    Every method raises `NeoError` where Neo did not answer; what is merely not there is an answer.
    """

    neo: Neo
    known_agents: KnownAgents

    async def answer(self, query: Query, asker: Asker) -> Card | None:
        """The answer to a question about Neo; None if the query is none of these."""
        questions = {
            "status": self.status,
            "agents": self.agents,
            "agent": self.agent,
            "runs": self.runs,
            "run": self.run,
            "approvals": self.approvals,
        }
        question = questions.get(query.intent)
        return await question(query, asker) if question else None

    async def status(self, _: Query, asker: Asker) -> Card:
        """How everything stands; a part that cannot be read is named, the others are shown."""
        now, today = asker.reader.now, asker.reader.midnight()
        problems: list[str] = []
        reasons: list[NeoError] = []

        async def part(name: str, reading_it: Awaitable[T]) -> T | None:
            try:
                return await reading_it
            except NeoError as error:
                reasons.append(error)
                problems.append(f"{name} could not be read.")
                return None

        waiting, ran, agents, usage, notices = await asyncio.gather(
            part("Approvals", lists.approvals(self.neo, _any, now=now, state=_PENDING)),
            part("Runs", lists.runs(self.neo, _any, since=today)),
            part("Agents", self.known_agents.of(self.neo)),
            part("Credits", self.neo.billing.usage()),
            part("Notices", self.neo.inbox.list()),
        )
        if len(problems) == 5:  # noqa: PLR2004 -- all the parts above
            raise reasons[0]
        view = StatusView(
            agents_on=_count(agents, lambda a: a.enabled is True),
            agents_total=len(agents) if agents is not None else None,
            usage=usage,
            notices=_unread(notices or []),
            problems=problems,
            all_counted=(waiting is None or waiting.complete) and (ran is None or ran.complete),
        )
        if waiting is not None:
            asked = [a.created_at for a in waiting.items if a.created_at]
            view = replace(
                view,
                approvals_waiting=len(waiting.items),
                oldest_waiting_at=min(asked, default=None),
            )
        if ran is not None:
            view = _day(view, ran.items)
        return status_card.status(view, asker.reader)

    async def agents(self, query: Query, asker: Asker) -> Card:
        """The agents, all or the enabled or disabled ones."""
        agents = await self.known_agents.of(self.neo)
        status = query.status if query.status in {"enabled", "disabled"} else None
        listed = [a for a in agents if status is None or a.enabled is (status == "enabled")]
        return agents_card.agents(
            listed[: query.limit],
            asker.reader,
            status="enabled" if status == "enabled" else "disabled" if status else None,
            total=len(listed) if query.limit is None else None,
        )

    async def agent(self, query: Query, asker: Asker) -> Card:
        """One agent, by its name."""
        agent = await self._agent(query)
        if agent is None:
            return await self._unknown_agent(query)
        page, waiting = await asyncio.gather(
            self.neo.runs.page(agent=agent.id, page_size=20),
            lists.approvals(self.neo, _any, now=asker.reader.now, agent=agent.id, state=_PENDING),
        )
        latest = sorted(page.items, key=lambda r: r.created_at or _NEVER, reverse=True)
        return agent_card.agent(agent, latest, asker.reader, waiting=len(waiting.items))

    async def runs(self, query: Query, asker: Asker) -> Card:
        """Runs, by agent, outcome, ticket and time."""
        agent = await self._agent(query)
        if agent is None and (query.agent or query.agent_said):
            return await self._unknown_agent(query)
        wanted = Outcome(query.status) if query.status in _OUTCOMES else None
        found = await lists.runs(
            self.neo,
            lambda run: wanted is None or _shown_as(run.outcome) is wanted,
            agent=agent.id if agent else None,
            ticket=query.ticket,
            since=_utc(query.since),
            until=_utc(query.until),
            enough=query.limit or ENOUGH,
        )
        shown = found.items[: query.limit]
        return runs_card.runs(
            RunsView(
                runs=shown,
                agent=agent.name if agent else None,
                status=wanted.value if wanted else None,
                ticket=query.ticket,
                since=_utc(query.since),
                until=_utc(query.until),
                limit=query.limit,
                more=not found.complete,
                total_known=len(shown) if query.limit else len(found.items),
                question=query.text,
                unread=query.unread,
            ),
            asker.reader,
        )

    async def run(self, query: Query, asker: Asker) -> Card:
        """One run with its steps, by id."""
        if query.run is None:
            return not_found.unknown_run("")
        try:
            run = await self.neo.runs.get(query.run)
        except NeoNotFound:
            return not_found.unknown_run(query.run)
        steps, approvals = await asyncio.gather(
            self.neo.runs.steps(run.id, data=True), self.neo.runs.approvals(run.id)
        )
        why = query.text.lower().startswith("why")
        return run_card.run(run, steps, asker.reader, approvals=approvals, why=why)

    async def approvals(self, query: Query, asker: Asker) -> Card:
        """Approvals; the open ones where no state and no time was named."""
        agent = await self._agent(query)
        if agent is None and (query.agent or query.agent_said):
            return await self._unknown_agent(query)
        status = query.status if query.status in _STATES else None
        if status is None and query.since is None and query.until is None:
            status = "pending"
        state = ApprovalState(status) if status else None
        found = await lists.approvals(
            self.neo,
            lambda a: (
                (not query.mine or _asks(a, asker.person))
                and (query.ticket is None or a.ticket_number == query.ticket)
            ),
            now=asker.reader.now,
            agent=agent.id if agent else None,
            ticket=query.ticket,
            since=_utc(query.since),
            until=_utc(query.until),
            state=state,
        )
        # What waits longest comes first; what is decided is news, newest first.
        listed = found.items[::-1] if status == "pending" else found.items
        ticking = Ticking()
        if status == "pending" and asker.ticking is not None:
            ticking = await asker.ticking([a.id for a in listed[: query.limit]])
        return approvals_card.approvals(
            ApprovalsView(
                approvals=listed[: query.limit],
                agent=agent.name if agent else None,
                status=status,
                ticket=query.ticket,
                mine=query.mine,
                since=_utc(query.since),
                until=_utc(query.until),
                limit=query.limit,
                more=not found.complete,
                total_known=len(listed[: query.limit]),
                question=query.text,
                unread=query.unread,
                # One alone is opened sooner than it is ticked.
                tick=ticking.tick if len(ticking.tick) > 1 else {},
                not_tickable=ticking.not_tickable if len(ticking.tick) > 1 else {},
                comment_to_reject=ticking.comment_to_reject,
                pick=status == "pending" and asker.ticking is None and len(listed) > 1,
            ),
            asker.reader,
        )

    async def _agent(self, query: Query) -> Agent | None:
        if query.agent is None:
            return None
        agents = await self.known_agents.of(self.neo)
        return next((a for a in agents if a.name == query.agent), None)

    async def _unknown_agent(self, query: Query) -> Card:
        said = query.agent_said or query.agent or query.text
        names = [a.name for a in await self.known_agents.of(self.neo) if a.name]
        ask = {"runs": f"{query.status or ''} runs for {{agent}}".strip()}
        ask["approvals"] = f"{query.status or 'pending'} approvals for {{agent}}"
        return not_found.unknown_agent(
            said, nearest_agents(said, names), ask.get(query.intent, "agent {agent}")
        )


_NEVER = datetime.min.replace(tzinfo=UTC)
_OUTCOMES = {"failed", "succeeded", "skipped", "running"}
_STATES = {"pending", "approved", "rejected"}


def _shown_as(outcome: Outcome) -> Outcome:
    """A run that waits for a person has not ended: who asks what is running means it too."""
    return Outcome.RUNNING if outcome is Outcome.WAITING else outcome


def _any(_: object) -> bool:
    return True


def _asks(approval: Approval, person: str) -> bool:
    return any((a.user_id or "").lower() == person.lower() for a in approval.approvers)


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None


def _count(items: list[T] | None, fits: Callable[[T], bool]) -> int | None:
    return None if items is None else sum(map(fits, items))


def _unread(notices: list[InboxMessage]) -> list[InboxMessage]:
    unread = [n for n in notices if not n.read]
    return sorted(unread, key=lambda n: n.updated_at or _NEVER, reverse=True)


def _day(view: StatusView, ran: list[Run]) -> StatusView:
    """With the day's figures, all from the same list, so that they agree."""
    failed = sum(r.outcome is Outcome.FAILED for r in ran)
    succeeded = sum(r.outcome is Outcome.SUCCEEDED for r in ran)
    ended = failed + succeeded
    return replace(
        view,
        failed_today=failed,
        runs_today=len(ran),
        succeeded_share=succeeded / ended if ended else None,
    )
