"""The demo starts again where it was."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.command import Options, build_world
from bot.sandbox.runs import approval_body
from bot.sandbox.state import StateError, save
from bot.sandbox.world import ApprovalFilter, RunFilter, World
from tests.sandbox.conftest import START
from tests.sandbox.test_world import ALEX, everything

PENDING = ApprovalFilter(statuses=frozenset({"PENDING"}), approver=ALEX)


def lived(path: Path) -> World:
    told = build_world(Options(state=path, runs=50), START)
    told.advance(START + timedelta(minutes=3))
    told.decide(next(told.approvals(PENDING)), "reject", (ALEX, "Alex Wilber"), "Not today.")
    save(path, told)
    return told


def test_a_saved_world_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")

    again = build_world(Options(state=tmp_path / "neo.json", runs=50), told.now)

    assert everything(again) == everything(told)
    assert any(
        approval_body(run).get("comment") == "Not today." for run in again.living if run.approval
    )


def test_it_goes_on_as_it_would_have_without_the_pause(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")
    again = build_world(Options(state=tmp_path / "neo.json", runs=50), told.now)
    known = {run.id for run in told.living}

    told.advance(told.now + timedelta(minutes=5))
    again.advance(told.now)

    assert [run.id for run in again.living] == [run.id for run in told.living]
    assert known < {run.id for run in again.living}


def test_the_time_in_between_is_not_made_up(tmp_path: Path) -> None:
    told = lived(tmp_path / "neo.json")
    next_day = told.now + timedelta(hours=18)

    again = build_world(Options(state=tmp_path / "neo.json", runs=50), next_day)

    assert [run.id for run in again.living] == [run.id for run in told.living]
    assert not any(again.runs(RunFilter(statuses=frozenset({"RUNNING"}))))
    again.advance(next_day + timedelta(seconds=3))
    assert len(again.living) == len(told.living) + 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"version": 9}', b"[1, 2]"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "neo.json"
    path.write_bytes(content)

    with pytest.raises(StateError, match="Delete it to begin with a new world") as told:
        build_world(Options(state=path), START)
    assert str(path) in str(told.value)


def test_another_seed_is_refused_with_both_named(tmp_path: Path) -> None:
    lived(tmp_path / "neo.json")

    with pytest.raises(StateError, match=r"--seed 1, now it is 2.*delete the file"):
        build_world(Options(state=tmp_path / "neo.json", runs=50, seed=2), START)


def test_saving_leaves_no_other_file_behind(tmp_path: Path) -> None:
    lived(tmp_path / "deep" / "neo.json")

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["neo.json"]
