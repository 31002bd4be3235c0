"""One tenant's Neo: every operation, grouped by resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from bot.errors import NeoError
from bot.neo.budget import Figures
from bot.neo.http import NeoHttp
from bot.neo.operation import Operation
from bot.neo.options import Options
from bot.neo.resource import LARGEST_PAGE, Page, Resource
from bot.neo.resources.agents import Agents
from bot.neo.resources.api_keys import ApiKeys
from bot.neo.resources.approvals import Approvals
from bot.neo.resources.availability import Availability
from bot.neo.resources.billing import Billing
from bot.neo.resources.callbacks import Callbacks
from bot.neo.resources.channels import Channels
from bot.neo.resources.chat import Chat
from bot.neo.resources.end_companies import EndCompanies
from bot.neo.resources.escalations import Escalations
from bot.neo.resources.handovers import Handovers
from bot.neo.resources.inbox import Inbox
from bot.neo.resources.insights import Insights
from bot.neo.resources.observability import Observability
from bot.neo.resources.performance import PerformanceFigures
from bot.neo.resources.phone import Phone
from bot.neo.resources.runs import Runs
from bot.neo.resources.scheduled_work import ScheduledWork
from bot.neo.resources.settings import Settings
from bot.neo.resources.shared_agents import SharedAgents
from bot.neo.resources.skills import Skills
from bot.neo.resources.templates import Templates
from bot.neo.vocabulary import Vocabulary

__all__ = ["LARGEST_PAGE", "OPERATIONS", "RESOURCES", "Neo", "Page"]


class Neo:
    """One tenant's Neo.

    Args:
        http: Speaks to it.
        options: How its calls are made.
    """

    agents: Agents
    runs: Runs
    approvals: Approvals
    callbacks: Callbacks
    scheduled_work: ScheduledWork
    handovers: Handovers
    escalations: Escalations
    inbox: Inbox
    templates: Templates
    shared_agents: SharedAgents
    skills: Skills
    chat: Chat
    observability: Observability
    performance: PerformanceFigures
    billing: Billing
    settings: Settings
    end_companies: EndCompanies
    insights: Insights
    api_keys: ApiKeys
    phone: Phone
    channels: Channels
    availability: Availability

    def __init__(self, http: NeoHttp, options: Options | None = None) -> None:
        self._http = http
        self._options = options or Options()
        for name, resource in RESOURCES.items():
            setattr(self, name, resource(http, self._options))

    async def document(self) -> Mapping[str, Any]:
        """What Neo says of its own API: an OpenAPI document, in no envelope.

        Shape: ``GET /public-api/openapi.json`` -> document.
        """
        return await self._http.document(self._options)

    @property
    def budget(self) -> Figures:
        """How the tenant's request budget stands."""
        return self._http.budget.figures()

    @property
    def trouble(self) -> type[NeoError] | None:
        """What stood between this bot and Neo at the last call, if anything did."""
        return self._http.trouble

    @property
    def vocabulary(self) -> Vocabulary:
        """Neo's words for how runs and approvals stand, as far as they are known."""
        return self._http.vocabulary

    @property
    def answers_forgotten(self) -> int:
        """How often what was read may have become untrue: something was changed, or the key."""
        return self._http.answers_forgotten

    def speaks(self, vocabulary: Vocabulary) -> None:
        """Read statuses with these words from now on, in whatever way this Neo is asked."""
        self._http.vocabulary = vocabulary

    def with_options(self, **changes: Any) -> Neo:
        """The same Neo, asked in another way; the words are those of `Options`."""
        return Neo(self._http, replace(self._options, **changes))


RESOURCES: Mapping[str, type[Resource]] = get_type_hints(Neo)
"""What a `Neo` has, by the name of the attribute."""

OPERATIONS: tuple[Operation[Any], ...] = tuple(
    operation
    for resource in RESOURCES.values()
    for operation in vars(resource).values()
    if isinstance(operation, Operation)
)
"""Every operation that the client knows, but the one that answers Neo's own document."""
