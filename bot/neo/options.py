"""How a call is made: for whom, within what time, and how old its answer may be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

LONGEST_AGE_SECONDS = 600.0
"""The oldest answer that anybody may ask for: what changes more slowly may be asked for again."""


class Purpose(IntEnum):
    """For whom Neo is asked; the tenant's request budget is given out in this order."""

    DECIDING = 0
    """A decision on an approval, and the reads that it needs: goes out as long as Neo answers."""
    ASKING = 1
    """A person waits for the answer."""
    WATCHING = 2
    """Nobody waits: the watchers' share of the budget, and only when no person is in the way."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a call is made.

    Attributes:
        purpose: For whom.
        within_seconds: How long the call may take in all, with everything that is tried again.
        max_age_seconds: A read may be answered by an equal one answered no longer ago than this;
            `LONGEST_AGE_SECONDS` at most.

    Raises:
        ValueError: a time is no time, or an age is beyond what is kept.
    """

    purpose: Purpose = Purpose.ASKING
    within_seconds: float = 8.0
    max_age_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.within_seconds > 0:
            raise ValueError("A call needs time: within_seconds must be more than 0.")
        if not 0 <= self.max_age_seconds <= LONGEST_AGE_SECONDS:
            raise ValueError(f"max_age_seconds must be between 0 and {LONGEST_AGE_SECONDS:g}.")
