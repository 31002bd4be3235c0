from __future__ import annotations

from typing import Any

import pytest

from bot.neo.models import Step
from cards.run import run
from tests.cards.reading import buttons, words
from tests.cards.samples import READER, STEPS, a_call, a_run, an_approval


def test_a_failed_run_says_what_happened_step_by_step() -> None:
    card = run(a_run(), STEPS, READER)
    read = words(card)
    assert read.startswith("✕ Onboarding L1 failed on #48190")
    assert "Fabrikam · 50 min ago · 09:12 · took 2 min 10 s" in read
    assert "Mailbox quota exceeded" in read
    assert card.summary.split("\n")[1:] == [
        "1 ✓ Read ticket #48190 · 2 s",
        "2 ✓ Create the user adele.vance@fabrikam.example · 41 s",
        "3 ✕ Assign the licence Exchange Online (Plan 1) · 1 min 20 s",
    ]


def test_its_next_questions_are_buttons() -> None:
    asked = {
        title: getattr(a, "text", "") for title, a in buttons(run(a_run(), [], READER)).items()
    }
    assert asked["Why?"] == "why did run 8f14e45f-ceea-467f-9d11-2b6a1b0e7c55 fail"
    assert asked["Other failures"] == "failed runs for Onboarding L1"
    assert asked["All on #48190"] == "runs on #48190"
    assert asked["The agent"] == "agent Onboarding L1"


def test_asked_why_the_step_that_failed_is_open() -> None:
    card = run(a_run(), STEPS, READER, why=True)
    read = words(card)
    assert read.startswith("✕ Why Onboarding L1 failed on #48190")
    opened = read.split("Step 3: ")[1].split("3 steps")[0]
    assert "no licence left" in opened


def test_a_run_that_did_not_fail_has_no_why() -> None:
    card = run(a_run(status="SUCCESS", error=None), STEPS[:2], READER, why=True)
    assert "Why" not in words(card)


def test_a_running_step_is_not_done() -> None:
    card = run(a_run(status="RUNNING", error=None), STEPS[:4], READER)
    assert "2 ● Create the user" in card.summary


def test_what_steps_read_is_folded_and_secrets_in_it_are_masked() -> None:
    read = words(run(a_run(), STEPS, READER))
    assert "Business Basic" in read
    assert '"password": "••••"' in read


def test_of_many_steps_those_that_failed_and_the_last_are_kept() -> None:
    steps = [s for n in range(60) for s in a_call(n, f"Do {n}", "X", n, n, is_error=n == 40)]
    summary = run(a_run(), steps, READER).summary
    assert "41 ✕ X" in summary or "41 ✕ Do 40" in summary
    assert "60 ✓ Do 59" in summary
    assert "45 steps left out" in words(run(a_run(), steps, READER))


def test_its_approvals_open_at_a_tap() -> None:
    card = run(a_run(status="WAITING", error=None), [], READER, approvals=[an_approval()])
    assert "◷ Waiting: approval 481 is open" in card.summary
    assert "Show approval 481" in buttons(card)


def test_an_id_that_cannot_be_asked_for_makes_no_button() -> None:
    card = run(a_run(agent_name=None, entity_number=None, execution_id=""), [], READER)
    assert "The agent" not in buttons(card)


@pytest.mark.parametrize("data", ["Mailbox found", "a *b*", 7, True, [1, "x"], {"output": "y"}])
def test_whatever_json_a_step_holds_can_be_read(data: Any) -> None:
    step = Step.model_validate({"type": "TOOL_RESULT", "tool_type_name": "LOOKUP", "data": data})
    shown = str(data["output"] if isinstance(data, dict) else data).removeprefix("[").split(",")[0]
    assert shown.lower() in words(run(a_run(), [step], READER)).lower()
