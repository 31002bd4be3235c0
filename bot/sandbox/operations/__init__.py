"""The operations of the embedded Neo, one module a resource."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from bot.sandbox.calls import Operation


@cache
def operations() -> Mapping[str, Operation]:
    """What each module of this folder serves: the contract's operationId -> function.

    Raises:
        ValueError: two modules serve the same operation.
    """
    served: dict[str, Operation] = {}
    for module in iter_modules(__path__):
        added: Mapping[str, Operation] = import_module(f"{__name__}.{module.name}").OPERATIONS
        if twice := served.keys() & added.keys():
            raise ValueError(f"{', '.join(sorted(twice))}: served twice, also by {module.name}.")
        served |= added
    return served
