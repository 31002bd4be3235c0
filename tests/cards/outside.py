"""Every card that shows text from outside, with the same text wherever such text can stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.neo.models import ApprovalState, InboxMessage, Step
from cards import (
    agent,
    agents,
    alert,
    approval,
    approvals,
    ask,
    delegation,
    history,
    not_found,
    notice,
    problem,
    run,
    runs,
    status,
)
from cards.card import Card
from cards.confirming import Confirming, confirming
from cards.evidence import Earlier, Evidence
from cards.help import help_card
from cards.results import Result, results
from tests.cards.samples import NOW, READER, a_run, an_agent, an_approval


def every_card(text: str, many: int) -> dict[str, Callable[[], Card]]:
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
    choice = delegation.Choice("2", text)
    term = delegation.Term(1, text, NOW, mine=True)
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
        "history": lambda: history.history(
            text,
            [
                history.Deed(9, NOW, text, text, text, text, text, text),
                history.Deed(10, NOW, text, "approve", "refused", text, text, text),
                history.Deed(11, NOW, text, "remind", "failed", f"snooze until {NOW}: {text}"),
            ] * many,
            asked,
            READER,
        ),
        "outside request": lambda: approval.waiting(
            approval.Waiting(
                an_approval(
                    id="7",
                    requested_for={
                        "method": text[:20],
                        "url": f"https://{text}",
                        "configuration": text,
                        "authentication": {text[:100]: text},
                        "headers": {text[:100]: text},
                        "query": {text[:100]: text},
                        "body": {text[:100]: [text] * many},
                    },
                ),
                shown="x" * 500,
                may_press=True,
            ),
            READER,
        ),
        "delegation to confirm": lambda: delegation.confirm(
            "1", choice, NOW, READER, instead_of=text, stands_in_for=[text] * many
        ),
        "delegation to whom": lambda: delegation.which(
            text, "1", [choice] * many, NOW, READER, found=True, stands_in_for=[text] * many
        ),
        "delegation to nobody known": lambda: delegation.which(
            text, "1", [choice] * many, NOW, READER, found=False
        ),
        "delegation until when": lambda: delegation.until_when(
            "1", choice, [("Friday", NOW)], READER, stands_in_for=[text] * many
        ),
        "delegation begun": lambda: delegation.started(
            text, term, READER, waiting=many, instead_of=text
        ),
        "delegation over": lambda: delegation.ended(text, text, READER),
        "delegations": lambda: delegation.mine([term, replace(term, mine=False)] * many, READER),
        "delegation refused": lambda: delegation.refused(text, READER),
    }  # fmt: skip
