"""The tenant's settings."""

from typing import Any
from zoneinfo import available_timezones

from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import invalid
from bot.sandbox.refusals import check_length, unprocessable
from bot.sandbox.world import World

_AT_FIRST: dict[str, str | int | None] = {
    "human_friendly_client_name": "Tailwind IT",
    "referral_code": None,
    "timezone": "UTC",
    "start_business_hours": 8,
    "end_business_hours": 18,
    "sleep_before_callback_processing_seconds": 0,
}
_RANGES = {
    "start_business_hours": (0, 24),
    "end_business_hours": (0, 24),
    "sleep_before_callback_processing_seconds": (0, 3_600),
}
_LONGEST_TEXT = 200


def settings_of(world: World) -> dict[str, Any]:
    """The settings in force; None where one was cleared."""
    return _AT_FIRST | world.records.settings


async def update_settings(world: World, call: Call) -> Answer:
    """Change the settings that are sent; null clears one. All of them come back."""
    sent = {name: call.body[name] for name in _AT_FIRST if name in call.body}
    for name, value in sent.items():
        if isinstance(value, str):
            check_length(value, name, _LONGEST_TEXT)
        low, high = _RANGES.get(name, (0, 0))
        if value is not None and name in _RANGES and not low <= value <= high:
            raise invalid(name, f"{name} must be from {low} to {high}.")
    zone = sent.get("timezone")
    if zone is not None and zone not in available_timezones():
        raise invalid("timezone", "timezone must be a name such as Europe/London.")
    after = settings_of(world) | sent
    start, end = after["start_business_hours"], after["end_business_hours"]
    if start is not None and end is not None and start >= end:
        raise unprocessable("end_business_hours", "Business hours must end after they begin.")
    if after != settings_of(world):
        world.records.settings |= sent
        world.changes += 1
    return Answer(after)


OPERATIONS = {"updateSettings": update_settings}
