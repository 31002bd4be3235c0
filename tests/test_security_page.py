"""SECURITY.md claims no protection without naming tests that prove it, and those exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "SECURITY.md"
HEADING = "## What holds, and the test that proves it"
_LINK = re.compile(r"\[(test_\w+)\]\((tests/[\w/]+\.py)\)")
_SENTENCE = re.compile(r"[^.!?\[\]]+(?:[.!?]\S[^.!?\[\]]*)*\.")


def protections() -> list[str]:
    """The lines of the part that claims protections: nothing but headings and sentences."""
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(f"{HEADING}\n")
    assert found
    part, _, _ = rest.partition("\n## ")
    lines = [line for line in part.splitlines() if line and not line.startswith("### ")]
    assert len(lines) > 40
    return lines


def is_proven(line: str) -> bool:
    """Whether each sentence of a line is followed by a test, or several."""
    *sentences, rest = re.split(r"(?:\s*LINK)+\s*", _LINK.sub("LINK", line.removeprefix("- ")))
    return bool(sentences) and not rest and all(map(_SENTENCE.fullmatch, sentences))


@cache
def named_in(path: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {one.name for one in functions if one.name.startswith("test_")}


def test_every_sentence_about_a_protection_names_a_test() -> None:
    bullets = protections()
    assert [line for line in bullets if not (line.startswith("- ") and is_proven(line))] == []


@pytest.mark.parametrize(
    "line",
    [
        "- Nobody gets in.",
        "- Nobody gets in. [test_a](tests/a.py) Nobody gets out.",
        "- Nobody gets in. Nobody gets out. [test_a](tests/a.py)",
        "- Nobody gets in. [the door](tests/a.py)",
        "- [test_a](tests/a.py)",
    ],
)
def test_a_sentence_without_a_test_is_found(line: str) -> None:
    assert not is_proven(line)


def test_sentences_with_tests_after_each_are_proven() -> None:
    first = "In `a.b` and on 127.0.0.1, nobody. [test_a](tests/a.py) [test_b](tests/b/c.py)"
    assert is_proven(f"- {first} Nor out. [test_a](tests/a.py)")


def test_every_test_that_is_named_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = _LINK.findall(text)
    assert len(named) == len(re.findall(r"test_\w+\]\(", text))
    missing = [(name, path) for name, path in named if name not in named_in(path)]
    assert missing == []
