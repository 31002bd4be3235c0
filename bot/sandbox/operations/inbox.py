"""The inbox of errors that repeat."""

from bot.sandbox.calls import Answer, Call
from bot.sandbox.reports import inbox
from bot.sandbox.world import World


async def list_inbox(world: World, _call: Call) -> Answer:
    """One message for each error of an agent in the last week."""
    return Answer(inbox(world))


OPERATIONS = {"listInbox": list_inbox}
