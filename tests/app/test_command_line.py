"""``python -m bot``: its help, its exit statuses, and what it refuses in which words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot.__main__ import COMMANDS, main
from bot.settings import Settings
from tests.microsoft import SECRET


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_names_every_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(name in told and about in told for name, (_, about) in COMMANDS.items())


def test_an_unknown_command_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["decide"])
    assert ended.value.code == 2
    assert "invalid choice: 'decide'" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"parse", "sandbox", "package"}))
def test_each_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"python -m bot {command}" in capsys.readouterr().out


def test_parse_shows_what_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "show failed runs"]) == 0
    assert '"failed"' in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "worker"])
def test_nothing_is_served_without_an_app_id(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command]) == 2
    told = capsys.readouterr().err
    assert "MICROSOFT_APP_ID" in told
    assert "Traceback" not in told


def test_a_setting_that_is_wrong_ends_it_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "many")
    assert main(["run"]) == 2
    assert "PORT should be a valid integer" in capsys.readouterr().err


@pytest.mark.parametrize("worker", [[], ["--no-worker"]])
def test_a_port_that_is_taken_is_named(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    worker: list[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name, value in (environment | {"PORT": str(port)}).items():
            monkeypatch.setenv(name, value)
        assert main(["run", *worker]) == 2
    told = capsys.readouterr().err
    assert f"Nothing can listen on 127.0.0.1:{port}" in told
    assert "PORT" in told
    assert SECRET not in told


def test_a_database_that_is_away_is_named(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = {"DATABASE_URL": "postgresql://neo:hush@127.0.0.1:1/neo"}
    for name, value in (environment | away).items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 2
    told = capsys.readouterr().err
    assert "The database at 127.0.0.1:1" in told
    assert "hush" not in told
