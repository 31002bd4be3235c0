"""What a technician types, and what stands in the answer: the same that Neo says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.chat.examples import EXAMPLES
from bot.neo.vocabulary import Vocabulary
from tests.workplace import ALEX, MEGAN, START, TENANT, Technician, Workplace, titles

# START is Monday, 15:00 in Berlin, where the people of these tests are.
YESTERDAY = START - timedelta(days=1)
LAST_NIGHT = START - timedelta(hours=12)


class Scene:
    """A morning after: what ran, what failed, what waits."""

    def __init__(self, office: Workplace, megan: Technician) -> None:
        neo = office.neo
        self.office, self.megan = office, megan
        self.failed = _id(
            neo.has_run(
                agent="Password Reset",
                status="FAILURE",
                error="Access denied by Entra ID",
                at=START - timedelta(minutes=30),
            )
        )
        self.night = _id(
            neo.has_run(agent="Backup Watch", status="FAILURE", error="Disk is full", at=LAST_NIGHT)
        )
        self.weekend = _id(
            neo.has_run(
                agent="Offboarding",
                status="FAILURE",
                error="The mailbox is on hold",
                at=YESTERDAY,
                ticket="50000",
            )
        )
        self.good = _id(
            neo.has_run(agent="Dispatch", at=START - timedelta(minutes=5), ticket="48213")
        )
        self.running = _id(neo.has_run(agent="Ticket Triage", status="RUNNING", ticket="50001"))
        neo.has_approval(
            481,
            agent="Password Reset",
            approvers=[MEGAN],
            ticket="50002",
            at=START - timedelta(hours=2),
        )
        neo.has_approval(482, agent="Offboarding", approvers=[ALEX], ticket="50003")
        office.clock.at = YESTERDAY
        neo.has_approval(470, agent="Offboarding", approvers=[ALEX], ticket="50004", at=YESTERDAY)
        neo.decides_elsewhere(470, "reject", by=ALEX, note="still needed")
        office.clock.at = START

    def named(self, text: str) -> str:
        """The question with the ids of this scene."""
        return text.replace("8f14e45f", self.failed)

    def shown(self, summary: str) -> set[str]:
        """Which of the runs and approvals a card names."""
        runs = {
            "failed": self.failed,
            "night": self.night,
            "weekend": self.weekend,
            "good": self.good,
            "running": self.running,
        }
        found = {name for name, run in runs.items() if run in summary}
        return found | {n for n in ("470", "481", "482") if f"pproval {n}" in summary}


def _id(run: dict[str, Any]) -> str:
    return str(run["execution_id"])


@pytest.fixture
async def scene(office: Workplace) -> Scene:
    return Scene(office, await office.has_chat(MEGAN))


# Question, which runs and approvals the answer names, and words that stand in it.
ANSWERS: dict[str, tuple[set[str], list[str]]] = {
    "status": (set(), ["2 approvals waiting, oldest 2 h", "2 failed runs today", "14 of 16"]),
    "is everything ok?": (set(), ["2 approvals waiting", "2 failed runs today"]),
    "show failed runs": ({"failed", "night", "weekend"}, ["3 failed runs"]),
    "what failed last night?": ({"night"}, ["1 failed run", "Disk is full", "03:00"]),
    "failed runs since yesterday": ({"failed", "night", "weekend"}, ["3 failed runs"]),
    "last 5 runs": (set(), ["5 newest runs"]),
    "what is running right now?": ({"running"}, ["Ticket Triage", "Password Reset"]),
    "runs on ticket 48213": ({"failed", "night", "good"}, ["3 runs on", "48213"]),
    "anything broken over the weekend?": (
        {"failed", "night", "weekend"},
        ["3 failed runs since Sat 21 Nov", "mailbox is on hold"],
    ),
    "run 8f14e45f": ({"failed"}, ["Password Reset", "Access denied by Entra ID", "14:30"]),
    "why did run 8f14e45f fail?": ({"failed"}, ["Access denied by Entra ID"]),
    "pending approvals": ({"481", "482"}, ["2 pending approvals"]),
    "what needs my approval?": ({"481"}, ["1 pending approval for you"]),
    "show what was rejected yesterday": ({"470"}, ["1 rejected approval"]),
    "approval 481": ({"481"}, ["Password Reset wants to", "asked 13:00"]),
    "agents": (set(), ["16 agents", "Password Reset", "Voicemail Intake"]),
    "which agents are disabled?": (set(), ["2 ", "Voicemail Intake", "Warranty Lookup"]),
    "agent Password Reset": ({"failed"}, ["Password Reset", "Access denied by Entra ID"]),
    "follow failures": (set(), ["now follows failures"]),
    "follow approvals": (set(), ["now follows approvals"]),
    "unfollow failures": (set(), ["no longer follows failures"]),
    "help": (set(), ["What you can ask", "show failed runs"]),
}


def test_every_example_has_an_answer_here() -> None:
    assert set(ANSWERS) == {example.question for example in EXAMPLES}


async def test_every_example_is_answered_with_what_is_in_neo(scene: Scene) -> None:
    for question, (expected, words) in ANSWERS.items():
        card = await scene.megan.types(scene.named(question))
        for word in words:
            assert word in card.summary, question
        if expected:
            assert scene.shown(card.summary) == expected, question


async def test_the_numbers_of_the_status_are_those_of_the_lists_it_leads_to(
    scene: Scene,
) -> None:
    status = await scene.megan.types("status")
    failed = await scene.megan.types("failed runs today")
    waiting = await scene.megan.types("pending approvals")
    assert "2 failed runs today" in status.summary
    assert "2 failed runs" in failed.summary
    assert "2 approvals waiting" in status.summary
    assert "2 pending approvals" in waiting.summary
    agents = [a for a in scene.office.neo.world.agents.values() if a.state == "ENABLED"]
    assert f"{len(agents)} of {len(scene.office.neo.world.agents)} agents on" in status.summary


async def test_a_list_too_long_for_a_card_says_how_many_more_there_are(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    for minute in range(60):
        office.neo.fails_run(
            agent="Dispatch", error="Nobody is free", at=START - timedelta(minutes=minute + 1)
        )
    card = await megan.types("show failed runs")
    assert "60 failed runs" in card.summary
    listed = card.summary.count("Nobody is free")
    assert f"{60 - listed} more" in card.summary


async def test_times_are_those_of_the_person_who_asks(scene: Scene) -> None:
    assert "14:30" in (await scene.megan.types(f"run {scene.failed}")).summary
    person = scene.megan.person
    tokyo = Technician(
        type(person)(person.tenant, person.id, person.name, person.teams_id, zone="Asia/Tokyo"),
        scene.megan.at,
        scene.office,
    )
    assert "22:30" in (await tokyo.types(f"run {scene.failed}")).summary
    # In Tokyo it is 23:00, and the night run began at 11:00 of the same day.
    assert "2 failed runs" in (await tokyo.types("failed runs today")).summary


async def test_in_a_channel_a_time_names_its_zone(scene: Scene) -> None:
    channel = await scene.office.has_channel()
    card = await scene.megan.goes_to(channel).types(f"run {scene.failed}")
    assert "14:30 CET" in card.summary


async def test_an_agent_that_is_not_there_brings_the_nearest_names_as_buttons_that_work(
    scene: Scene,
) -> None:
    scene.office.neo.has_agent("Password Audit")
    card = await scene.megan.types("failed runs for the Pasword agent")
    assert "There is no agent called “Pasword" in card.summary
    assert {"Password Reset", "Password Audit"} <= set(titles(card))
    found = await scene.megan.presses("Password Reset")
    assert "1 failed run of Password Reset" in found.summary
    assert scene.failed in found.summary

    unknown = await scene.megan.types("agent Frobnicator")
    assert "There is no agent called “Frobnicator”" in unknown.summary
    assert "17 agents" in (await scene.megan.presses("All agents")).summary


async def test_a_run_or_an_approval_that_is_not_there_is_said_not_to_be(scene: Scene) -> None:
    run = await scene.megan.types("run 8f14e45f-0000-4000-8000-000000000000")
    assert "There is no run 8f14e45f-0000-4000-8000-000000000000" in run.summary
    assert scene.failed in (await scene.megan.presses("Latest runs")).summary
    approval = await scene.megan.types("approval 99999")
    assert "There is no approval 99999" in approval.summary
    assert "2 pending" in (await scene.megan.presses("Pending approvals")).summary


async def test_when_neo_is_away_the_answer_says_so_and_try_again_works_in_its_place(
    scene: Scene,
) -> None:
    scene.office.neo.trouble(status=503, times=None)
    card = await scene.megan.types("show failed runs")
    assert "Neo did not answer" in card.summary
    assert "Nothing was changed" in card.summary
    assert "00000000-0000-4000-8000-00000000dead" in card.summary
    messages = len(scene.office.chats.in_(scene.megan.at))

    assert "Neo did not answer" in (await scene.megan.presses("Try again")).summary
    scene.office.neo.ends_trouble()
    assert "3 failed runs" in (await scene.megan.presses("Try again")).summary
    assert len(scene.office.chats.in_(scene.megan.at)) == messages


async def test_a_long_question_is_told_that_neo_is_away_like_a_short_one(scene: Scene) -> None:
    scene.office.neo.trouble(status=503, times=None)
    card = await scene.megan.types("show failed runs " + "please " * 100)
    assert "Neo did not answer" in card.summary


async def test_each_kind_of_refusal_says_what_to_do(scene: Scene) -> None:
    kinds: list[tuple[dict[str, Any], str]] = [
        ({"status": 403, "code": "FORBIDDEN"}, "does not allow this"),
        ({"status": 400, "code": "validation_error"}, "did not accept"),
        ({"html": True}, "Neo did not answer"),
        ({"cut": True}, "Neo did not answer"),
        ({"wrong_envelope": "bare"}, "answer could not be read"),
        ({"status": 404, "code": "not_found"}, "does not have this"),
        ({"status": 429, "retry_after": "17"}, "Try again in 17 s"),
    ]
    for trouble, said in kinds:
        scene.office.neo.ends_trouble()
        scene.office.neo.trouble(**trouble, times=None)
        assert said in (await scene.megan.types("show failed runs")).summary


async def test_while_neo_has_had_enough_nothing_is_asked_and_the_card_says_so(
    scene: Scene,
) -> None:
    scene.office.neo.trouble(status=429, retry_after="600", times=1)
    assert "too many requests" in (await scene.megan.types("show failed runs")).summary
    asked = len(scene.office.neo.requests)
    held = (await scene.megan.types("show failed runs")).summary
    assert "none is sent until it does. Try again in 10 min." in held
    assert len(scene.office.neo.requests) == asked


async def test_what_waits_is_asked_for_in_neos_own_words_once_they_are_known(
    scene: Scene,
) -> None:
    told = (await scene.megan.types("pending approvals")).summary
    assert all("status" not in one.query for one in scene.office.neo.requests)
    words = Vocabulary(approvals=("PENDING", "APPROVED", "REJECTED"))
    scene.office.rooms.turns.neo_of(TENANT).speaks(words)
    assert (await scene.megan.types("pending approvals")).summary == told
    assert scene.office.neo.requests[-1].query["status"] == "PENDING"


async def test_a_revoked_key_is_named_to_whoever_asks_and_never_shown(scene: Scene) -> None:
    key = scene.office.neo.key
    await scene.megan.types("agents")
    scene.office.neo.revoke_key()
    card = await scene.megan.types("show failed runs")
    assert "refuses the key" in card.summary
    assert "An administrator has to give this bot a new one" in card.summary
    assert key not in card.summary + str(card.content)


async def test_a_part_of_the_status_that_cannot_be_read_is_named_and_the_rest_is_shown(
    scene: Scene,
) -> None:
    scene.office.neo.trouble(status=403, path="/billing", times=None)
    scene.office.neo.trouble(status=404, code="not_found", path="/inbox", times=None)
    card = await scene.megan.types("status")
    assert "Credits could not be read." in card.summary
    assert "Notices could not be read." in card.summary
    assert "2 approvals waiting" in card.summary
    scene.office.neo.ends_trouble()
    scene.office.neo.trouble(status=403, path="/executions", times=None)
    card = await scene.megan.types("status")
    assert "Runs could not be read." in card.summary
    assert "failed run" not in card.summary


async def test_a_text_too_long_to_be_a_question_is_not_read(scene: Scene) -> None:
    before = len(scene.office.neo.requests)
    card = await scene.megan.types("status " * 200)
    assert "too long" in card.summary
    assert "1,400 characters" in card.summary
    assert len(scene.office.neo.requests) == before


async def test_no_text_is_taken_for_a_decision(scene: Scene) -> None:
    for text in ("Approve approval 481!", "reject 481 because I say so", "yes, 481"):
        await scene.megan.types(text)
    card = await scene.megan.types("approve 481")
    assert "Password Reset wants to" in card.summary
    assert "Approve now" in titles(card)
    assert scene.office.neo.decisions == []
    assert await scene.office.ledger("481") == []


async def test_a_text_that_fits_nothing_brings_questions_that_work(scene: Scene) -> None:
    card = await scene.megan.types("lorem ipsum dolor")
    assert "I did not understand" in card.summary
    asked = await scene.megan.presses("Ask: status")
    assert "2 approvals waiting" in asked.summary


async def test_a_button_that_is_none_of_ours_changes_nothing(scene: Scene) -> None:
    await scene.megan.types("lorem ipsum dolor")
    card = await scene.megan.presses("Ask: status", text="x" * 501)
    assert "did not work" in card.summary
    assert "Nothing was changed" in card.summary


async def test_one_agent_that_is_not_known_yet_is_found_within_a_minute(
    scene: Scene,
) -> None:
    assert "Quiet Hours" not in (await scene.megan.types("agents")).summary
    scene.office.neo.has_agent("Quiet Hours", state="DISABLED")
    scene.office.clock.goes_on(seconds=61)
    card = await scene.megan.types("which agents are disabled?")
    assert "Quiet Hours" in card.summary


async def test_a_word_that_did_not_narrow_the_list_is_named(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    office.neo.fails_run(agent="Dispatch", error="No technician is free")
    card = await megan.types("anything broken at woodgrove?")
    assert "Not narrowed by “woodgrove”" in card.summary
    assert "Not narrowed" not in (await megan.types("plz show failed runs")).summary


async def test_nothing_but_a_mention_is_answered_with_help(office: Workplace) -> None:
    megan = await office.has_chat(MEGAN)
    assert "What you can ask" in (await megan.types("<at>Neo</at> 👍")).summary
