"""Text from outside: it shows as it was typed, it forges nothing, and it always fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.neo.models import ApprovalState, InboxMessage, Step
from cards import (
    agent,
    agents,
    alert,
    approval,
    approvals,
    ask,
    not_found,
    notice,
    problem,
    run,
    runs,
    status,
)
from cards.card import LARGEST_BYTES, Card, plain
from cards.confirming import Confirming, confirming
from cards.evidence import Earlier, Evidence
from cards.help import help_card
from cards.results import Result, results
from tests.cards.reading import everything, words
from tests.cards.samples import NOW, READER, a_run, an_agent, an_approval

HOSTILE = (
    "**Approved** by [you](https://evil.example) `x` <b>_now_</b> \\ &lt; {{DATE(2026)}} ![i](j)"
)


def test_text_is_one_line_that_ends_at_a_word() -> None:
    assert plain("a\r\n\tb\u2028c  d") == "a b c d"
    assert plain("one two three four", 10) == "one two…"
    assert plain("x" * 50, 10) == "x" * 9 + "…"
    assert plain("exactly10!", 10) == "exactly10!"
    assert plain(None) == ""


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert plain("pay\u202eexe\u200b\u0000\ufeff\u2066") == "payexe"
    assert plain("\U0001f468\u200d\U0001f527") == "\U0001f468\u200d\U0001f527"


def test_text_that_looks_short_but_hides_much_stays_short() -> None:
    assert plain("\u200b" * 100_000 + "x", 10) == "…"


def _all(text: str, many: int) -> dict[str, Callable[[], Card]]:
    """Every card with ``text`` wherever text comes from outside, in lists of ``many``."""
    deep: Any = text
    for level in range(60):
        deep = (
            {f"{text[:200]} {level}": deep, "list": [deep] * 2} if level < 8 else {text[:9]: deep}
        )
    one = a_run(
        agent_name=text,
        entity_number=text,
        error=text,
        message_for_dashboard=text,
        company_name=text,
        execution_id=text,
    )
    asked = an_approval(
        id=text,
        agent_name=text,
        ticket_number=text,
        comment=text,
        requested_for={"action": text, "reason": text, "deep": deep, text[:300]: text},
        approvers=[{"user_id": text, "user_name": text}] * 60,
    )
    pressable = asked.model_copy(update={"id": "7"})
    ticked = [asked.model_copy(update={"id": str(number)}) for number in range(many)]
    several = [Result(asked, text, went=False, text=text), Result(None, text, went=True, text="")]
    several *= many
    step = Step.model_validate(
        {"tool_type_name": text, "message": text, "data": {"deep": deep}, "is_error": True}
    )
    told = InboxMessage(message=text, updated_at=NOW)
    bot = an_agent(text, state=text, entity_type=text, trigger_type=text, autonomy_type=text)
    return {
        "agent": lambda: agent.agent(bot, [one] * many, READER, waiting=9**9),
        "agents": lambda: agents.agents([bot] * many, READER),
        "alert": lambda: alert.failed_run(one, READER),
        "approval": lambda: approval.waiting(
            approval.Waiting(
                asked, shown="x" * 500, may_press=True, remark=text, comment=text, confirm=text
            ),
            READER,
        ),
        "approval with all around it": lambda: approval.waiting(
            approval.Waiting(
                pressable,
                shown="x" * 500,
                may_press=True,
                stands_in_for=text,
                before=an_approval(id="7", requested_for={"deep": text}),
                remark=text,
                comment=text,
                confirm=text,
                people=2,
                approved=[approval.Approved(text, text, text, text, NOW)] * many,
                away=[approval.Away(text, text, NOW)] * many,
                snoozed=[approval.PutOff(text, NOW)] * many,
                second_group=text,
                refresh_for=["29:" + "x" * 100] * 60,
                evidence=Evidence(
                    run=one,
                    steps=[step] * min(many, 5),
                    earlier=[Earlier(text, ApprovalState.REJECTED, text, NOW, text, text)] * 10,
                    missing=[text],
                ),
            ),
            READER,
        ),
        "approval of somebody else": lambda: approval.waiting(
            approval.Waiting(pressable, why_not=text, refresh_for=["29:" + "x" * 100] * 60), READER
        ),
        "confirming": lambda: confirming(
            Confirming(
                pressable, "x" * 500, "approve", comment=text, ticket=text, why=text, remark=text
            ),
            READER,
        ),
        "several": lambda: approvals.approvals(
            approvals.ApprovalsView(
                [asked, *ticked],
                total_known=many + 1,
                tick={each.id: "x" * 500 for each in ticked},
                not_tickable={asked.id: text},
                remark=text,
                comment=text,
            ),
            READER,
        ),
        "results": lambda: results("approve", several, READER, text),
        "decided": lambda: approval.decided(
            asked,
            READER,
            by=text,
            for_name=text,
            with_name=text,
            at=NOW,
            comment=text,
            remark=text,
            run=text,
        ),
        "deciding": lambda: approval.deciding(asked, READER, by=text),
        "gone": lambda: approval.gone(text, READER),
        "approvals": lambda: approvals.approvals(
            approvals.ApprovalsView([asked] * many, agent=text, ticket=text, total_known=many),
            READER,
        ),
        "ask": lambda: ask.closest(text, [text] * many),
        "help": lambda: help_card([(text, text)] * many),
        "unknown agent": lambda: not_found.unknown_agent(text, [text] * many),
        "unknown run": lambda: not_found.unknown_run(text),
        "unknown approval": lambda: not_found.unknown_approval(text),
        "notice": lambda: notice.notice(text, text, READER, questions=[text] * many),
        "problem": lambda: problem.problem(text, text, again=text, request_id=text),
        "run": lambda: run.run(one, [step] * many, READER, approvals=[asked] * many, why=True),
        "runs": lambda: runs.runs(
            runs.RunsView([one] * many, agent=text, ticket=text, total_known=many, question=text),
            READER,
        ),
        "status": lambda: status.status(
            status.StatusView(notices=[told] * many, problems=[text] * many), READER
        ),
    }  # fmt: skip


_NAMES = list(_all("x", 1))


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize(
    "text", ["x" * 100_000, "words and words " * 7_000, "\U0001f600 " * 50_000, "é_*" * 30_000]
)
def test_however_much_comes_the_card_fits(name: str, text: str) -> None:
    card = _all(text, 500)[name]()
    assert card.size < LARGEST_BYTES
    assert card.summary


@pytest.mark.parametrize("name", _NAMES)
def test_markdown_from_outside_never_reaches_an_element_that_reads_it(name: str) -> None:
    card = _all(HOSTILE, 2)[name]()
    blocks = [one["text"] for one in everything(card.content) if one["type"] == "TextBlock"]
    assert not [text for text in blocks if "[you]" in text or "**" in text or "<b>" in text]
    assert "**Approved** by [you](https:" in words(card)
    assert "{{DATE" not in words(card)


@pytest.mark.parametrize("name", _NAMES)
def test_a_forged_line_stays_inside_its_own_line(name: str) -> None:
    forged = "ok\n✓ Approved by Megan Bowen"
    card = _all(forged, 2)[name]()
    lines = [*card.summary.split("\n"), *words(card).split("\n")]
    assert not [one for one in lines if one.startswith("✓ Approved by")]
