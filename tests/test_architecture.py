"""The house stands as its plan says."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot import __version__
from bot.settings import Settings

LONGEST_FILE = 500


def test_arrows_point_down(repository: Path) -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is not installed beside this Python")
    done = subprocess.run(  # noqa: S603 -- a tool of this environment
        [str(lint), "--no-cache"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_too_long_to_be_read(repository: Path) -> None:
    long = {
        str(path.relative_to(repository)): lines
        for room in ("bot", "cards", "tests")
        for path in (repository / room).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_every_setting_is_documented(repository: Path) -> None:
    page = (repository / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name.upper() for name in Settings.model_fields if name.upper() not in page] == []


def test_one_version_is_named_everywhere(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == __version__
