"""Many people, clicks, repeats, crashes and changes in any order: nothing that has to hold breaks.

``MACHINE_EXAMPLES`` asks for more than the usual few, chosen anew each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.approvals.machine.machine import Machine

ASKED_FOR = "MACHINE_EXAMPLES"


def how_long(usual: int) -> settings:
    examples = os.environ.get(ASKED_FOR)
    return settings(
        max_examples=int(examples or usual),
        stateful_step_count=30,
        derandomize=examples is None,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if examples else [Phase.generate],
    )


def test_nothing_that_people_and_accidents_do_breaks_what_has_to_hold(database_url: str) -> None:
    run_state_machine_as_test(lambda: Machine(database_url, replicas=1), settings=how_long(12))
