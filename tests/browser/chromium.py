"""Chromium on this machine, driven by Playwright; without it tests are skipped by name."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright

ARGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome on this machine; None if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


needs_chromium = pytest.mark.skipif(
    find_chromium() is None,
    reason="no Chromium on this machine: what people see in a browser was not looked at",
)


@asynccontextmanager
async def opened_page(
    *, width: int = 1400, height: int = 1000, dark: bool = False
) -> AsyncIterator[Page]:
    """An empty page."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGS)
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        try:
            yield await context.new_page()
        finally:
            await browser.close()
