"""Two copies of the bot on one database: whoever answers, it is as if there were one."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.approvals.machine.settings import deadlocks, how_long
from tests.approvals.machine.together import Together

# Measuring would double its time and find nothing that the other tests do not reach.
pytestmark = [pytest.mark.long, pytest.mark.unmeasured]


def test_two_replicas_hold_what_one_holds(database_url: str) -> None:
    class Here(Together):
        def __init__(self) -> None:
            super().__init__(database_url, replicas=2)

    run_state_machine_as_test(Here, settings=how_long(9))
    assert deadlocks(database_url) == 0
