from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from bot.playground.runner import Playground
from tests.playground.drive import Place, PlaygroundPage
from tests.playground.test_runner import FOLDER, SCENE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


def _card(text: str, *, open_: bool) -> dict[str, Any]:
    asked = {
        "body": [{"type": "Input.Text", "id": "comment", "label": "Comment"}],
        "actions": [{"type": "Action.Execute", "title": "Approve", "verb": "approve"}],
    }
    body = [{"type": "TextBlock", "text": text, "wrap": True}]
    if not open_:
        return {"type": "AdaptiveCard", "version": "1.5", "body": body}
    return {**asked, "type": "AdaptiveCard", "version": "1.5", "body": [*body, *asked["body"]]}


async def _answer(request: web.Request) -> web.Response:
    """A bot that echoes a message as a card and turns the card when Approve is pressed."""
    said = await request.json()
    if said["type"] == "invoke":
        comment = said["value"]["action"]["data"]["comment"]
        return web.json_response(
            {
                "statusCode": 200,
                "type": "application/vnd.microsoft.card.adaptive",
                "value": _card(f"Approved: {comment}", open_=False),
            }
        )
    if said["type"] == "message":
        content = _card(f"Heard {said['text']}", open_=True)
        kind = "application/vnd.microsoft.card.adaptive"
        conversation = httpx.URL(said["serviceUrl"]).copy_with(
            path=f"/_connector/v3/conversations/{said['conversation']['id']}/activities"
        )
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = {"type": "message", "attachments": [{"contentType": kind, "content": content}]}
            sent = await client.post(conversation, json=answer | {"from": said["recipient"]})
            sent.raise_for_status()
    return web.json_response({})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown() -> AsyncIterator[tuple[Playground, Browser]]:
    """A Playground and a browser; each place in it is a chat of its own."""
    app = web.Application()
    app.router.add_post("/api/messages", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    async with (
        Playground(SCENE, bot_endpoint=endpoint, folder=Path(FOLDER), say=print) as playground,
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        ) as browser,
    ):
        yield playground, browser
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def page(shown: tuple[Playground, Browser]) -> AsyncIterator[PlaygroundPage]:
    playground, browser = shown
    async with await browser.new_context() as context:
        page = PlaygroundPage(await context.new_page(), SCENE)
        await page.open(playground.url)
        yield page


@pytest.mark.parametrize("place", ["personal", "group", "channel"])
async def test_a_person_writes_comments_and_approves(place: Place, page: PlaygroundPage) -> None:
    await page.go_to(place)
    await page.type("show failed runs")
    await page.fill("Client confirmed", on="show failed runs", label="Comment")
    await page.press("Approve", on="show failed runs")
    await page.wait_for_card("Approved", "Client confirmed")
    assert await page.cards() == ["Approved: Client confirmed"]
