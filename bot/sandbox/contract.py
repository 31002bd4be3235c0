"""The contract: which operations there are, and what a request for each must look like."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from bot.sandbox.envelope import invalid

DEEPEST = 64
"""Levels of nesting that a body may have."""

_URI = "urn:neo"
_CHOICE = "autonomy_type"  # which of several shapes a body has
_FIELD_LENGTH = 100
_INTEGER = re.compile(r"-?[0-9]{1,100}")
_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,2})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_FORMATS = {
    "date-time": "a date and time with an offset, such as 2026-11-23T14:00:00Z",
    "uuid": "a UUID",
}
_LIMITS = {
    "minimum": "be at least",
    "maximum": "be at most",
    "minLength": "have a length of at least",
    "maxLength": "have a length of at most",
    "maxItems": "have a number of items of at most",
    "pattern": "be written like",
}
_RULES = {
    "required": "is required",
    "oneOf": "must fit exactly one of the shapes that are allowed there",
}


@dataclass(frozen=True, slots=True)
class Body:
    """What a request may carry.

    Attributes:
        required: Whether it must be there.
        names: The names that the contract knows at its top level.
        validators: By the value of `choice`; under "" where there is nothing to choose.
        choice: The name whose value tells which of several shapes is meant.
        usual: The value of `choice` where it is not given.
    """

    required: bool
    names: frozenset[str]
    validators: Mapping[str, Draft202012Validator]
    choice: str = ""
    usual: str | None = None

    def check(self, body: Mapping[str, Any]) -> None:
        """Check a body.

        Raises:
            ApiError: 400 that names the field and says what is expected there.
        """
        chosen = body.get(self.choice, self.usual) if self.choice else ""
        validator = self.validators.get(chosen) if isinstance(chosen, str) else None
        if validator is None:
            known = ", ".join(self.validators)
            raise invalid(self.choice, f"{self.choice} must be one of {known}.")
        _check(validator, body, "body")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter; `default` counts only where the schema has one."""

    name: str
    required: bool
    schema: Mapping[str, Any]
    validator: Draft202012Validator

    def read(self, given: Sequence[str]) -> Any:
        """The value as the contract types it.

        Raises:
            ApiError: 400 that names the parameter.
        """
        if len(given) > 1:
            raise invalid(self.name, f"{self.name} must be given once, not {len(given)} times.")
        value = _typed(given[0], self.schema.get("type"))
        _check(self.validator, value, self.name)
        return value


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the contract."""

    operation_id: str
    method: str
    path: str
    is_open: bool
    query: tuple[Parameter, ...]
    body: Body | None

    def read_query(self, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The parameters that were given or have a default; others are ignored.

        Raises:
            ApiError: 400 that names the parameter.
        """
        read: dict[str, Any] = {}
        for parameter in self.query:
            if parameter.name in given:
                read[parameter.name] = parameter.read(given[parameter.name])
            elif "default" in parameter.schema:
                read[parameter.name] = parameter.schema["default"]
            elif parameter.required:
                raise invalid(parameter.name, f"{parameter.name} is required.")
        return read


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ApiError: 400; it is something else, or no JSON that can be passed on.
    """
    try:
        body = json.loads(raw.decode(), parse_constant=_refuse, parse_float=_finite)
        is_object = isinstance(body, dict) and _depth_fits(body)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise invalid("body", f"The body must be a JSON object, at most {DEEPEST} levels deep.")
    found: dict[str, Any] = body
    return found


@cache
def contract() -> dict[str, Any]:
    """The contract, OpenAPI 3.1; shared by all, so not to be changed."""
    text = files("bot.sandbox").joinpath("openapi.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def routes() -> tuple[Route, ...]:
    """Every operation, in the contract's order; validators are made once in a process."""
    return tuple(_routes(contract()))


def _routes(document: Mapping[str, Any]) -> Iterator[Route]:
    registry: Registry[Any] = Registry().with_resource(_URI, DRAFT202012.create_resource(document))
    formats = _format_checker()

    def validator(*place: str | int) -> Draft202012Validator:
        pointer = "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in place)
        # By reference, so that "#/components/…" within means the contract's.
        return Draft202012Validator(
            {"$ref": f"{_URI}#/{pointer}"}, registry=registry, format_checker=formats
        )

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield Route(
                operation_id=operation["operationId"],
                method=method.upper(),
                path=path,
                is_open=not operation.get("security", document["security"]),
                query=tuple(
                    Parameter(
                        part["name"],
                        part.get("required", False),
                        part["schema"],
                        validator("paths", path, method, "parameters", place, "schema"),
                    )
                    for place, part in enumerate(operation.get("parameters", []))
                    if part["in"] == "query"
                ),
                body=_body(document, operation, validator, ("paths", path, method)),
            )


def _body(
    document: Mapping[str, Any],
    operation: Mapping[str, Any],
    validator: Callable[..., Draft202012Validator],
    at: tuple[str, ...],
) -> Body | None:
    if "requestBody" not in operation:
        return None
    content = ("requestBody", "content", "application/json", "schema")
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    names = frozenset(name for part in _parts(document, schema) for name in part["properties"])
    required = bool(operation["requestBody"].get("required"))
    if "oneOf" not in schema:
        return Body(required, names, {"": validator(*at, *content)})
    validators: dict[str, Draft202012Validator] = {}
    usual = None
    for place, part in enumerate(_parts(document, schema)):
        chosen = part["properties"][_CHOICE]
        validators[chosen["const"]] = validator(*at, *content, "oneOf", place)
        usual = chosen.get("default", usual)
    return Body(required, names, validators, _CHOICE, usual)


def _parts(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The objects that a body's schema names, in its order."""
    if "$ref" in schema:
        return [document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]]
    if several := schema.get("oneOf", schema.get("allOf")):
        return [part for each in several for part in _parts(document, each)]
    return [schema] if "properties" in schema else []


def _check(validator: Draft202012Validator, value: Any, name: str) -> None:
    error = best_match(validator.iter_errors(value))
    if error is None:
        return
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        path += [next(each for each in error.validator_value if each not in error.instance)]
    field = ".".join(path)[:_FIELD_LENGTH] or name
    raise invalid(field, f"{field} {_expected(error)}.")


def _expected(error: ValidationError) -> str:
    schema: Any = error.schema
    rule: Any = error.validator_value
    keyword = str(error.validator)
    if keyword in {"type", "enum"} and "enum" in schema:
        return f"must be one of {', '.join(map(str, schema['enum']))}"
    if keyword == "type":
        kinds = [rule] if isinstance(rule, str) else rule
        return f"must be {' or '.join(_TYPES[kind] for kind in kinds)}"
    if keyword == "format":
        return f"must be {_FORMATS.get(rule, rule)}"
    if keyword in _LIMITS:
        return f"must {_LIMITS[keyword]} {rule}"
    return _RULES.get(keyword, f"does not keep to the contract's {keyword}")


def _typed(text: str, kind: Any) -> Any:
    """The value that a text of the query stands for; the text itself where it stands for none."""
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("date-time", raises=(ValueError, OverflowError))(_is_instant)
    checker.checks("uuid")(lambda value: not isinstance(value, str) or bool(_UUID.fullmatch(value)))
    return checker


def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    # Reading it as UTC finds what the pattern cannot: the 30th of February, the end of time.
    return bool(_INSTANT.fullmatch(value) and datetime.fromisoformat(value.upper()).astimezone(UTC))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("The number is too large.")
    return number


def _depth_fits(body: Any) -> bool:
    level = [body]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False
