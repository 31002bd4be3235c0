"""Every card with realistic data, by name: for the snapshots, the pictures and the browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.neo.models import (
    Approval,
    Run,
)
from cards import agent as agent_card
from cards import agents as agents_card
from cards import (
    alert,
    approval,
    ask,
    evidence,
    greeting,
    help,  # noqa: A004 -- the card of that name
    history,
    not_found,
    notice,
    problem,
)
from cards import approvals as approvals_card
from cards import results as results_card
from cards import run as run_card
from cards import runs as runs_card
from cards import status as status_card
from cards.approval import Away, PutOff, Waiting
from cards.card import Card
from cards.confirming import Confirming, confirming
from cards.evidence import Evidence
from cards.results import Result
from cards.words import Reader
from tests.cards.samples import (
    ACCOUNTS,
    AGENTS,
    ALEX,
    APPROVALS,
    CHANGED,
    CHANNEL,
    CROWD,
    DECIDED,
    DEEDS,
    EVIDENCE,
    FIRST,
    HELP,
    LONG,
    MANY,
    MEGAN,
    MIXED,
    MIXED_RESULTS,
    NOTICES,
    NOW,
    OUTSIDE,
    READER,
    RUNS,
    STEPS,
    TOKEN,
    USAGE,
    a_run,
    ago,
    an_approval,
)
from tests.cards.test_delegation import DELEGATION_EXAMPLES


def _runs(found: list[Run], **asked: Any) -> Card:
    view = runs_card.RunsView(runs=found, total_known=len(found), question="failed runs", **asked)
    return runs_card.runs(view, READER)


def _approvals(found: list[Approval], reader: Reader = READER, **asked: Any) -> Card:
    view = approvals_card.ApprovalsView(
        approvals=found, total_known=len(found), question="pending approvals", **asked
    )
    return approvals_card.approvals(view, reader)


def _waiting(**fields: Any) -> Card:
    return approval.waiting(Waiting(an_approval(), **fields), READER)


EXAMPLES: Final[dict[str, Callable[[], Card]]] = {
    "greeting-personal": lambda: greeting.greeting("personal"),
    "greeting-channel": lambda: greeting.greeting("channel"),
    "help": lambda: help.help_card(HELP),
    "status-busy": lambda: status_card.status(
        status_card.StatusView(3, NOW - timedelta(hours=2), 4, 128, 0.968, 12, 16, USAGE, NOTICES),
        READER,
    ),
    "status-quiet": lambda: status_card.status(
        status_card.StatusView(0, None, 0, 41, 1.0, 12, 16, USAGE), READER
    ),
    "status-half-unread": lambda: status_card.status(
        status_card.StatusView(
            approvals_waiting=1,
            oldest_waiting_at=NOW - timedelta(minutes=6),
            agents_on=12,
            agents_total=16,
            problems=["Runs could not be read."],
        ),
        CHANNEL,
    ),
    "agents": lambda: agents_card.agents(AGENTS, READER),
    "agents-disabled": lambda: agents_card.agents(AGENTS[6:7], READER, status="disabled"),
    "agent": lambda: agent_card.agent(AGENTS[4], [RUNS[0], *MIXED[2:4]], READER, waiting=2),
    "agent-without-runs": lambda: agent_card.agent(AGENTS[8], [], READER, waiting=None),
    "runs-failed": lambda: _runs(RUNS, status="failed", since=READER.midnight(1)),
    "runs-of-an-agent": lambda: _runs(MIXED, agent="Onboarding L1", more=True),
    "runs-none": lambda: _runs([], status="failed", since=READER.midnight(1)),
    "run-failed": lambda: run_card.run(a_run(), STEPS, READER),
    "run-failed-why": lambda: run_card.run(a_run(), STEPS, READER, why=True),
    "run-running": lambda: run_card.run(MIXED[0], STEPS[:4], CHANNEL),
    "run-waiting": lambda: run_card.run(MIXED[1], STEPS[:3], READER, approvals=[an_approval()]),
    "run-long-error": lambda: run_card.run(a_run(error=LONG), [], READER),
    "approvals-pending": lambda: _approvals(APPROVALS, status="pending"),
    "approvals-decided": lambda: _approvals(DECIDED, since=READER.midnight(7)),
    "approvals-none": lambda: _approvals([], status="pending", mine=True),
    "approvals-pick": lambda: _approvals(APPROVALS, CHANNEL, status="pending", pick=True),
    "approvals-tick": lambda: _approvals(
        APPROVALS,
        status="pending",
        mine=True,
        tick={"455": TOKEN, "481": TOKEN},
        not_tickable={"479": "needs its ticket's number: open it"},
    ),
    "approvals-nothing-ticked": lambda: _approvals(
        MANY,
        status="pending",
        mine=True,
        tick={one.id: TOKEN for one in MANY},
        remark="Nothing was ticked, so nothing was decided.",
        comment="Planned maintenance",
        comment_to_reject=True,
    ),
    "approval-own": lambda: _waiting(shown=TOKEN, may_press=True),
    "approval-own-in-a-channel": lambda: approval.waiting(
        Waiting(an_approval(), shown=TOKEN, may_press=True, refresh_for=ACCOUNTS),
        replace(CHANNEL, person=MEGAN),
    ),
    "approval-for-others": lambda: approval.waiting(
        Waiting(an_approval(), refresh_for=ACCOUNTS), CHANNEL
    ),
    "approval-not-asked": lambda: approval.waiting(
        Waiting(an_approval(), why_not="You were not asked to decide this."),
        replace(READER, person="8b0e3c1a-4444-4b6f-9d55-000000000004"),
    ),
    "approval-of-61": lambda: approval.waiting(
        Waiting(an_approval(approvers=CROWD), shown=TOKEN, may_press=True), CHANNEL
    ),
    "approval-for-nobody": lambda: approval.waiting(
        Waiting(
            an_approval(
                approvers=None, requested_for=None, comment="Please confirm the maintenance window."
            ),
            shown=TOKEN,
            may_press=True,
        ),
        READER,
    ),
    "approval-changed": lambda: approval.waiting(
        Waiting(
            CHANGED,
            shown=TOKEN,
            may_press=True,
            before=an_approval(),
            remark="It has changed since this card was drawn. Nothing was decided: look again.",
            comment="Client confirmed by phone",
        ),
        READER,
    ),
    "approval-touched": lambda: _waiting(
        shown=TOKEN, may_press=True, before=an_approval(updated_at=ago(minutes=20))
    ),
    "approval-one-of-two": lambda: _waiting(
        shown=TOKEN, may_press=True, people=2, approved=[FIRST], comment_to_reject=True
    ),
    "approval-two-needed": lambda: approval.waiting(Waiting(an_approval(), people=2), CHANNEL),
    "approval-two-needed-one-asked": lambda: approval.waiting(
        Waiting(
            an_approval(approvers=[{"user_id": MEGAN, "user_name": "Megan Bowen"}]),
            shown=TOKEN,
            may_press=True,
            people=2,
            too_few=True,
        ),
        READER,
    ),
    "approval-standing-in": lambda: approval.waiting(
        Waiting(
            an_approval(approvers=[{"user_id": ALEX, "user_name": "Alex Wilber"}]),
            shown=TOKEN,
            may_press=True,
            stands_in_for="Alex Wilber",
            away=[Away("Alex Wilber", "Megan Bowen", NOW + timedelta(days=3, hours=7))],
        ),
        READER,
    ),
    "approval-second-group": lambda: approval.waiting(
        Waiting(
            an_approval(created_at=ago(hours=5)),
            away=[Away("Alex Wilber", "Lee Gu", CHANNEL.midnight(-4))],
            snoozed=[PutOff("Megan Bowen", NOW + timedelta(hours=2))],
            second_group="Night shift",
        ),
        CHANNEL,
    ),
    "approval-as-second-group": lambda: approval.waiting(
        Waiting(
            an_approval(created_at=ago(hours=5)),
            shown=TOKEN,
            may_press=True,
            second_group="Night shift",
            group_may_decide=True,
            stands_in_for="Night shift",
        ),
        replace(READER, person="8b0e3c1a-4444-4b6f-9d55-000000000004"),
    ),
    "approval-high-risk": lambda: _waiting(
        shown=TOKEN, may_press=True, confirm="It resets a password."
    ),
    "approval-evidence": lambda: _waiting(
        shown=TOKEN, may_press=True, comment="Client confirmed", evidence=EVIDENCE
    ),
    "approval-outside-api": lambda: approval.waiting(
        Waiting(OUTSIDE, shown=TOKEN, may_press=True, confirm="It calls an outside API."), READER
    ),
    "confirming-with-number": lambda: confirming(
        Confirming(
            an_approval(),
            TOKEN,
            "approve",
            comment="Client confirmed by phone",
            ticket="48213",
            why="It resets a password.",
        ),
        READER,
    ),
    "confirming-wrong-number": lambda: confirming(
        Confirming(
            an_approval(),
            TOKEN,
            "approve",
            ticket="48213",
            why="It resets a password.",
            remark="“48231” is not the number 48213. Nothing was decided.",
            people=2,
            approved=[FIRST],
        ),
        READER,
    ),
    "confirming-by-text": lambda: confirming(
        Confirming(APPROVALS[0], TOKEN, "approve", comment="client confirmed"), CHANNEL
    ),
    "confirming-rejection": lambda: confirming(
        Confirming(an_approval(), TOKEN, "reject", comment="Wrong mailbox"), READER
    ),
    "approval-deciding": lambda: approval.deciding(an_approval(), CHANNEL, by="Megan Bowen"),
    "approval-approved": lambda: approval.decided(
        an_approval(status="APPROVED"),
        READER,
        by="Megan Bowen",
        at=NOW,
        comment="Client confirmed by phone",
        run="8f14e45f-ceea",
    ),
    "approval-rejected": lambda: approval.decided(
        an_approval(status="REJECTED", comment="Not without a call-back."),
        CHANNEL,
        by="Alex Wilber",
        at=NOW - timedelta(minutes=3),
        remark="Alex Wilber was faster: your decision was not sent.",
    ),
    "approval-expired": lambda: approval.decided(an_approval(status="EXPIRED"), READER, by=None),
    "approval-approved-by-two": lambda: approval.decided(
        an_approval(status="APPROVED"),
        CHANNEL,
        by="Megan Bowen",
        with_name="Alex Wilber",
        at=NOW,
        comment="Client confirmed by phone",
        run="8f14e45f-ceea",
    ),
    "approval-approved-for-another": lambda: approval.decided(
        an_approval(status="APPROVED"), CHANNEL, by="Lee Gu", for_name="Alex Wilber", at=NOW
    ),
    "approval-rejected-after-one": lambda: approval.decided(
        an_approval(status="REJECTED"),
        CHANNEL,
        by="Megan Bowen",
        with_name="Alex Wilber",
        at=NOW,
        comment="Wrong mailbox",
    ),
    "results-mixed": lambda: results_card.results("approve", MIXED_RESULTS, READER, "Planned"),
    "results-all": lambda: results_card.results(
        "reject", [Result(APPROVALS[0], "455", went=True, text="rejected")], READER, ""
    ),
    "results-none": lambda: results_card.results("approve", MIXED_RESULTS[2:], READER, ""),
    "approval-gone": lambda: approval.gone("481", READER),
    "alert": lambda: alert.failed_run(a_run(created_at=ago(seconds=20)), CHANNEL),
    "notice-followed": lambda: notice.notice(
        "This conversation follows failures",
        "Each failed run is told here, once, within seconds.",
        questions=["failed runs", "unfollow failures"],
    ),
    "notice-refused": lambda: notice.notice(
        "You cannot decide this", "Only the people it was sent to can. Nothing was decided.", READER
    ),
    "problem": lambda: problem.problem(
        "Neo did not answer",
        "Try again, or look in Neo itself.",
        again="failed runs since yesterday",
        request_id="req_01HG7Q2M",
    ),
    "unknown-agent": lambda: not_found.unknown_agent(
        "onbording", ["Onboarding L1", "Offboarding"], "failed runs for {agent}"
    ),
    "unknown-run": lambda: not_found.unknown_run("8f14"),
    "unknown-approval": lambda: not_found.unknown_approval("999"),
    "closest": lambda: ask.closest(
        "make me a sandwich", ["status", "show failed runs", "pending approvals"]
    ),
    "approval-my-half": lambda: _waiting(
        shown=TOKEN, may_press=True, may_approve=False, people=2, approved=[FIRST]
    ),
    "approval-evidence-unread": lambda: _waiting(
        shown=TOKEN,
        may_press=True,
        evidence=Evidence(missing=(evidence.RUN, evidence.STEPS, evidence.EARLIER)),
    ),
    "approval-evidence-none": lambda: _waiting(shown=TOKEN, may_press=True, evidence=Evidence()),
    "history": lambda: history.history("481", DEEDS, an_approval(), CHANNEL),
    **DELEGATION_EXAMPLES,
}
