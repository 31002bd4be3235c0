"""What technicians type, and the question that it is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.chat.grammar import (
    EXAMPLES,
    Example,
    Grammar,
    closest_questions,
    nearest_agents,
)
from bot.chat.query import INTENTS, Query

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 4, 15, 30, tzinfo=UTC)  # Wednesday, half past ten in New York

AGENTS: dict[str, list[str]] = {
    "contoso": [
        "Password Reset",
        "Onboarding L1",
        "Offboarding",
        "Ticket Triage",
        "Dispatch",
        "Failed Backup Watch",
        "License Request Approval",
        "Status Page Updater",
        "Daily Run Report",
        "Weekend Patch Run",
        "VIP Escalation",
        "Printer & Scanner Setup",
        "Disk Space Cleanup",
        "Phishing Mail Check",
        "MFA Enrollment",
    ],
    "fabrikam": [
        "New User Onboarding",
        "User Offboarding",
        "Ticket Triage",
        "Dispatch Assistant",
        "Password Reset",
        "Mailbox Permissions",
        "Backup Alert Handler",
        "VPN Access Setup",
        "License Assignment",
        "Stale Ticket Chaser",
        "Duplicate Ticket Merger",
        "Spam Filter Release",
        "Monthly Patch Report",
        "Approval Reminder",
        "SLA Breach Watch",
        "Account Unlock",
        "Teams Channel Request",
        "Failed Login Review",
        "Microsoft 365 Group Cleanup",
        "After-Hours Escalation",
    ],
    "adatum": [
        "Email Triage",
        "Client Onboarding",
        "Client Offboarding",
        "Ticket Router",
        "Reset MFA",
        "Daily Standup Digest",
        "Server Restart",
        "Disabled Account Sweep",
        "Run Book Assistant",
        "Contract Renewal Watch",
        "Open Ticket Nudge",
        "Failed Payment Follow-up",
        "Team Status Digest",
        "Laptop Provisioning",
        "Quarantine Release",
        "DNS Change Request",
    ],
}
OWNED = [(owner, agent) for owner, agents in AGENTS.items() for agent in agents]
GRAMMARS = {owner: Grammar(agents) for owner, agents in AGENTS.items()}
UTTERANCES = [
    json.loads(line)
    for line in Path(__file__).with_name("utterances.jsonl").read_text("utf-8").splitlines()
]


def parse(text: str, grammar: Grammar = GRAMMARS["contoso"]) -> Query:
    return grammar.parse(text, now=NOW, zone=NEW_YORK)


@pytest.mark.parametrize("row", UTTERANCES, ids=lambda row: row["text"][:60])
def test_an_utterance_is_read_as_it_was_labelled(row: dict[str, Any]) -> None:
    labels = {name: value for name, value in row.items() if name not in {"text", "agents"}}

    assert parse(row["text"], GRAMMARS[row["agents"]]).said() == labels


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.question)
def test_an_example_question_parses_to_its_intent(example: Example) -> None:
    assert parse(example.question).intent == example.intent


def test_the_examples_show_every_intent_but_the_one_for_other_texts() -> None:
    assert {example.intent for example in EXAMPLES} == set(INTENTS) - {"ask"}


@pytest.mark.parametrize(("owner", "agent"), OWNED)
def test_a_bare_name_is_that_agent_whatever_words_stand_in_it(owner: str, agent: str) -> None:
    grammar = GRAMMARS[owner]

    for typed in (agent, agent.lower(), agent.upper(), f"agent {agent}", f"<b>{agent}</b>!"):
        query = parse(typed, grammar)
        assert (query.intent, query.agent) == ("agent", agent)


@pytest.mark.parametrize(("owner", "agent"), OWNED)
def test_a_name_keeps_its_words_inside_a_question_about_runs(owner: str, agent: str) -> None:
    grammar = GRAMMARS[owner]

    query = parse(f"skipped runs of {agent} since yesterday", grammar)

    assert (query.intent, query.agent, query.status) == ("runs", agent, "skipped")
    assert query.since is not None


def test_a_half_name_that_fits_two_agents_equally_names_neither() -> None:
    agents = ["Onboarding L1", "Onboarding L2", "Dispatch"]

    query = parse("failed runs of onboarding", Grammar(agents))

    assert (query.agent, query.agent_said, query.status) == (None, "onboarding", "failed")
    assert set(nearest_agents("onboarding", agents)) == {"Onboarding L1", "Onboarding L2"}


def test_the_rest_of_the_name_tells_two_agents_apart() -> None:
    grammar = Grammar(["Onboarding L1", "Onboarding L2"])

    assert parse("onbording l2 failures", grammar).agent == "Onboarding L2"


def test_a_half_name_prefers_the_agent_of_which_it_is_the_greater_part() -> None:
    grammar = Grammar(["Client Onboarding Welcome Mail", "Onboarding L1"])

    assert parse("onboarding", grammar).agent == "Onboarding L1"


@pytest.mark.parametrize(
    ("text", "intent", "said"),
    [
        ("runs of agent Foobar", "runs", "Foobar"),
        ("agent Foobar", "agent", "Foobar"),
        ("tell me about the foobar agent", "agent", "foobar"),
        ('runs for agent "Nightly Sync"', "runs", "Nightly Sync"),
    ],
)
def test_a_name_that_nobody_has_is_kept_as_it_was_said(text: str, intent: str, said: str) -> None:
    query = parse(text)

    assert (query.intent, query.agent, query.agent_said) == (intent, None, said)


def test_a_client_is_not_taken_for_an_agent() -> None:
    query = parse("everything that broke over the weekend for Adatum Dental")

    assert (query.intent, query.agent, query.agent_said) == ("runs", None, None)


def test_the_nearest_names_come_best_first_and_no_more_than_asked_for() -> None:
    nearest = nearest_agents("pasword", AGENTS["contoso"], limit=2)

    assert nearest[0] == "Password Reset"
    assert len(nearest) <= 2
    assert nearest_agents("zzzzqqq", AGENTS["contoso"]) == []


@pytest.mark.parametrize("agent", ["Status", "Help", "Failures"])
def test_an_agent_named_like_a_question_does_not_take_the_question(agent: str) -> None:
    grammar = Grammar([agent])

    assert parse(agent, grammar).agent is None
    assert parse(f"agent {agent}", grammar).agent == agent


def test_no_agents_and_strange_names_are_no_trouble() -> None:
    grammar = Grammar(["", "&", "   ", "日本語", "-"])

    assert parse("日本語", grammar).agent == "日本語"
    assert parse("failed runs", grammar).intent == "runs"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("runs that did not fail", "succeeded"),
        ("runs that didn't go through", "failed"),
        ("runs that failed to complete", "failed"),
        ("approvals not yet approved", "pending"),
        ("agents that are not enabled", "disabled"),
        ("failed or skipped runs", None),
        ("everything except failed runs", None),
        ("pending runs", None),
        ("ok show me failed runs", "failed"),
    ],
)
def test_a_status_is_the_one_that_was_meant(text: str, status: str | None) -> None:
    assert parse(text).status == status


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("last 5 runs", 5),
        ("the latest run", 1),
        ("five most recent failures", 5),
        ("show me 3", 3),
        ("runs in the last 24h", None),
        ("runs of the past 3 hours", None),
        ("failures last two weeks", None),
        ("last 0 runs", 1),
        ("last 99999999999999999999 runs", 1000),
        ("last failures", None),
    ],
)
def test_a_number_is_a_limit_only_where_it_counts_things(text: str, limit: int | None) -> None:
    assert parse(text).limit == limit


@pytest.mark.parametrize("word", ["weather", "thing", "place", "trash", "brown", "witch"])
def test_a_real_word_is_never_corrected_into_one_of_ours(word: str) -> None:
    assert parse(word).intent == "ask"


@pytest.mark.parametrize(
    "text",
    ["approve", "approve all", "approve 481", "reject 77: wrong mailbox", "approved!", "deny it"],
)
def test_no_text_is_a_decision(text: str) -> None:
    assert parse(text).intent in {"approval", "approvals"}


def test_a_question_about_what_we_follow_changes_nothing() -> None:
    assert parse("are we following failures?").intent not in {"follow", "unfollow"}
    assert parse("who is following failures?").intent not in {"follow", "unfollow"}


def test_the_normalised_text_comes_along_for_what_fits_nothing() -> None:
    query = parse("<at>Neo</at>&nbsp;tell me a\u200b joke 😀 &amp; laugh")

    assert (query.intent, query.text) == ("ask", "tell me a joke & laugh")


def test_the_closest_questions_are_examples() -> None:
    questions = {example.question for example in EXAMPLES}

    assert "pending approvals" in closest_questions("approvls pendng pls")
    for text in ("", "zzzz", "show me the money", "x" * 5_000):
        closest = closest_questions(text)
        assert 3 <= len(closest) <= 4
        assert set(closest) <= questions
