"""Why not: a sentence for people, with a code that figures can be told apart by."""

from __future__ import annotations

from typing import Self


class Reason(str):
    """The sentence, as a card shows it. It may name people; the code is one of a fixed set.

    Attributes:
        code: The same for every sentence that says no for the same reason.
    """

    __slots__ = ("code",)
    code: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """A sentence with its code."""
        made = super().__new__(cls, sentence)
        made.code = code
        return made


def code_of(reason: str | None) -> str:
    """The code of a reason; ``other`` for what has none."""
    return reason.code if isinstance(reason, Reason) else "other"
