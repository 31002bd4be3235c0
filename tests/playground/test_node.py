from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.node import Node, find_node, npm_ci

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in with shell scripts")


def _script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def _machine(folder: Path, version: str) -> str:
    _script(folder / "node", f"echo v{version}")
    _script(folder / "npm", "exit 0")
    return str(folder)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "package.json").write_text("{}")
    (source / "package-lock.json").write_text('{"lockfileVersion": 3}')
    (source / ".npmrc").write_text("fund=false\n")
    return source


def _npm(tmp_path: Path, body: str) -> Node:
    return Node(["node"], [str(_script(tmp_path / "bin" / "npm", body))], "20.0.0")


def test_the_machines_own_node_is_taken_where_it_is_new_enough(tmp_path: Path) -> None:
    said: list[str] = []
    found = find_node(say=said.append, search_path=_machine(tmp_path, "18.20.1"))
    assert found == Node([str(tmp_path / "node")], [str(tmp_path / "npm")], "18.20.1")
    assert said == []


@pytest.mark.parametrize("version", ["16.20.2", "garbage"])
def test_the_wheel_stands_in_for_a_node_that_is_too_old(version: str, tmp_path: Path) -> None:
    said: list[str] = []
    wheel = tmp_path / "wheel"
    _script(wheel / "bin" / "node", "echo v24.19.0")
    found = find_node(
        say=said.append,
        search_path=_machine(tmp_path / "machine", version),
        wheel_folder=lambda _: wheel,
    )
    assert found.version == "24.19.0"
    assert found.npm == [*found.node, str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    assert version in said[0]


def test_a_wheel_that_does_not_start_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Install Node\.js 18 or newer"):
        find_node(say=print, search_path=str(tmp_path), wheel_folder=lambda _: tmp_path)


def test_a_lock_is_installed_once_and_again_when_it_changes(source: Path, tmp_path: Path) -> None:
    node, target = _npm(tmp_path, 'echo "$@" >> runs.txt'), tmp_path / "target"
    said: list[str] = []
    for _ in range(2):
        npm_ci(node, source, target, say=said.append, npmrc=source / ".npmrc")
    assert (target / "runs.txt").read_text() == "ci --ignore-scripts --no-progress\n"
    assert (target / ".npmrc").read_text() == "fund=false\n"
    assert len(said) == 2
    (source / "package-lock.json").write_text('{"lockfileVersion": 3, "packages": {}}')
    npm_ci(node, source, target, say=said.append, npmrc=source / ".npmrc")
    assert len((target / "runs.txt").read_text().splitlines()) == 2


_INSTALL = """
import sys
from pathlib import Path
from bot.node import Node, npm_ci
npm, source, target = sys.argv[1:]
node = Node(["node"], [npm], "20.0.0")
npm_ci(node, Path(source), Path(target), say=print, npmrc=Path(source) / ".npmrc")
"""


def test_of_four_that_start_at_once_one_installs(
    source: Path, tmp_path: Path, repository: Path
) -> None:
    node, target = _npm(tmp_path, "echo ran >> runs.txt"), tmp_path / "target"
    command = [sys.executable, "-c", _INSTALL, node.npm[0], str(source), str(target)]
    four = [subprocess.Popen(command, cwd=repository) for _ in range(4)]  # noqa: S603 -- ours
    assert [one.wait(60) for one in four] == [0, 0, 0, 0]
    assert (target / "runs.txt").read_text() == "ran\n"


def test_what_npm_said_is_told_where_it_fails_and_the_next_start_tries_again(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    broken = _npm(
        tmp_path, "echo 'npm warn Unknown user config \"x\"'; echo 'npm error ENOTFOUND'; exit 7"
    )
    with pytest.raises(ConfigurationError) as failed:
        npm_ci(broken, source, target, say=print, npmrc=source / ".npmrc")
    assert "exit 7" in str(failed.value)
    assert "ENOTFOUND" in str(failed.value)
    assert "Unknown user config" not in str(failed.value)
    npm_ci(_npm(tmp_path, "echo ok > ok"), source, target, say=print, npmrc=source / ".npmrc")
    assert (target / "ok").exists()
