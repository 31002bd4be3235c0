"""One tenant's Neo: every operation, grouped by resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.neo.http import NeoHttp
from bot.neo.options import Options
from bot.neo.resource import LARGEST_PAGE, Page
from bot.neo.resources.agents import Agents
from bot.neo.resources.approvals import Approvals
from bot.neo.resources.billing import Billing
from bot.neo.resources.inbox import Inbox
from bot.neo.resources.runs import Runs

__all__ = ["LARGEST_PAGE", "Neo", "Page"]


class Neo:
    """One tenant's Neo.

    Args:
        http: Speaks to it.
        options: How its calls are made.
    """

    def __init__(self, http: NeoHttp, options: Options | None = None) -> None:
        self._http = http
        self._options = options or Options()
        self.agents = Agents(http, self._options)
        self.runs = Runs(http, self._options)
        self.approvals = Approvals(http, self._options)
        self.inbox = Inbox(http, self._options)
        self.billing = Billing(http, self._options)

    def with_options(self, **changes: Any) -> Neo:
        """The same Neo, asked in another way; the words are those of `Options`."""
        return Neo(self._http, replace(self._options, **changes))
