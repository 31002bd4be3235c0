"""A question in a chat, read as far as a few patterns go, and its answer from the world's data.

Every number said here is counted by what serves the lists, so both always agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.sandbox.lists import ApprovalFilter, RunFilter
from bot.sandbox.records import Lookup
from bot.sandbox.reports import usage
from bot.sandbox.runs import Run

if TYPE_CHECKING:
    from bot.sandbox.library import Agent
    from bot.sandbox.world import World

TOOL = "NEO_API_REQUEST"

_HELP = (
    "I can tell you how many runs failed today, what is waiting for whom, what an agent did last, "
    "the story of a ticket (give me its number), how many credits were used this month, and what "
    "is scheduled."
)
_HELP_FOR_CLIENTS = "I can tell you what happened on your ticket: give me its number."
_MOST_LINES = 6
_LONGEST_SPAN = timedelta(days=31)
_TICKET = re.compile(r"\b(T\d{8}\.\d{4,}|\d{4,12})\b(?!-\d\d\b)", re.IGNORECASE)
_MONTH = re.compile(r"\b(2\d{3}-(?:0[1-9]|1[0-2]))\b")
_LAST = re.compile(r"\b(?:last|past)\s+(\d{1,3})?\s*(hour|day|week)", re.IGNORECASE)
_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent says, and what it looked up for it."""

    text: str
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked, in what world; `zone` is where the MSP's days begin."""

    world: World
    text: str
    zone: ZoneInfo

    @property
    def agent(self) -> Agent | None:
        """The agent that is named; the longest name, or the one whose first word stands there."""
        words = set(re.findall(r"[\w']+", self.text.casefold()))
        agents = sorted(self.world.agents.values(), key=lambda agent: -len(agent.name))
        named = [agent for agent in agents if agent.name.casefold() in self.text.casefold()]
        hinted = [agent for agent in agents if agent.name.casefold().split()[:1][0] in words]
        if named:
            return named[0]
        return hinted[0] if len(hinted) == 1 else None

    @property
    def window(self) -> tuple[datetime, datetime, str]:
        """Since when, until when, and in words; today if nothing is said."""
        # A run that begins this instant still belongs to the window.
        now = self.world.now + timedelta(microseconds=1)
        today = self.world.now.astimezone(self.zone).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        text = self.text.casefold()
        if found := _LAST.search(text):
            count = int(found[1] or 1)
            span = min(count * _SPANS[found[2]], _LONGEST_SPAN)
            return now - span, now, f"in the last {count} {found[2]}{'s' if count > 1 else ''}"
        if "yesterday" in text:
            return (today - timedelta(days=1)).astimezone(UTC), today.astimezone(UTC), "yesterday"
        begin, words = today, "today"
        if "week" in text:
            begin, words = today - timedelta(days=today.weekday()), "this week"
        elif "month" in text:
            begin, words = today.replace(day=1), "this month"
        return begin.astimezone(UTC), now, words


def reply(world: World, text: str, *, timezone: str, for_clients: bool) -> Reply:
    """Answer a question.

    Args:
        world: Where the answer is looked up, as it stands now.
        text: The question, in a person's words.
        timezone: Where days begin, such as Europe/London.
        for_clients: Whether clients read it: they learn about tickets and nothing else.
    """
    question = _Question(world, text, ZoneInfo(timezone))
    if found := _TICKET.search(text):
        return _ticket(question, found[1].upper())
    if for_clients:
        return Reply(_HELP_FOR_CLIENTS)
    for pattern, answer in _ANSWERS:
        if pattern.search(text):
            return answer(question)
    return _agent(question) if question.agent else Reply(_HELP)


def _ticket(question: _Question, number: str) -> Reply:
    world = question.world
    runs = list(world.runs(RunFilter(entity_number=number)))
    runs = runs or list(world.runs(RunFilter(entity_id=number)))
    lookup = _looked("/executions", {"entity_number": number}, {"runs": len(runs)})
    if not runs or runs[0].script.ticket is None:
        return Reply(f"No agent has worked on ticket {number}, as far as I can see.", lookup)
    ticket = runs[0].script.ticket
    begin = f'Ticket {ticket.number} of {runs[0].script.company}, "{ticket.subject}": '
    told = _lines(question, reversed(runs[:_MOST_LINES]))
    return Reply(f"{begin}{_count(len(runs), 'run')}.\n{told}", lookup)


def _waiting(question: _Question) -> Reply:
    world, text = question.world, question.text.casefold()
    person = next((p for p in world.people if p[1].casefold() in text), None)
    approver = person[0] if person else None
    wanted = ApprovalFilter(statuses=frozenset({"PENDING"}), approver=approver)
    waiting = list(world.approvals(wanted))
    asked = {"status": "PENDING"} | ({"approver": approver} if approver else {})
    lookup = _looked("/til-requests", asked, {"pending": len(waiting)})
    whom = f" for {person[1]}" if person else ""
    if not waiting:
        return Reply(f"Nothing is waiting{whom}.", lookup)
    lines = []
    for run in waiting[:_MOST_LINES]:
        names = [name for _id, name in run.approval.approvers] if run.approval else []
        action = str((run.script.requested_for or {}).get("action", "a decision"))
        lines.append(f"- {run.script.agent_name}: {action} (asked: {', '.join(names)})")
    begin = f"{_count(len(waiting), 'approval')} {'is' if len(waiting) == 1 else 'are'} waiting"
    return Reply(f"{begin}{whom}.\n" + "\n".join(lines), lookup)


def _credits(question: _Question) -> Reply:
    found = _MONTH.search(question.text)
    told = usage(question.world, found[1] if found else f"{question.world.now:%Y-%m}")
    lookup = _looked("/billing/usage", {"month": told["month"]}, told)
    text = f"{told['credits_used']} credits were used in {told['month']}"
    if told["credits_limit"] is None:
        return Reply(f"{text}.", lookup)
    return Reply(
        f"{text}; {told['credits_remaining']} of {told['credits_limit']} remain. "
        f"At this pace it will be {told['forecasted_credits']} by the end of the month.",
        lookup,
    )


def _scheduled(question: _Question) -> Reply:
    world = question.world
    waiting = [work for work in world.records.schedule.work if work.executed_at is None]
    lookup = _looked("/scheduled-work", {"status": "PENDING"}, {"pending": len(waiting)})
    if not waiting:
        return Reply("Nothing is scheduled.", lookup)
    waiting.sort(key=lambda work: work.scheduled_for)
    lines = [
        f"- {agent.name if agent else 'An agent that is gone'}, {_at(question, work.scheduled_for)}"
        for work in waiting[:_MOST_LINES]
        for agent in [world.agents.get(work.workflow_id)]
    ]
    return Reply(f"Scheduled: {len(waiting)}.\n" + "\n".join(lines), lookup)


def _failures(question: _Question) -> Reply:
    return _counted(question, "failures", "failed", "FAILURE")


def _runs(question: _Question) -> Reply:
    return _counted(question, "executions", "began", None)


def _counted(question: _Question, figure: str, verb: str, status: str | None) -> Reply:
    """How many runs of a window, of one agent or of all; the newest of them as examples."""
    world, agent = question.world, question.agent
    since, until, when = question.window
    agents = [agent] if agent else list(world.agents.values())
    rows = world.figures.performance(since, until, agents)["rows"]
    count = sum(row[figure] for row in rows)
    asked = {"since": since.isoformat(), "until": until.isoformat()}
    asked |= {"agent_id": str(agent.id)} if agent else {}
    lookup = _looked("/observability/workflow-performance", asked, {figure: count})
    of = f" of {agent.name}" if agent else ""
    begin = f"{_count(count, 'run')}{of} {verb} {when}."
    if not count or status is None:
        busiest = sorted(rows, key=lambda row: -row[figure])[:3]
        told = ", ".join(f"{row['agent_name']} {row[figure]}" for row in busiest if row[figure])
        return Reply(f"{begin} Most: {told}." if told and not agent else begin, lookup)
    wanted = RunFilter(agent_id=agent.id if agent else None, statuses=frozenset({status}))
    newest = islice((run for run in world.runs(wanted) if run.started_at < until), _MOST_LINES)
    return Reply(
        f"{begin}\n{_lines(question, (run for run in newest if run.started_at >= since))}", lookup
    )


def _agent(question: _Question) -> Reply:
    world, agent = question.world, question.agent
    if agent is None:
        return Reply(f"Which agent do you mean? {_HELP}")
    runs = list(islice(world.runs(RunFilter(agent_id=agent.id)), _MOST_LINES))
    lookup = _looked("/executions", {"agent_id": agent.id}, {"shown": len(runs)})
    state = "on" if agent.state == "ENABLED" else "off"
    if not runs:
        return Reply(f"{agent.name} is switched {state} and has not run yet.", lookup)
    told = _lines(question, runs)
    return Reply(f"{agent.name} is switched {state}. Its last runs:\n{told}", lookup)


def _lines(question: _Question, runs: Iterable[Run]) -> str:
    world = question.world
    lines = []
    for run in runs:
        ticket = f", ticket {run.script.ticket.number}" if run.script.ticket else ""
        status = run.status(world.now)
        ended = run.error or run.script.message if status == "FAILURE" else run.script.message
        told = f": {ended}" if run.has_ended(world.now) else ""
        at = _at(question, run.started_at)
        lines.append(f"- {run.script.agent_name}{ticket}, {at}, {status}{told}")
    return "\n".join(lines)


def _at(question: _Question, instant: datetime) -> str:
    local = instant.astimezone(question.zone)
    return f"{local:%d %b %H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _looked(path: str, asked: dict[str, Any], found: dict[str, Any]) -> tuple[Lookup, ...]:
    sent = {"method": "GET", "path": f"/public-api{path}", "query": asked}
    return (Lookup(tool=TOOL, asked=sent, found=found),)


_ANSWERS: tuple[tuple[re.Pattern[str], Callable[[_Question], Reply]], ...] = (
    (re.compile(r"\b(wait|pending|approv|decide|decision)", re.IGNORECASE), _waiting),
    (re.compile(r"\b(credit|usage|budget|spent|billing)", re.IGNORECASE), _credits),
    (re.compile(r"\b(schedul|planned)", re.IGNORECASE), _scheduled),
    (re.compile(r"\b(fail|error|broke|wrong)", re.IGNORECASE), _failures),
    (re.compile(r"\bhow many\b|\bcount\b", re.IGNORECASE), _runs),
)
