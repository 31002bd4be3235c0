"""Every question that a card asks is one that the bot understands."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from bot.chat.grammar import Grammar
from cards.actions import Ask
from tests.cards.examples import EXAMPLES
from tests.cards.reading import buttons
from tests.cards.samples import AGENTS, NOW

_INTENTS = {
    "agent": {"agent"},
    "agents": {"agents"},
    "approval": {"approval"},
    "follow": {"follow"},
    "help": {"help"},
    "pending": {"approvals"},
    "my": {"approvals"},
    "run": {"run"},
    "runs": {"runs"},
    "failed": {"runs"},
    "status": {"status"},
    "unfollow": {"unfollow"},
    "why": {"run"},
}
_QUESTIONS = sorted(
    {
        action.text
        for made in EXAMPLES.values()
        for action in buttons(made()).values()
        if isinstance(action, Ask)
    }
)


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar([one.name for one in AGENTS if one.name])


@pytest.mark.parametrize("question", _QUESTIONS)
def test_a_button_asks_what_the_bot_understands(question: str, grammar: Grammar) -> None:
    query = grammar.parse(question, now=NOW, zone=ZoneInfo("Europe/London"))
    assert query.intent in _INTENTS.get(question.split(maxsplit=1)[0], {query.intent}) - {"ask"}
    named = next((one.name for one in AGENTS if one.name and one.name in question), None)
    assert query.agent == named
