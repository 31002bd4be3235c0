"""Two tenants in one deployment: nothing of one is ever seen or touched from the other.

Both have the same people, chats, approval numbers and run ids, so that only the tenant, and with
it the key, tells them apart.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from bot.alerts.watch import WATCH as FAILURES
from bot.app import furnish, neo_of, tenant_keys
from bot.approvals.watch import WATCH as APPROVALS
from bot.errors import ConfigurationError
from bot.messaging import Conversation, Person
from bot.neo.client import Neo
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import Settings
from bot.store.database import Pool
from bot.tenants import TenantsFile
from cards.card import Card
from tests.workplace import (
    ALEX,
    ELSEWHERE,
    MEGAN,
    TENANT,
    Chats,
    Clock,
    Technician,
    Workplace,
    button_of,
)

NORTHWIND_KEY, WINGTIP_KEY = "neo_sk_test_northwind", "neo_sk_test_wingtip"


@dataclass
class Front(httpx.AsyncBaseTransport):
    """Neo's one host, which knows a tenant by its key alone; the keys that came are kept."""

    homes: dict[str, str]
    came: list[str] = field(default_factory=list)
    http: httpx.AsyncHTTPTransport = field(
        default_factory=lambda: httpx.AsyncHTTPTransport(verify=False)
    )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.came.append(key)
        home = self.homes.get(key)
        if home is None:
            error = {"code": "UNAUTHORIZED", "message": "The key is not known."}
            return httpx.Response(401, json={"error": error, "meta": {"request_id": "req-1"}})
        there = httpx.URL(home)
        request.url = request.url.copy_with(scheme="http", host=there.host, port=there.port)
        return await self.http.handle_async_request(request)

    async def aclose(self) -> None:
        await self.http.aclose()

    def used(self) -> set[str]:
        """The keys that came since this was asked last."""
        keys, self.came = set(self.came), []
        return keys


@dataclass
class EachToTheirOwn:
    """Teams: chats of different tenants may have the same id and are different chats."""

    of: Mapping[str, Chats]

    async def send(self, conversation: Conversation, card: Card, *, alert: bool = False) -> str:
        return await self.of[conversation.tenant].send(conversation, card, alert=alert)

    async def edit(self, conversation: Conversation, message: str, card: Card) -> None:
        await self.of[conversation.tenant].edit(conversation, message, card)

    async def open_personal(self, conversation: Conversation, person: str) -> Conversation:
        return await self.of[conversation.tenant].open_personal(conversation, person)

    async def is_guest(self, person: Person, conversation: Conversation) -> bool:
        return await self.of[conversation.tenant].is_guest(person, conversation)


@dataclass
class Deployment:
    """One service for both."""

    northwind: Workplace
    wingtip: Workplace
    neo: Callable[[str], Neo]
    front: Front
    northwinds_key: Path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The list of tenants, and the file with Northwind's key."""
    key, tenants = tmp_path / "northwind", tmp_path / "tenants.toml"
    key.write_text(NORTHWIND_KEY)
    listed = (
        f'[[tenant]]\nid = "{TENANT}"\nname = "Northwind IT"',
        f"neo_api_key = {json.dumps(f'@{key}')}",
        f'[[tenant]]\nid = "{ELSEWHERE}"\nname = "Wingtip"\nneo_api_key = "{WINGTIP_KEY}"',
    )
    tenants.write_text("\n".join(listed))
    return tenants, key


@pytest.fixture
async def both(db: Pool, files: tuple[Path, Path]) -> AsyncIterator[Deployment]:
    clock = Clock()
    settings = Settings(tenants_file=TenantsFile.read(files[0]), _env_file=None)
    async with AsyncExitStack() as stack:
        ours, theirs = [
            await stack.enter_async_context(EmbeddedNeo(now=clock, people=(MEGAN, ALEX), key=key))
            for key in (NORTHWIND_KEY, WINGTIP_KEY)
        ]
        front = Front({NORTHWIND_KEY: ours.url, WINGTIP_KEY: theirs.url})
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url="https://api.neoagent.example", transport=front)
        )
        keys = await stack.enter_async_context(tenant_keys(settings, clock=clock))
        neo = neo_of(keys, http, watching_share=0.1, clock=clock)
        chats = {TENANT: Chats(), ELSEWHERE: Chats()}
        teams = EachToTheirOwn(chats)
        rooms = await stack.enter_async_context(
            furnish(db, neo=neo, tenants=tuple(keys), messenger=teams, roster=teams, clock=clock)
        )
        yield Deployment(
            Workplace(ours, db, rooms, chats[TENANT], clock, TENANT),
            Workplace(theirs, db, rooms, chats[ELSEWHERE], clock, ELSEWHERE),
            neo,
            front,
            files[1],
        )


def _told(office: Workplace) -> str:
    """Everything that a tenant's people can see."""
    return " ".join(f"{card.summary} {card.content}" for card in office.chats.messages.values())


def _nothing_crossed(both: Deployment) -> None:
    for hidden in ("Tailspin", "Wingtip Night Shift"):
        assert hidden not in _told(both.northwind)
    for hidden in ("Contoso", "Northwind Night Shift"):
        assert hidden not in _told(both.wingtip)


def _fill(office: Workplace, agent: str, company: str) -> str:
    """The same numbers and ids in both worlds, about other clients; the run's id."""
    office.neo.has_agent(agent)
    office.neo.has_approval(481, agent="Mailbox Permissions", approvers=[MEGAN], company=company)
    run = office.neo.fails_run(
        agent="Mailbox Permissions", error=f"{company} does not answer.", company=company
    )
    return str(run["execution_id"])


@pytest.fixture
def run(both: Deployment) -> str:
    """The id of the run that failed in both."""
    ours = _fill(both.northwind, "Northwind Night Shift", "Contoso Dental")
    theirs = _fill(both.wingtip, "Wingtip Night Shift", "Tailspin Toys")
    assert ours == theirs
    return ours


async def test_every_question_is_answered_from_the_tenants_own_neo(
    both: Deployment, run: str
) -> None:
    megans = [await office.has_chat(MEGAN) for office in (both.northwind, both.wingtip)]
    keys = [{NORTHWIND_KEY}, {WINGTIP_KEY}]
    both.front.used()
    questions = [
        "status",
        "agents",
        "runs",
        "failed runs",
        "approvals",
        "my approvals",
        "approval 481",
        f"run {run}",
        "agent Password Reset",
        "runs for Northwind Night Shift",
        "runs for Wingtip Night Shift",
    ]
    seen: list[dict[str, str]] = [{}, {}]
    for question in questions:
        for megan, key, answers in zip(megans, keys, seen, strict=True):
            card = await megan.types(question)
            answers[question] = f"{card.summary} {card.content}"
            assert both.front.used() <= key, question
    assert "Northwind Night Shift" in seen[0]["agents"]
    assert "Wingtip Night Shift" in seen[1]["agents"]
    for question in ("approval 481", f"run {run}"):
        assert "Contoso Dental" in seen[0][question]
        assert "Tailspin Toys" in seen[1][question]
    for answers, own, other in ((seen[0], "Contoso", "Tailspin"), (seen[1], "Tailspin", "Contoso")):
        assert own in " ".join(answers.values())
        assert other not in " ".join(answers.values())
    # What a person typed themselves comes back; what the other tenant has does not.
    assert "Wingtip Night Shift" not in seen[0]["agents"]
    assert "Northwind Night Shift" not in seen[1]["agents"]


async def test_a_new_approval_and_its_decision_stay_in_their_tenant(both: Deployment) -> None:
    northwind, wingtip = both.northwind, both.wingtip
    ours, theirs = await northwind.has_chat(MEGAN), await wingtip.has_chat(MEGAN)
    _fill(northwind, "Northwind Night Shift", "Contoso Dental")
    for office in (northwind, wingtip):
        await office.looks(APPROVALS)
    assert "Contoso Dental" in _told(northwind)
    assert _told(wingtip) == ""
    _fill(wingtip, "Wingtip Night Shift", "Tailspin Toys")
    for office in (northwind, wingtip):
        await office.looks(APPROVALS)
    before = _told(wingtip)
    assert "Tailspin Toys" in before

    both.front.used()
    await ours.presses("Approve", comment="by phone")
    assert both.front.used() == {NORTHWIND_KEY}
    await northwind.works()
    assert northwind.neo.decisions == [(481, "approve")]
    assert wingtip.neo.decisions == []
    assert _told(wingtip) == before
    assert [row.outcome for row in await northwind.ledger("481")] == ["sent", "decided"]
    assert await wingtip.ledger("481") == []

    both.front.used()
    await theirs.presses("Reject")
    assert both.front.used() == {WINGTIP_KEY}
    await wingtip.works()
    assert wingtip.neo.decisions == [(481, "reject")]
    assert northwind.neo.decisions == [(481, "approve")]
    assert [row.wish for row in await northwind.ledger("481")] == ["approve", "approve"]
    _nothing_crossed(both)


async def test_a_card_of_one_tenant_decides_nothing_in_the_other(
    both: Deployment, run: str
) -> None:
    northwind, wingtip = both.northwind, both.wingtip
    ours, theirs = await northwind.has_chat(MEGAN), await wingtip.has_chat(MEGAN)
    for office in (northwind, wingtip):
        await office.looks(APPROVALS)
    # The same person, chat, message and number: the tenant alone is another.
    ((message, card),) = northwind.chats.in_(ours.at)
    assert ours.at.id == theirs.at.id
    assert wingtip.chats.in_(theirs.at)[0][0] == message
    both.front.used()
    answer = await theirs.presses("Approve", (message, card))
    assert "was not made for you here" in answer.summary
    assert "Tailspin Toys" in answer.summary
    assert both.front.used() <= {WINGTIP_KEY}
    await wingtip.works()
    assert northwind.neo.decisions == wingtip.neo.decisions == []
    assert [row.outcome for row in await wingtip.ledger("481")] == ["refused"]
    assert await northwind.ledger("481") == []
    assert button_of(northwind.chats.in_(ours.at)[0][1], "Approve")
    _nothing_crossed(both)


async def test_a_failure_is_told_in_its_own_tenant_alone(both: Deployment) -> None:
    channels = [await office.has_channel("failures") for office in (both.northwind, both.wingtip)]
    assert channels[0].id == channels[1].id
    for office in (both.northwind, both.wingtip):
        await office.looks(FAILURES)
    both.northwind.neo.fails_run(agent="Mailbox Permissions", error="Contoso's directory is away.")
    for office in (both.northwind, both.wingtip):
        await office.looks(FAILURES)
    ((_, alert),) = both.northwind.chats.in_(channels[0])
    assert "Contoso's directory is away." in alert.summary
    assert both.wingtip.chats.in_(channels[1]) == []
    both.wingtip.neo.fails_run(
        agent="Mailbox Permissions", error="Tailspin's directory is away.", company="Tailspin Toys"
    )
    for office in (both.northwind, both.wingtip):
        await office.looks(FAILURES)
    assert len(both.northwind.chats.in_(channels[0])) == 1
    ((_, alert),) = both.wingtip.chats.in_(channels[1])
    assert "Tailspin's directory is away." in alert.summary
    _nothing_crossed(both)


async def _asks(megan: Technician, question: str = "agents") -> str:
    return (await megan.types(question)).summary


async def test_a_new_key_of_one_tenant_serves_it_alone(both: Deployment, run: str) -> None:
    ours, theirs = [await office.has_chat(MEGAN) for office in (both.northwind, both.wingtip)]
    both.front.used()
    await _asks(ours, "runs")
    new = "neo_sk_test_northwind_new"
    both.northwinds_key.write_text(new)
    both.northwind.neo.changes_key(new)
    both.front.homes = {new: both.northwind.neo.url, WINGTIP_KEY: both.wingtip.neo.url}
    both.front.used()
    assert "Contoso" in str((await ours.types(f"run {run}")).content)
    assert both.front.used() == {NORTHWIND_KEY, new}
    assert "Tailspin" in str((await theirs.types(f"run {run}")).content)
    assert both.front.used() == {WINGTIP_KEY}
    _nothing_crossed(both)


async def test_a_tenant_whose_key_is_refused_or_whose_limit_is_reached_stops_no_other(
    both: Deployment, run: str
) -> None:
    ours, theirs = [await office.has_chat(MEGAN) for office in (both.northwind, both.wingtip)]
    both.northwind.neo.rate_limit(0)
    assert "too many requests" in await _asks(ours, "runs")
    assert "Mailbox Permissions" in await _asks(theirs, "runs")
    both.wingtip.neo.revoke_key()
    del both.front.homes[WINGTIP_KEY]
    assert "refuses the key" in await _asks(theirs, "runs")


async def test_who_is_not_served_gets_nobodys_neo(both: Deployment) -> None:
    with pytest.raises(ConfigurationError, match="is not served here"):
        both.neo("5ead4a96-c25f-4db1-9f7e-6b8a0c2d4e55")
    stranger = await both.northwind.has_chat(ALEX, tenant="5ead4a96-c25f-4db1-9f7e-6b8a0c2d4e55")
    with pytest.raises(ConfigurationError, match="is not served here"):
        await stranger.types("agents")
    assert both.front.used() == set()
