"""What one run adds to the figures, and percentiles over many of them."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.runs import Run
from bot.sandbox.scripts import Beat

_PSA_TOOLS = frozenset({"CW_PSA_REQUEST", "AUTOTASK_REQUEST"})
_PURPOSES = {"THOUGHT": "REASONING", "FINAL_MESSAGE": "SUMMARY"}
_MODEL = "GPT5_4_MINI"


@dataclass(frozen=True, slots=True)
class Measure:
    """One run, in seconds; durations are None until it has ended.

    Attributes:
        psa_calls: Calls of a PSA.
        total: From its start to its last step.
        work: Without the wait for people.
        thinking: For each call of a language model its purpose and how long it took.
    """

    has_failed: bool
    psa_calls: int
    total: float | None
    work: float | None
    thinking: tuple[tuple[str, float], ...]


def measure(run: Run, now: datetime) -> Measure:
    """What a run adds as of now; a call of the model ends in a step, and begins at the one before.

    `total` is what lies between ``created_at`` and ``updated_at``, `work` is ``seconds_spent``.
    """
    steps = run.steps(now)
    told = [((at - run.started_at).total_seconds(), beat) for at, beat in steps]
    has_ended = run.has_ended(now)
    return Measure(
        has_failed=run.status(now) == "FAILURE",
        psa_calls=psa_calls(beat for _at, beat in told),
        total=told[-1][0] if has_ended and told else None,
        work=run.seconds_spent(now) if has_ended and told else None,
        thinking=thinking(told),
    )


def psa_calls(beats: Iterable[Beat]) -> int:
    """How many steps call a PSA."""
    return sum(1 for beat in beats if beat.type == "TOOL_CALL" and beat.tool in _PSA_TOOLS)


def thinking(told: Sequence[tuple[float, Beat]]) -> tuple[tuple[str, float], ...]:
    """Purpose and seconds of each call of the model, from steps with their second."""
    before = [0.0, *(at for at, _beat in told)]
    return tuple(
        (_PURPOSES[beat.type], at - earlier)
        for earlier, (at, beat) in zip(before, told, strict=False)
        if beat.type in _PURPOSES
    )


@dataclass(slots=True)
class Tally:
    """Measures of many runs, each value with how often it came."""

    executions: int = 0
    failures: int = 0
    psa_calls: int = 0
    totals: Counter[float] = field(default_factory=Counter)
    works: Counter[float] = field(default_factory=Counter)
    waits: Counter[float] = field(default_factory=Counter)
    thinking: dict[str, Counter[float]] = field(default_factory=dict)

    def add(self, measured: Measure, times: int = 1) -> None:
        """Count a run, or so many that are alike."""
        self.executions += times
        self.failures += times * measured.has_failed
        self.psa_calls += times * measured.psa_calls
        if measured.total is not None and measured.work is not None:
            self.totals[measured.total] += times
            self.works[measured.work] += times
            self.waits[max(measured.total - measured.work, 0)] += times
        for purpose, seconds in measured.thinking:
            self.thinking.setdefault(purpose, Counter())[seconds] += times

    def row(self, agent_id: int, agent_name: str) -> dict[str, Any]:
        """The agent's row; 95th percentiles in seconds, left out where no run has ended."""
        row = {
            "agent_id": agent_id,
            "agent_name": agent_name,
            "executions": self.executions,
            "failures": self.failures,
            "psa_calls": self.psa_calls,
            "p95_total_duration_seconds": percentile(self.totals, 0.95),
            "p95_actual_work_seconds": percentile(self.works, 0.95),
            "p95_overhead_seconds": percentile(self.waits, 0.95),
            "llm_calls_by_purpose": [
                {
                    "purpose": purpose,
                    "model": _MODEL,
                    "count": seconds.total(),
                    "p95_duration_seconds": percentile(seconds, 0.95),
                }
                for purpose, seconds in sorted(self.thinking.items())
            ],
        }
        return {name: value for name, value in row.items() if value is not None}


def percentile(values: Counter[float], share: float) -> float | None:
    """The least value that at least this share of all do not exceed, to the millisecond."""
    rank = math.ceil(share * values.total())
    passed = 0
    for value, count in sorted(values.items()):
        passed += count
        if passed >= rank and count:
            return round(value, 3)
    return None
