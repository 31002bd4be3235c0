"""An operation of Neo's API as a value: what it is called, how it is asked, what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from bot.neo.models import NeoModel

M = TypeVar("M", bound=NeoModel)

Method = Literal["GET", "POST", "PUT", "PATCH"]


@dataclass(frozen=True, slots=True)
class Operation(Generic[M]):
    """One operation of the contract.

    Attributes:
        name: The client's name of it, e.g. ``runs.steps``; stands in errors and logs.
        method: HTTP method.
        path: As in the contract, with placeholders: ``/public-api/agents/{agent_id}``.
        answers: The model of its data; of one item where the data is a list.
        many: Whether the data is a list.
        repeatable: Whether asking twice does no more than asking once; reads always are.
        sends: What each request of it carries besides its path, as Neo names it: if Neo's API
            one day requires more, the bot can say so before people find out.
    """

    name: str
    method: Method
    path: str
    answers: type[M]
    many: bool = False
    repeatable: bool = False
    sends: tuple[str, ...] = ()

    @property
    def may_repeat(self) -> bool:
        """Whether it may be asked again after an answer that was lost."""
        return self.method == "GET" or self.repeatable


@dataclass(frozen=True, slots=True)
class Request(Generic[M]):
    """One request of an operation.

    Attributes:
        operation: Which.
        segments: What the path's placeholders stand for; whatever was typed, it is quoted.
        query: Query parameters; those that are None are left out.
        body: The JSON body, None for none.
    """

    operation: Operation[M]
    segments: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        """The path with its placeholders filled."""
        quoted = {name: _segment(text) for name, text in self.segments.items()}
        return self.operation.path.format_map(quoted)

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters that were given."""
        return {name: value for name, value in self.query.items() if value is not None}

    @property
    def identity(self) -> str:
        """Path and query in one text: the same for equal reads, in whatever order they name it."""
        # By repr: to Neo, True, 1 and "1" may be three different things.
        return f"{self.path} {sorted(self.params.items())!r}"


def _segment(text: str) -> str:
    """One segment of a path, whatever was typed; a segment of dots would be resolved away."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")
