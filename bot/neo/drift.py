"""How the live API differs from what the client expects, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from bot.neo.models import ApprovalState, NeoModel, Outcome
from bot.neo.openapi import Document, Node, Shape, TooEntangled, same_path
from bot.neo.operation import Operation
from bot.neo.vocabulary import Vocabulary

Operations = Iterable[Operation[Any]]


class Kind(StrEnum):
    """In what the live API differs."""

    DOCUMENT = "document"
    OPERATION_GONE = "operation_gone"
    FIELD_GONE = "field_gone"
    TYPE_CHANGED = "type_changed"
    NOW_REQUIRED = "now_required"
    UNKNOWN_WORD = "unknown_word"
    NOT_DESCRIBED = "not_described"
    FURTHER = "further"


class Severity(StrEnum):
    """What a difference means for people, the worst first."""

    BROKEN = "broken"
    """Something that people do in Teams every day no longer works."""
    DEGRADED = "degraded"
    """Something is missing from what they see, or a rarer request is refused."""
    NOTICE = "notice"
    """Nothing that they would see."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        kind: In what.
        where: An operation's name, or a shape's field: ``Approval.approvers.user_id``.
        severity: What it means.
        sentence: Both in words, for whoever looks after the bot.
    """

    kind: Kind
    where: str
    severity: Severity
    sentence: str


@dataclass(frozen=True, slots=True)
class Additions:
    """What the live API has that the client does not use: no drift, for the API is additive."""

    operations: int = 0
    fields: int = 0


# What people lose with an operation; what needs another one is answered with an error alone.
_LOST_WITH = {
    "agents.list": "agents cannot be listed or found by name",
    "approvals.decide": "approvals cannot be decided from Teams",
    "approvals.list": "approvals are neither shown nor announced, and none can be decided",
    "runs.list": "runs are not shown, and failures are not announced",
}
# What people lose with a field; without another one, cards say that it is not known.
_NOBODY_ASKED = "nobody counts as asked, so approvals cannot be decided from Teams"
_LOST_WITHOUT = {
    "Approval.approvers": _NOBODY_ASKED,
    "Approval.approvers.user_id": _NOBODY_ASKED,
}
# Fields of an operation's shape that its answer has never been documented to have.
_WHAT_AN_AGENT_DOES = frozenset({"actions", "agent_settings", "integrations", "toolbox"})
_NEVER_ANSWERED: Mapping[str, frozenset[str]] = {
    "agents.create": _WHAT_AN_AGENT_DOES,
    "agents.list": _WHAT_AN_AGENT_DOES,
    "agents.update": _WHAT_AN_AGENT_DOES,
}

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
# The kinds of JSON out of which the models make each type; ids are whole numbers here, text there.
_READABLE: tuple[tuple[type, frozenset[str]], ...] = (
    (bool, frozenset({"boolean"})),
    (int, frozenset({"integer", "number", "string"})),
    (float, frozenset({"integer", "number", "string"})),
    (date, frozenset({"string", "integer", "number"})),
    (str, _SCALARS),
    (NeoModel, frozenset({"object"})),
    (Mapping, frozenset({"object"})),
    (Iterable, frozenset({"array"})),
)
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
_PAGING = frozenset({"page_size"})
_DEEPEST_FIELD = 6
_MOST_TOLD = 100  # more is another API, or a document made to fill the log


def compare(document: object, operations: Operations) -> tuple[Difference, ...]:
    """Name what the client expects and the live API no longer says, the worst first.

    Args:
        document: What ``/public-api/openapi.json`` answered, whatever that is.
        operations: What the client expects, with the shapes of the answers.
    """
    return examined(document, operations)[0]


def additions(document: object, operations: Operations) -> Additions:
    """Count what the live API has that the client does not use; nothing, for no document."""
    return examined(document, operations)[1]


def examined(document: object, operations: Operations) -> tuple[tuple[Difference, ...], Additions]:
    """Both at once, for it takes up to half a second: call it in a thread."""
    expected = tuple(operations)
    known = {(one.method, same_path(one.path)) for one in expected} | {("GET", "/openapi.json")}
    try:
        live = Document(document)
        if not live.is_openapi:
            return _unusable("Neo's document about its API is no OpenAPI 3 document")
        missing = [one for one in expected if live.operation(one.method, one.path) is None]
        if len(missing) == len(expected) > 1:
            return _unusable("That document has none of Neo's operations: it is another API's")
        walk = _Walk(live)
        for operation in expected:
            walk.look_at(operation)
        new = Additions(len(set(live.operations()) - known), len(walk.unused))
    except TooEntangled:
        return _unusable("Neo's document about its API is too large or too nested to follow")
    found = [*walk.differences(), *_unplaced(Vocabulary.of(document))]
    return _told_first(found), new


def _told_first(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """The worst first, and how many there are beyond those that are told."""
    told = sorted(found, key=lambda one: list(Severity).index(one.severity))
    if not (left_out := told[_MOST_TOLD:]):
        return tuple(told)
    what = f"There are {len(left_out):,} more differences than those named."
    more = Difference(Kind.FURTHER, "openapi.json", left_out[0].severity, what)
    return (*told[:_MOST_TOLD], more)


def _unusable(what: str) -> tuple[tuple[Difference, ...], Additions]:
    told = f"{what}: what changed is not known, and the known words for statuses serve."
    only = Difference(Kind.DOCUMENT, "openapi.json", Severity.NOTICE, told)
    return (only,), Additions()


def _unplaced(words: Vocabulary) -> Iterator[Difference]:
    # A list without a word for these means that it has one which nobody here knows.
    if words.runs and not any(words.outcome(word) is Outcome.FAILED for word in words.runs):
        told = "None of the statuses a run can have is known to mean that it failed: failures"
        yield Difference(
            Kind.UNKNOWN_WORD,
            "Run.status",
            Severity.BROKEN,
            f"{told} without an error text are not announced.",
        )
    if words.approvals and not words.approval_values(ApprovalState.PENDING):
        told = "None of the statuses an approval can have is known to mean that it waits: lists of"
        yield Difference(
            Kind.UNKNOWN_WORD,
            "Approval.status",
            Severity.BROKEN,
            f"{told} what waits stay empty.",
        )
    for word in words.unplaced_runs:
        told = f"Runs can have the status {word!r}, which is not known here: it is shown as it is."
        yield Difference(Kind.UNKNOWN_WORD, "Run.status", Severity.NOTICE, told)
    for word in words.unplaced_approvals:
        told = (
            f"Approvals can have the status {word!r}, which is not known here: such an approval"
            " counts as open until Neo names who decided it."
        )
        yield Difference(Kind.UNKNOWN_WORD, "Approval.status", Severity.DEGRADED, told)


@dataclass(slots=True)
class _Walk:
    """Goes through the operations and gathers what is missing and what is unused."""

    live: Document
    unused: set[str] = field(default_factory=set)
    _found: dict[tuple[Kind, str, str], tuple[Severity, list[str]]] = field(default_factory=dict)

    def differences(self) -> Iterator[Difference]:
        """Each once, with every operation that it was met in."""
        for (kind, where, sentence), (severity, names) in self._found.items():
            told = sentence.replace("{}", ", ".join(dict.fromkeys(names)))
            yield Difference(kind, where, severity, told)

    def look_at(self, operation: Operation[Any]) -> None:
        """Compare one operation."""
        found = self.live.operation(operation.method, operation.path)
        if found is None:
            what = f"Neo's API no longer has {operation.method} {operation.path}"
            self._whole(Kind.OPERATION_GONE, operation, what)
            return
        for name in sorted(self._asked_for(operation, found)):
            self._whole(Kind.NOW_REQUIRED, operation, f"{name!r} is now required and is not sent")
        answer = self.live.answer(found)
        if answer is not None:
            self._answer(operation, answer)

    def _asked_for(self, operation: Operation[Any], found: Node) -> set[str]:
        """What has to be sent and is not."""
        required = set(self.live.body(found).required)
        for parameter in self.live.parameters(found):
            name = parameter.get("name")
            if parameter.get("required") is True and parameter.get("in") == "query":
                required.add(str(name))
        return required.difference(operation.sends) - _PAGING

    def _answer(self, operation: Operation[Any], answer: Shape) -> None:
        wanted = "array" if operation.many else "object"
        if answer.fields is None:
            self._not_described(operation)
            return
        data = self.live.shape(*answer.fields.get("data", ()))
        if "data" not in answer.fields:
            self._whole(Kind.FIELD_GONE, operation, "Its answers no longer have 'data'")
        elif not _fits(data, frozenset({wanted})):
            what = f"Its answers' data is now {_told(data)}, no longer {_WORDS[wanted]}"
            self._whole(Kind.TYPE_CHANGED, operation, what)
        else:
            shape = self.live.shape(*data.items) if operation.many else data
            self._shape(operation, operation.answers, shape, ())

    def _shape(
        self, operation: Operation[Any], model: type[NeoModel], live: Shape, path: tuple[str, ...]
    ) -> None:
        never = _NEVER_ANSWERED.get(operation.name, frozenset())
        fields = {_name(name, info): info for name, info in model.model_fields.items()}
        expected = {name for name in fields if ".".join((*path, name)) not in never}
        if live.fields is None:
            if expected:
                self._not_described(operation)
            return
        begins = (operation.answers.__name__, *path)
        self.unused |= {".".join((*begins, name)) for name in live.fields.keys() - fields.keys()}
        for name, info in fields.items():
            if name in live.fields:
                shape = self.live.shape(*live.fields[name])
                self._field(operation, info, shape, (*path, name))
            elif name in expected:
                what = "Neo's answers no longer have it"
                self._part(Kind.FIELD_GONE, operation, (*path, name), what, info)

    def _field(
        self, operation: Operation[Any], info: FieldInfo, live: Shape, path: tuple[str, ...]
    ) -> None:
        readable, model = _reads(info.annotation)
        if not _fits(live, readable):
            what = f"In Neo's answers it is now {_told(live)}, which cannot be read"
            self._part(Kind.TYPE_CHANGED, operation, path, what, info)
        elif model is not None and len(path) < _DEEPEST_FIELD:
            inner = self.live.shape(*live.items) if live.items else live
            if inner.fields is not None:
                self._shape(operation, model, inner, path)

    def _whole(self, kind: Kind, operation: Operation[Any], what: str) -> None:
        """Note what concerns an operation as a whole."""
        lost = _LOST_WITH.get(operation.name)
        severity = Severity.BROKEN if lost else Severity.DEGRADED
        sentence = f"{what}: {lost or 'whatever needs it ends with an error'}."
        self._note(kind, operation, operation.name, severity, sentence)

    def _part(
        self,
        kind: Kind,
        operation: Operation[Any],
        path: tuple[str, ...],
        what: str,
        info: FieldInfo,
    ) -> None:
        """Note what concerns a field."""
        where = ".".join((operation.answers.__name__, *path))
        lost = _LOST_WITHOUT.get(where)
        if info.is_required() and len(path) == 1:
            lost = "nothing can be read that has none"
        severity = Severity.BROKEN if lost else Severity.DEGRADED
        sentence = f"{what} ({{}}): {lost or 'it is shown as not known, or left out'}."
        self._note(kind, operation, where, severity, sentence)

    def _not_described(self, operation: Operation[Any]) -> None:
        what = "Neo's document does not say what its answers hold: their fields were not compared."
        self._note(Kind.NOT_DESCRIBED, operation, operation.name, Severity.NOTICE, what)

    def _note(
        self, kind: Kind, operation: Operation[Any], where: str, severity: Severity, sentence: str
    ) -> None:
        _, names = self._found.setdefault((kind, where, sentence), (severity, []))
        names.append(operation.name)


def _name(name: str, info: FieldInfo) -> str:
    """What Neo calls a field."""
    return info.alias or name


def _fits(live: Shape, readable: frozenset[str]) -> bool:
    """Whether what the document says can be read; where it says nothing, it can."""
    kinds = live.kinds - {"null"}
    return not kinds or not readable or bool(kinds & readable)


def _told(live: Shape) -> str:
    kinds = sorted(live.kinds - {"null"})
    return " or ".join(_WORDS.get(kind, "something unknown") for kind in kinds)


def _reads(annotation: Any) -> tuple[frozenset[str], type[NeoModel] | None]:
    """The kinds of JSON that a type is made of (empty: any), and the shape inside, if it is one."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _reads(inside[0])
    if origin in {Union, UnionType}:
        found = [_reads(one) for one in inside if one is not NoneType]
        kinds = [readable for readable, _ in found]
        model = found[0][1] if len(found) == 1 else None
        return (frozenset().union(*kinds) if all(kinds) else frozenset(), model)
    kind = origin or annotation
    if not isinstance(kind, type):
        return (_SCALARS if origin is Literal else frozenset(), None)
    readable = next((how for base, how in _READABLE if issubclass(kind, base)), frozenset[str]())
    if issubclass(kind, NeoModel):
        return readable, kind
    is_list = readable == frozenset({"array"}) and bool(inside)
    return readable, _reads(inside[0])[1] if is_list else None
