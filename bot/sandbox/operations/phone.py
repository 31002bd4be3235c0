"""The phone agent's numbers."""

from bot.sandbox.calls import Answer, Call
from bot.sandbox.chance import between
from bot.sandbox.profiles import stable_id
from bot.sandbox.world import World

_LINES = (
    ("Service desk", "Greet the caller, ask for the company, open a ticket."),
    ("After hours", "Ask whether work has stopped; only then wake the technician on call."),
)


async def list_phone_numbers(world: World, _call: Call) -> Answer:
    """The lines that the phone agent answers; the numbers belong to nobody."""
    return Answer(
        [
            {
                "id": stable_id(world.seed, f"phone {name}"),
                "phone_number": f"+1555{between(2_000_000, 9_999_999, world.seed, 90, place)}",
                "display_name": name,
                "psa_settings": {"board": "Service Desk", "source": "Phone", "priority": 3},
                "agent_settings": {"custom_instructions": told, "language": "en-US"},
            }
            for place, (name, told) in enumerate(_LINES)
        ]
    )


OPERATIONS = {"listPhoneNumbers": list_phone_numbers}
