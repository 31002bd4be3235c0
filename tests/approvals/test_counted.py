"""What becomes of presses is counted, and why they decided nothing, by words of ours alone."""

from __future__ import annotations

import re
from pathlib import Path

from bot.approvals.reasons import Reason, code_of
from tests.workplace import ADELE, MEGAN, Workplace


def _figures(office: Workplace) -> dict[str, float]:
    registry = office.rooms.turns.clicks.decisions.telemetry.metrics.registry
    return {
        ", ".join(sample.labels.values()): sample.value
        for family in registry.collect()
        if family.name.startswith("neo_bot_decisions")
        for sample in family.samples
        if sample.name.endswith("_total")
    }


async def test_each_press_is_counted_by_what_became_of_it(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    channel = await office.has_channel("approvals")
    adele = (await office.has_chat(ADELE)).goes_to(channel)
    office.neo.has_approval(481, agent="Mailbox Permissions", approvers=[MEGAN])
    await office.looks("approvals.watch")
    await adele.presses("Approve")
    await adele.types("approve 481")
    await megan.presses("Approve", shown="forged")
    await megan.presses("Approve", comment="xyzzy")
    assert _figures(office) == {
        "approve, refused": 3,
        "approve, decided": 1,
        "not_asked": 2,
        "not_made_for_them": 1,
    }


def test_a_reason_is_the_sentence_that_people_read_and_a_code() -> None:
    reason = Reason("guest", "Guests cannot decide approvals.")
    assert reason == "Guests cannot decide approvals."
    assert (
        f"{reason} Nothing was changed." == "Guests cannot decide approvals. Nothing was changed."
    )
    assert code_of(reason) == "guest"
    assert [code_of(None), code_of("somebody's words")] == ["other", "other"]


def test_a_code_is_one_word_written_in_the_source(repository: Path) -> None:
    rooms = (repository / "bot" / "approvals").glob("*.py")
    made = [
        call
        for room in rooms
        for call in re.findall(r"\bReason\(\s*([^,)]*),", room.read_text("utf-8"))
    ]
    assert len(made) > 15
    assert [code for code in made if not re.fullmatch(r'"[a-z_]+"', code)] == []
