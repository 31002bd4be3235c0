"""Realistic data for the cards: runs, approvals, agents, and what surrounds them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.neo.models import (
    Agent,
    Approval,
    ApprovalState,
    InboxMessage,
    Outcome,
    Run,
    Step,
    Usage,
)
from cards.approval import Approved
from cards.evidence import Earlier, Evidence
from cards.history import Deed
from cards.results import Result
from cards.words import Reader

NOW: Final = datetime(2026, 11, 24, 10, 2, tzinfo=UTC)
MEGAN: Final = "8b0e3c1a-1111-4b6f-9d55-000000000001"
ALEX: Final = "8b0e3c1a-2222-4b6f-9d55-000000000002"
READER: Final = Reader(now=NOW, zone=ZoneInfo("Europe/London"), person=MEGAN)
CHANNEL: Final = Reader(now=NOW, zone=ZoneInfo("Europe/Berlin"), shared=True)
TOKEN: Final = "djE.hU0yq2m3c8l1pXr0S5b7n9d2f4g6h8j0k1l3"


def ago(**span: float) -> str:
    """An instant before the present, as Neo writes it."""
    return (NOW - timedelta(**span)).isoformat().replace("+00:00", "Z")


def a_run(**fields: Any) -> Run:
    """A failed run; ``fields`` overrule."""
    return Run.model_validate(
        {
            "execution_id": "8f14e45f-ceea-467f-9d11-2b6a1b0e7c55",
            "agent_id": 20435,
            "agent_name": "Onboarding L1",
            "entity_number": "48190",
            "company_name": "Fabrikam",
            "status": "FAILURE",
            "error": "Mailbox quota exceeded: no licence left for Exchange Online (Plan 1)",
            "message_for_dashboard": "The account for Adele Vance exists, without a mailbox.",
            "seconds_spent": 130,
            "created_at": ago(minutes=50),
            "updated_at": ago(minutes=47, seconds=50),
        }
        | fields
    )


def a_step(kind: str, message: str, seconds: float, **fields: Any) -> Step:
    """A step, ``seconds`` after the run began."""
    return Step.model_validate(
        {"type": kind, "message": message, "created_at": ago(minutes=50, seconds=-seconds)} | fields
    )


def a_call(
    number: int, doing: str, tool: str, since: float, until: float, **result: Any
) -> list[Step]:
    """A tool's call and its result."""
    call = {"tool_type_name": tool, "tool_call_id": f"call_{number}"}
    return [
        a_step("TOOL_CALL", doing, since, **call, data={"method": "GET", "ticket": 48190}),
        a_step("TOOL_RESULT", doing, until, **call, **result),
    ]


STEPS: Final = [
    *a_call(
        1,
        "Read ticket #48190",
        "CW_PSA_REQUEST",
        0,
        2,
        data={"summary": "New starter: Adele Vance", "status": "New"},
    ),
    a_step("THOUGHT", "A new starter in accounting. The client's template says Business Basic.", 3),
    *a_call(
        2,
        "Create the user adele.vance@fabrikam.example",
        "GRAPH_REQUEST",
        4,
        45,
        data={"id": "a1f4", "password": "Rain-7-Candle"},
    ),
    *a_call(
        3,
        "Assign the licence Exchange Online (Plan 1)",
        "GRAPH_REQUEST",
        48,
        128,
        is_error=True,
        data={"error": {"code": "Request_BadRequest", "message": "no licence left"}},
    ),
    a_step("FINAL_MESSAGE", "The account for Adele Vance exists, without a mailbox.", 130),
]

RUNS: Final = [
    a_run(),
    a_run(
        execution_id="c9f0f895-1",
        agent_name="Backup Watch",
        entity_number="48177",
        company_name="Contoso Dental",
        seconds_spent=31,
        created_at=ago(minutes=82),
        error="Backup target is full (0.4 GB free of 8 TB)",
    ),
    a_run(
        execution_id="45c48cce-2",
        agent_name="Password Reset",
        entity_number="T20261101.0042",
        company_name="Northwind Traders",
        seconds_spent=8,
        created_at=ago(hours=3),
        error="The user lee_gu* is not in the directory of [Northwind](https://evil.example)",
    ),
    a_run(
        execution_id="d3d94468-3",
        entity_number="48102",
        company_name="Tailspin Toys",
        seconds_spent=312,
        created_at=ago(hours=19),
        error="429 Too Many Requests from graph.microsoft.com after 5 tries",
    ),
]
MIXED: Final = [
    a_run(
        execution_id="r1",
        status="RUNNING",
        error=None,
        message_for_dashboard=None,
        seconds_spent=None,
        created_at=ago(minutes=1),
    ),
    a_run(
        execution_id="r2",
        status="WAITING_FOR_APPROVAL",
        error=None,
        message_for_dashboard="Waiting for Megan Bowen or Alex Wilber.",
        created_at=ago(minutes=14),
    ),
    a_run(
        execution_id="r3",
        status="SUCCESS",
        error=None,
        message_for_dashboard="Adele Vance can sign in; the welcome letter is on the ticket.",
    ),
    a_run(
        execution_id="r4",
        status="SKIPPED",
        error=None,
        message_for_dashboard="Skipped: not a new starter.",
        created_at=ago(days=1, hours=2),
    ),
    a_run(
        execution_id="r5",
        status="PARKED",
        error=None,
        message_for_dashboard=None,
        created_at=ago(days=8),
    ),
]


def an_approval(**fields: Any) -> Approval:
    """An open approval for Megan and Alex; ``fields`` overrule."""
    return Approval.model_validate(
        {
            "id": 481,
            "agent_id": 20440,
            "agent_name": "Password Reset",
            "ticket_id": "990213",
            "ticket_number": "48213",
            "requested_for": {
                "action": "Reset the password of Lee Gu",
                "user": "lee.gu@contosodental.example",
                "reason": "Locked out after a change of phone; identity checked by call-back",
                "company": "Contoso Dental",
                "tool": "GRAPH_RESET_PASSWORD",
                "sign_out_everywhere": True,
                "ticket_summary": "Cannot sign in after new phone",
                "new_password": "Rain-7-Candle",
                "policy": {"expires_in_days": 1, "must_change": True, "groups": ["Front desk"]},
            },
            "comment": None,
            "approvers": [
                {"user_id": ALEX, "user_name": "Alex Wilber"},
                {"user_id": MEGAN, "user_name": "Megan Bowen"},
            ],
            "status": "PENDING",
            "created_at": ago(minutes=14),
            "updated_at": ago(minutes=14),
        }
        | fields
    )


APPROVALS: Final = [
    an_approval(
        id=455,
        agent_name="Offboarding",
        ticket_number="48051",
        created_at=ago(hours=2),
        requested_for={
            "action": "Disable the account of Isaiah Langer and end all sessions",
            "company": "Adatum",
        },
    ),
    an_approval(
        id=479,
        agent_name="Backup Watch",
        ticket_number="48177",
        created_at=ago(minutes=40),
        requested_for={
            "action": "Delete the 12 oldest restore points of CDSRV02",
            "company": "Contoso Dental",
        },
        approvers=[{"user_id": ALEX, "user_name": "Alex Wilber"}],
    ),
    an_approval(),
]
DECIDED: Final = [
    an_approval(id=470, status="APPROVED"),
    an_approval(
        id=468,
        status="REJECTED",
        agent_name="Disk Cleanup",
        requested_for={"action": "Empty the recycle bins on FABFS01", "company": "Fabrikam"},
        created_at=ago(days=1),
    ),
    an_approval(
        id=460,
        status="EXPIRED",
        agent_name="VIP Escalation",
        requested_for={"text": "May I call the client's CEO?"},
        created_at=ago(days=3),
    ),
]


def an_agent(name: str, **fields: Any) -> Agent:
    """An agent that is on."""
    return Agent.model_validate(
        {
            "id": "20435",
            "name": name,
            "state": "ENABLED",
            "autonomy_type": "AGENTIC",
            "trigger_type": "TRIGGERED",
            "entity_type": "TICKET",
            "updated_at": ago(days=12),
        }
        | fields
    )


AGENTS: Final = [
    an_agent("Backup Watch"),
    an_agent("Disk Cleanup", trigger_type="SCHEDULED", entity_type="NONE"),
    an_agent("Dispatch"),
    an_agent("Offboarding"),
    an_agent("Onboarding L1"),
    an_agent("Password Reset"),
    an_agent("Phishing Check", state="DISABLED"),
    an_agent(
        "Service Desk Chat", autonomy_type="CONVERSATIONAL", trigger_type=None, entity_type=None
    ),
    an_agent("VIP_Escalation [beta]", state="PAUSED_BY_ADMIN"),
]

USAGE: Final = Usage(
    month="2026-11", credits_used=12_480, forecasted_credits=16_900, credits_limit=20_000
)
NOTICES: Final = [
    InboxMessage.model_validate(
        {
            "message": "The connection to ConnectWise PSA was refused: check its API key.",
            "number_of_occurrences": 7,
            "updated_at": ago(minutes=25),
        }
    )
]
HELP: Final = [
    ("status", "how things stand: agents, runs, what waits for a decision"),
    ("failed runs since yesterday", "failures since yesterday's midnight"),
    ("runs on #48213", "every run for one ticket"),
    ("pending approvals", "what waits for a technician's decision"),
    ("agent Password Reset", "one agent: what it does and its latest runs"),
    ("follow failures", "tells this conversation when a run fails"),
]
ACCOUNTS: Final = ["29:1megan", "29:1alex"]
CROWD: Final = [
    {"user_id": f"8b0e3c1a-3333-4b6f-9d55-{number:012}", "user_name": f"Technician {number}"}
    for number in range(1, 62)
]
FIRST: Final = Approved(
    ALEX, "Alex Wilber", None, "Called the front desk", NOW - timedelta(minutes=4)
)
CHANGED: Final = an_approval(
    requested_for={
        "action": "Reset the passwords of everybody at Contoso Dental",
        "user": "*@contosodental.example",
        "company": "Contoso Dental",
        "tool": "GRAPH_RESET_PASSWORD",
        "sign_out_everywhere": True,
        "ticket_summary": "Cannot sign in after new phone",
        "new_password": "Rain-7-Candle-2",
        "policy": {"expires_in_days": 7, "must_change": True, "groups": ["Front desk"]},
        "notify": "front.desk@contosodental.example",
    },
    updated_at=ago(minutes=1),
)
OUTSIDE: Final = an_approval(
    id=502,
    agent_name="Vendor Tickets",
    ticket_number="48230",
    requested_for={
        "action": "Open a case with the vendor's support",
        "company": "Northwind Traders",
        "tool": "EXTERNAL_API_REQUEST",
        "configuration": "Vendor support",
        "authentication": "OAuth client of Northwind",
        "method": "POST",
        "url": "https://api.vendor.example/v2/cases?priority=high",
        "headers": {"Authorization": "Bearer Rain-7-Candle", "Content-Type": "application/json"},
        "body": {"subject": "Firewall drops VPN", "serial": "FW-2041", "contact": "Lee Gu"},
    },
)
EVIDENCE: Final = Evidence(
    run=a_run(
        agent_name="Password Reset",
        entity_number="48213",
        status="WAITING_FOR_APPROVAL",
        error=None,
        message_for_dashboard=None,
    ),
    steps=STEPS[:3],
    earlier=[
        Earlier(
            "441",
            ApprovalState.APPROVED,
            "Alex Wilber",
            NOW - timedelta(days=2),
            "47990",
            "Fabrikam",
            Outcome.SUCCEEDED,
        ),
        Earlier(
            "398",
            ApprovalState.APPROVED,
            "Megan Bowen",
            NOW - timedelta(days=9),
            "47201",
            "Contoso Dental",
            Outcome.FAILED,
        ),
        Earlier("377", ApprovalState.REJECTED, "Lee Gu", NOW - timedelta(days=30), "46020"),
    ],
)
MANY: Final = [
    an_approval(
        id=600 + number,
        agent_name="Mailbox_Access [beta]" if number == 1 else "Patch Window",
        ticket_number=str(48300 + number),
        created_at=ago(minutes=10 + 7 * number),
        requested_for={"action": f"Restart WTSRV{number:02} tonight", "company": "Wingtip Toys"},
    )
    for number in range(25)
]
MIXED_RESULTS: Final = [
    Result(APPROVALS[0], "455", went=True, text="approved"),
    Result(
        an_approval(id=490),
        "490",
        went=True,
        text="your approval counts; one more person has to approve it",
    ),
    Result(
        APPROVALS[1],
        "479",
        went=False,
        text="It has changed since this card was drawn. Nothing was decided: look again.",
    ),
    Result(None, "333", went=False, text="Neo no longer has it."),
]
LONG: Final = (
    "Traceback: step 3 of 3 could not be finished because the licence pool of the tenant is "
    "empty. " * 12
)


COMMENT: Final = "Client confirmed by phone, see *ticket* [48213](https://evil.example)"

_PUT_OFF: Final = (NOW - timedelta(days=1, hours=14)).isoformat()
DEEDS: Final = [
    Deed(811, NOW - timedelta(days=1, hours=17), "Neo for Teams", "remind", "done",
         "reminder 1: Megan Bowen, Lee Gu"),
    Deed(812, NOW - timedelta(days=1, hours=16), "Lee Gu", "snooze", "done", f"until {_PUT_OFF}"),
    Deed(813, NOW - timedelta(days=1, hours=14), "Neo for Teams", "remind", "done",
         f"snooze until {_PUT_OFF}: Lee Gu"),
    Deed(815, NOW - timedelta(hours=3), "Isaiah Langer", "approve", "refused",
         "You were not asked to decide this."),
    Deed(816, NOW - timedelta(hours=2), "Lee Gu", "approve", "voted",
         "one more person has to approve it"),
    Deed(
        820,
        NOW - timedelta(minutes=12),
        "Megan Bowen",
        "approve",
        "sent",
        comment=COMMENT,
        for_name="Alex Wilber",
    ),
    Deed(821, NOW - timedelta(minutes=12), "Megan Bowen", "approve", "failed", "no answer",
         COMMENT, "Alex Wilber"),
    Deed(822, NOW - timedelta(minutes=11), "Megan Bowen", "approve", "decided", "",
         COMMENT, "Alex Wilber"),
]  # fmt: skip
