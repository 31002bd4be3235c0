"""The past as a deck of cards laid out again and again.

All about a past run but its time, its ids and its ticket's number follows from its card, and the
runs of a long past come from one deck: index 0 is the first card, index `DECK` the first one again.
So finding the next run of a kind, or summing over a window, costs the same for any length.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

DECK = 10_007
"""Cards in a deck; a prime, so no rhythm of hours or tickets falls in step with it."""


def newest_first(places: Sequence[int], low: int, top: int, *, period: int = DECK) -> Iterator[int]:
    """Indexes from `top` (not included) down to `low` whose place in the deck is a wanted one.

    Args:
        places: The wanted places, ascending.
        low: The lowest index that may come.
        top: One more than the highest index that may come.
        period: Places in a deck.
    """
    deck, rest = divmod(max(top, 0), period)
    upper = bisect_left(places, rest)
    while places and deck * period + period > low:
        for at in range(upper - 1, -1, -1):
            index = deck * period + places[at]
            if index < low:
                return
            yield index
        deck -= 1
        upper = len(places)


def last_index(place: int, top: int, *, period: int = DECK) -> int:
    """The highest index below `top` at this place of the deck; negative if there is none."""
    return (top - 1 - place) // period * period + place


def counts(low: int, top: int, *, period: int = DECK) -> list[int]:
    """How often each place of the deck comes up among the indexes `low` to `top` (not included)."""
    whole, rest = divmod(max(top - low, 0), period)
    begin = low % period
    end = begin + rest
    found = [whole] * period
    found[begin:end] = [whole + 1] * (min(end, period) - begin)
    found[: max(end - period, 0)] = [whole + 1] * max(end - period, 0)
    return found
