"""Runs and approvals, newest first and narrowed as the API's lists allow.

What lives is looked through; in the past the next match is found by its card (see `deck`).
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge

from bot.sandbox.deck import DECK, newest_first
from bot.sandbox.history import History, approval_id
from bot.sandbox.planner import dated_number
from bot.sandbox.runs import Run
from bot.sandbox.scripts import ASK_AFTER_SECONDS

_ASKED_AFTER = timedelta(seconds=ASK_AFTER_SECONDS)
_PART_OF_A_NUMBER = re.compile(r"t?[0-9.]+")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What `GET /executions` can narrow by; None leaves a field open."""

    agent_id: int | None = None
    entity_id: str | None = None
    entity_number: str | None = None
    statuses: frozenset[str] | None = None

    def takes(self, run: Run, now: datetime) -> bool:
        """Whether a run is wanted, as it stands now."""
        ticket = run.script.ticket
        return (
            (self.agent_id is None or run.script.agent_id == self.agent_id)
            and (self.statuses is None or run.status(now) in self.statuses)
            and (
                self.entity_number is None
                or (ticket is not None and ticket.number == self.entity_number)
            )
            and (self.entity_id is None or (ticket is not None and ticket.id == self.entity_id))
        )


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What `GET /til-requests` can narrow by; both instants are included."""

    agent_id: int | None = None
    statuses: frozenset[str] | None = None
    approver: str | None = None
    text: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def takes(self, run: Run, now: datetime) -> bool:
        """Whether a run's approval is wanted, and was asked by now."""
        approval = run.approval
        if approval is None or not (
            (self.created_after or approval.created_at)
            <= approval.created_at
            <= min(now, self.created_before or now)
        ):
            return False
        return (
            (self.agent_id is None or run.script.agent_id == self.agent_id)
            and (self.statuses is None or approval.status in self.statuses)
            and (self.approver is None or self.approver in dict(approval.approvers))
            and (self.text is None or _says(run, self.text.casefold()))
        )


def run_key(run: Run) -> tuple[datetime, int]:
    """By what runs are in order."""
    return run.started_at, run.index


def approval_key(run: Run) -> tuple[datetime, int]:
    """By what approvals are in order; only of a run that has one."""
    if run.approval is None:
        raise ValueError(f"Run {run.id} asks nobody.")
    return run.approval.created_at, run.approval.id


def runs(
    history: History,
    living: Sequence[Run],
    now: datetime,
    wanted: RunFilter,
    until: tuple[datetime, int] | None,
) -> Iterator[Run]:
    """Runs newest first.

    Args:
        history: The past.
        living: Runs of the living part, in order of `run_key`.
        now: The present.
        wanted: Which ones.
        until: The (start, index) of the last one already seen.
    """
    top = bisect_left(living, until, key=run_key) if until else len(living)
    lively = (living[at] for at in range(top - 1, -1, -1))
    past = map(history.run_at, _past_indexes(history, wanted, until))
    return merge(
        (run for run in lively if wanted.takes(run, now)),
        (run for run in past if wanted.takes(run, now)),
        key=run_key,
        reverse=True,
    )


def _past_indexes(
    history: History, wanted: RunFilter, until: tuple[datetime, int] | None
) -> Iterator[int]:
    """Where the wanted runs of the past stand; a few more where a ticket is named."""
    top = history.below(until) if until else history.count
    planner = history.planner
    named = None
    if wanted.entity_number is not None:
        named = planner.index_of_number(wanted.entity_number)
    elif wanted.entity_id is not None:
        named = planner.index_of_id(wanted.entity_id)
    else:
        return newest_first(_cards(history, wanted), 0, top)
    # A ticket's own run, and the other try after it.
    found = [named + 1, named] if named is not None else []
    return iter([index for index in found if 0 <= index < top])


def _cards(history: History, wanted: RunFilter) -> Sequence[int]:
    if wanted.agent_id is None and wanted.statuses is None:
        return range(min(history.count, DECK))
    return [
        place
        for place, (outline, outcome) in enumerate(
            zip(history.cards, history.outcomes, strict=True)
        )
        if wanted.agent_id in (None, outline.agent.id)
        and (wanted.statuses is None or outcome in wanted.statuses)
    ]


def approvals(
    history: History,
    asked: Sequence[Run],
    now: datetime,
    wanted: ApprovalFilter,
    until: tuple[datetime, int] | None,
) -> Iterator[Run]:
    """Runs with an approval, newest question first.

    Args:
        history: The past.
        asked: Runs of the living part that ask, in order of `approval_key`.
        now: The present.
        wanted: Which ones.
        until: The (created, id) of the last one already seen.
    """
    top = bisect_left(asked, until, key=approval_key) if until else len(asked)
    lively = (asked[at] for at in range(top - 1, -1, -1))
    past = map(history.run_at, _past_questions(history, wanted, until))
    return merge(
        (run for run in lively if wanted.takes(run, now)), past, key=approval_key, reverse=True
    )


def _past_questions(
    history: History, wanted: ApprovalFilter, until: tuple[datetime, int] | None
) -> Iterator[int]:
    # Instants from outside are compared, never shifted: they can lie at the end of all time.
    def asked_at(index: int) -> datetime:
        return history.started_at(index) + _ASKED_AFTER

    low, top = 0, history.count
    if (after := wanted.created_after) is not None:
        low = history.first_where(lambda index: asked_at(index) >= after)
    if (before := wanted.created_before) is not None:
        top = history.first_where(lambda index: asked_at(index) > before)
    if until is not None:
        seen = until
        top = min(top, history.first_where(lambda i: (asked_at(i), approval_id(i)) >= seen))
    cards = [
        place
        for place in history.questions
        if wanted.agent_id in (None, history.cards[place].agent.id)
        and (wanted.statuses is None or history.verdicts[place] in wanted.statuses)
        and (wanted.approver is None or wanted.approver in history.asked_people[place])
    ]
    if wanted.text is None:
        return newest_first(cards, low, top)
    return _saying(history, wanted.text.casefold(), cards, low, top)


def _saying(history: History, text: str, cards: Sequence[int], low: int, top: int) -> Iterator[int]:
    """Questions in whose words, or in whose ticket's id or number, the text stands."""
    texts = history.question_texts
    told = [place for place in cards if text in texts[place]]
    if not _PART_OF_A_NUMBER.fullmatch(text):
        yield from newest_first(told, low, top)
        return
    planner = history.planner
    on_tickets = {place for place in cards if history.cards[place].agent.on_tickets}
    dated = {place for place in on_tickets if planner.company(place).psa == "autotask"}
    counted = on_tickets - dated
    # Deck by deck and in one expression each: a rare number is sought in a hundred thousand.
    for base in range((top - 1) // DECK * DECK, low - DECK, -DECK):
        id_, number = planner.first_ticket_id + base, planner.first_ticket + base
        found = {p for p in counted if text in f"{id_ + p} {number + p}"}
        found |= {
            p
            for p in dated
            if text in f"{id_ + p} {dated_number(history.day(base + p), base + p)}".casefold()
        }
        places = sorted(found.union(told), reverse=True)
        yield from (base + place for place in places if low <= base + place < top)


def _says(run: Run, text: str) -> bool:
    ticket, asked = run.script.ticket, run.script.requested_for or {}
    if run.approval and "requested_for" in run.approval.changes:
        asked = run.approval.changes["requested_for"]
    places = [ticket.id, ticket.number] if ticket else []
    return any(text in str(place).casefold() for place in (*places, *asked.values()))
