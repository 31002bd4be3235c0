"""The document that the embedded Neo serves about itself."""

from aiohttp import web

from bot.sandbox.calls import Call
from bot.sandbox.document import document
from bot.sandbox.world import World


async def get_open_api(_world: World, _call: Call) -> web.Response:
    """The document as it is, in no envelope."""
    return web.json_response(document())


OPERATIONS = {"getOpenApi": get_open_api}
