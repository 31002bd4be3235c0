"""A million past runs cost no more than a hundred: what is asked for is found, not looked for."""

import time
from datetime import timedelta
from itertools import islice

import pytest

from bot.sandbox.callbacks import CallbackFilter, callback_key
from bot.sandbox.deck import DECK
from bot.sandbox.history import History
from bot.sandbox.library import read_library
from bot.sandbox.lists import ApprovalFilter, RunFilter, approval_key, run_key
from bot.sandbox.planner import Outline
from bot.sandbox.reports import inbox, usage, usage_by_agent
from bot.sandbox.runs import Run
from bot.sandbox.world import World
from tests.sandbox.conftest import START

# It is about how much is looked through; what is reached, the other tests reach too.
pytestmark = pytest.mark.unmeasured

MANY = 1_000_000
WEEK = timedelta(days=7)


def world(runs: int, seed: int = 7) -> World:
    return World(library=read_library(), seed=seed, runs=runs, anchor=START)


@pytest.fixture(scope="module")
def million() -> World:
    return world(MANY)


@pytest.fixture(scope="module")
def long() -> World:
    return world(DECK + 1_500)


class Counting(History):
    """Counts the past runs that are written out, which is what a page costs."""

    written = 0

    def run(self, outline: Outline) -> Run:
        self.written += 1
        return super().run(outline)


@pytest.fixture(scope="module")
def whole(long: World) -> list[Run]:
    return list(long.runs(RunFilter()))


def counting() -> tuple[World, Counting]:
    told = world(MANY)
    told.history = Counting(told.planner, MANY, START, told.people)
    return told, told.history


RARE_RUNS = [
    RunFilter(),
    RunFilter(agent_id=20452),
    RunFilter(agent_id=20452, statuses=frozenset({"FAILURE"})),
    RunFilter(agent_id=20390),
    RunFilter(statuses=frozenset({"EXPLODED"})),
    RunFilter(statuses=frozenset({"RUNNING", "WAITING_FOR_APPROVAL"})),
    RunFilter(entity_number="48001"),
    RunFilter(entity_number="T20261111.123456", agent_id=20402),
    RunFilter(entity_id="1400000", statuses=frozenset({"SKIPPED"})),
    RunFilter(entity_id="nobodys"),
]


@pytest.mark.parametrize("wanted", RARE_RUNS, ids=range(len(RARE_RUNS)))
def test_a_page_of_runs_writes_out_no_more_than_it_shows(wanted: RunFilter) -> None:
    told, history = counting()
    middle = told.history.started_at(MANY // 2), MANY // 2

    for until in (None, middle):
        before = history.written
        found = list(islice(told.runs(wanted, until), 51))
        assert history.written - before <= max(len(found) + 1, 3)
        assert all(wanted.takes(run, told.now) for run in found)
        assert until is None or all(run_key(run) < until for run in found)


RARE_APPROVALS = [
    ApprovalFilter(),
    ApprovalFilter(agent_id=20444, statuses=frozenset({"REJECTED"})),
    ApprovalFilter(approver="00000000-0000-0000-0000-0000000000023", text="VPN"),
    ApprovalFilter(approver="nobody"),
    ApprovalFilter(statuses=frozenset({"PENDING"})),
    ApprovalFilter(text="no such words"),
    ApprovalFilter(text="1399999"),
    ApprovalFilter(text="t20261111.0"),
    ApprovalFilter(created_after=START - 9 * WEEK / 7, created_before=START - 8 * WEEK / 7),
]


@pytest.mark.parametrize("wanted", RARE_APPROVALS, ids=range(len(RARE_APPROVALS)))
def test_a_page_of_approvals_writes_out_no_more_than_it_shows(wanted: ApprovalFilter) -> None:
    told, history = counting()
    found = list(islice(told.approvals(wanted), 51))

    assert history.written <= len(found) + 1
    assert all(wanted.takes(run, told.now) for run in found)
    if len(found) > 9:
        rest = list(islice(told.approvals(wanted, approval_key(found[9])), 41))
        assert rest == found[10:]


TEXTS = ["lee", "reset the password", "4", "48", "0001", "t2026", "t20261123.", "9000", "Contoso"]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_found_by_card_is_what_looking_through_all_finds(long: World, text: str) -> None:
    person = long.people[2][0]
    wanted = ApprovalFilter(text=text, approver=person, statuses=frozenset({"APPROVED"}))

    found = [run.index for run in long.approvals(wanted)]

    assert found == [
        run.index for run in long.approvals(ApprovalFilter()) if wanted.takes(run, long.now)
    ]


def test_runs_found_by_card_are_those_that_looking_through_all_finds(
    long: World, whole: list[Run]
) -> None:
    assert [run.index for run in whole] == list(reversed(range(long.history.count)))
    for agent_id in (None, 20452):
        for status in ("SUCCESS", "FAILURE", "SKIPPED"):
            wanted = RunFilter(agent_id=agent_id, statuses=frozenset({status}))
            found = [run.index for run in long.runs(wanted)]
            assert found == [run.index for run in whole if wanted.takes(run, long.now)]


def test_other_tries_never_cross_the_edge_of_a_deck(whole: list[Run]) -> None:
    by_ticket: dict[str, list[int]] = {}
    for run in whole:
        if run.script.ticket:
            by_ticket.setdefault(run.script.ticket.number, []).append(run.index)

    again = [indexes for indexes in by_ticket.values() if len(indexes) > 1]
    assert again
    for later, earlier in again:
        assert later == earlier + 1
        assert later % DECK > 0


def test_every_ticket_of_a_long_past_leads_to_its_runs(long: World) -> None:
    for index in range(0, long.history.count, 997):
        ticket = long.history.run_at(index).script.ticket
        if ticket is not None:
            for wanted in (RunFilter(entity_number=ticket.number), RunFilter(entity_id=ticket.id)):
                found = list(long.runs(wanted))
                assert index in [run.index for run in found]
                assert {run.script.ticket for run in found} == {ticket}


def test_callbacks_of_a_million_runs_page_without_looking_through(million: World) -> None:
    callbacks = million.callbacks
    since = CallbackFilter(since=START - WEEK)
    first = list(islice(callbacks.newest_first(since), 21))
    middle = next(filter(None, map(callbacks._past, range(MANY * 3 // 2, 2 * MANY))))
    assert callbacks.find(middle.id) == middle
    deep = list(islice(callbacks.newest_first(since, callback_key(middle)), 21))
    deleted = CallbackFilter(since=START - WEEK, change_types=frozenset({"DELETED"}))
    rare = list(islice(callbacks.newest_first(deleted), 21))

    for page in (first, deep, rare):
        assert len(page) == 21
        keys = [callback_key(callback) for callback in page]
        assert keys == sorted(keys, reverse=True)
    assert callback_key(deep[0]) < callback_key(middle)
    assert {callback.plan.change for callback in rare} == {"DELETED"}
    assert not list(callbacks.newest_first(CallbackFilter(agent_id=1, since=START - WEEK)))


def test_figures_of_a_million_runs_are_worked_out_at_once(million: World) -> None:
    began = time.process_time()

    used = usage(million, "2026-11")["credits_used"]
    parts = usage_by_agent(million, "2026-11")["agents"]
    window = (START - 2 * WEEK, START)
    rows = million.figures.performance(*window, million.agents.values())["rows"]
    funnel = million.figures.funnel(START - WEEK, START)["counts"]
    messages = inbox(million)

    # Each takes milliseconds; looking through a million runs would take minutes.
    assert time.process_time() - began < 10
    assert used == sum(part["credits_consumed"] for part in parts)
    low = million.history.first_since(window[0])
    assert sum(row["executions"] for row in rows) == MANY - low
    assert funnel["received"] > MANY / 3
    counted = sum(message["number_of_occurrences"] for message in messages)
    recent = million.history.first_since(START - WEEK)
    failed = deck_failures(million, recent)
    assert counted == failed


def deck_failures(told: World, low: int) -> int:
    """Failed runs from an index on, counted one by one from their outlines."""
    fails = {o.card for o in told.history.cards if o.kind == "fails"}
    return sum(index % DECK in fails for index in range(low, told.history.count))
