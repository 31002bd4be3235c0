"""Presses that are none of the presser's, and hostile text in Neo, through the whole service."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from bot.store import ledger
from tests.cards.reading import everything
from tests.cards.test_hostile_text import HOSTILE, is_harmless
from tests.microsoft import ALEX, GROUP, MEGAN, PERSONAL, TENANT, Account, Message
from tests.teams.fortress import Fortress

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = [(MEGAN.object_id, MEGAN.name)]
GUEST = Account("Isaiah Langer", "29:isaiah", "0a000000-0000-4000-8000-000000000003")


async def asks(house: Fortress, text: str, **more: Any) -> Message:
    """Somebody types; the card that answers."""
    assert (await house.hears(house.microsoft.activity(text=text, **more))).status == 200
    return house.microsoft.messages[-1]


def approve(house: Fortress, message: Message, **more: Any) -> dict[str, Any]:
    """The press on its Approve, with a typed number where one is asked for."""
    found = [one for one in everything(message.card) if one.get("title") == "Approve"]
    assert found, message.summary
    more = {"where": message.conversation, "on": message.id, "data": found[0]["data"], **more}
    return house.microsoft.click(found[0]["verb"], **more)


Forge = Callable[[Fortress, dict[str, Any]], None]


def _by(who: Account) -> Forge:
    def forge(_: Fortress, press: dict[str, Any]) -> None:
        named = {"id": who.teams_id, "name": who.name, "aadObjectId": who.object_id}
        press["from"] = named

    return forge


def _data(**changed: Any) -> Forge:
    def forge(_: Fortress, press: dict[str, Any]) -> None:
        press["value"]["action"]["data"] |= changed

    return forge


def _elsewhere(_: Fortress, press: dict[str, Any]) -> None:
    press["conversation"] |= {"id": GROUP, "conversationType": "groupChat"}


def _cut(_: Fortress, press: dict[str, Any]) -> None:
    data = press["value"]["action"]["data"]
    data["shown"] = data["shown"][:-2] + "xx"


FORGED: dict[str, Forge] = {
    "forwarded to somebody else": _by(ALEX),
    "forwarded to a guest": _by(GUEST),
    "forwarded to another conversation": _elsewhere,
    "with another approval's number": _data(approval="482"),
    "with another signature": _cut,
    "with no signature": _data(shown="x"),
    "without a name": _by(Account("", "29:nobody", "")),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_press_that_is_not_the_askeds_decides_nothing(house: Fortress, name: str) -> None:
    number = 500 + list(FORGED).index(name)
    house.neo.has_approval(number, agent="Mailbox Permissions", approvers=PEOPLE)
    if name.endswith("number"):
        house.neo.has_approval(482, agent="Mailbox Permissions", approvers=PEOPLE)
    house.microsoft.members[GUEST.teams_id] = {
        "id": GUEST.teams_id,
        "name": GUEST.name,
        "aadObjectId": GUEST.object_id,
        "tenantId": TENANT,
        "userRole": "guest",
    }
    message = await asks(house, f"show approval {number}")
    press = deepcopy(approve(house, message))
    FORGED[name](house, press)

    reply = await house.hears(press)

    assert reply.status == 200
    assert "Approved by" not in reply.body.decode()
    assert house.neo.decisions == []
    assert not house.broken
    async with house.rooms.pool.connection() as conn:
        rows = list(await ledger.of(conn, TENANT, str(number)))
    assert not [row for row in rows if row.outcome in {"sent", "decided"}]
    await house.answers_still()


async def test_a_press_that_is_sent_again_decides_once(house: Fortress) -> None:
    house.neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
    press = approve(house, await asks(house, "show approval 481"))
    replies = [await house.hears(press) for _ in range(2)]
    again = [await house.hears({**press, "id": f"another-{n}"}) for n in range(3)]
    assert {reply.status for reply in [*replies, *again]} == {200}
    assert house.neo.decisions == [(481, "approve")]
    house.neo.decisions.clear()


@pytest.mark.parametrize("case", ["links", "a forged line", "marks on marks", "directions", "JSON"])
async def test_hostile_names_in_neo_stay_names_on_every_card(house: Fortress, case: str) -> None:
    number, text = 600 + len(house.neo.world.agents), HOSTILE[case].replace("\0", "")[:150]
    named = f"{case} {text}"
    house.neo.has_agent(named)
    asked: dict[str, Any] = {"action": text, "reason": text, "user": text}
    house.neo.has_approval(
        number, agent=named, approvers=PEOPLE, ticket=text, company=text, **asked
    )
    house.neo.fails_run(agent=named, error=text, ticket=text, company=text)
    for question in (
        *("pending approvals", f"show approval {number}", "show failed runs", "agents"),
        *("status", f"history {number}", f"agent {text[:80]}"),
    ):
        message = await asks(house, question)
        is_harmless(message.card, message.summary)
    house.neo.decides_elsewhere(number, "reject", by=PEOPLE[0], note=text)
    message = await asks(house, f"show approval {number}")
    is_harmless(message.card, message.summary)
    house.neo.trouble(status=422, code="[x](https://evil.example) <b>**x**</b>")
    message = await asks(house, "status", where=PERSONAL)
    house.neo.ends_trouble()
    is_harmless(message.card, message.summary)
    assert not house.broken
