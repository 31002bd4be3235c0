"""Draws every example card, light and dark, at three widths, into `.pictures/`."""

from __future__ import annotations

import base64
import html
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT))  # run by its path, Python looks for modules beside it alone

from tests.browser.chromium import find_chromium  # noqa: E402 -- after the line above
from tests.browser.renderer import Theme, renderer  # noqa: E402 -- likewise
from tests.cards.examples import EXAMPLES  # noqa: E402 -- likewise

_FOLDER: Final = _ROOT / ".pictures"
_WIDTHS: Final = (320, 480, 720)
_THEMES: Final[tuple[Theme, ...]] = ("light", "dark")


def main() -> int:
    """Draw them; returns the exit status: 1 where there is no browser to draw with."""
    chromium = find_chromium()
    if chromium is None:
        sys.stderr.write("Drawing cards needs Chromium (Debian: apt install chromium).\n")
        return 1
    _FOLDER.mkdir(exist_ok=True)
    sheets: dict[Theme, list[str]] = {theme: [] for theme in _THEMES}
    with renderer(chromium) as draws:
        for name, made in EXAMPLES.items():
            for theme in _THEMES:
                for width in _WIDTHS:
                    draws.draw(made().content, theme=theme, width=width)
                    picture = draws.picture()
                    (_FOLDER / f"{name}-{theme}-{width}.png").write_bytes(picture)
                    if width == _WIDTHS[0]:
                        sheets[theme].append(_framed(name, picture))
        for theme, frames in sheets.items():
            (_FOLDER / f"all-{theme}.png").write_bytes(draws.sheet("".join(frames), theme=theme))
    sys.stdout.write(f"{len(EXAMPLES)} cards drawn into {_FOLDER}\n")
    return 0


def _framed(name: str, picture: bytes) -> str:
    source = base64.b64encode(picture).decode()
    return (
        f"<figure><figcaption>{html.escape(name)}</figcaption>"
        f"<img src='data:image/png;base64,{source}'></figure>"
    )


if __name__ == "__main__":
    raise SystemExit(main())
