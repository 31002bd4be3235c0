"""How long the machine runs.

``MACHINE_EXAMPLES=200`` tries so many, other ones each time; ``MACHINE_SHRINK=1`` also reduces
what is found, which takes minutes.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings


def how_long(usual: int) -> settings:
    """The same few examples each time, unless more are asked for."""
    examples = os.environ.get("MACHINE_EXAMPLES")
    reduces = os.environ.get("MACHINE_SHRINK")
    return settings(
        max_examples=int(examples or usual),
        stateful_step_count=15,
        derandomize=examples is None,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if reduces else [Phase.generate],
    )
