"""Neo's own OpenAPI document, read without trust: its operations and its shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Any

Node = Mapping[str, Any]

# Neo's document needs eight thousand; one that needs so many was made to be slow to read.
_MOST_VISITS = 60_000
_DEEPEST = 60
_LONGEST_REFERENCE = 500  # characters; names are short, and splitting a long one again is slow
_METHODS = ("get", "put", "post", "delete", "patch")
_NOTHING: Node = {}


class TooEntangled(Exception):
    """The document is too large or too nested to be followed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a schema says once its references are followed and its alternatives laid together.

    Attributes:
        kinds: JSON Schema's types, ``null`` among them; empty where it does not say.
        fields: The schemas of each property; None where it describes no properties at all.
        required: Properties that have to be there.
        items: The schemas of a list's items.
        words: Texts that an enum allows, in its order.
    """

    kinds: frozenset[str] = frozenset()
    fields: Mapping[str, tuple[Any, ...]] | None = None
    required: frozenset[str] = frozenset()
    items: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()


class Document:
    """An OpenAPI 3 document, whatever came in its place.

    Args:
        content: Decoded JSON.

    Raises:
        TooEntangled: it has more paths than anybody could look at; so do all methods that follow
            what they find.
    """

    def __init__(self, content: object) -> None:
        self._content = _node(content)
        self._visits = 0
        self._by_path: dict[str, list[object]] = {}
        paths = _node(self._content.get("paths"))
        self._visit(len(paths) * len(_METHODS), 0)
        for path, item in paths.items():
            self._by_path.setdefault(same_path(path), []).append(item)

    @property
    def is_openapi(self) -> bool:
        """Whether it is an OpenAPI 3 document that has operations at all."""
        version = self._content.get("openapi")
        return isinstance(version, str) and version.startswith("3.") and bool(self._by_path)

    def operations(self) -> Iterator[tuple[str, str]]:
        """Method (in capitals) and path of each operation, as `same_path` writes it."""
        for path, items in self._by_path.items():
            nodes = [self._resolved(item) for item in items]
            for method in _METHODS:
                if any(isinstance(node.get(method), Mapping) for node in nodes):
                    yield method.upper(), path

    def operation(self, method: str, path: str) -> Node | None:
        """An operation, whatever its placeholders are called; None if there is none."""
        for item in self._by_path.get(same_path(path), ()):
            found = self._resolved(item).get(method.lower())
            if isinstance(found, Mapping):
                return found
        return None

    def parameters(self, operation: Node) -> Iterator[Node]:
        """An operation's own parameters."""
        yield from map(self._resolved, _list(operation.get("parameters")))

    def body(self, operation: Node) -> Shape:
        """What has to be sent as JSON."""
        return self.shape(*self._json(operation.get("requestBody")))

    def answer(self, operation: Node) -> Shape | None:
        """The JSON of a success; None for a stream, which is no JSON."""
        responses = _node(operation.get("responses"))
        self._visit(len(responses), 0)
        success = next((responses[code] for code in responses if code.startswith("2")), None)
        if "text/event-stream" in _node(self._resolved(success).get("content")):
            return None
        return self.shape(*self._json(success))

    def shape(self, *schemas: Any) -> Shape:
        """What one of these schemas describes."""
        return _either([self._shape(schema, frozenset()) for schema in schemas])

    def _json(self, holder: object) -> list[Any]:
        content = _node(self._resolved(holder).get("content"))
        self._visit(len(content), 0)
        return [_node(media).get("schema") for kind, media in content.items() if "json" in kind]

    def _shape(self, schema: object, within: frozenset[int]) -> Shape:
        if not isinstance(schema, Mapping) or id(schema) in within:
            return Shape()
        self._visit(_size(schema), len(within))
        inside = within | {id(schema)}
        parts = [_own(schema)]
        if "$ref" in schema:
            parts.append(self._shape(self._target(schema["$ref"]), inside))
        parts += [self._shape(part, inside) for part in _list(schema.get("allOf"))]
        for word in ("anyOf", "oneOf"):
            parts.append(_either([self._shape(part, inside) for part in _list(schema.get(word))]))
        found = _together(parts)
        # It is copied once more at each place that refers to it.
        self._visit(len(found.fields or ()) + len(found.required) + len(found.words), 0)
        return found

    def _resolved(self, value: object) -> Node:
        """An object of the document, behind as many references as there are."""
        node, seen = _node(value), set[int]()
        self._visit(0, 0)
        while "$ref" in node and id(node) not in seen:
            self._visit(0, 0)
            seen.add(id(node))
            node = _node(self._target(node["$ref"]))
        return node

    def _target(self, reference: object) -> object:
        """What a local reference points to, None for what is not there."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        if len(reference) > _LONGEST_REFERENCE:
            return None
        names = reference[2:].split("/")
        self._visit(len(names), 0)
        found: object = self._content
        for part in names:
            found = _node(found).get(part.replace("~1", "/").replace("~0", "~"))
        return found

    def _visit(self, size: int, depth: int) -> None:
        self._visits += 1 + size
        if self._visits > _MOST_VISITS or depth > _DEEPEST:
            raise TooEntangled


def same_path(path: str) -> str:
    """A path as it is compared: neither what placeholders are called nor its mount counts."""
    return re.sub(r"\{[^{}]*\}", "{}", path).rstrip("/").removeprefix("/public-api")


def _node(value: object) -> Node:
    return value if isinstance(value, Mapping) else _NOTHING


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _size(schema: Node) -> int:
    """How much there is to go through in a schema, and in each list and object right inside it."""
    return len(schema) + sum(len(v) for v in schema.values() if isinstance(v, list | Mapping))


def _own(schema: Node) -> Shape:
    """What a schema says itself, its references and alternatives left out."""
    kind, properties, items = (schema.get(word) for word in ("type", "properties", "items"))
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    kinds = {word for word in [kind, *_list(kind)] if isinstance(word, str)}
    if not kinds and isinstance(properties, Mapping):
        kinds = {"object"}
    if not kinds and isinstance(items, Mapping):
        kinds = {"array"}
    if not kinds:
        kinds = {_kind_of(value) for value in values}
    if kinds and schema.get("nullable") is True:
        kinds.add("null")
    return Shape(
        kinds=frozenset(kinds),
        fields={name: (of,) for name, of in properties.items()}
        if isinstance(properties, Mapping)
        else None,
        required=frozenset(n for n in _list(schema.get("required")) if isinstance(n, str)),
        items=(items,) if isinstance(items, Mapping) else (),
        words=tuple(value for value in values if isinstance(value, str)),
    )


def _kind_of(value: object) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return "null" if value is None else names.get(type(value), "array")


def _together(parts: Sequence[Shape]) -> Shape:
    """All of them hold at once."""
    return Shape(
        kinds=reduce(lambda one, other: (one & other) or (one | other), (p.kinds for p in parts)),
        fields=_all_fields(parts),
        required=frozenset[str]().union(*(part.required for part in parts)),
        items=tuple(chain.from_iterable(part.items for part in parts)),
        words=tuple(dict.fromkeys(chain.from_iterable(part.words for part in parts))),
    )


def _either(branches: list[Shape]) -> Shape:
    """One of them holds, nobody knows which."""
    telling = [branch for branch in branches if branch.kinds != {"null"}]
    silent = not telling or any(not branch.kinds for branch in telling)
    kinds = frozenset[str]().union(*(branch.kinds for branch in branches))
    return Shape(
        kinds=frozenset() if silent else kinds,
        fields=_all_fields(telling),
        required=frozenset.intersection(*(b.required for b in telling)) if telling else frozenset(),
        items=tuple(chain.from_iterable(branch.items for branch in telling)),
        words=tuple(dict.fromkeys(chain.from_iterable(branch.words for branch in telling))),
    )


def _all_fields(shapes: Iterable[Shape]) -> Mapping[str, tuple[Any, ...]] | None:
    described = [shape.fields for shape in shapes if shape.fields is not None]
    if not described:
        return None
    fields: dict[str, list[Any]] = {}
    for one in described:
        for name, schemas in one.items():
            fields.setdefault(name, []).extend(schemas)
    return {name: tuple(schemas) for name, schemas in fields.items()}
