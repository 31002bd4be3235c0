"""Chance without state: the same seed and keys always give the same number."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_ID_BITS = 48
_ID_MODULUS = 1 << _ID_BITS
_ID_FACTOR = 0x5DEECE66D1
_ID_INVERSE = pow(_ID_FACTOR, -1, _ID_MODULUS)


def number(seed: int, *keys: int) -> int:
    """64 even bits for a seed and keys (splitmix64, one round a key)."""
    state = seed & _MASK
    for key in keys:
        state = (state + (key + 1) * 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def unit(seed: int, *keys: int) -> float:
    """A number from 0 up to, not including, 1."""
    return (number(seed, *keys) >> 11) / (1 << 53)


def between(low: int, high: int, seed: int, *keys: int) -> int:
    """A whole number from low to high, both included."""
    return low + number(seed, *keys) % (high - low + 1)


def pick(options: Sequence[T], seed: int, *keys: int) -> T:
    """One of the options."""
    return options[number(seed, *keys) % len(options)]


def run_id(seed: int, index: int) -> str:
    """A run's id, shaped as a random UUID, from which `run_index` finds the index again."""
    return _spelt(seed, index, 71)


def run_index(seed: int, identifier: str) -> int | None:
    """The index behind a run's id; None if `run_id` never made it."""
    return _read(seed, identifier, 71)


def callback_id(seed: int, place: int) -> str:
    """A callback's id, shaped as a random UUID, from which `callback_place` finds the place."""
    return _spelt(seed, place, 73)


def callback_place(seed: int, identifier: str) -> int | None:
    """The place behind a callback's id; None if `callback_id` never made it."""
    return _read(seed, identifier, 73)


def _spelt(seed: int, index: int, salt: int) -> str:
    low = (index * _ID_FACTOR + number(seed, salt)) % _ID_MODULUS
    high = number(seed, salt + 1, index)
    hexed = f"{high:016x}{low:012x}"
    return f"{hexed[:8]}-{hexed[8:12]}-4{hexed[12:15]}-a{hexed[13:16]}-{hexed[16:]}"


def _read(seed: int, identifier: str, salt: int) -> int | None:
    try:
        low = int(identifier[-12:], 16)
    except ValueError:
        return None
    index = (low - number(seed, salt)) * _ID_INVERSE % _ID_MODULUS
    return index if _spelt(seed, index, salt) == identifier else None
