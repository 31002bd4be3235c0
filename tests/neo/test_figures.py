"""Figures are asked for with the words that Neo knows, and read as numbers, times and rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from bot.errors import NeoUnintelligible
from bot.neo.client import Neo
from tests.neo.conftest import Connect

ANY = "https://neo.northwind.example"
SINCE = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
UNTIL = datetime(2026, 11, 8, 6, 30, tzinfo=timezone(timedelta(hours=1)))
FROM, TO = "2026-11-01T06:30:00+00:00", "2026-11-08T06:30:00+01:00"

Ask = Callable[[Neo], Awaitable[object]]


@pytest.mark.parametrize(
    ("ask", "path", "query", "many"),
    [
        (lambda neo: neo.observability.callback_funnel(), "observability/callback-funnel", {}, 0),
        (
            lambda neo: neo.observability.callback_funnel(since=SINCE, until=UNTIL),
            "observability/callback-funnel",
            {"since": FROM, "until": TO},
            0,
        ),
        (lambda neo: neo.observability.agents(), "observability/workflow-performance", {}, 0),
        (
            lambda neo: neo.observability.agents(since=SINCE, until=UNTIL, agent="20418"),
            "observability/workflow-performance",
            {"since": FROM, "until": TO, "agent_id": "20418"},
            0,
        ),
        (
            lambda neo: neo.performance.agents(SINCE, UNTIL),
            "performance/workflows",
            {"from": FROM, "to": TO},
            1,
        ),
        (
            lambda neo: neo.performance.agents(SINCE, UNTIL, autonomy="AGENTIC"),
            "performance/workflows",
            {"from": FROM, "to": TO, "autonomy_type": "AGENTIC"},
            1,
        ),
        (
            lambda neo: neo.performance.chat_by_user(SINCE, UNTIL, audience="end-user"),
            "performance/chat/by-user",
            {"from": FROM, "to": TO, "audience": "end-user"},
            1,
        ),
        (lambda neo: neo.billing.usage(), "billing/usage", {}, 0),
        (lambda neo: neo.billing.usage("2026-10"), "billing/usage", {"month": "2026-10"}, 0),
        (
            lambda neo: neo.billing.usage_by_agent("2026-10"),
            "billing/usage-by-agent",
            {"month": "2026-10"},
            0,
        ),
        (
            lambda neo: neo.billing.teams_usage("2026-10"),
            "billing/end-user-teams-usage",
            {"month": "2026-10"},
            0,
        ),
        (
            lambda neo: neo.billing.teams_detail("2026-10", months=12),
            "billing/end-user-teams/detail",
            {"month": "2026-10", "months": "12"},
            0,
        ),
        (lambda neo: neo.insights.result(), "insights/result", {}, 0),
    ],
)
async def test_figures_are_asked_for_in_neos_words(
    connect: Connect, ask: Ask, path: str, query: dict[str, str], many: int
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": [{}] if many else {}, "meta": {}})

    read = await ask(connect(ANY, "k", transport=httpx.MockTransport(answer)))
    (request,) = seen
    assert (request.method, request.url.path) == ("GET", f"/public-api/{path}")
    assert dict(request.url.params) == query
    assert not request.content
    assert (len(read) if isinstance(read, list) else 0) == many


def answering(data: object) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data, "meta": {}}))


async def test_an_agents_figures_come_with_their_window_and_its_calls_of_models(
    connect: Connect,
) -> None:
    calls = [{"purpose": "triage", "model": "small", "count": 7, "p95_duration_seconds": 1.5}]
    row = {"agent_id": 20418, "executions": 12, "failures": 1, "llm_calls_by_purpose": calls}
    window = {"since": "2026-11-01T06:30:00Z", "until": "2026-11-08T05:30:00", "timezone": "UTC"}
    neo = connect(ANY, "k", transport=answering({"rows": [row], "window": window}))
    read = await neo.observability.agents()
    (agent,) = read.rows
    assert (agent.agent_id, agent.executions, agent.failures) == ("20418", 12, 1)
    assert agent.llm_calls_by_purpose[0].p95_duration_seconds == 1.5
    assert read.window is not None
    assert (read.window.since, read.window.until) == (SINCE, UNTIL)


async def test_each_item_of_the_performance_list_has_rows_of_its_own(connect: Connect) -> None:
    data = [{"rows": [{"agent_name": "Dispatch"}]}, {"rows": None, "window": None}]
    neo = connect(ANY, "k", transport=answering(data))
    first, second = await neo.performance.agents(SINCE, UNTIL)
    assert [row.agent_name for row in first.rows] == ["Dispatch"]
    assert (second.rows, second.window) == ((), None)


async def test_the_funnel_holds_whatever_neo_says_of_its_stages(connect: Connect) -> None:
    data = {"received": {"count": 120}, "matched_ratio": 0.4}
    neo = connect(ANY, "k", transport=answering(data))
    assert (await neo.observability.callback_funnel()).model_extra == data


async def test_credits_are_told_agent_by_agent(connect: Connect) -> None:
    agents = [{"agent_id": 7, "agent_name": "Triage", "credits_consumed": 3.5, "unique_tickets": 2}]
    neo = connect(ANY, "k", transport=answering({"month": "2026-10", "agents": agents}))
    read = await neo.billing.usage_by_agent("2026-10")
    assert read.month == "2026-10"
    assert [(a.agent_id, a.credits_consumed, a.unique_tickets) for a in read.agents] == [
        ("7", 3.5, 2)
    ]


async def test_end_users_of_the_teams_bot_are_told_company_by_company(connect: Connect) -> None:
    ticket = {"ticket_id": 48213, "url": "https://psa.example/48213"}
    company = {"company_name": "Contoso Dental", "active_users": 4, "tickets": [ticket]}
    user = {"end_user": "Adele Vance", "turns": 9, "tickets_raised": None, "tickets": None}
    trend = [{"month": "2026-09", "active_users": 3}, {"month": "2026-10", "active_users": 4}]
    data = {
        "tickets_raised": 1,
        "monthly_active_users": trend,
        "per_company": [company],
        "per_user": [user],
    }
    neo = connect(ANY, "k", transport=answering(data))
    read = await neo.billing.teams_detail()
    assert [month.active_users for month in read.monthly_active_users] == [3, 4]
    assert read.per_company[0].tickets[0].ticket_id == "48213"
    assert (read.per_user[0].end_user, read.per_user[0].tickets) == ("Adele Vance", ())


async def test_an_analysis_is_begun_with_what_is_known_and_nothing_else(connect: Connect) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": {"analysis_id": 31}, "meta": {}})

    neo = connect(ANY, "k", transport=httpx.MockTransport(answer))
    begun = await neo.insights.start(currency_symbol="£", hourly_rate=42.5, sample_size=100)
    await neo.insights.start()
    assert begun.analysis_id == "31"
    assert [(r.method, r.url.path) for r in seen] == [("POST", "/public-api/insights/analyze")] * 2
    bodies: list[Any] = [httpx.Response(200, content=request.content).json() for request in seen]
    assert bodies == [{"currency_symbol": "£", "hourly_rate": 42.5, "sample_size": 100}, {}]


async def test_a_list_where_one_set_of_figures_was_expected_is_no_answer(connect: Connect) -> None:
    neo = connect(ANY, "k", transport=answering([{"month": "2026-10"}]))
    with pytest.raises(NeoUnintelligible) as caught:
        await neo.billing.usage_by_agent()
    assert caught.value.operation == "billing.usage_by_agent"
