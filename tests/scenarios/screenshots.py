"""The README's pictures: what the end-to-end test sees, kept where `make pictures` asks for it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import FloatRect, Locator

ASKED_FOR: Final = "PICTURES"
"""The variable with the folder to keep pictures in; without it nothing is written."""

# The Playground's own bar above, its log panel on the right and the box to write in below, pixels.
_BAR: Final = 48
_LOG_PANEL: Final = 330
_WRITING: Final = 96
# A card is shown with a little of what is around it.
_EDGE: Final = 8


async def keep(card: Locator, name: str, *, whole_window: bool = False) -> None:
    """Write ``<name>.png`` with the card, or with the window down to the card's end."""
    folder = os.environ.get(ASKED_FOR)
    if not folder:
        return
    async with _room_for(card) as box:
        clip: FloatRect = {
            "x": box["x"] - _EDGE,
            "y": box["y"] - _EDGE,
            "width": box["width"] + 2 * _EDGE,
            "height": box["height"] + 2 * _EDGE,
        }
        if whole_window:
            size = card.page.viewport_size or {"width": 0, "height": 0}
            bottom = min(size["height"], box["y"] + box["height"] + _WRITING)
            width = size["width"] - _LOG_PANEL
            clip = {"x": 0, "y": _BAR, "width": width, "height": bottom - _BAR}
        picture = await card.page.screenshot(clip=clip, animations="disabled")
    _write(Path(folder, f"{name}.png"), picture)


def _write(path: Path, picture: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)


@asynccontextmanager
async def _room_for(card: Locator) -> AsyncIterator[FloatRect]:
    """Where the card is once all of it can be seen; a taller window, meanwhile, if need be."""
    before = card.page.viewport_size
    box = await card.bounding_box()
    if before is None or box is None:
        raise LookupError("There is no card to take a picture of.")
    needed = int(box["height"]) + _BAR + 2 * _WRITING
    if needed > before["height"]:
        await card.page.set_viewport_size({"width": before["width"], "height": needed})
    await card.scroll_into_view_if_needed()
    yield await card.bounding_box() or box
    await card.page.set_viewport_size(before)
