"""What a tenant sets up, and what it asks Neo for."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from bot.sandbox.embedded import ADMIN_TOKEN, EmbeddedNeo
from bot.sandbox.operations.sharing import shared_agents
from bot.sandbox.operations.templates import templates
from bot.sandbox.runs import stamp
from tests.sandbox.conftest import START, Client, Clock

CHAT, PASSWORD_RESET = 20470, 20418
TECHNICIAN = {
    "technician_aad_id": "00000000-0000-0000-0000-0000000000021",
    "technician_name": "Megan Bowen",
    "technician_tenant_id": "tenant",
}


@pytest.fixture
def admin(client: Client) -> Client:
    admin = Client(client.session, client.neo)
    admin.key = ADMIN_TOKEN
    return admin


# Settings


async def test_settings_merge_and_null_clears_one(client: Client) -> None:
    await client.send("PUT", "/settings", {"timezone": "Europe/London", "referral_code": "ABC"})
    after = (await client.send("PUT", "/settings", {"referral_code": None})).data

    assert after["timezone"] == "Europe/London"
    assert after["referral_code"] is None
    assert (after["start_business_hours"], after["end_business_hours"]) == (8, 18)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"timezone": "Mars/Olympus"}, 400, "timezone"),
        ({"start_business_hours": -1}, 400, "start_business_hours"),
        ({"end_business_hours": 25}, 400, "end_business_hours"),
        ({"start_business_hours": "8"}, 400, "start_business_hours"),
        ({"start_business_hours": 20}, 422, "end_business_hours"),
    ],
)
async def test_settings_that_cannot_be_change_nothing(
    client: Client, body: dict[str, Any], status: int, field: str
) -> None:
    before = (await client.send("PUT", "/settings", {})).data
    answer = await client.send("PUT", "/settings", body)

    assert (answer.status, answer.details) == (status, {"field": field})
    assert (await client.send("PUT", "/settings", {})).data == before


# Clients


async def test_clients_are_found_and_added_once(client: Client) -> None:
    new = {"psa_company_id": "990", "psa_company_name": "Fourth Coffee", "tenant_id": "t-4"}

    created = await client.post("/end-companies", new)
    again = await client.post("/end-companies", new)
    there = await client.post("/end-companies", new | {"psa_company_id": "301"})

    assert (await client.get("/end-companies/301")).data["psa_company_name"] == "Contoso Dental"
    assert (await client.get("/end-companies/990")).data == created.data
    assert created.data["azure_application_access_granted"] is False
    assert (again.status, there.status) == (409, 409)
    assert (await client.get("/end-companies/none")).status == 404


# Insights


async def test_an_analysis_takes_a_while_and_agrees_with_the_runs(
    busy: Client, clock: Clock
) -> None:
    assert (await busy.get("/insights/result")).status == 404
    asked = {"hourly_rate": 80, "period_days": 7, "currency_symbol": "£"}
    started = (await busy.post("/insights/analyze", asked)).data
    clock.goes_on(19)
    assert (await busy.get("/insights/result")).status == 404
    clock.goes_on(1)

    told = (await busy.get("/insights/result")).data

    pages = await busy.pages("/executions", page_size=200)
    since = stamp(START - timedelta(days=7))
    runs = [run for page in pages for run in page if run["created_at"] >= since]
    result = told["result"]
    assert told["analysis_id"] == started["analysis_id"]
    assert (told["hourly_rate"], told["period_days"]) == (80, 7)
    assert result["executions"] == len(runs)
    assert result["failures"] == sum(1 for run in runs if run["status"] == "FAILURE")
    minutes = sum(agent["minutes_saved"] for agent in result["agents"])
    assert result["hours_saved"] == round(minutes / 60, 2)
    assert result["value_saved"] == round(minutes / 60 * 80, 2)


@pytest.mark.parametrize(
    "body", [{"period_days": 0}, {"sample_size": 0}, {"hourly_rate": -1}, {"hourly_rate": "80"}]
)
async def test_an_analysis_of_nothing_is_refused(client: Client, body: dict[str, Any]) -> None:
    answer = await client.post("/insights/analyze", body)

    assert (answer.status, answer.details) == (400, {"field": next(iter(body))})


# Handovers and escalations


async def test_the_first_technician_takes_a_handover(client: Client) -> None:
    async def accept(identifier: str, name: str) -> Any:
        body = TECHNICIAN | {"technician_name": name}
        return (await client.post(f"/handover-requests/{identifier}/accept", body)).data

    first = await accept("9001", "Megan Bowen")
    second = await accept("9001", "Lee Gu")

    assert (first["status"], first["accepted_by"]) == ("accepted", "Megan Bowen")
    assert (second["status"], second["accepted_by"]) == ("already_taken", "Megan Bowen")
    assert (await accept("9002", "Lee Gu"))["status"] == "already_taken"
    assert (await accept("9008", "Lee Gu"))["status"] == "expired"
    assert (await accept("none", "Lee Gu"))["status"] == "not_found"


async def test_a_handover_expires(client: Client, clock: Clock) -> None:
    clock.goes_on(24 * 3_600)

    answer = await client.post("/handover-requests/9001/accept", TECHNICIAN)

    assert (answer.status, answer.data["status"]) == (200, "expired")


async def test_an_escalation_gets_a_ticket_of_its_own(neo: EmbeddedNeo, client: Client) -> None:
    run = neo.fails_run(agent="Password Reset", error="Nothing helps")
    asked = {"summary": "Help", "details": "It fails.", "execution_id": run["execution_id"]}

    tickets = [(await client.post("/escalate-to-neo-team", asked)).data for _ in range(2)]
    unknown = await client.post("/escalate-to-neo-team", asked | {"execution_id": "none"})

    assert tickets[0]["ticket_id"] != tickets[1]["ticket_id"]
    assert tickets[0]["ticket_url"].endswith(tickets[0]["ticket_id"])
    assert unknown.status == 404


# Channels


async def test_a_channel_is_made_read_and_changed(client: Client, clock: Clock) -> None:
    asked = {"internal_name": "front-desk", "audience": "END_USER", "agent_id": CHAT}
    made = (await client.post("/channels", asked)).data
    clock.goes_on(5)
    changed = (
        await client.send("PATCH", f"/channels/{made['id']}", {"display_name": "Front Desk"})
    ).data

    assert made["status"] == "ACTIVE"
    assert changed == made | {"display_name": "Front Desk", "updated_at": stamp(clock.at)}
    assert (await client.get(f"/channels/{made['id']}")).data == changed
    assert (await client.get("/channels/none")).status == 404


async def test_a_channels_name_and_agent_are_checked(client: Client) -> None:
    asked = {"internal_name": "front-desk", "audience": "END_USER"}
    made = (await client.post("/channels", asked)).data
    other = (await client.post("/channels", asked | {"internal_name": "other"})).data

    twice = await client.post("/channels", asked)
    renamed = await client.send("PATCH", f"/channels/{other['id']}", asked)
    not_for_chats = await client.post(
        "/channels", {"internal_name": "x", "audience": "MSP", "agent_id": PASSWORD_RESET}
    )

    assert (twice.status, twice.details) == (409, {"channel_id": made["id"]})
    assert renamed.status == 409
    assert (not_for_chats.status, not_for_chats.details) == (400, {"field": "agent_id"})


async def test_a_bots_greeting_is_for_the_platform_alone(client: Client, admin: Client) -> None:
    made = (
        await client.post(
            "/channels",
            {"internal_name": "desk", "audience": "END_USER", "welcome_message": "Hello!"},
        )
    ).data
    tenant = (await client.get("/end-companies/301")).data["tenant_id"]
    install = {"bot_id": made["id"], "end_client_tenant_id": tenant}

    refused = await client.post("/channels/install-events", install)
    matched = (await admin.post("/channels/install-events", install)).data
    stranger = (await admin.post("/channels/install-events", install | {"bot_id": "another"})).data

    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert matched == {"matched": True, "display_name": "desk", "welcome_message": "Hello!"}
    assert stranger == {"matched": False}


# Skills


async def skill(client: Client) -> Any:
    files = [
        {"path": "SKILL.md", "content": "Ask. Then ask again."},
        {"path": "notes.md", "content": "None."},
    ]
    return await client.post("/skills", {"name": "Asking", "slug": "asking", "files": files})


async def test_a_part_of_a_skill_is_edited(client: Client) -> None:
    made = (await skill(client)).data
    first, second = made["files"]
    edits = [
        {"file_id": first["id"], "old_string": "Then ask", "new_string": "Listen, then ask"},
        {"file_id": first["id"], "old_string": "sk", "new_string": "SK", "replace_all": True},
    ]

    edited = (
        await client.send(
            "PATCH", f"/skills/{made['id']}", {"base_hash": made["hash"], "edits": edits}
        )
    ).data

    assert edited["files"][0]["content"] == "ASK. Listen, then aSK again."
    assert [file["version"] for file in edited["files"]] == [2, 1]
    assert edited["files"][1] == second
    assert edited["hash"] != made["hash"]


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"old_string": "Sleep", "new_string": "x"}, 422),
        ({"old_string": "sk", "new_string": "x"}, 422),
        ({"old_string": "", "new_string": "x"}, 400),
        ({"file_id": "none", "old_string": "Ask", "new_string": "x"}, 404),
        ({"file_id": None, "old_string": "Ask", "new_string": "x"}, 400),
    ],
)
async def test_of_edits_that_do_not_all_fit_none_is_made(
    client: Client, edit: dict[str, Any], status: int
) -> None:
    made = (await skill(client)).data
    here = {"file_id": made["files"][0]["id"]}
    fits = here | {"old_string": "Then", "new_string": "Now"}
    path = f"/skills/{made['id']}"

    answer = await client.send("PATCH", path, {"edits": [fits, here | edit]})

    assert answer.status == status
    unchanged = await client.send("PATCH", path, {"base_hash": made["hash"], "edits": [fits]})
    assert unchanged.status == 200


async def test_a_skill_changed_meanwhile_is_a_conflict_and_its_slug_is_its_own(
    client: Client,
) -> None:
    made = (await skill(client)).data
    edit = {"file_id": made["files"][0]["id"], "old_string": "Ask.", "new_string": "Listen."}

    await client.send("PATCH", f"/skills/{made['id']}", {"edits": [edit]})
    late = await client.send(
        "PATCH", f"/skills/{made['id']}", {"base_hash": made["hash"], "edits": [edit]}
    )

    assert late.status == 409
    assert (await skill(client)).status == 409
    assert (await client.send("PATCH", "/skills/none", {"edits": [edit]})).status == 404


# What is there to be read


async def test_templates_are_made_of_the_librarys_agents(neo: EmbeddedNeo, client: Client) -> None:
    known = templates(neo.world)

    told = [(await client.get(f"/templates/{number}")).data for number in known]

    assert [template["name"] for template in told] == [agent.name for agent in known.values()]
    assert all(template["tagline"] and template["actions"] for template in told)
    assert not any("Alex Wilber" in str(template) for template in told)
    assert (await client.get("/templates/0")).status == 404
    assert (await client.get("/templates/none")).status == 404


async def test_a_shared_agent_is_open_to_all_and_shows_no_people(
    neo: EmbeddedNeo, client: Client
) -> None:
    client.key = ""
    token, agent = next(iter(shared_agents(neo.world).items()))

    told = await client.get(f"/shared-agents/{token}")

    assert told.data["view"]["name"] == agent.name
    assert not any(name in str(told.body) for _id, name in neo.people)
    assert (await client.get("/shared-agents/none")).status == 404
    neo.has_agent(agent.name, state="DISABLED")
    assert (await client.get(f"/shared-agents/{token}")).status == 404


async def test_technicians_are_mapped_once(neo: EmbeddedNeo, client: Client) -> None:
    first = (await client.post("/teams-availability/auto-map")).data
    second = (await client.post("/teams-availability/auto-map")).data

    assert (first["mapped_count"], second["mapped_count"]) == (len(neo.people), 0)
    assert first["mappings"] == second["mappings"]


async def test_the_phone_numbers_are_the_same_at_every_look(client: Client) -> None:
    numbers = (await client.get("/phone/numbers")).data

    assert len({number["phone_number"] for number in numbers}) == 2
    assert (await client.get("/phone/numbers")).data == numbers


# Who uses the bot


async def test_windows_of_chat_usage_add_up(client: Client) -> None:
    async def turns(begin: int, end: int, audience: str) -> dict[str, int]:
        window = {
            "from": stamp(START - timedelta(days=begin)),
            "to": stamp(START - timedelta(days=end)),
        }
        users = (await client.get("/performance/chat/by-user", audience=audience, **window)).data
        return {user["user_key"]: user["total_turns"] for user in users}

    for audience in ("msp", "end-user"):
        whole = await turns(30, 0, audience)
        first, second = await turns(30, 9, audience), await turns(9, 0, audience)
        assert sum(whole.values()) > 0
        assert whole == {
            key: first.get(key, 0) + second.get(key, 0) for key in first.keys() | second.keys()
        }
    backwards = {"from": stamp(START), "to": stamp(START - timedelta(days=1))}
    assert (await client.get("/performance/chat/by-user", **backwards)).status == 422


async def test_the_usage_of_clients_people_agrees_with_its_detail(client: Client) -> None:
    usage = (await client.get("/billing/end-user-teams-usage", month="2026-10")).data
    detail = (await client.get("/billing/end-user-teams/detail", month="2026-10", months=4)).data

    months = [row["month"] for row in detail["monthly_active_users"]]
    active = [user for user in detail["per_user"] if user["turns"] >= 2]
    assert months == ["2026-07", "2026-08", "2026-09", "2026-10"]
    assert detail["monthly_active_users"][-1]["active_users"] == usage["active_users"]
    assert usage["active_users"] == len(active) > 0
    assert usage["charge"] == usage["active_users"] * 1.5
    for rows in (detail["per_company"], detail["per_user"]):
        assert sum(row["tickets_raised"] for row in rows) == detail["tickets_raised"] > 0
        assert all(len(row["tickets"]) == row["tickets_raised"] for row in rows)
    assert sum(row["active_users"] for row in detail["per_company"]) == usage["active_users"]


async def test_the_running_month_is_projected_and_the_first_is_free(client: Client) -> None:
    running = (await client.get("/billing/end-user-teams-usage")).data
    first = (await client.get("/billing/end-user-teams-usage", month="2026-05")).data
    before = (await client.get("/billing/end-user-teams-usage", month="2026-04")).data

    assert running["month"] == "2026-11"
    assert running["charge"] >= running["active_users"] * 1.5
    assert (first["active_users"] > 0, first["charge"]) == (True, 0)
    assert before["active_users"] == 0
    early = (await client.get("/billing/end-user-teams/detail", month="2000-02", months=3)).data
    assert early["monthly_active_users"] == [
        {"month": month, "active_users": 0} for month in ("1999-12", "2000-01", "2000-02")
    ]


async def test_a_client_tenants_chat_counts_as_teams_usage(
    client: Client, admin: Client, clock: Clock
) -> None:
    before = (await client.get("/billing/end-user-teams-usage")).data["active_users"]
    tenant = (await client.get("/end-companies/303")).data["tenant_id"]
    opened = (
        await admin.post("/chat/sessions", {"agent_id": CHAT, "inbound_tenant_id": tenant})
    ).data
    counts = []
    for _ in range(2):
        await client.post(f"/chat/sessions/{opened['id']}/messages", {"message": "help"})
        clock.goes_on(5)
        counts.append((await client.get("/billing/end-user-teams-usage")).data["active_users"])

    detail = (await client.get("/billing/end-user-teams/detail")).data
    assert counts == [before, before + 1]
    assert [u["turns"] for u in detail["per_user"] if u["end_user"] == "Someone at Northwind Foods"]
    assert all(a["month"] < b["month"] for a, b in pairwise(detail["monthly_active_users"]))
