"""The world moves by the clock alone, the same under the same seed, and its numbers agree."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.library import Agent, Kind, Story, read_library
from bot.sandbox.runs import (
    APPROVAL_STATUSES,
    RUN_STATUSES,
    Run,
    approval_body,
    run_body,
    step_bodies,
)
from bot.sandbox.scripts import Ticket, write_script
from bot.sandbox.world import MOST_PENDING, ApprovalFilter, RunFilter, World
from tests.sandbox.conftest import START, Client, Clock

ALEX = "00000000-0000-0000-0000-0000000000020"


def world(seed: int = 7, runs: int = 400, pace_seconds: float | None = 15) -> World:
    return World(
        library=read_library(), seed=seed, runs=runs, anchor=START, pace_seconds=pace_seconds
    )


def everything(told: World) -> list[Any]:
    runs = list(told.runs(RunFilter()))
    return [
        [run_body(run, told.now) for run in runs],
        [step_bodies(run, told.now) for run in runs],
        [approval_body(run) for run in told.approvals(ApprovalFilter())],
    ]


def first_moment(told: World, seconds: int, kind: str) -> int | None:
    """After how many seconds something of a kind can be seen for the first time."""
    known = len(list(told.runs(RunFilter(statuses=frozenset({"FAILURE"})))))
    for second in range(seconds):
        told.advance(START + timedelta(seconds=second))
        if kind == "failure":
            seen = len(list(told.runs(RunFilter(statuses=frozenset({"FAILURE"}))))) > known
        else:
            wanted = ApprovalFilter(statuses=frozenset({"PENDING"}), approver=ALEX)
            seen = any(told.approvals(wanted))
        if seen:
            return second
    return None


def test_the_same_seed_tells_the_same_story_in_big_steps_and_small() -> None:
    leaps, steps = world(), world()
    leaps.advance(START + timedelta(minutes=20))
    for second in range(0, 1_201, 7):
        steps.advance(START + timedelta(seconds=second))
    steps.advance(START + timedelta(minutes=20))

    assert everything(leaps) == everything(steps)


def test_another_seed_tells_another_story() -> None:
    assert everything(world(seed=7)) != everything(world(seed=8))


def test_the_first_approval_and_the_first_failure_come_soon() -> None:
    for seed in range(1, 9):
        asked, failed = (first_moment(world(seed), 60, kind) for kind in ("approval", "failure"))
        assert asked is not None, seed
        assert asked <= 10, seed
        assert failed is not None, seed
        assert failed <= 40, seed


def test_a_quarter_of_an_hour_has_the_pace_of_the_demo() -> None:
    told = world()
    told.advance(START + timedelta(minutes=15))
    living = [run_body(run, told.now) for run in told.runs(RunFilter()) if run.started_at > START]
    asked = [run for run in told.living if run.part == "mine" and run.approval]

    assert 50 <= len(living) <= 70
    assert 7 <= Counter(run["status"] for run in living)["FAILURE"] <= 12
    # Nobody decides, so asking stops before the list drowns the person.
    assert len(asked) >= 6
    pending = told.approvals(ApprovalFilter(statuses=frozenset({"PENDING"})))
    assert len(list(pending)) <= MOST_PENDING


def test_a_decided_approval_makes_room_for_the_next() -> None:
    told = world()
    told.advance(START + timedelta(hours=1))
    waiting = list(told.approvals(ApprovalFilter(statuses=frozenset({"PENDING"}))))
    before = waiting[0].approval
    for run in waiting:
        told.decide(run, "approve", (ALEX, "Alex Wilber"), "")
    told.advance(told.now + timedelta(minutes=3))

    after = list(told.approvals(ApprovalFilter(statuses=frozenset({"PENDING"}), approver=ALEX)))
    assert after
    assert before is not None
    assert all(run.approval and run.approval.id > before.id for run in after)


def test_colleagues_decide_what_the_first_person_was_not_asked() -> None:
    told = world()
    told.advance(START + timedelta(minutes=40))
    others = [run.approval for run in told.living if run.part == "others" and run.approval]
    decided = [approval for approval in others if approval.decision]

    assert decided
    for approval in decided:
        assert ALEX not in dict(approval.approvers)
        assert approval.decision
        assert approval.decision.by_id in dict(approval.approvers)


def test_without_a_pace_nothing_happens_by_itself() -> None:
    told = world(pace_seconds=None)
    before = everything(told)
    told.advance(START + timedelta(days=1))

    assert everything(told) == before


def test_a_million_past_runs_cost_nothing_at_start() -> None:
    told = world(runs=1_000_000, pace_seconds=None)
    newest = [run_body(run, told.now) for run in islice(told.runs(RunFilter()), 200)]
    times = [datetime.fromisoformat(run["created_at"]) for run in newest]

    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 200
    oldest = told.history.run(told.planner.outline(0))
    assert told.run(oldest.id) == oldest


def test_past_outcomes_known_by_outline_match_the_written_runs() -> None:
    told = world(pace_seconds=None)
    for index in range(400):
        outline = told.planner.outline(index)
        run = told.history.run(outline)
        assert run.status(told.now) == told.history.outcome(outline)
        assert run.script.credits == outline.credits


KINDS: tuple[Kind, ...] = ("does", "fails", "skips", "asks")


@pytest.mark.parametrize(
    ("agent", "kind", "story"),
    [
        pytest.param(agent, kind, story, id=f"{agent.name}: {kind}: {story.message[:30]}")
        for agent in read_library().agents
        for kind in KINDS
        for story in agent.stories(kind)
    ],
)
def test_every_story_can_be_told_without_a_gap(agent: Agent, kind: Kind, story: Story) -> None:
    words = world(pace_seconds=None).planner.words_for(3, "48213")
    words["subject"] = story.subject.format_map(words)
    ticket = Ticket("900003", "48213", words["subject"]) if agent.on_tickets else None

    script = write_script(agent, kind, story, words, ticket=ticket, spent=2, seconds=30)

    told = [beat.at_seconds for beat in script.beats]
    assert told == sorted(told)
    assert [b.at_seconds for b in script.tail_approved] == sorted(
        b.at_seconds for b in script.tail_approved
    )
    assert not re.search(r"\{\w+\}", str(script))
    assert all(beat.message for beat in (*script.beats, *script.tail_approved))
    assert (script.outcome == "FAILURE") == bool(script.error) == (kind == "fails")
    assert (kind == "asks") == (script.requested_for is not None)
    if agent.on_tickets:
        assert ticket is not None
        assert ticket.subject
    if script.requested_for:
        assert all(script.requested_for[key] for key in ("action", "reason", "tool", "company"))
        assert script.message_rejected


async def test_usage_is_the_sum_of_what_the_runs_show(busy_neo: EmbeddedNeo, busy: Client) -> None:
    busy_neo.has_run(agent="Onboarding L1", status="FAILURE", error="Mailbox quota exceeded")
    runs = [run for page in await busy.pages("/executions", page_size=200) for run in page]

    usage = (await busy.get("/billing/usage", month="2026-11")).data
    past = (await busy.get("/billing/usage", month="2026-10")).data

    november = [run for run in runs if run["created_at"].startswith("2026-11")]
    assert usage["credits_used"] == sum(run["credits_consumed"] for run in november)
    assert usage["credits_remaining"] == usage["credits_limit"] - usage["credits_used"]
    assert usage["forecasted_credits"] > usage["credits_used"]
    assert (past["credits_used"], past["credits_limit"], past["reserve_balance"]) == (0, None, None)
    assert (await busy.get("/billing/usage")).data == usage


async def test_the_inbox_counts_the_same_error_once_more(neo: EmbeddedNeo, client: Client) -> None:
    for ticket in ("48001", "48002"):
        neo.fails_run(agent="Onboarding L1", error="Mailbox quota exceeded", ticket=ticket)
    neo.fails_run(agent="Backup Watch", error="Mailbox quota exceeded", ticket="48003")

    inbox = (await client.get("/inbox")).data

    counted = {message["message"]: message for message in inbox}
    repeated = counted["Onboarding L1: Mailbox quota exceeded"]
    assert repeated["number_of_occurrences"] == 2
    assert repeated["affected_entity_numbers"] == ["48001", "48002"]
    assert repeated["read"] is False
    assert counted["Backup Watch: Mailbox quota exceeded"]["number_of_occurrences"] == 1


async def test_the_inbox_agrees_with_the_failed_runs_of_the_week(busy: Client) -> None:
    failed = (await busy.get("/executions", status="FAILURE", page_size=200)).data
    since = (START - timedelta(days=7)).isoformat()
    recent = Counter(
        f"{run['agent_name']}: {run['error']}" for run in failed if run["created_at"] >= since
    )

    inbox = (await busy.get("/inbox")).data

    assert {m["message"]: m["number_of_occurrences"] for m in inbox} == dict(recent)


async def test_a_run_put_there_shows_what_the_test_said(
    neo: EmbeddedNeo, client: Client, clock: Clock
) -> None:
    failed = neo.has_run(
        agent="Onboarding L1", status="FAILURE", error="Quota {odd}", ticket="48190", seconds=130
    )
    running = neo.has_run(agent="Dispatch", status="RUNNING", ticket=None)

    shown = (await client.get(f"/executions/{failed['execution_id']}")).data
    steps = (await client.get(f"/executions/{failed['execution_id']}/steps")).data
    assert shown == failed
    assert (shown["error"], shown["entity_number"], shown["seconds_spent"]) == (
        "Quota {odd}",
        "48190",
        130,
    )
    assert [step["message"] for step in steps if step["is_error"]] == ["Quota {odd}"]

    clock.goes_on(600)
    neo.ends_run(running["execution_id"], status="FAILURE", error="It broke")
    ended = (await client.get(f"/executions/{running['execution_id']}")).data
    assert (ended["status"], ended["error"]) == ("FAILURE", "It broke")
    assert "entity_number" not in ended


class Diary:
    """A source of things that happen at fixed instants."""

    def __init__(self, told: World, *instants: datetime) -> None:
        self.told = told
        self.planned = sorted(instants)
        self.happened: list[tuple[datetime, datetime, int]] = []

    def next_at(self) -> datetime | None:
        return self.planned[0] if self.planned else None

    def happen(self, at: datetime) -> None:
        self.planned.pop(0)
        self.happened.append((at, self.told.now, len(self.told.living)))


def test_what_is_due_happens_in_order_among_everything_else() -> None:
    told = world()
    begun = len(told.living)
    diary = Diary(told, *(START + timedelta(seconds=s) for s in (1, 40, 40, 200)))
    told.sources.append(diary)

    told.advance(START + timedelta(seconds=100))

    assert [(at - START).total_seconds() for at, _now, _runs in diary.happened] == [1, 40, 40]
    assert all(at == now for at, now, _runs in diary.happened)
    runs = [living for _at, _now, living in diary.happened]
    assert runs[0] == begun
    earlier = sum(run.started_at <= START + timedelta(seconds=40) for run in told.living)
    assert runs[1:] == [earlier, earlier]
    assert told.now == START + timedelta(seconds=100)


def test_what_was_due_long_ago_happens_now_and_time_does_not_go_back() -> None:
    told = world(pace_seconds=None)
    told.advance(START + timedelta(hours=1))
    diary = Diary(told, START)
    told.sources.append(diary)

    told.advance(told.now)

    assert diary.happened == [(START, START + timedelta(hours=1), 0)]


def test_a_source_that_does_not_get_on_is_named() -> None:
    class Stuck(Diary):
        def happen(self, at: datetime) -> None:
            self.happened.append((at, at, 0))

    told = world(pace_seconds=None)
    told.sources.append(Stuck(told, START))

    with pytest.raises(RuntimeError, match="things are due at 2026-11-23"):
        told.advance(START)


def on_tickets(told: World) -> Iterator[Run]:
    return (run for run in told.runs(RunFilter()) if run.script.ticket)


def test_a_run_that_somebody_asked_for_works_on_the_ticket_that_is_there() -> None:
    told = world(pace_seconds=None)
    before = next(on_tickets(told))
    assert before.script.ticket
    agent = told.agents[20418]

    run = told.start_for(
        agent, ticket=before.script.ticket.id, at=told.now, instructions="Be brief."
    )

    assert told.ticket(before.script.ticket.id) == before.script.ticket
    assert run.script.ticket == before.script.ticket
    assert run.script.company == before.script.company
    found = told.runs(RunFilter(entity_number=before.script.ticket.number))
    assert next(found) is run
    assert told.run(run.id) is run
    told.advance(told.now + timedelta(minutes=1))
    body = run_body(run, told.now)
    assert body["additional_custom_instructions"] == "Be brief."
    assert body["agent_id"] == 20418
    assert told.ticket("nobodys") is None


def test_runs_that_somebody_asked_for_go_every_way_that_the_agent_knows() -> None:
    told = world(pace_seconds=None)
    for _ in range(120):
        told.start_for(told.agents[20418], ticket=None, at=told.now)
        told.advance(told.now + timedelta(seconds=60))

    seen = {run.status(told.now) for run in told.living}
    assert {"SUCCESS", "FAILURE", "SKIPPED", "WAITING_FOR_APPROVAL"} <= seen
    for run in told.approvals(ApprovalFilter(statuses=frozenset({"PENDING"}))):
        assert run.approval
        told.decide(run, "approve", told.people[0], "")
    told.advance(told.now + timedelta(minutes=10))
    assert all(run.has_ended(told.now) for run in told.living)


def test_an_agent_without_stories_does_what_its_instructions_say() -> None:
    told = world(pace_seconds=None)
    pattern = told.agents[20470]
    made = pattern.model_copy(
        update={"id": 31_000, "name": "Door {Codes}", "instructions": "Send {code} to {user}."}
    )

    run = told.start_for(made, ticket="1234567", at=told.now)
    told.advance(told.now + timedelta(minutes=1))

    assert run.status(told.now) == "SUCCESS"
    steps = step_bodies(run, told.now)
    assert "The instructions say: Send {code} to {user}." in [step["message"] for step in steps]
    assert run_body(run, told.now)["message_for_dashboard"].startswith("Door {Codes} did")


def test_the_same_run_is_told_again_from_its_order() -> None:
    told, again = world(pace_seconds=None), world(pace_seconds=None)
    ticket = next(on_tickets(told)).script.ticket
    assert ticket
    for name in (20418, 20431, 20470):
        told.start_for(told.agents[name], ticket=ticket.id, at=told.now, instructions="Again.")
    for run in told.living:
        assert run.order
        again.start_for(
            again.agents[run.order.agent_id],
            ticket=run.order.ticket,
            at=run.started_at,
            instructions=run.order.instructions,
            index=run.index,
        )

    assert again.living == told.living


def test_an_agent_that_is_switched_off_starts_nothing_by_itself() -> None:
    told = world()
    for agent in list(told.agents.values()):
        if agent.id != 20401:
            told.agents[agent.id] = agent.model_copy(update={"state": "DISABLED"})
    known = {run.id for run in told.living}

    told.advance(START + timedelta(minutes=30))

    begun = [run for run in told.living if run.id not in known and run.order is None]
    assert begun
    assert {run.script.agent_id for run in begun} == {20401}


def test_every_status_occurs_in_half_an_hour() -> None:
    told = world(runs=60)
    seen: set[str] = set()
    for minute in range(30):
        told.advance(START + timedelta(minutes=minute))
        seen |= {run.status(told.now) for run in told.runs(RunFilter())}

    assert seen == set(RUN_STATUSES)
    approvals = {run.approval.status for run in told.approvals(ApprovalFilter()) if run.approval}
    assert approvals == set(APPROVAL_STATUSES)


def test_two_agents_ask_before_they_call_an_outside_api() -> None:
    calls = {
        agent.name: story.details
        for agent in read_library().agents
        for story in agent.asks
        if story.tool == "EXTERNAL_API_REQUEST"
    }
    assert set(calls) == {"Onboarding L1", "VIP Escalation"}
    for details in calls.values():
        assert details["method"] == "POST"
        assert details["url"].startswith("https://")
        assert details["configuration"]
        assert details["authentication"]
        assert isinstance(details["body"], dict)
        assert details["headers"].get("Authorization", "Bearer ••••") == "Bearer ••••"
    assert calls["Onboarding L1"]["new_configuration"] is True
