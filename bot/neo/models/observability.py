"""How Neo's own machinery does: the funnel of callbacks, and the agents' times and failures."""

from __future__ import annotations

from bot.neo.models.base import Count, Items, Moment, NeoModel, Number, Text


class CallbackFunnel(NeoModel):
    """Times, counts and shares of each stage that a callback passes through.

    The stages are not published: all of it is in ``model_extra``.
    """


class Window(NeoModel):
    """The time that figures are about."""

    since: Moment = None
    until: Moment = None
    timezone: Text = None


class LlmCalls(NeoModel):
    """An agent's calls of one model for one purpose."""

    purpose: Text = None
    model: Text = None
    count: Count = None
    p95_duration_seconds: Number = None


class AgentPerformance(NeoModel):
    """One agent's figures in a window; ``p95``: 19 of 20 runs took no longer."""

    agent_id: Text = None
    agent_name: Text = None
    executions: Count = None
    failures: Count = None
    psa_calls: Count = None
    p95_total_duration_seconds: Number = None
    p95_actual_work_seconds: Number = None
    p95_overhead_seconds: Number = None
    llm_calls_by_purpose: Items[LlmCalls] = ()


class Performance(NeoModel):
    """Agents' figures, and the window they are about."""

    rows: Items[AgentPerformance] = ()
    window: Window | None = None
