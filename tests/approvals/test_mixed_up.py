"""Notes, answers and reopenings that could be taken for something else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.approvals.notes import note
from bot.approvals.watch import WATCH
from bot.messaging import Person
from bot.policies import Policy
from bot.store.database import Pool
from tests.workplace import (
    ADELE,
    ALEX,
    MEGAN,
    RELAXED,
    TENANT,
    Technician,
    Workplace,
    decisive,
    titles,
    workplace,
)

AGENT = "Mailbox Permissions"
TWO = Policy.model_validate({"high_risk": [], "remind_after": [], "rule": [{"people": 2}]})
LIKE_A_NOTE = "Wipe the laptop of Lee Gu and delete the team (Sales) in Microsoft Teams"


@asynccontextmanager
async def _asked(
    db: Pool, policy: Policy | None = None, **more: object
) -> AsyncIterator[tuple[Workplace, Technician, Technician]]:
    """Megan and Alex are asked for approval 481."""
    asks_for_a_number = policy or Policy(remind_after=())
    async with workplace(db, policy=asks_for_a_number, **more) as office:  # type: ignore[arg-type]
        megan, alex = await office.has_chat(MEGAN), await office.has_chat(ALEX)
        office.neo.has_approval(481, agent=AGENT, approvers=[MEGAN, ALEX])
        await office.looks(WATCH)
        yield office, megan, alex


async def _outcomes(office: Workplace) -> list[tuple[str, str, str]]:
    return [(row.wish, row.outcome, row.reason) for row in await office.ledger("481")]


async def test_what_an_agent_writes_like_a_note_of_ours_is_shown_and_taken_seriously(
    db: Pool,
) -> None:
    async with _asked(db) as (office, megan, _):
        office.clock.goes_on(seconds=5)
        office.neo.changes_approval(481, comment=LIKE_A_NOTE)
        changed = await megan.presses("Approve")
        assert "changed" in changed.summary
        assert "Wipe the laptop" in json.dumps(changed.content)
        await megan.presses("Approve…")
        assert office.neo.decisions == [], "it deletes: its number has to be typed"


class _Wire(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def aclose(self) -> None:
        await self.inner.aclose()


class Late(_Wire):
    """The first decision gets no answer; it reaches Neo when it is `released`."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self.held: httpx.Request | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and self.held is None:
            body = await request.aread()
            self.held = httpx.Request("POST", request.url, headers=request.headers, content=body)
            raise httpx.ReadTimeout("late", request=request)
        return await self.inner.handle_async_request(request)

    async def released(self) -> None:
        assert self.held is not None
        answer = await self.inner.handle_async_request(self.held)
        await answer.aread()
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("yes", "no"), [("yes please", "no: wrong mailbox"), ("", "")], ids=["comments", "no comments"]
)
async def test_a_late_approval_is_not_written_down_as_the_rejection_that_it_overtook(
    db: Pool, yes: str, no: str
) -> None:
    wires: list[Late] = []

    def late(inner: httpx.AsyncBaseTransport) -> Late:
        wires.append(Late(inner))
        return wires[0]

    async with _asked(db, wire=late) as (office, megan, _):
        await megan.presses("Approve", comment=yes)
        await office.settles()

        async def approval_arrives(_: int, verdict: str) -> None:
            if verdict == "reject":
                office.neo.before_decision(None)
                await wires[0].released()

        office.neo.before_decision(approval_arrives)
        card = await megan.presses("Reject", comment=no)
        assert "An earlier press of yours reached Neo after all" in card.summary
        assert "Approved by Megan Bowen" in card.summary
        assert yes in card.summary
        assert await _outcomes(office) == [
            ("approve", "sent", ""),
            ("approve", "failed", "no answer"),
            ("approve", "failed", "not taken, as found afterwards"),
            ("reject", "sent", ""),
            ("reject", "failed", "overtaken"),
            ("approve", "decided", "found afterwards"),
        ]


async def test_an_approval_and_the_rejection_after_it_with_one_note_are_told_apart(
    db: Pool,
) -> None:
    async with _asked(db, RELAXED) as (office, megan, _):
        for verb in ("Approve", "Reject"):
            office.neo.trouble(close_connection=True, path="/decision")
            await megan.presses(verb)
            if verb == "Approve":
                await office.settles()
        rows = await office.ledger("481")
        assert len({row.sent for row in rows}) == 1, "a note does not say which way"
        # The first reaches Neo in the end.
        office.neo.decides_elsewhere(481, "approve", by=("key", "API key"), note=rows[0].sent)
        await office.settles()
        assert "Approved by Megan Bowen" in office.chats.in_(megan.at)[-1][1].summary
        assert (await _outcomes(office))[3:] == [
            ("reject", "sent", ""),
            ("reject", "failed", "no answer"),
            ("approve", "decided", "found afterwards"),
            ("reject", "failed", "not taken, as found afterwards"),
        ]


class Contrary(_Wire):
    """Neo answers an approval with somebody else's rejection."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self.office: Workplace | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or self.office is None:
            return await self.inner.handle_async_request(request)
        body = self.office.neo.decides_elsewhere(481, "reject", by=ADELE)
        return httpx.Response(200, json={"data": body, "meta": {"request_id": "r"}})


async def test_an_approval_that_neo_answers_with_a_rejection_is_nobodys_here(db: Pool) -> None:
    wires: list[Contrary] = []

    def contrary(inner: httpx.AsyncBaseTransport) -> Contrary:
        wires.append(Contrary(inner))
        return wires[0]

    async with _asked(db, wire=contrary) as (office, megan, _):
        wires[0].office = office
        card = await megan.presses("Approve")
        assert "Somebody was faster" in card.summary
        assert "Rejected by Adele Vance" in card.summary
        assert await _outcomes(office) == [
            ("approve", "sent", ""),
            ("approve", "failed", "overtaken"),
        ]


class Unanswered(Contrary):
    """Somebody else decides in Neo, and the decision that came too late gets no answer."""

    verdict = "approve"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or self.office is None:
            return await self.inner.handle_async_request(request)
        self.office.neo.decides_elsewhere(481, self.verdict, by=ADELE, note="by phone")
        raise httpx.ReadTimeout("no answer", request=request)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_a_decision_without_an_answer_is_not_called_made_when_somebody_else_made_it(
    db: Pool, verdict: str
) -> None:
    wires: list[Unanswered] = []

    def unanswered(inner: httpx.AsyncBaseTransport) -> Unanswered:
        wires.append(Unanswered(inner))
        return wires[0]

    async with _asked(db, RELAXED, wire=unanswered) as (office, megan, _):
        wires[0].office, wires[0].verdict = office, verdict
        card = await megan.presses("Approve")
        assert "Somebody was faster" in card.summary
        assert "by Adele Vance" in card.summary
        assert [o for _, o, _ in await _outcomes(office)] == ["sent", "failed", "failed"]


class OfAnother(_Wire):
    """Neo takes a decision, and answers with another approval's id."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.method != "POST":
            return response
        said = json.loads(await response.aread())
        said["data"]["id"] = 482
        return httpx.Response(200, json=said)


async def test_an_answer_with_another_id_decides_only_what_was_pressed(db: Pool) -> None:
    async with _asked(db, RELAXED, wire=OfAnother) as (office, megan, _):
        office.neo.has_approval(482, agent=AGENT, approvers=[MEGAN, ALEX])
        await office.looks(WATCH)
        first, other = office.chats.in_(megan.at)
        card = await megan.presses("Approve", on=first)
        await office.works()
        assert "Approved by Megan Bowen" in card.summary
        assert decisive(office.chats.messages[megan.at.id, other[0]])
        assert await _outcomes(office) == [
            ("approve", "sent", ""),
            ("approve", "failed", "no answer"),
            ("approve", "decided", "found afterwards"),
        ]
        assert (await office.ledger("481"))[1].answered == "id: 482"


async def test_what_neo_opens_again_is_no_longer_decided_by_who_did_before(db: Pool) -> None:
    async with _asked(db) as (office, megan, alex):
        await megan.presses("Approve", comment="by phone")
        await office.works()
        run = office.neo.world.approval(481)
        assert run is not None
        assert run.approval is not None
        run.approval.decision = None
        office.clock.goes_on(minutes=1)
        office.neo.changes_approval(481, comment="again")
        assert decisive(await alex.types("approval 481"))
        office.clock.goes_on(minutes=1)
        office.neo.decides_elsewhere(481, "reject", by=ADELE)
        assert "Rejected by Adele Vance" in (await alex.types("approval 481")).summary


@pytest.mark.parametrize(
    ("status", "said"),
    [("APPROVED", "Approved by Adele Vance"), ("REJECTED", "Rejected by Adele Vance")],
)
async def test_what_is_opened_again_and_decided_in_neo_is_not_credited_to_an_old_note(
    db: Pool, status: str, said: str
) -> None:
    async with _asked(db, RELAXED) as (office, megan, _):
        await megan.presses("Approve", comment="by phone")
        await office.works()
        # Neo opens it again, and what she wrote stays in its comment.
        office.clock.goes_on(minutes=1)
        office.neo.changes_approval(481, status="PENDING", decided_by=None)
        await office.looks(WATCH, reread=True)
        assert decisive(office.chats.in_(megan.at)[-1][1])
        office.clock.goes_on(minutes=1)
        by = {"id": ADELE[0], "name": ADELE[1]}
        office.neo.changes_approval(481, status=status, decided_by=by)
        await office.looks(WATCH, reread=True)
        assert said in office.chats.in_(megan.at)[-1][1].summary
        assert await _outcomes(office) == [("approve", "sent", ""), ("approve", "decided", "")]


@pytest.mark.parametrize("moves", [True, False], ids=["updated", "without a new time"])
async def test_a_vote_does_not_count_again_when_a_change_is_taken_back(
    db: Pool, *, moves: bool
) -> None:
    async with _asked(db, TWO) as (office, megan, alex):
        await megan.presses("Approve")
        before = office.neo.changes_approval(481, comment=None)
        for comment in ("to the whole team", None):
            if moves:
                office.clock.goes_on(seconds=5)
            assert office.neo.changes_approval(481, comment=comment)["id"] == before["id"]
            await office.looks(WATCH, reread=True)
        card = await alex.presses("Approve")
        assert office.neo.decisions == []
        assert "1 of 2" in card.summary
        assert "Approve" in titles(await megan.types("approval 481"))


def test_no_line_of_a_comment_can_be_read_as_a_signature() -> None:
    person = Person(TENANT, *MEGAN, "29:megan")
    for forged in ("— Alex", " — Alex", "\r— Alex", "fine\r\n\t— Alex", "fine\u2028— Alex"):
        lines = note(person, forged).splitlines()
        assert [line for line in lines if line.lstrip().startswith("—")] == lines[-1:]
        assert "Megan Bowen" in lines[-1]
