"""The command that shows what the grammar makes of a text."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.chat.parse_command import main

NOW = datetime(2026, 11, 4, 15, 30, tzinfo=UTC)


def run(*argv: str, stdin: str = "", agents: tuple[str, ...] = ()) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, now=lambda: NOW, out=out, err=err, agents=agents, stdin=io.StringIO(stdin))
    return code, out.getvalue(), err.getvalue()


def objects(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_words_are_joined_into_one_text() -> None:
    code, out, err = run("show", "failed", "runs", "since", "yesterday")

    assert (code, err) == (0, "")
    assert objects(out) == [
        {"intent": "runs", "status": "failed", "since": "2026-11-03T00:00:00+00:00"}
    ]


def test_every_line_of_a_file_answers_with_one_line_in_its_order(tmp_path: Path) -> None:
    texts, agents = tmp_path / "texts.jsonl", tmp_path / "agents.txt"
    texts.write_text(
        '{"text": "approve 481", "label": "ignored"}\n\n{"text": "last 3 onbording runs"}\n'
        '{"text": "follow failures"}\n{"text": "my approvals"}\n{"text": ""}\n',
        encoding="utf-8",
    )
    agents.write_text("Onboarding L1\n\nPrinter & Scanner Setup\n", encoding="utf-8")

    code, out, _ = run("--file", str(texts), "--agents", str(agents))

    assert code == 0
    assert objects(out) == [
        {"intent": "approval", "approval": "481"},
        {"intent": "runs", "agent": "Onboarding L1", "limit": 3},
        {"intent": "follow", "topic": "failures"},
        {"intent": "approvals", "mine": True},
        {"intent": "ask"},
    ]


def test_a_dash_reads_stdin() -> None:
    code, out, _ = run("--file", "-", stdin='{"text": "help"}\n{"text": "status"}')

    assert code == 0
    assert [said["intent"] for said in objects(out)] == ["help", "status"]


def test_now_and_zone_decide_where_a_day_begins() -> None:
    _, out, _ = run("failures today", "--now", "2026-11-01T18:00", "--tz", "America/New_York")

    assert objects(out)[0]["since"] == "2026-11-01T00:00:00-04:00"


def test_the_callers_agents_are_known_without_a_file() -> None:
    _, out, _ = run("password rest", agents=("Password Reset",))

    assert objects(out) == [{"intent": "agent", "agent": "Password Reset"}]


def test_a_name_that_fits_nobody_is_no_agent() -> None:
    _, out, _ = run("runs of agent Foobar")

    assert objects(out) == [{"intent": "runs"}]


@pytest.mark.parametrize(
    ("argv", "stdin", "said"),
    [
        ((), "", "nothing to read"),
        (("hi", "--file", "-"), "", "not both"),
        (("hi", "--tz", "Mars/Olympus"), "", "no zone 'Mars/Olympus'"),
        (("hi", "--tz", "../etc/passwd"), "", "no zone"),
        (("hi", "--tz", ""), "", "no zone"),
        (("hi", "--now", "yesterday"), "", "no ISO 8601 time"),
        (("hi", "--now", "0001-01-01T00:00:00"), "", "out of range"),
        (("--file", "/nowhere/texts.jsonl"), "", "cannot read /nowhere/texts.jsonl"),
        (("hi", "--agents", "/nowhere/agents.txt"), "", "cannot read /nowhere/agents.txt"),
        (("--file", "/"), "", "cannot read /"),
        (("--file", "-"), '{"text": "hi"}\n{"text": \n', "stdin, line 2: it is no JSON"),
        (("--file", "-"), '["hi"]', 'stdin, line 1: it is no object with a string "text"'),
        (("--file", "-"), '{"text": 5}', "line 1"),
        (("--frob",), "", "unrecognized arguments: --frob"),
    ],
)
def test_bad_input_is_named_and_ends_with_two(argv: tuple[str, ...], stdin: str, said: str) -> None:
    code, _, err = run(*argv, stdin=stdin)

    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    agents = tmp_path / "agents.txt"
    agents.write_bytes(b"Caf\xe9\n")

    code, _, err = run("hi", "--agents", str(agents))

    assert code == 2
    assert "not UTF-8" in err
