"""Microsoft's own renderer of Adaptive Cards, in Chromium, with the looks of Teams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Page, sync_playwright

from bot.node import find_node, npm_ci
from tests.browser.chromium import ARGS

Theme = Literal["light", "dark"]

_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE.parent.parent
_HOME: Final = _ROOT / ".browser"
_MODULES: Final = _HOME / "node_modules"
# Stands in for Segoe UI, which is Windows' own; of about the same width.
_FONTS: Final = "'Segoe UI', 'Liberation Sans', Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as a person sees it.

    Attributes:
        text: What can be read.
        faults: What the renderer did not understand.
        links: Where its links lead.
        wide: Something is wider than the place it has.
        cut: Captions of buttons that do not show whole.
        broken: Words that go on in another line.
    """

    text: str
    faults: list[str]
    links: list[str]
    wide: bool
    cut: list[str]
    broken: list[str]


def install() -> None:
    """Bring the renderer's npm packages, at the versions of the lock, into an ignored folder."""
    npm_ci(find_node(say=print), _HERE, _HOME, say=print, npmrc=_HERE / ".npmrc")


class Renderer:
    """Draws cards.

    Args:
        page: An empty page.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._looks = {theme: _look(theme) for theme in ("light", "dark")}
        page.set_content("<!doctype html><html><head><meta charset='utf-8'></head><body></body>")
        page.add_style_tag(path=_MODULES / "adaptivecards/dist/adaptivecards.css")
        page.add_script_tag(path=_MODULES / "adaptivecards/dist/adaptivecards.min.js")
        page.add_script_tag(path=_MODULES / "markdown-it/dist/markdown-it.min.js")
        page.add_script_tag(path=_HERE / "page.js")

    def draw(self, card: dict[str, Any], *, theme: Theme = "light", width: int = 480) -> Drawn:
        """Draw a card ``width`` pixels wide."""
        config, style = self._looks[theme]
        self._page.set_viewport_size({"width": width, "height": 300})
        found = self._page.evaluate(
            "given => window.drawCard(...given)", [card, config, style, width, theme == "dark"]
        )
        return Drawn(**found)

    def picture(self) -> bytes:
        """What was drawn last, as PNG."""
        return self._page.screenshot(full_page=True)

    def sheet(self, frames: str, *, theme: Theme) -> bytes:
        """Figures side by side on one picture."""
        sheet = self._page.context.new_page()
        sheet.set_viewport_size({"width": 2000, "height": 300})
        ground, ink = ("#1f1f1f", "#fff") if theme == "dark" else ("#f5f5f5", "#000")
        sheet.set_content(
            "<!doctype html><body style='columns:6;column-gap:0;margin:8px;font:12px sans-serif;"
            f"background:{ground};color:{ink}'>"
            "<style>figure{margin:0 0 12px;break-inside:avoid}</style>" + frames
        )
        picture = sheet.screenshot(full_page=True)
        sheet.close()
        return picture


def _look(theme: str) -> tuple[dict[str, Any], str]:
    designer = _MODULES / "adaptivecards-designer"
    config = json.loads((designer / f"lib/hostConfigs/microsoft-teams-{theme}.json").read_text())
    config["fontTypes"]["default"]["fontFamily"] = _FONTS
    return config, (designer / f"dist/containers/teams-container-{theme}.css").read_text()


@contextmanager
def renderer(chromium: str) -> Iterator[Renderer]:
    """A renderer in a browser that is closed afterwards."""
    install()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        try:
            yield Renderer(browser.new_context(device_scale_factor=1).new_page())
        finally:
            browser.close()
