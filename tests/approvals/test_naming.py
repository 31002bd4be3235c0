"""What a request names, and which rules of a policy are about it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.policies import Policy
from tests.approvals.test_who_may import a_case, an_approval


@pytest.mark.parametrize(
    "fields",
    [
        {"tool": "Intune", "tool_name": "INTUNE_WIPE_DEVICE"},
        {"tool": "Plan", "steps": [{"tool": "intune_wipe_device"}]},
        {"tools": ["NOTE", "INTUNE_WIPE_DEVICE"]},
        {"tools": [{"name": "INTUNE_WIPE_DEVICE"}]},
        {"tool": {"type": "Intune", "display_name": "INTUNE_WIPE_DEVICE"}},
        {"tool": {"id": "INTUNE_WIPE_DEVICE"}},
        {"tool": {"key": "intune_wipe device", "name": "Go on"}},
        {"tool_id": "INTUNE_WIPE_DEVICE"},
        {"selectedTool": " INTUNE_WIPE\u200b_DEVICE "},
        {"tools": {"Intune_wipe_device": {"device": 1}}},
        {"tool_calls": [{"arguments": {}, "name": "INTUNE_WIPE_DEVICE"}]},
        {"action": "INTUNE_WIPE_DEVICE"},
        {"plan": {"INTUNE_WIPE_DEVICE": {}}},
    ],
    ids=ascii,
)
def test_a_rule_about_a_tool_finds_it_wherever_it_is_named(fields: dict[str, Any]) -> None:
    rule = Policy.model_validate({"rule": [{"tool": "INTUNE_*", "people": 2}]})
    assert a_case(an_approval(requested_for=fields), rule).people_needed == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"tool": "Intune"},
        {"action": "Read about INTUNE_WIPE_DEVICE"},
        {"contact": "intune_admin@contoso.example"},
        {"intune_note": "none"},
    ],
    ids=ascii,
)
def test_what_only_mentions_a_tool_is_not_about_it(fields: dict[str, Any]) -> None:
    rule = Policy.model_validate({"rule": [{"tool": "INTUNE_*", "people": 2}]})
    assert a_case(an_approval(requested_for=fields), rule).people_needed == 1


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("Offboarding", 2),
        (" OFFboarding\u00a0", 2),
        ("Off\u200bboarding", 2),
        (None, 2),
        ("\u200b", 2),
        ("Offboarding of Lee Gu", 1),
        ("Dispatch", 1),
    ],
    ids=ascii,
)
def test_a_rule_about_an_agent_is_about_its_approvals_and_those_of_nobody_named(
    name: str | None, needed: int
) -> None:
    rule = Policy.model_validate({"rule": [{"agent": " Offboarding ", "people": 2}]})
    assert a_case(an_approval(agent_name=name), rule).people_needed == needed


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({"client": "Contoso Dental"}, 2),
        ({"company_name": "Fabrikam", "client": "contoso  dental"}, 2),
        ({"client": "Contoso Dental", "company": "Fabrikam"}, 2),
        ({"details": [{"clientName": "Contoso Dental\u200b"}]}, 2),
        ({"client": {"id": 7, "company_name": "Contoso Dental"}}, 2),
        ({"client": "Fabrikam", "site": "Contoso Dental"}, 1),
        ({"client": ""}, 1),
    ],
    ids=ascii,
)
def test_a_rule_about_a_client_finds_it_among_all_that_are_named(
    fields: dict[str, Any], needed: int
) -> None:
    rule = Policy.model_validate({"rule": [{"client": "Contoso Dental ", "people": 2}]})
    assert a_case(an_approval(requested_for=fields), rule).people_needed == needed
