"""Drives the Playground's page as a person would; every step waits for what it causes.

What its page is made of (0.2.28): cards are plain DOM (class ``ac-adaptiveCard``, no frame, no
shadow root); the boxes to write in are Lexical editors, first the one for a new post, and a
mention is ``@`` with the bot's name and a click in the menu; the log panel on the right repeats
every activity, so texts are looked for in cards, never in the whole page. A reload loses what was
shown, and what is sent while no page is open is never shown; a conversation that is not open
shows what arrived there once it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from bot.playground.scene import Scene

Place = Literal["personal", "group", "channel", "general"]
# A bound for a busy machine, not a wait: each returns as soon as it holds.
_WAIT_MILLISECONDS = 20_000


@dataclass(slots=True)
class PlaygroundPage:
    """The page of a running Playground, in the hands of ``scene.me``."""

    page: Page
    scene: Scene
    place: Place = "personal"

    async def open(self, url: str) -> None:
        """Open the page; it opens the personal chat, and the bot hears of its installation."""
        # Its fonts come from Microsoft's network; a test asks nobody but this machine.
        await self.page.route(lambda asked: not asked.startswith(url), lambda route: route.abort())
        await self.page.goto(url, wait_until="domcontentloaded")
        await expect(self._send).to_be_visible(timeout=_WAIT_MILLISECONDS)
        self.place = "personal"

    async def go_to(self, place: Place) -> None:
        """Open a conversation; the bot hears of its installation at the first time."""
        entry = self.page.get_by_role("treeitem", name=self._entry(place))
        await entry.click()
        self.place = place
        await expect(self._send).to_be_visible(timeout=_WAIT_MILLISECONDS)

    async def type(self, text: str) -> None:
        """Write to the bot and send; in group and channel with a mention before the text."""
        box = self.page.locator("div[data-lexical-editor=true]").first
        await box.click()
        if self.place != "personal":
            await self.page.keyboard.type("@" + self.scene.bot_name)
            await self._mention.click()
        await self.page.keyboard.type(text)
        await expect(box).to_contain_text(text, timeout=_WAIT_MILLISECONDS)
        await self._send.click()
        await expect(box).not_to_contain_text(text, timeout=_WAIT_MILLISECONDS)

    async def cards(self) -> list[str]:
        """The visible texts of the cards in the open conversation, as the page orders them."""
        return [await card.inner_text() for card in await self._cards.all()]

    async def wait_for_card(self, *texts: str) -> Locator:
        """The card that contains all the texts, once it is there."""
        card = self.card(*texts)
        await expect(card).to_be_visible(timeout=_WAIT_MILLISECONDS)
        return card

    def card(self, *texts: str) -> Locator:
        """The newest card that contains all the texts.

        A channel puts the newest post first, a chat the newest message last.
        """
        found = self._cards
        for text in texts:
            found = found.filter(has_text=text)
        return found.first if self.place in ("channel", "general") else found.last

    async def fill(self, comment: str, *, on: str, label: str | None = None) -> None:
        """Write into the text field (the first, or the one so labelled) of the card with ``on``."""
        card = await self.wait_for_card(on)
        field = card.get_by_role("textbox", name=label) if label else card.get_by_role("textbox")
        # By keys, as a person does: a text put there at once is shown, but not always sent.
        await field.first.click()
        await field.first.press_sequentially(comment)

    async def press(self, button: str, *, on: str) -> None:
        """Press the button so named in the newest card that contains ``on``."""
        card = await self.wait_for_card(on)
        await card.get_by_role("button", name=button, exact=True).click()

    @property
    def _cards(self) -> Locator:
        return self.page.locator(".ac-adaptiveCard")

    @property
    def _send(self) -> Locator:
        name = "Post" if self.place in ("channel", "general") else "Send Message"
        return self.page.get_by_role("button", name=name, exact=True).first

    @property
    def _mention(self) -> Locator:
        menu = self.page.get_by_role("listbox", name="Typeahead menu")
        return menu.get_by_role("menuitem").filter(has_text=self.scene.bot_name).first

    def _entry(self, place: Place) -> str:
        names: dict[Place, str] = {
            "personal": "Personal Chat",
            "group": self.scene.group_name,
            "channel": f"{self.scene.team_name} - {self.scene.channel_name}",
            "general": f"{self.scene.team_name} - General",
        }
        return names[place]
