"""Whatever is typed: an answer, no decision, and soon."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.grammar import Grammar
from bot.chat.normalise import LONGEST
from bot.chat.query import INTENTS
from bot.chat.words import SAYINGS

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/London")
AGENTS = ["Password Reset", "Onboarding L1", "Failed Backup Watch", "Printer & Scanner Setup"]
GRAMMAR = Grammar(AGENTS)
MANY_AGENTS = Grammar(
    [f"{a} {b}" for a in ("Night", "Client", "Mail", "Disk") for b in AGENTS * 12]
)
SHOWING = {"approval", "approvals"}

vocabulary = [word for listed in SAYINGS.values() for word in listed.replace("\n", "|").split("|")]
words = st.sampled_from(
    [
        *(word.strip() for word in vocabulary if word.strip()),
        *("481", "48213", "#48213", "T20261101.0042", "8f14e45f", "9am", "24:59", "31st", "2026"),
        *("2026-02-31", "24h", "0", "999999999999", "password", "onbording", "Foobar", '"', "?"),
    ]
)
sentences = st.lists(words, max_size=14).map(" ".join)


@given(text=st.text(max_size=300) | sentences)
@settings(max_examples=600, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    query = GRAMMAR.parse(text, now=NOW, zone=ZONE)

    assert query.intent in INTENTS
    assert query.agent is None or query.agent in AGENTS
    assert query.limit is None or 1 <= query.limit <= 1_000
    assert all(at is None or at.tzinfo is ZONE for at in (query.since, query.until))


@given(before=sentences, verb=st.sampled_from(["approve", "reject", "Approve", "REJECT"]))
@settings(max_examples=200, deadline=None)
def test_a_text_with_a_verdict_shows_and_does_not_decide(before: str, verb: str) -> None:
    query = GRAMMAR.parse(f"{before} {verb} 481", now=NOW, zone=ZONE)

    assert query.intent in INTENTS
    assert set(query.said()) <= {
        *("intent", "agent", "agent_said", "status", "ticket", "run", "approval", "mine", "limit"),
        *("since", "until", "topic"),
    }


_AT_ONCE_SECONDS = 0.05


@pytest.mark.parametrize("verb", ["approve", "reject", "approved", "deny", "decline"])
@pytest.mark.parametrize("what", ["", " 481", " all", " it", " #481 please", " 481: wrong mailbox"])
def test_a_verdict_shows_the_approval_it_speaks_of(verb: str, what: str) -> None:
    query = GRAMMAR.parse(verb + what, now=NOW, zone=ZONE)

    assert query.intent in SHOWING
    assert query.approval == ("481" if "481" in what else None)


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "text",
    [
        "failed runs of onbording since yesterday " * 100,
        "pasword " * 500,
        "last 5 " * 600,
        "a" * 4_000,
        "<at>" * 1_000,
        "<" * 4_000,
        "&amp;" * 800,
        "1" * 4_000,
        "a-" * 2_000,
        "9:" * 2_000,
        "#" * 4_000,
        "\u202e\u200b" * 2_000,
        "ﷺ" * 4_000,
        "exec-" * 800,
        "between 9 and 11 from monday to " * 125,
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("grammar", [GRAMMAR, MANY_AGENTS], ids=["few agents", "many agents"])
def test_the_longest_text_takes_no_more_than_its_length_says(text: str, grammar: Grammar) -> None:
    def seconds(said: str) -> float:
        took = []
        for _ in range(3):  # the best of three: the machine has other work
            began = time.process_time()
            query = grammar.parse(said, now=NOW, zone=ZONE)
            took.append(time.process_time() - began)
        assert len(query.text) <= LONGEST
        return min(took)

    # Twice the text takes twice as long, not four times; what is over at once need not be compared.
    whole = seconds(text)
    assert whole < _AT_ONCE_SECONDS or whole < 3 * seconds(text[: len(text) // 2])


def test_what_lies_beyond_the_longest_text_is_not_read() -> None:
    assert GRAMMAR.parse("x" * 1_000_000 + " failed runs", now=NOW, zone=ZONE).intent == "ask"
