"""Which approvals are told to be risky, and in which way."""

from __future__ import annotations

from typing import Any

import pytest

from bot.approvals.risks import client_of, risks, tool_of, why
from bot.neo.models import Approval
from bot.policies import Risk
from bot.sandbox.library import Story, read_library

DELETE, PASSWORD, LICENCE = Risk.DELETE, Risk.PASSWORD_RESET, Risk.LICENCE_CHANGE
SCRIPT, API = Risk.RMM_SCRIPT, Risk.EXTERNAL_API


def asking(action: str = "", *, agent: str = "Service Desk", **fields: Any) -> Approval:
    wish = {"action": action} if action else {}
    return Approval.model_validate(
        {"id": "481", "agent_name": agent, "requested_for": wish | fields}
    )


# What each story of the embedded Neo is, by the beginning of what it asks.
STORIES: dict[str, set[Risk]] = {
    "Reset the password of": {PASSWORD},
    "Remove the authenticator of": {PASSWORD, DELETE},
    "Buy one Microsoft 365 Business": {LICENCE},
    "Make {newcomer_email} an Exchange": set(),
    "Order a door badge": {API},
    # The agent is called Offboarding, and the person's licence is freed.
    "Block the sign-in of": {DELETE, LICENCE},
    "Wipe the laptop": {DELETE},
    "Delete the {n} oldest restore points": {DELETE},
    "Restart the server": {SCRIPT},
    "Buy {n} Microsoft 365 Copilot": {LICENCE},
    "Move the Project Plan 3": {LICENCE},
    "Remove the mail": {DELETE},
    "Sign {email} out everywhere and force": {PASSWORD},
    "Send a technician to": set(),
    "Page the on-call engineer": {API},
    "Install a critical update": {SCRIPT},
    "Give {manager_email} full access": set(),
    "Forward all mail of": set(),
    "Run the script 'Delete crash dumps": {SCRIPT, DELETE},
    "Delete {n} old user profiles": {SCRIPT, DELETE},
}
_TOLD = [(agent.name, story) for agent in read_library().agents for story in agent.asks]


@pytest.mark.parametrize(("agent", "story"), _TOLD, ids=[s.action for _, s in _TOLD])
def test_every_story_of_the_embedded_neo_is_known(agent: str, story: Story) -> None:
    asked = asking(
        story.action,
        agent=agent,
        reason=story.reason,
        tool=story.tool,
        ticket_summary=story.subject,
        **story.details,
    )
    expected = [found for begins, found in STORIES.items() if story.action.startswith(begins)]
    assert [risks(asked)] == expected


RISKY: list[tuple[Approval, set[Risk]]] = [
    (asking("Purge the mailbox of Lee Gu"), {DELETE}),
    (asking("Wipe the phone of Isaiah Langer"), {DELETE}),
    (asking("Securely erase the disk of CD-LT-014"), {DELETE}),
    (asking("Offboard Isaiah Langer tonight"), {DELETE}),
    (asking("Off-board Isaiah Langer"), {DELETE}),
    (asking("Deprovision the account of Isaiah Langer"), {DELETE}),
    (asking("De-provision isaiah@adatum.example"), {DELETE}),
    (asking("Uninstall the old VPN client"), {DELETE}),
    (asking("Empty the recycle bins on FABFS01"), {DELETE}),
    (asking("Clean up the temp folders"), {DELETE}),
    (asking("Drop the table staging_orders"), {DELETE}),
    (asking("Decommission TAILSQL01"), {DELETE}),
    (asking("Factory reset the tablet in the front desk"), {DELETE}),
    (asking("Disable the account of Alex Wilber"), {DELETE}),
    (asking("Revoke access to the finance site"), {DELETE}),
    (asking("Go on", tool="deviceWipe"), {DELETE}),
    (asking("Go on", tool="INTUNE_RETIRE_DEVICE"), {DELETE}),
    (asking("Go on", tool="deleteuser"), {DELETE}),
    (asking("Go on", plan={"steps": [{"then": {"op": "removeUser"}}]}), {DELETE}),
    (asking("Go on", call={"method": "DELETE", "path": "/users/lee.gu"}), {DELETE}),
    (asking("\N{FULLWIDTH LATIN CAPITAL LETTER D}elete the folder"), {DELETE}),
    (asking("De\u200blete the folder"), {DELETE}),
    (asking("Reset Lee's passcode"), {PASSWORD}),
    (asking("Password reset for Lee Gu"), {PASSWORD}),
    (asking("Change the password of the service account"), {PASSWORD}),
    (asking("Set a new pass phrase", agent="PasswordChange"), {PASSWORD}),
    (asking("Disable MFA for Adele Vance"), {PASSWORD}),
    (asking("Turn off two-factor for Adele"), {PASSWORD}),
    (asking("Rotate the credentials of svc-backup"), {PASSWORD}),
    (asking("Regenerate the API key of the backup portal"), {PASSWORD}),
    (asking("Renew the client secret of the mail app"), {PASSWORD}),
    (asking("Re-register Lee's authenticator"), {PASSWORD}),
    (asking("Go on", tool="ResetADPassword"), {PASSWORD}),
    (asking("Go on", tool="resetpassword"), {PASSWORD}),
    (asking("Go on", force_password_change=True), {PASSWORD}),
    (asking("Assign a license to Lee Gu"), {LICENCE}),
    (asking("Assign a licence to Lee Gu"), {LICENCE}),
    (asking("Upgrade Adele to Business Premium"), {LICENCE}),
    (asking("Add two seats for Wingtip"), {LICENCE}),
    (asking("Give Lee Gu an E5"), {LICENCE}),
    (asking("Cancel the subscription of Tailspin"), {LICENCE}),
    (asking("Go on", agent="Relicensing"), {LICENCE}),
    (asking("Go on", changes=[{"sku": "SPB"}]), {LICENCE}),
    (asking("Unassign SKU SPE_E3 of Isaiah"), {LICENCE, DELETE}),
    (asking("Run PowerShell on CDSRV02"), {SCRIPT}),
    (asking("Run a Datto component on 12 devices"), {SCRIPT}),
    (asking("Execute the NinjaOne automation on CDSRV02"), {SCRIPT}),
    (asking("Start a ConnectWise Automate script"), {SCRIPT}),
    (asking("Go on", tool="NINJA_RUN_TASK"), {SCRIPT}),
    (asking("Go on", tool="RunScript"), {SCRIPT}),
    (asking("Go on", tool="RMM_SET_POLICY"), {SCRIPT}),
    (asking("Reboot the domain controller"), {SCRIPT}),
    (asking("Send a remote command to CDSRV02"), {SCRIPT}),
    (asking("Go on", command="Set-ItemProperty", interpreter="pwsh"), {SCRIPT}),
    (asking("Schedule repair.ps1 on CDSRV02"), {SCRIPT}),
    (asking("Call the external API of the phone provider"), {API}),
    (asking("Send POST https://api.northwind.example/v1/orders"), {API}),
    (asking("Go on", tool="ExternalApiRequest"), {API}),
    (asking("Go on", tool="HTTP_REQUEST"), {API}),
    (asking("Trigger the webhook of Wingtip"), {API}),
    (asking("Go on", request={"request_url": "https://api.northwind.example"}), {API}),
    (asking("Go on", script="curl -X POST https://x.example"), {SCRIPT, API}),
    (asking(agent="Device Wipe"), {DELETE}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("approval", "expected"), RISKY, ids=[str(a.requested_for) for a, _ in RISKY]
)
def test_what_may_do_harm_is_marked(approval: Approval, expected: set[Risk]) -> None:
    assert risks(approval) == expected


HARMLESS = [
    asking("Assign the ticket to Lee Gu"),
    asking("Send Megan Bowen a mail about tomorrow's visit"),
    asking("Unlock the account of Lee Gu", reason="Locked out after three wrong passwords"),
    asking("Unblock the sender payroll@contoso.example"),
    asking("Close the ticket as resolved", tool="CW_PSA_REQUEST"),
    asking("Raise the priority of #48213 to high"),
    asking("Book a visit on site", tool="SCHEDULE_ONSITE_VISIT", cost="$180.00 per hour"),
    asking("Add Lee Gu to the group Front desk", tool="M365_ADD_TO_GROUP"),
    asking("Give Adele Vance read access to the share Sales"),
    asking("Update the description of the ticket", tool="UPDATE_TICKET_DESCRIPTION"),
    asking("Add a transcript of the call to the ticket", tool="ADD_NOTE"),
    asking("Create the user adele.vance@fabrikam.example", tool="M365_CREATE_USER"),
    asking("Order a keyboard for Adele Vance"),
    asking("Call the client's office manager"),
    asking("Link the ticket to #48190", ticket_url="https://psa.contoso.example/48190"),
    asking("Read the alerts of the device", tool="RMM_GET_ALERTS"),
    asking("Swipe cards: order a new reader"),
    asking("Merge the duplicate tickets", agent="Dispatch"),
]


@pytest.mark.parametrize("approval", HARMLESS, ids=[str(a.requested_for) for a in HARMLESS])
def test_what_does_no_harm_is_not_marked(approval: Approval) -> None:
    assert risks(approval) == set()


def test_fields_that_nobody_knows_and_the_comment_are_read_as_well() -> None:
    beside = Approval.model_validate({"id": "1", "operation": {"kind": "wipe device"}})
    assert risks(beside) == {DELETE}
    assert risks(Approval.model_validate({"id": "1", "comment": "May I wipe it?"})) == {DELETE}


def test_a_wish_is_read_however_deep_it_stands() -> None:
    deep: Any = "delete everything"
    for _ in range(2_000):
        deep = [deep]
    assert risks(asking("Go on", plan=deep)) == {DELETE}


def test_a_request_without_anything_in_it_has_no_risk_and_no_tool() -> None:
    empty = Approval.model_validate({"id": "1"})
    assert risks(empty) == set()
    assert (tool_of(empty), client_of(empty)) == ("", "")


@pytest.mark.parametrize(
    ("fields", "tool"),
    [
        ({"tool": "M365_RESET_PASSWORD"}, "M365_RESET_PASSWORD"),
        ({"Tool-Name": "Reset"}, "Reset"),
        ({"tool": {"name": "Reset", "id": 4}}, "Reset"),
        ({"call": {"tool_type_name": "INNER"}, "tool": "OUTER"}, "OUTER"),
        ({"calls": [{"tool_type_name": "INNER"}]}, "INNER"),
        ({"tool": None, "calls": 3}, ""),
    ],
)
def test_the_tool_is_the_one_named_nearest_to_the_top(fields: dict[str, Any], tool: str) -> None:
    assert tool_of(asking("Go on", **fields)) == tool


def test_the_client_is_the_one_that_cards_name() -> None:
    assert client_of(asking("Go on", company={"name": "Contoso Dental"})) == "Contoso Dental"


def test_every_risk_is_told_in_a_sentence() -> None:
    told = [why(risk) for risk in Risk]
    assert all(sentence.startswith("It ") and sentence.endswith(".") for sentence in told)
    assert len(set(told)) == len(Risk)
