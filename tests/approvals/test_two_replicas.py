"""Two copies of the bot on one database: whoever answers, it is as if there were one."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.approvals.machine.settings import how_long
from tests.approvals.machine.together import Together


def test_two_replicas_hold_what_one_holds(database_url: str) -> None:
    run_state_machine_as_test(lambda: Together(database_url, replicas=2), settings=how_long(12))
