from __future__ import annotations

from datetime import timedelta

import pytest

from bot.neo.models import Run
from cards.agents import agents
from cards.approvals import ApprovalsView, approvals
from cards.runs import RunsView, runs
from cards.status import StatusView, status
from tests.cards.reading import buttons, words
from tests.cards.samples import (
    AGENTS,
    APPROVALS,
    MIXED,
    NOTICES,
    NOW,
    READER,
    RUNS,
    a_run,
    an_approval,
)


def _heading(**asked: object) -> str:
    view = RunsView(**{"runs": RUNS, "total_known": len(RUNS)} | asked)  # type: ignore[arg-type] # a table of examples
    return words(runs(view, READER)).split("\n")[0]


@pytest.mark.parametrize(
    ("asked", "heading"),
    [
        ({}, "4 runs"),
        (
            {"status": "failed", "agent": "Onboarding L1", "since": READER.midnight(1)},
            "4 failed runs of Onboarding L1 since yesterday",
        ),
        ({"ticket": "48190", "more": True}, "At least 4 runs on #48190"),
        ({"limit": 4}, "The 4 newest runs"),
        ({"runs": RUNS[:1], "total_known": 1, "limit": 1}, "The newest run"),
        ({"runs": [], "total_known": 0, "status": "skipped"}, "No skipped runs"),
        (
            {"runs": [], "total_known": 0, "status": "failed", "since": READER.midnight()},
            "No failed runs today",
        ),
    ],
)
def test_the_heading_says_what_was_asked_for(asked: dict[str, object], heading: str) -> None:
    assert _heading(**asked) == heading


def test_each_run_says_how_it_stands_without_colour_and_opens_at_a_tap() -> None:
    card = runs(RunsView(MIXED, total_known=5), READER)
    for word in ("● Running", "◷ Waiting", "✓ Succeeded", "○ Skipped", "? Parked"):
        assert word in card.summary
    assert "run r1" in {getattr(a, "text", "") for a in buttons(card).values()}


def test_what_is_left_out_is_counted() -> None:
    many = [a_run(execution_id=f"r{n}") for n in range(500)]
    card = runs(RunsView(many, total_known=500), READER)
    shown = sum(title.startswith("Show run") for title in buttons(card))
    assert f"and {500 - shown} more" in words(card)
    assert f"and {500 - shown} more" in card.summary


def test_an_empty_list_has_a_way_on() -> None:
    card = runs(RunsView([], status="failed", since=READER.midnight(1)), READER)
    assert card.summary == "No failed runs since yesterday, as of 10:02."
    assert "This week" in buttons(card)


def test_a_run_with_an_error_has_failed_whatever_its_status_says() -> None:
    card = runs(RunsView([a_run(status="SUCCESS")], total_known=1), READER)
    assert "✕ Failed" in card.summary


def test_a_run_that_holds_nothing_is_still_listed() -> None:
    bare = Run.model_validate({"execution_id": "r1"})
    assert "? No status" in runs(RunsView([bare], total_known=1), READER).summary


def test_approvals_say_who_was_asked_and_open_at_a_tap() -> None:
    card = approvals(ApprovalsView(APPROVALS, status="pending", total_known=3), READER)
    assert words(card).startswith("3 pending approvals")
    assert "Waiting 2 h · #48051 · Adatum · you, Alex Wilber" in words(card)
    assert {"Show approval 455", "Show approval 479", "Only mine"} <= set(buttons(card))


def test_a_decided_approval_in_a_list_says_how_it_ended() -> None:
    view = ApprovalsView([an_approval(status="REJECTED")], total_known=1)
    assert "✕ " in approvals(view, READER).summary
    assert "Rejected · #48213" in approvals(view, READER).summary


def test_agents_are_counted_by_their_switch() -> None:
    card = agents(AGENTS[:6], READER, status="enabled", total=12)
    assert words(card).startswith("12 agents switched on")
    assert "and 6 more" in words(card)
    assert "○" not in card.summary


def test_no_agents_is_an_answer() -> None:
    assert words(agents([], READER, status="disabled")).startswith("No agents switched off")


def test_the_status_counts_what_needs_somebody() -> None:
    view = StatusView(3, NOW - timedelta(hours=2), 4, 128, 0.996, 12, 16, notices=NOTICES)
    card = status(view, READER)
    assert card.summary.startswith("⚠ 2 things need attention")
    assert "◷ 3 approvals waiting, oldest 2 h" in card.summary
    assert "✕ 4 failed runs today" in card.summary
    assert "99 % succeeded" in card.summary


def test_a_share_is_never_rounded_up_to_all_of_them() -> None:
    assert "99 % succeeded" in status(StatusView(0, None, 1, 999, 0.999), READER).summary
    assert "100 % succeeded" in status(StatusView(0, None, 0, 9, 1.0), READER).summary


def test_it_is_not_quiet_where_something_could_not_be_read() -> None:
    card = status(StatusView(0, None, None, problems=["Runs could not be read."]), READER)
    assert "All quiet" not in card.summary
    assert "Runs could not be read." in card.summary


def test_numbers_say_at_least_where_not_all_was_counted() -> None:
    card = status(StatusView(0, None, 7, 400, all_counted=False), READER)
    assert "at least 7 failed runs today" in card.summary
    assert "At least 400 runs today" in card.summary
