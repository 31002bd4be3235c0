"""About how wide text is: cards are laid out before anybody knows in which letters."""

from __future__ import annotations

from typing import Final

# Bold letters of 14 px in the widest of the fonts that clients fall back on.
_WIDTHS: Final = {
    **dict.fromkeys("'ijl IJ,.:;·-/|", 5.5),
    **dict.fromkeys("frt()[]!", 6.9),
    **dict.fromkeys('zcsL?*"', 8.3),
    **dict.fromkeys("mwMW%@…", 14.5),
}
_CAPITAL: Final = 11.2
_OTHER: Final = 9.8


def width(text: str) -> float:
    """How wide the text is at most, in pixels."""
    return sum(_WIDTHS.get(c) or (_CAPITAL if c.isupper() else _OTHER) for c in text)
