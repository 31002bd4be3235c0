"""The document that the embedded Neo serves: the contract, with the statuses of this world."""

from copy import deepcopy
from functools import cache
from typing import Any

from bot.sandbox.contract import contract
from bot.sandbox.runs import APPROVAL_STATUSES, RUN_STATUSES

_STATUSES = {"Execution": RUN_STATUSES, "TilRequest": APPROVAL_STATUSES}


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1; shared by all, so not to be changed."""
    served = deepcopy(contract())
    served["info"]["title"] = "Neo Public API (embedded)"
    for name, statuses in _STATUSES.items():
        served["components"]["schemas"][name]["properties"]["status"]["enum"] = list(statuses)
    return served
