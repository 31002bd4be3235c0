"""How long the machine runs.

``MACHINE_EXAMPLES=200`` tries so many, other ones each time; ``MACHINE_SHRINK=1`` also reduces
what is found, which takes minutes.
"""

from __future__ import annotations

import os

import psycopg
from hypothesis import HealthCheck, Phase, settings


def how_long(usual: int) -> settings:
    """The same few examples each time, unless more are asked for."""
    examples = os.environ.get("MACHINE_EXAMPLES")
    reduces = os.environ.get("MACHINE_SHRINK")
    return settings(
        max_examples=int(examples or usual),
        stateful_step_count=10,
        derandomize=examples is None,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if reduces else [Phase.generate],
    )


def deadlocks(url: str) -> int:
    """How often PostgreSQL had to end a transaction because two waited for each other.

    A job is tried again after it, so nothing else would show it. The sessions that it happened to
    have to be over: each reports at its end.
    """
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return int(found[0]) if found else 0
