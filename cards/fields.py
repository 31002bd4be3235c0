"""An open object in lines: known fields first, then whatever else it holds, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cards import labels

_DEEPEST: Final = 6
_LONGEST: Final = 400
CUT: Final = "… not all of it fits here: the whole of it is in Neo"


def masked(value: Any, depth: int = 0) -> Any:
    """The same value with every secret in it replaced, and what is too deep or too long cut."""
    if isinstance(value, Mapping):
        if depth >= _DEEPEST:
            return CUT
        return {
            str(key): labels.MASK if hides(str(key), held) else masked(held, depth + 1)
            for key, held in list(value.items())[:_LONGEST]
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return CUT if depth >= _DEEPEST else [masked(held, depth + 1) for held in value[:_LONGEST]]
    return value


def hides(key: str, value: Any) -> bool:
    """Whether this field is masked: it is named like a secret and holds more than yes or no."""
    return labels.is_secret(key) and value not in (None, "") and not isinstance(value, bool)


def scalar(value: Any) -> str:
    """A single value in words; empty for nothing, and for what is nested."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float, str)):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(v, (int, float, str)) for v in value):
        return ", ".join(map(str, value))
    return ""


def flattened(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every value that an object holds, with the words of the way to it; secrets masked."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        for key, held in value.items():
            name = f"{path} / {labels.words(str(key))}" if path else labels.words(str(key))
            if hides(str(key), held):
                yield name, labels.MASK
            else:
                yield from flattened(held, name, depth + 1)
    elif isinstance(value, list) and value and not scalar(value) and depth < _DEEPEST:
        for number, held in enumerate(value, 1):
            yield from flattened(held, f"{path} {number}".strip(), depth + 1)
    elif isinstance(value, (Mapping, list)) and value and not scalar(value):
        yield path, CUT
    else:
        yield path, scalar(value) or "(empty)"
