"""Writes what the documents say about questions, orders, commands and settings, from the code.

`make docs` runs it; `test_docs.py` holds the documents against it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))  # run by its path, Python looks for modules beside it alone

from bot.__main__ import COMMANDS  # noqa: E402 -- after the line above
from bot.chat.examples import EXAMPLES, ORDERS  # noqa: E402 -- likewise
from bot.policies import PolicyFile  # noqa: E402 -- likewise
from bot.settings import Settings  # noqa: E402 -- likewise
from bot.telemetry.metrics import FIGURES  # noqa: E402 -- likewise


def questions() -> str:
    """The table of questions, from the grammar's examples."""
    return _table(("You type", "You see"), ((f"`{e.question}`", e.shows) for e in EXAMPLES))


def orders() -> str:
    """The table of orders, from the examples that `help` shows."""
    return _table(("You type", "What it does"), ((f"`{text}`", does) for text, does in ORDERS))


def commands() -> str:
    """The table of commands, from the command line's own."""
    rows = ((f"`python -m bot {name}`", about) for name, (_, about) in COMMANDS.items())
    return _table(("Command", "What it does"), rows)


def settings() -> str:
    """The table of settings, from `Settings`."""
    rows = (
        (f"`{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    return _table(("Name", "Default", "What it is"), rows)


def figures() -> str:
    """The table of metrics, from `FIGURES`."""
    rows = (
        (
            f"`{one.name}`",
            one.kind.__name__.lower(),
            ", ".join(f"`{label}`" for label in one.labels),
            one.about,
        )
        for one in FIGURES
    )
    return _table(("Name", "Kind", "Labels", "What it says"), rows)


GENERATED: Final = (
    ("README.md", "questions", questions),
    ("README.md", "orders", orders),
    ("README.md", "commands", commands),
    ("docs/settings.md", "settings", settings),
    ("docs/OPERATING.md", "metrics", figures),
)
"""Which document holds what, between which markers, and who writes it."""


def replaced(document: str, part: str, content: str) -> str:
    """The document with one generated part written anew.

    Raises:
        ValueError: it has no such part.
    """
    begin, end = f"<!-- {part}: written by `make docs` -->\n", f"<!-- end of {part} -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"There are no lines {begin.strip()} and {end} around the {part}.")
    return f"{before}{begin}\n{content}\n{end}{after}"


def main() -> int:
    """Write every generated part; returns the exit status."""
    for name, part, write in GENERATED:
        path = _ROOT / name
        path.write_text(replaced(path.read_text(encoding="utf-8"), part, write()), encoding="utf-8")
    return 0


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, tuple("---" for _ in head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in cells)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


def _default(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, PolicyFile):
        value = value.path
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return "" if value in (None, "") else f"`{value}`"


if __name__ == "__main__":
    raise SystemExit(main())
