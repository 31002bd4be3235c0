"""What the documents say is so."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from bot.__main__ import COMMANDS
from bot.policies import Policy
from bot.settings import Settings
from bot.telemetry.metrics import FIGURES
from tests.generated_docs import GENERATED, replaced

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
PICTURES = ROOT / "docs" / "pictures"
LARGEST_PICTURE = 150_000

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(document.relative_to(ROOT)) for document in DOCUMENTS]
)


def links(document: Path) -> list[str]:
    """Everything a document links to or shows."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)


def anchors(document: Path) -> set[str]:
    """The anchors that a page makes of its headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("name", "part", "write"), GENERATED, ids=[part for _, part, _ in GENERATED]
)
def test_a_generated_part_is_current(name: str, part: str, write: Callable[[], str]) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == replaced(text, part, write()), f"{name} is out of date: run `make docs`"


@each_document
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{document.name} links to {link}"


@each_document
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets
    assert set(re.findall(r"python -m bot ([a-z]+)", text)) <= set(COMMANDS)


@each_document
def test_every_setting_that_a_document_gives_a_value_exists(document: Path) -> None:
    names = re.findall(r"^([A-Z][A-Z0-9_]+)=", document.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(names) <= {name.upper() for name in Settings.model_fields}


@each_document
def test_a_path_that_a_document_names_exists(document: Path) -> None:
    rooms = r"`((?:bot|cards|tests|deploy|manifest|docs)/[\w./-]+)`"
    for path in re.findall(rooms, document.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), f"{document.name} names {path}"


@each_document
def test_every_figure_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\bneo_bot_\w+", document.read_text(encoding="utf-8")))
    known = {figure.name for figure in FIGURES}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= known


def asked_for(model: Any, place: str = "") -> Iterator[str]:
    """Every key of a model and of the models within it, with the table that it stands in."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield f"{place}{name}"
            yield from asked_for(field.annotation, f"{place}{name}.")
    else:
        for part in get_args(model):
            yield from asked_for(part, place)


def written(table: Any, place: str = "") -> Iterator[str]:
    """Every key of a TOML document, with the table that it stands in."""
    if isinstance(table, list):
        for one in table:
            yield from written(one, place)
    elif isinstance(table, dict):
        for name, value in table.items():
            yield f"{place}{name}"
            yield from written(value, f"{place}{name}.")


def test_the_example_of_a_policy_is_accepted_and_has_every_key() -> None:
    text = (ROOT / "docs" / "APPROVALS.md").read_text(encoding="utf-8")
    example = re.findall(r"<!-- policy: .*? -->\s+```toml\n(.*?)```", text, re.DOTALL)
    assert len(example) == 1
    table = tomllib.loads(example[0])
    policy = Policy.model_validate(table)
    assert policy.rule[0].people == 2
    assert set(written(table)) == set(asked_for(Policy))


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        for link in links(document)
        if link.endswith(".png")
    }
    assert shown == {picture.resolve() for picture in PICTURES.glob("*.png")}
    assert shown
    for picture in shown:
        assert picture.stat().st_size <= LARGEST_PICTURE, picture.name
