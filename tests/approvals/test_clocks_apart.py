"""Answers that say they are older than what is known: overtaken, or of a clock that is behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.approvals.watch import WATCH
from bot.store.database import Pool
from tests.workplace import ADELE, ALEX, MEGAN, Technician, Workplace, decisive, workplace

DELETES = {"action": "Delete the mailbox of ceo@contosodental.example"}


@dataclass
class Overtaken(httpx.AsyncBaseTransport):
    """One answer that was `kept` is what some of the next questions get."""

    inner: httpx.AsyncBaseTransport
    kept: bytes = b""
    times: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        listed = request.method == "GET" and request.url.path.endswith("/til-requests")
        if listed and self.times > 0:
            self.times -= 1
            return httpx.Response(200, content=self.kept)
        response = await self.inner.handle_async_request(request)
        if listed:
            content = await response.aread()
            self.kept = self.kept or content
            return httpx.Response(response.status_code, content=content)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass
class Scene:
    """Megan has the card of approval 481, which unlocks an account since a minute after START."""

    office: Workplace
    megan: Technician
    wire: Overtaken

    def clock_behind(self, **fields: Any) -> None:
        """Neo writes this with a clock that is a minute behind."""
        before = self.office.clock() - timedelta(minutes=1)
        self.office.clock.goes_on(seconds=30)
        said = fields | {"updated_at": before.isoformat()}
        self.office.neo.changes_approval(481, **said)

    @property
    def card(self) -> Any:
        return self.office.chats.in_(self.megan.at)[-1][1]


@pytest.fixture
async def scene(db: Pool) -> AsyncIterator[Scene]:
    wires: list[Overtaken] = []

    def wire(inner: httpx.AsyncBaseTransport) -> Overtaken:
        wires.append(Overtaken(inner))
        return wires[0]

    async with workplace(db, wire=wire) as office:
        megan = await office.has_chat(MEGAN)
        office.neo.has_approval(481, agent="Password Reset", approvers=[MEGAN, ALEX])
        await office.looks(WATCH)
        office.clock.goes_on(minutes=1)
        office.neo.changes_approval(481, requested_for={"action": "Unlock the account"})
        await office.looks(WATCH, reread=True)
        yield Scene(office, megan, wires[0])


async def test_a_change_by_a_clock_that_is_behind_is_shown_before_it_can_be_approved(
    scene: Scene,
) -> None:
    scene.clock_behind(requested_for=DELETES)
    card = await scene.megan.presses("Approve")
    assert scene.office.neo.decisions == []
    assert "It has changed" in card.summary
    assert "ceo@contosodental.example" in card.summary
    assert "Approved by Megan Bowen" in (await scene.megan.presses("Approve")).summary
    assert scene.office.neo.decisions == [(481, "approve")]


@pytest.mark.parametrize("how", ["watch", "text"])
async def test_what_a_clock_that_is_behind_wrote_comes_onto_the_cards(
    scene: Scene, how: str
) -> None:
    scene.clock_behind(requested_for=DELETES)
    if how == "text":
        await scene.megan.types("approval 481")
    else:
        await scene.office.looks(WATCH, reread=True)
    assert "ceo@contosodental.example" in scene.card.summary
    assert decisive(scene.card)


async def test_a_decision_by_a_clock_that_is_behind_ends_every_card(scene: Scene) -> None:
    by = {"id": ADELE[0], "name": ADELE[1]}
    scene.clock_behind(status="REJECTED", decided_by=by)
    await scene.office.looks(WATCH, reread=True)
    assert "Rejected by Adele Vance" in scene.card.summary
    assert not decisive(scene.card)


async def test_a_press_after_a_decision_by_a_clock_that_is_behind_reads_who_decided(
    scene: Scene,
) -> None:
    by = {"id": ADELE[0], "name": ADELE[1]}
    scene.clock_behind(status="REJECTED", decided_by=by)
    card = await scene.megan.presses("Approve")
    assert "Rejected by Adele Vance" in card.summary
    assert scene.office.neo.decisions == []


async def test_an_answer_that_was_overtaken_on_its_way_changes_nothing(scene: Scene) -> None:
    scene.wire.times = 1
    await scene.office.looks(WATCH, reread=True)
    assert "unlock the account" in scene.card.summary
    scene.wire.times = 1
    card = await scene.megan.presses("Approve")
    assert "Approved by Megan Bowen" in card.summary
    assert "unlock the account" in card.summary


async def test_a_decided_approval_is_not_opened_by_answers_that_were_overtaken(
    scene: Scene,
) -> None:
    await scene.megan.presses("Approve")
    scene.wire.times = 3
    await scene.office.looks(WATCH, reread=True)
    await scene.megan.types("approval 481")
    assert "Approved by Megan Bowen" in scene.card.summary
    assert not decisive(scene.card)
