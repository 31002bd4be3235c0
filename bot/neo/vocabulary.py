"""The words of Neo's statuses, as its own document lists them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from os.path import commonprefix
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.neo.models import (
    APPROVAL_STATUSES,
    RUN_STATUSES,
    Approval,
    ApprovalState,
    NeoModel,
    Outcome,
    Run,
)
from bot.neo.models.base import plain
from bot.neo.openapi import Document, Shape, TooEntangled

S = TypeVar("S", Outcome, ApprovalState)

_MOST_WORDS = 200  # Neo has some ten; an enum of more is no list of statuses

_PLACED: Mapping[type[NeoModel], frozenset[str]] = {
    Run: frozenset(chain(*RUN_STATUSES.values())),
    Approval: frozenset(chain(*APPROVAL_STATUSES.values())),
}


class Vocabulary(BaseModel):
    """The words that Neo has for how a run and an approval stand, as its own document lists them.

    Empty where the document could not be had: then the synonyms of `bot.neo.models` serve alone.

    Attributes:
        runs: Every status of a run, as Neo writes it.
        approvals: Every status of an approval, as Neo writes it.
    """

    model_config = ConfigDict(frozen=True)

    runs: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: object) -> Self:
        """The words of a document; empty for what is none."""
        try:
            document = Document(content)
            return cls(
                runs=_statuses(document, "/public-api/executions"),
                approvals=_statuses(document, "/public-api/til-requests"),
            )
        except TooEntangled:
            return cls()

    @classmethod
    def from_json(cls, content: object) -> Self:
        """What `to_json` wrote; empty for what cannot be read, as for None."""
        try:
            return cls.model_validate(content)
        except ValidationError:
            return cls()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, for whatever keeps it over a restart."""
        return self.model_dump(mode="json")

    def or_else(self, known: Vocabulary) -> Vocabulary:
        """This one, and what was known before of the statuses that it does not list."""
        return Vocabulary(runs=self.runs or known.runs, approvals=self.approvals or known.approvals)

    def outcome(self, status: str) -> Outcome:
        """What a run's status means."""
        return _meaning(status, self._beginnings[Run], RUN_STATUSES, Outcome.UNKNOWN)

    def state(self, status: str) -> ApprovalState:
        """What an approval's status means."""
        beginning = self._beginnings[Approval]
        return _meaning(status, beginning, APPROVAL_STATUSES, ApprovalState.UNKNOWN)

    def approval_values(self, state: ApprovalState) -> tuple[str, ...]:
        """The statuses, as Neo writes them, that mean this: what ``status=`` may ask for."""
        return tuple(word for word in self.approvals if self.state(word) is state)

    @property
    def unplaced_runs(self) -> tuple[str, ...]:
        """The statuses of a run that mean nothing here."""
        return tuple(word for word in self.runs if self.outcome(word) is Outcome.UNKNOWN)

    @property
    def unplaced_approvals(self) -> tuple[str, ...]:
        """The statuses of an approval that mean nothing here."""
        return self.approval_values(ApprovalState.UNKNOWN)

    def translated(self, model: type[NeoModel], data: Any) -> Any:
        """Data of one answer, with a status that `model` knows in place of Neo's word for it.

        ``TIL_STATUS_PENDING`` becomes ``pending`` if each of Neo's statuses begins alike and what
        is left of this one is known. Everything else, and an unknown status, stays as it came.
        """
        beginning = self._beginnings.get(model)
        if not beginning or not isinstance(data, dict):
            return data
        status = data.get("status")
        said = plain(status) if isinstance(status, str) else ""
        rest = said.removeprefix(beginning)
        known = _PLACED[model]
        return {**data, "status": rest} if rest in known and said not in known else data

    @cached_property
    def _beginnings(self) -> Mapping[type[NeoModel], str]:
        """What the statuses of each model begin with; looked up for every status that is read."""
        return {Run: _shared_beginning(self.runs), Approval: _shared_beginning(self.approvals)}


def _statuses(document: Document, path: str) -> tuple[str, ...]:
    """The enum of a list's ``status``; if it has none, that of the parameter that narrows by it."""
    operation = document.operation("GET", path)
    if operation is None:
        return ()
    answer = document.answer(operation) or Shape()
    items = document.shape(*document.shape(*_field(answer, "data")).items)
    if words := _believed(document.shape(*_field(items, "status"))):
        return words
    filters = [p for p in document.parameters(operation) if p.get("name") == "status"]
    return _believed(document.shape(*(parameter.get("schema") for parameter in filters)))


def _believed(status: Shape) -> tuple[str, ...]:
    return status.words if len(status.words) <= _MOST_WORDS else ()


def _field(shape: Shape, name: str) -> tuple[Any, ...]:
    return (shape.fields or {}).get(name, ())


def _meaning(status: str, beginning: str, known: Mapping[S, frozenset[str]], unknown: S) -> S:
    """The meaning of a status as it is, else without what all of Neo's begin with."""
    said = plain(status)
    for word in (said, said.removeprefix(beginning)):
        for meaning, synonyms in known.items():
            if word in synonyms:
                return meaning
    return unknown


def _shared_beginning(words: tuple[str, ...]) -> str:
    """Whole words that each status begins with: ``til_status_``; a "not" is never dropped."""
    if len(words) == 1:
        return ""
    shared = commonprefix([plain(word) for word in words])  # noqa: RUF071 -- words, not paths
    beginning = shared[: shared.rfind("_") + 1]
    return "" if {"not", "no", "non"} & set(beginning.split("_")) else beginning
