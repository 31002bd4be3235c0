"""An open object in lines: known fields first, then whatever else it holds, secrets masked.

A secret is known by the name of its field, and where it stands in a text by its shape: tokens after
"Bearer" and "Basic", keys in query strings, passwords in addresses, keys of known make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from cards import labels
from cards.card import plain

_DEEPEST: Final = 6
_LONGEST: Final = 400
_LONGEST_JSON: Final = 20_000
_MOST: Final = 100_000
CUT: Final = "… not all of it fits here: the whole of it is in Neo"

_SCHEME = re.compile(
    r"\b(bearer|basic|digest|negotiate|ntlm|token|apikey|sharedaccesssignature)[ ]+"
    # Like a secret: a figure, a sign, letters of both sizes, or very long. "Basic settings" is not.
    r"(?=\S*[\d=]|\S*(?-i:[a-z][A-Z])|\S{24})[\w.~+/=:&%-]{6,}",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*"
    r"|\b(?:sk|pk|rk)_(?:live|test)_\w{8,}|\bneo_sk_\w{8,}|\bgh[pousr]_\w{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\bsk-[\w-]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_LOGIN = re.compile(r"(?<=://)[^/\s@?#]{1,200}@")
_NAME = re.compile(r"(?:(?<=[?&;])|(?<![\w.%-]))([\w.%-]{1,64})[\"']?\s{0,3}([=:])\s{0,3}")
_VALUE = re.compile(
    r"((?:bearer|basic|digest|negotiate|token|apikey)[ ]+)?"
    r"(\"[^\"\n]{1,4000}\"?|'[^'\n]{1,4000}'?|[^\s&\"',;}<>]+)",
    re.IGNORECASE,
)
_PARAMETERS: Final = frozenset({"sig", "signature", "code", "auth", "sas", "jwt", "session"})
_NAMES: Final = ("name", "key", "header", "field", "parameter", "header_name")
_MARKED: Final = ("secret", "is_secret", "sensitive", "is_sensitive")


def masked_text(text: str) -> str:
    """The text with every secret masked that its shape, or the name before it, gives away."""
    if len(text) < _LONGEST_JSON and text.lstrip()[:1] in {"{", "["}:
        try:
            return json.dumps(masked(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass  # no JSON after all: a text like any other
    text = _MADE.sub(labels.MASK, text)
    text = _SCHEME.sub(lambda found: f"{found[1]} {labels.MASK}", text)
    text = _LOGIN.sub(f"{labels.MASK}@", text)
    return "".join(_named(text))


def told(text: str | None, limit: int) -> str:
    """Outside text as `plain` makes it, its secrets masked; never longer to read than it shows."""
    given = text or ""
    seen = given[: limit * 8 + 64]
    shown = plain(masked_text(seen), limit)
    return shown if len(seen) == len(given) or shown.endswith("…") else f"{shown}…"


def _named(text: str) -> Iterator[str]:
    """The text in pieces; what stands after a name that is one of a secret is masked."""
    at = 0
    for name in _NAME.finditer(text):
        value = _VALUE.match(text, name.end()) if name.start() >= at else None
        if value is not None and _is_secret(text, name, value):
            quote = value[2][0] if value[2][0] in "\"'" else ""
            yield f"{text[at : name.end()]}{value[1] or ''}{quote}{labels.MASK}{quote}"
            at = value.end()
    yield text[at:]


def _is_secret(text: str, name: re.Match[str], value: re.Match[str]) -> bool:
    said, scheme, held = unquote(name[1]), value[1], value[2]
    in_address = text[name.start() - 1 : name.start()] in {"?", "&", ";"} and name[2] == "="
    if not (labels.is_secret(said) or (in_address and said.lower() in _PARAMETERS)):
        return False
    # "The password: ask Lee" is a sentence.
    spoken = name[2] == ":" and not scheme and held.isalpha() and held[1:].islower()
    return not (spoken or held.lower() in {labels.MASK, "null", "true", "false"})


def masked(value: Any, most: int = _MOST) -> Any:
    """The same value with every secret in it replaced, and what is too deep or too long cut.

    Args:
        value: Any JSON.
        most: About how many characters of it can be shown at all; what lies beyond is cut.
    """
    return _masked(value, 0, [most])


def _masked(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 4
    if isinstance(value, str):
        seen = value[: max(left[0], 0)]
        left[0] -= len(value)
        return masked_text(seen) + ("" if len(seen) == len(value) else CUT)
    if not isinstance(value, (Mapping, Sequence)):
        return value
    if depth >= _DEEPEST:
        return CUT
    if isinstance(value, Mapping):
        return _masked_object(value, depth, left)
    listed: list[Any] = []
    for held in value:
        if left[0] <= 0 or len(listed) >= _LONGEST:
            listed.append(CUT)
            break
        listed.append(_masked(held, depth + 1, left))
    return listed


def _masked_object(value: Mapping[str, Any], depth: int, left: list[int]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, held, hidden in _fields(value):
        if left[0] <= 0 or len(shown) >= _LONGEST:
            shown[CUT] = ""
            break
        left[0] -= len(key)
        shown[key] = labels.MASK if hidden else _masked(held, depth + 1, left)
    return shown


def _fields(value: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Every field and whether it is hidden; of a name and its value, the value."""
    lowered = {str(key).lower(): held for key, held in value.items()}
    named = next((lowered[n] for n in _NAMES if isinstance(lowered.get(n), str)), "")
    pair = bool(named) and "value" in lowered
    marked = pair and (
        labels.is_secret(named) or any(lowered.get(mark) is True for mark in _MARKED)
    )
    for key, held in value.items():
        name = str(key)
        if pair and name.lower() in {"value", *_NAMES}:
            yield name, held, marked and name.lower() == "value" and held not in (None, "")
        else:
            yield name, held, hides(name, held)


def hides(key: str, value: Any) -> bool:
    """Whether this field is masked: it is named like a secret and holds more than yes or no."""
    return labels.is_secret(key) and value not in (None, "") and not isinstance(value, bool)


def scalar(value: Any) -> str:
    """A single value in words; empty for nothing, and for what is nested. Secrets are masked."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(v, (int, float, str)) for v in value):
        return ", ".join(masked_text(str(one)) for one in value)
    return ""


def flattened(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every value that an object holds, with the words of the way to it; secrets masked."""
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        for key, held, hidden in _fields(value):
            name = f"{path} / {labels.words(key)}" if path else labels.words(key)
            if hidden:
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
