"""Channels: where people meet an agent, and how it greets them there."""

from typing import Any

from bot.sandbox.calls import Answer, Call
from bot.sandbox.companies import company_of_tenant
from bot.sandbox.envelope import ApiError, invalid, not_found
from bot.sandbox.records import Channel
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.runs import stamp
from bot.sandbox.world import World

_MOST = 500
_LONGEST_TEXT = 2_000
_TOLD = (
    *("internal_name", "agent_id", "display_name", "description", "welcome_message"),
    *("color_icon_url", "outline_icon_url", "relay_prefix", "show_agent_progress_steps"),
    *("audience", "status", "transport"),
)


async def create_channel(world: World, call: Call) -> Answer:
    """Add a channel."""
    told = {"status": "ACTIVE", "transport": "TEAMS", **_told(world, call)}
    _check_name_is_free(world, told["internal_name"])
    if len(world.records.channels) >= _MOST:
        raise unprocessable("internal_name", f"There are {_MOST} channels already.")
    channel = Channel(id=str(call.new_id()), told=told, created_at=call.now, updated_at=call.now)
    world.records.channels[channel.id] = channel
    world.changes += 1
    return Answer(_body(channel))


async def get_channel(world: World, call: Call) -> Answer:
    """One channel."""
    return Answer(_body(_channel(world, call)))


async def update_channel(world: World, call: Call) -> Answer:
    """Change what is sent."""
    channel = _channel(world, call)
    told = _told(world, call)
    if "internal_name" in told:
        _check_name_is_free(world, told["internal_name"], besides=channel.id)
    if told.items() - channel.told.items():
        channel.told |= told
        channel.updated_at = call.now
        world.changes += 1
    return Answer(_body(channel))


async def resolve_install_branding(world: World, call: Call) -> Answer:
    """How a freshly installed bot greets; a matter of Neo's relay, for which the admin stands in.

    The bot is found by the id of its channel, as long as that is active.
    """
    if call.by == "key":
        raise ApiError(403, "FORBIDDEN", "Only platform callers may ask for a bot's branding.")
    channel = world.records.channels.get(call.body["bot_id"])
    client = company_of_tenant(world, call.body["end_client_tenant_id"])
    if channel is None or client is None or channel.told["status"] != "ACTIVE":
        return Answer({"matched": False})
    name = channel.told.get("display_name") or channel.told["internal_name"]
    welcome = f"Hello, {client[1]}! I am {name}. Tell me what you need."
    return Answer(
        {
            "matched": True,
            "display_name": name,
            "welcome_message": channel.told.get("welcome_message") or welcome,
        }
    )


def _channel(world: World, call: Call) -> Channel:
    channel = world.records.channels.get(call.path["channel_id"])
    if channel is None:
        raise not_found("There is no channel with this id.")
    return channel


def _told(world: World, call: Call) -> dict[str, Any]:
    told = {name: call.body[name] for name in _TOLD if name in call.body}
    for name, value in told.items():
        if isinstance(value, str):
            check_length(value, name, _LONGEST_TEXT, least=1 if name == "internal_name" else 0)
    agent = world.agents.get(told["agent_id"]) if "agent_id" in told else None
    if "agent_id" in told and agent is None:
        raise not_found("There is no agent with this id.")
    if agent is not None and agent.autonomy_type != "CONVERSATIONAL":
        raise invalid("agent_id", "Only a conversational agent can be met in a channel.")
    return told


def _check_name_is_free(world: World, name: str, besides: str = "") -> None:
    for channel in world.records.channels.values():
        if channel.told["internal_name"] == name and channel.id != besides:
            raise ApiError(
                409,
                "channel_exists",
                "There already is a channel with this internal name.",
                {"channel_id": channel.id},
            )


def _body(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        **channel.told,
        "created_at": stamp(channel.created_at),
        "updated_at": stamp(channel.updated_at),
    }


OPERATIONS = {
    "createChannel": create_channel,
    "getChannel": get_channel,
    "updateChannel": update_channel,
    "resolveInstallBranding": resolve_install_branding,
}
