"""API keys: made and rotated by the dashboard's admin alone."""

from datetime import datetime
from typing import Any

from bot.sandbox import params
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import ApiError, not_found
from bot.sandbox.records import ApiKey
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.runs import stamp
from bot.sandbox.world import World

_LONGEST_NAME = 200
_MOST = 200


async def create_api_key(world: World, call: Call) -> Answer:
    """Make a key; its secret is shown this once."""
    _check_admin(call)
    check_length(call.body["name"], "name", _LONGEST_NAME, least=1)
    expires_at = _expiry(call)
    if len(world.records.keys.made) >= _MOST:
        raise unprocessable("name", f"There are {_MOST} keys already.")
    secret = _secret(call)
    key = world.records.keys.make(
        str(call.new_id()), call.body["name"].strip(), secret, call.now, expires_at
    )
    world.changes += 1
    return Answer(_body(key, secret))


async def rotate_api_key(world: World, call: Call) -> Answer:
    """Give a key a new secret; the old one works on for 24 hours."""
    _check_admin(call)
    secret = _secret(call)
    key = world.records.keys.rotate(call.path["key_id"], secret, call.now)
    if key is None:
        raise not_found("There is no API key with this id.")
    world.changes += 1
    return Answer(_body(key, secret))


def _check_admin(call: Call) -> None:
    if call.by != "admin":
        message = "Only an administrator of the dashboard may manage API keys."
        raise ApiError(403, "FORBIDDEN", message)


def _expiry(call: Call) -> datetime | None:
    given = call.body.get("expires_at")
    if given is None:
        return None
    expires_at = params.as_instant(given, "expires_at")
    if expires_at <= call.now:
        raise unprocessable("expires_at", "expires_at must lie in the future.")
    return expires_at


def _secret(call: Call) -> str:
    return f"neo_sk_dev_{call.new_id().hex}{call.new_id().hex}"


def _body(key: ApiKey, secret: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "key": secret,
        "created_at": stamp(key.created_at),
        "expires_at": stamp(key.expires_at) if key.expires_at else None,
    }


OPERATIONS = {"createApiKey": create_api_key, "rotateApiKey": rotate_api_key}
