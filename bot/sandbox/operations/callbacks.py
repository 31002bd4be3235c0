"""Callbacks: what the PSA called back, and whom it started."""

from datetime import timedelta

from bot.sandbox import params, windows
from bot.sandbox.callbacks import CallbackFilter, callback_key
from bot.sandbox.calls import Answer, Call
from bot.sandbox.envelope import invalid, not_found
from bot.sandbox.matches import callback_body, callback_detail
from bot.sandbox.world import World

_LONGEST_BACK = timedelta(days=7)


async def list_callbacks(world: World, call: Call) -> Answer:
    """Callbacks of a ticket or since an instant, newest first."""
    wanted = CallbackFilter(
        entity_type=call.query.get("entity_type"),
        entity_id=call.query.get("entity_id"),
        entity_number=call.query.get("entity_number"),
        since=params.instant(call, "since"),
        until=params.instant(call, "until"),
        change_types=params.words(call, "change_type"),
        agent_id=call.query.get("agent_id"),
    )
    _check(wanted, call)
    callbacks = world.callbacks.newest_first(wanted, params.cursor(call, "callbacks"))
    return params.page(
        call,
        callbacks,
        lambda callback: callback_body(world, callback),
        kind="callbacks",
        key=callback_key,
    )


def _check(wanted: CallbackFilter, call: Call) -> None:
    if wanted.entity_id is not None and wanted.entity_type is None:
        raise invalid("entity_type", "entity_id needs its entity_type beside it, such as TICKET.")
    if wanted.entity_id is None and wanted.entity_number is None and wanted.since is None:
        raise invalid("since", "Give entity_type and entity_id, or entity_number, or since.")
    if wanted.since is None:
        return
    if call.now - wanted.since > _LONGEST_BACK:
        raise invalid("since", f"since must lie at most {_LONGEST_BACK.days} days back.")
    if wanted.until is not None:
        windows.check_order(wanted.since, wanted.until, "until")


async def get_callback(world: World, call: Call) -> Answer:
    """One callback, with what was done when."""
    callback = world.callbacks.find(call.path["callback_id"])
    if callback is None:
        raise not_found("There is no callback with this id.")
    return Answer(callback_detail(world, callback))


OPERATIONS = {"listCallbacks": list_callbacks, "getCallback": get_callback}
