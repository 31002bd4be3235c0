"""Every figure is what adding up the listed runs gives, for any window."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox import deck
from bot.sandbox.callbacks import CallbackFilter
from bot.sandbox.embedded import EmbeddedNeo
from bot.sandbox.library import read_library
from bot.sandbox.matches import callback_body
from bot.sandbox.reports import month_bounds, usage, usage_by_agent
from bot.sandbox.runs import run_body, step_bodies
from bot.sandbox.world import RunFilter, World
from tests.sandbox.conftest import START, Client, Clock

LIBRARY = read_library()
LONG = deck.DECK + 900  # more than one deck, so that its edge lies inside
AT_ONCE = timedelta(microseconds=1)
MINUTES = st.integers(-15 * 24 * 60, 60)


def world(runs: int, seed: int = 3, pace_seconds: float | None = None) -> World:
    return World(library=LIBRARY, seed=seed, runs=runs, anchor=START, pace_seconds=pace_seconds)


def lively() -> World:
    """A world with living runs, a decision and a run that somebody asked for."""
    told = world(700, seed=5, pace_seconds=15)
    told.advance(START + timedelta(minutes=20))
    waiting = next(run for run in told.living if run.status(told.now) == "WAITING_FOR_APPROVAL")
    told.decide(waiting, "approve", told.people[1], "")
    known = next(
        run for run in told.runs(RunFilter(statuses=frozenset({"FAILURE"}))) if run.script.ticket
    )
    assert known.script.ticket
    agent = told.agents[known.script.agent_id]
    told.start_for(agent, ticket=known.script.ticket.id, at=told.now)
    told.advance(told.now + timedelta(minutes=1))
    return told


MAKERS: dict[str, Callable[[], World]] = {
    "short": lambda: world(300),
    "long": lambda: world(LONG, seed=4),
    "lively": lively,
}
names = st.sampled_from(sorted(MAKERS))


@cache
def made(name: str) -> World:
    return MAKERS[name]()


@cache
def everything(name: str) -> list[dict[str, Any]]:
    return [run_body(run, made(name).now) for run in made(name).runs(RunFilter())]


def begun(body: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(body["created_at"])


def listed(name: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    return (body for body in everything(name) if since <= begun(body) < until)


def p95(values: list[float]) -> float | None:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


@given(names, MINUTES, st.integers(0, 15 * 24 * 60))
@pytest.mark.unmeasured
@settings(deadline=None, max_examples=60)
def test_credits_and_tickets_of_any_window_are_those_of_its_runs(
    name: str, begin: int, length: int
) -> None:
    since = START + timedelta(minutes=begin)
    until = since + timedelta(minutes=length)
    credits_: Counter[int] = Counter()
    tickets: defaultdict[int, set[str]] = defaultdict(set)
    for body in listed(name, since, until):
        credits_[body["agent_id"]] += body["credits_consumed"]
        if "entity_number" in body:
            tickets[body["agent_id"]].add(body["entity_number"])

    figures = made(name).figures

    assert figures.credits(since, until) == dict(credits_)
    found = {agent: count for agent, count in figures.tickets(since, until).items() if count}
    assert found == {agent: len(numbers) for agent, numbers in tickets.items()}


@given(names, MINUTES, st.integers(0, 15 * 24 * 60))
@pytest.mark.unmeasured
@settings(deadline=None, max_examples=40)
def test_performance_of_any_window_is_that_of_its_runs(name: str, begin: int, length: int) -> None:
    told = made(name)
    since = START + timedelta(minutes=begin)
    until = since + timedelta(minutes=length)
    by_agent: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for body in listed(name, since, until):
        by_agent[body["agent_id"]].append(body)

    rows = told.figures.performance(since, until, told.agents.values())["rows"]

    assert [row["agent_id"] for row in rows] == sorted(told.agents)
    for row in rows:
        bodies = by_agent[row["agent_id"]]
        ended = [b for b in bodies if b["status"] not in {"RUNNING", "WAITING_FOR_APPROVAL"}]
        totals = [
            (datetime.fromisoformat(b["updated_at"]) - begun(b)).total_seconds() for b in ended
        ]
        works = [float(b["seconds_spent"]) for b in ended]
        assert row["executions"] == len(bodies)
        assert row["failures"] == sum(b["status"] == "FAILURE" for b in bodies)
        assert row.get("p95_total_duration_seconds") == pytest.approx(p95(totals), abs=0.002)
        assert row.get("p95_actual_work_seconds") == pytest.approx(p95(works))
        waits = [max(t - w, 0) for t, w in zip(totals, works, strict=True)]
        assert row.get("p95_overhead_seconds") == pytest.approx(p95(waits), abs=0.002)


@pytest.mark.parametrize("name", ["short", "lively"])
def test_calls_are_counted_as_the_steps_show_them(name: str) -> None:
    told = made(name)
    psa: Counter[int] = Counter()
    gaps: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    for run in told.runs(RunFilter()):
        last = run.started_at
        for step in step_bodies(run, told.now):
            at = datetime.fromisoformat(step["created_at"])
            if step["type"] == "TOOL_CALL" and step["tool_type_name"] in {
                "CW_PSA_REQUEST",
                "AUTOTASK_REQUEST",
            }:
                psa[run.script.agent_id] += 1
            purpose = {"THOUGHT": "REASONING", "FINAL_MESSAGE": "SUMMARY"}.get(step["type"])
            if purpose:
                gaps[run.script.agent_id, purpose].append((at - last).total_seconds())
            last = at

    window = (START - timedelta(days=30), told.now + AT_ONCE)
    rows = told.figures.performance(*window, told.agents.values())["rows"]

    for row in rows:
        assert row["psa_calls"] == psa[row["agent_id"]]
        for told_calls in row["llm_calls_by_purpose"]:
            seconds = gaps.pop((row["agent_id"], told_calls["purpose"]))
            assert told_calls["count"] == len(seconds)
            assert told_calls["p95_duration_seconds"] == pytest.approx(p95(seconds), abs=0.002)
    assert not gaps


@given(names, MINUTES, st.integers(0, 7 * 24 * 60))
@pytest.mark.unmeasured
@settings(deadline=None, max_examples=25)
def test_the_funnel_counts_the_listed_callbacks(name: str, begin: int, length: int) -> None:
    told = made(name)
    since = START + timedelta(minutes=begin)
    until = since + timedelta(minutes=length)
    wanted = CallbackFilter(since=since, until=until)
    bodies = [callback_body(told, callback) for callback in told.callbacks.newest_first(wanted)]
    done = [b for b in bodies if "finished_processing_at" in b]
    matched = [b for b in done if b["started_workflow_ids"]]
    took = [
        (
            datetime.fromisoformat(b["finished_processing_at"])
            - datetime.fromisoformat(b["created_in_psa_at"])
        ).total_seconds()
        for b in done
        if "error_message" not in b
    ]

    funnel = told.figures.funnel(since, until)

    assert funnel["counts"] == {
        "received": len(bodies),
        "processed": len(took),
        "failed": sum("error_message" in b for b in done),
        "matched": len(matched),
        "unmatched": len(took) - len(matched),
        "workflow_starts": sum(len(b["started_workflow_ids"]) for b in done),
    }
    durations = funnel["durations_seconds"]["created_to_processed"]
    assert durations["p95"] == pytest.approx(p95(took), abs=0.002)


@pytest.mark.parametrize("month", ["2026-10", "2026-11", "2026-12"])
@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_months_usage_is_the_same_in_all_places(name: str, month: str) -> None:
    told = made(name)
    whole, parts = usage(told, month), usage_by_agent(told, month)["agents"]

    expected = sum(body["credits_consumed"] for body in listed(name, *month_bounds(month)))
    assert whole["credits_used"] == sum(part["credits_consumed"] for part in parts) == expected
    spent = [part["credits_consumed"] for part in parts]
    assert spent == sorted(spent, reverse=True)


@given(st.integers(1, 40), st.integers(0, 200), st.integers(0, 200))
def test_places_of_a_deck_come_up_as_often_as_counting_says(
    period: int, low: int, top: int
) -> None:
    told = deck.counts(low, top, period=period)

    assert told == [sum(i % period == place for i in range(low, top)) for place in range(period)]


@given(st.sets(st.integers(0, 29)), st.integers(0, 200), st.integers(0, 200))
def test_wanted_places_of_a_deck_come_newest_first(places: set[int], low: int, top: int) -> None:
    found = list(deck.newest_first(sorted(places), low, top, period=30))

    assert found == [i for i in reversed(range(low, top)) if i % 30 in places]
    for place in places:
        last = deck.last_index(place, top, period=30)
        assert last == max(i for i in range(-30, top) if i % 30 == place)


async def test_all_numbers_of_one_busy_world_agree(clock: Clock) -> None:
    told = EmbeddedNeo(now=clock, runs=400, seed=7, pace_seconds=15)
    async with told as neo, ClientSession() as session:
        client = Client(session, neo)
        clock.goes_on(900)
        waiting = (await client.get("/til-requests", status="PENDING")).data
        assert (await client.decide(waiting[0]["id"], "approve")).status == 200
        assert (await client.decide(waiting[1]["id"], "reject")).status == 200
        about = {"target_entity_id": waiting[0]["ticket_id"]}
        started = await client.post("/agents/20418/run-now", about)
        assert started.status == 200, started.body
        neo.fails_run(agent="Onboarding L1", error="Mailbox quota exceeded", ticket="48001")
        clock.goes_on(60)
        await numbers_agree(client, clock)


async def numbers_agree(client: Client, clock: Clock) -> None:
    runs = [run for page in await client.pages("/executions", page_size=200) for run in page]
    usage_ = (await client.get("/billing/usage")).data
    agents = (await client.get("/billing/usage-by-agent")).data["agents"]
    month = [run for run in runs if run["created_at"].startswith("2026-11")]
    assert usage_["credits_used"] == sum(run["credits_consumed"] for run in month)
    assert usage_["credits_used"] == sum(agent["credits_consumed"] for agent in agents)

    begin = START - timedelta(days=30)
    window = {"from": begin.isoformat(), "to": (clock() + AT_ONCE).isoformat()}
    (performance,) = (await client.get("/performance/workflows", **window)).data
    spent = {row["agent_id"]: row["executions"] for row in performance["rows"] if row["executions"]}
    assert spent == dict(Counter(run["agent_id"] for run in runs))
    failed = Counter(run["agent_id"] for run in runs if run["status"] == "FAILURE")
    assert sum(row["failures"] for row in performance["rows"]) == failed.total()

    week = clock() - timedelta(days=7)
    recent = [r for r in runs if r["status"] == "FAILURE" and begun(r) >= week]
    inbox = (await client.get("/inbox")).data
    assert {m["message"]: m["number_of_occurrences"] for m in inbox} == dict(
        Counter(f"{run['agent_name']}: {run['error']}" for run in recent)
    )

    day = (clock() - timedelta(hours=24)).isoformat()
    callbacks = [
        callback
        for page in await client.pages("/callbacks", since=day, page_size=200)
        for callback in page
    ]
    funnel = (await client.get("/observability/callback-funnel")).data
    assert funnel["counts"]["received"] == len(callbacks)
    seen = (await client.get("/observability/workflow-performance")).data
    newest = [run for run in runs if run["created_at"] >= day.replace("+00:00", "Z")]
    assert sum(row["executions"] for row in seen["rows"]) == len(newest)
    by_callback = [run for run in newest if (await has_callback(client, run))]
    starts = sum(len(callback["started_workflow_ids"]) for callback in callbacks)
    # A run that began this day's first seconds was called back before the window.
    assert 0 <= len(by_callback) - starts <= 1


async def has_callback(client: Client, run: dict[str, Any]) -> bool:
    return (await client.get(f"/executions/{run['execution_id']}/callback")).status == 200


DAY = "2026-11-22T14:00:00Z"
OTHER_DAY = "2026-11-20T14:00:00Z"


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("/performance/workflows", {"from": DAY, "to": OTHER_DAY}, 422, "to"),
        ("/performance/workflows", {"from": "monday", "to": DAY}, 400, "from"),
        ("/performance/workflows", {"from": DAY}, 400, "to"),
        (
            "/performance/workflows",
            {"from": OTHER_DAY, "to": DAY, "autonomy_type": "X"},
            400,
            "autonomy_type",
        ),
        ("/observability/workflow-performance", {"since": DAY, "until": OTHER_DAY}, 422, "until"),
        ("/observability/workflow-performance", {"until": "2026-13-01"}, 400, "until"),
        ("/observability/callback-funnel", {"since": "2026-11-01T00:00:00Z"}, 400, "since"),
        ("/observability/callback-funnel", {"since": "2026-11-24T00:00:00Z"}, 422, "until"),
        ("/billing/usage", {"month": "2026-13"}, 400, "month"),
        ("/billing/usage-by-agent", {"month": "November"}, 400, "month"),
    ],
)
async def test_an_impossible_window_names_its_field(
    client: Client, path: str, query: dict[str, str], status: int, field: str
) -> None:
    answer = await client.get(path, **query)

    assert (answer.status, answer.details["field"]) == (status, field)


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_the_ends_of_all_time_are_instants_too(busy: Client, instant: str) -> None:
    for path, name in (
        ("/observability/workflow-performance", "until"),
        ("/til-requests", "created_after"),
        ("/til-requests", "created_before"),
        ("/performance/workflows", "from"),
    ):
        late = {"to": "9999-12-31T23:59:59Z"} if name == "from" else {}
        assert (await busy.get(path, **{name: instant}, **late)).status == 200
    answer = await busy.get("/callbacks", entity_number="48001", until=instant)
    assert answer.status == 200


async def test_performance_can_be_narrowed_and_agents_without_runs_have_zeros(
    busy: Client,
) -> None:
    window = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    agents = {int(a["id"]): a for a in (await busy.get("/agents", page_size=200)).data}

    (whole,) = (await busy.get("/performance/workflows", **window)).data
    (chained,) = (
        await busy.get("/performance/workflows", **window, autonomy_type="CHAINED_ACTIONS")
    ).data
    one = (await busy.get("/observability/workflow-performance", agent_id=20390)).data["rows"]

    assert whole["window"] == {
        "since": "2026-11-01T00:00:00.000000Z",
        "until": "2026-12-01T00:00:00.000000Z",
        "timezone": "UTC",
    }
    assert {row["agent_id"] for row in whole["rows"]} == set(agents)
    assert chained["rows"] == [
        row
        for row in whole["rows"]
        if agents[row["agent_id"]]["autonomy_type"] == "CHAINED_ACTIONS"
    ]
    assert [row["executions"] for row in one] == [0]
    assert "p95_total_duration_seconds" not in one[0]
