"""Several tenants in one process: no turn and no job of one waits for the Neo of another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.service import cards, click
from tests.faults.front import Front, in_front_of
from tests.faults.house import House, StandIns, holds, living_in
from tests.microsoft import MEGAN, TENANT

# More than there are places of any kind: connections to the database, presses, jobs.
MANY = 200
SLOW, QUICK = "neo_sk_test_northwind_slow", "neo_sk_test_wingtip_quick"
WINGTIP = "99999999-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
OFFICE = "a:personal-wingtip"


@pytest.fixture
async def front(stand_ins: StandIns, tmp_path: Path) -> AsyncIterator[Front]:
    """Northwind's Neo can be slow; Wingtip's is as ever."""
    tenants = [(TENANT, "Northwind IT", SLOW), (WINGTIP, "Wingtip Toys", QUICK)]
    file = tmp_path / "tenants.toml"
    file.write_text(
        "\n".join(
            f'[[tenant]]\nid = "{tenant}"\nname = "{name}"\nneo_api_key = {json.dumps(key)}'
            for tenant, name, key in tenants
        )
    )
    del stand_ins.environment["NEO_API_KEY"]
    async with in_front_of(stand_ins.neo) as between:
        stand_ins.environment |= {"TENANTS_FILE": str(file), "NEO_API_URL": between.url}
        yield between


def _says(house: House, text: str, *, tenant: str, where: str) -> dict[str, Any]:
    activity = house.microsoft.activity(where=where, text=text)
    activity["conversation"] |= {"conversationType": "personal", "tenantId": tenant}
    activity["channelData"]["tenant"]["id"] = tenant
    return activity


def _in(house: House, where: str) -> list[str]:
    return [m.summary for m in house.microsoft.messages if m.conversation == where]


async def test_however_many_turns_and_jobs_wait_for_one_tenants_neo_the_others_go_on(
    stand_ins: StandIns, front: Front, database_url: str
) -> None:
    microsoft, neo = stand_ins.microsoft, stand_ins.neo
    async with living_in(stand_ins) as house, httpx.AsyncClient(timeout=30) as http:
        house.http = http
        await house.hears(_says(house, "follow failures", tenant=WINGTIP, where=OFFICE))
        microsoft.members[MEGAN.teams_id]["tenantId"] = WINGTIP
        front.holds(SLOW)
        async with house.rooms.pool.connection() as conn:
            for number in range(MANY):
                approval = neo.has_approval(
                    1000 + number, agent="Mailbox Permissions", approvers=[]
                )
                await house.announces(conn, TENANT, approval)
        chats = [f"a:personal-{number}" for number in range(MANY)]
        asking = [
            asyncio.create_task(house.hears(_says(house, "agents", tenant=TENANT, where=chat)))
            for chat in chats
        ]
        question = "SELECT count(*) = %s FROM activities WHERE conversation = ANY(%s)"
        await holds(database_url, question, MANY, chats)

        # All of Northwind's wait now. Wingtip asks, hears, is asked and decides.
        await house.hears(_says(house, "agents", tenant=WINGTIP, where=OFFICE))
        await microsoft.until(lambda: len(_in(house, OFFICE)) == 2)
        assert "16 agents" in _in(house, OFFICE)[1]
        neo.fails_run(agent="Mailbox Permissions", error="The directory does not answer.")
        people = [(MEGAN.object_id, MEGAN.name)]
        neo.has_approval(481, agent="Mailbox Permissions", approvers=people)
        await microsoft.until(
            lambda: (
                any("does not answer." in said for said in _in(house, OFFICE))
                and cards(microsoft, OFFICE)
            )
        )
        (card,) = [m for m in cards(microsoft, OFFICE) if "Approval 481" in m.summary]
        press = click(microsoft, card, "Approve")
        press["conversation"] |= {"conversationType": "personal", "tenantId": WINGTIP}
        press["channelData"]["tenant"]["id"] = WINGTIP
        answer = await house.hears(press)
        assert "Approved by Megan Bowen" in str(answer.json()["value"])
        # Nobody of Northwind has had an answer of Neo's; all of them get one now.
        assert front.waiting > 0
        assert not any("16 agents" in said for chat in chats for said in _in(house, chat))
        front.lets_go()
        assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}
        await microsoft.until(lambda: all(_in(house, chat) for chat in chats))
        assert neo.decisions == [(481, "approve")]
