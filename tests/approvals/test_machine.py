"""Many people, clicks, crashes and changes in any order: what has to hold does."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.approvals.machine.settings import deadlocks, how_long
from tests.approvals.machine.stories import Stories

# Measuring would double its time and find nothing that the other tests do not reach.
pytestmark = [pytest.mark.long, pytest.mark.unmeasured]


def test_nothing_that_people_and_accidents_do_breaks_what_has_to_hold(database_url: str) -> None:
    class Here(Stories):
        def __init__(self) -> None:
            super().__init__(database_url, replicas=1)

    run_state_machine_as_test(Here, settings=how_long(12))
    assert deadlocks(database_url) == 0
