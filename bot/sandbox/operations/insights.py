"""What Neo's work is worth: an analysis that takes its time, and its result."""

from datetime import timedelta
from typing import Any

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import invalid, not_found
from bot.sandbox.records import Analysis
from bot.sandbox.refusals import check_length
from bot.sandbox.runs import stamp
from bot.sandbox.world import World

_TAKES = timedelta(seconds=20)
_MOST = 20
_LONGEST_SYMBOL = 8
_USUAL = {"hourly_rate": 60, "period_days": 30, "sample_size": 100}
_RANGES = {"hourly_rate": (0, 10_000), "period_days": (1, 366), "sample_size": (1, 10_000)}


async def start_insights(world: World, call: Call) -> Answer:
    """Begin an analysis of the time before now."""
    told = dict(_USUAL)
    for name, (low, high) in _RANGES.items():
        given = call.body.get(name)
        if given is not None and not low <= given <= high:
            raise invalid(name, f"{name} must be from {low} to {high}.")
        if given is not None:
            told[name] = given
    symbol = call.body.get("currency_symbol") or "$"
    check_length(symbol, "currency_symbol", _LONGEST_SYMBOL, least=1)
    analyses = world.records.analyses
    analysis = Analysis(
        id=analyses[-1].id + 1 if analyses else 1,
        asked_at=call.now,
        currency_symbol=symbol,
        hourly_rate=told["hourly_rate"],
        period_days=int(told["period_days"]),
        sample_size=int(told["sample_size"]),
    )
    analyses.append(analysis)
    del analyses[:-_MOST]
    world.changes += 1
    return Answer({"analysis_id": analysis.id})


async def get_insights_result(world: World, call: Call) -> Answer:
    """The newest analysis that is finished."""
    finished = [a for a in world.records.analyses if a.asked_at + _TAKES <= call.now]
    if not finished:
        raise not_found("No analysis is finished yet.")
    analysis = finished[-1]
    if analysis.result is None:
        analysis.result = _result(world, analysis)
        world.changes += 1
    return Answer(
        {
            "analysis_id": analysis.id,
            "completed_at": stamp(analysis.asked_at + _TAKES),
            "hourly_rate": analysis.hourly_rate,
            "period_days": analysis.period_days,
            "result": analysis.result,
        }
    )


def _result(world: World, analysis: Analysis) -> dict[str, Any]:
    """Minutes a technician would have needed for each run that did not fail, by agent."""
    since = analysis.asked_at - timedelta(days=analysis.period_days)
    until = analysis.asked_at + timedelta(microseconds=1)  # a run that began right then counts
    rows = world.figures.performance(since, until, world.agents.values())["rows"]
    agents = [
        {
            "agent_id": row["agent_id"],
            "agent_name": row["agent_name"],
            "executions": row["executions"],
            "failures": row["failures"],
            "minutes_saved_per_execution": _minutes(row["agent_id"]),
            "minutes_saved": (row["executions"] - row["failures"]) * _minutes(row["agent_id"]),
        }
        for row in rows
        if row["executions"]
    ]
    hours = sum(agent["minutes_saved"] for agent in agents) / 60
    executions = sum(agent["executions"] for agent in agents)
    return {
        "since": stamp(since),
        "until": stamp(analysis.asked_at),
        "currency_symbol": analysis.currency_symbol,
        "sampled_executions": min(analysis.sample_size, executions),
        "executions": executions,
        "failures": sum(agent["failures"] for agent in agents),
        "hours_saved": round(hours, 2),
        "value_saved": round(hours * analysis.hourly_rate, 2),
        "agents": sorted(agents, key=lambda agent: (-agent["minutes_saved"], agent["agent_id"])),
    }


def _minutes(agent_id: int) -> int:
    return 6 + agent_id % 10


OPERATIONS = {"startInsights": start_insights, "getInsightsResult": get_insights_result}
