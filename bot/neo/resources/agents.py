"""Agents; the dashboard says workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from bot.neo.models.agents import (
    Agent,
    AgentChanges,
    AgenticAgent,
    AgentSnapshot,
    AgentVersion,
    ChainedActionsAgent,
    ConversationalAgent,
    QueuedRun,
)
from bot.neo.operation import Operation
from bot.neo.resource import LARGEST_PAGE, Page, Resource, iso

# Inside the class, `list` is its method.
Versions = list[AgentVersion]
NewAgent = ChainedActionsAgent | AgenticAgent | ConversationalAgent


class Agents(Resource):
    """Agents. Source: Neo API reference, Agents.

    No write may be repeated: creating and running twice are two agents and two runs, and a change
    may append actions.
    """

    LIST = Operation("agents.list", "GET", "/public-api/agents", Agent, many=True)
    GET = Operation("agents.get", "GET", "/public-api/agents/{agent_id}", Agent)
    CREATE = Operation(
        "agents.create", "POST", "/public-api/agents", Agent, sends=("autonomy_type", "name")
    )
    UPDATE = Operation("agents.update", "PUT", "/public-api/agents/{agent_id}", Agent)
    RUN_NOW = Operation(
        "agents.run_now", "POST", "/public-api/agents/{agent_id}/run-now", QueuedRun
    )
    VERSIONS = Operation(
        "agents.versions",
        "GET",
        "/public-api/agents/{agent_id}/versions",
        AgentVersion,
        many=True,
    )
    VERSION_AT = Operation(
        "agents.version_at",
        "GET",
        "/public-api/agents/{agent_id}/version-at",
        AgentSnapshot,
        sends=("timestamp",),
    )

    async def page(
        self, *, cursor: str | None = None, page_size: int = LARGEST_PAGE
    ) -> Page[Agent]:
        """One page of agents, without what they do.

        Neo narrows this list by nothing: a state asked for is ignored, so look at ``enabled``.

        Shape: ``GET /public-api/agents?cursor=&page_size=`` -> agents.
        """
        return await self._page(self.LIST, cursor=cursor, page_size=page_size)

    def list(self, *, page_size: int = LARGEST_PAGE) -> AsyncIterator[Agent]:
        """Every agent, page by page as it is read; see `page`."""
        return self._each(self.LIST, page_size=page_size)

    async def get(self, agent: str) -> Agent:
        """One agent, with its actions, settings, toolbox and integrations.

        Shape: ``GET /public-api/agents/{agent_id}`` -> agent.

        Raises:
            NeoNotFound: no agent with this id.
        """
        return await self._one(self.GET, agent_id=agent)

    async def create(self, agent: NewAgent) -> Agent:
        """Make an agent; its author is whoever the key belongs to.

        Shape: ``POST /public-api/agents`` {name, autonomy_type, …} -> agent without what it does.

        Raises:
            NeoInvalid: ``field`` is not as Neo takes it; also a toolbox with credentials of the
                External API Request tool, which are entered in Neo's dashboard alone.
            NeoUnavailable: nobody knows whether it was made: look for its name.
        """
        # Which of the three it is must be said, though the model knows it by itself.
        body = {"autonomy_type": agent.autonomy_type, **agent.body()}
        return await self._one(self.CREATE, body=body)

    async def update(self, agent: str, changes: AgentChanges) -> Agent:
        """Change what is set in ``changes``; everything else stays.

        How a field changes differs:

        - ``actions`` merge, each with the one of its id, else with the only one of its type; one
          that matches none is appended. None is ever dropped or moved.
        - In ``toolbox``, tools and settings that are not sent keep what they have; null for a tool
          removes it.
        - What is sent for ``agent_settings`` or ``integrations`` is all that stays: read the agent,
          change a copy of what it has (``model_copy(update=…)``), send that.
        - The kind of an agent and its entity type cannot change.

        Shape: ``PUT /public-api/agents/{agent_id}`` {what changes} -> agent without what it does.

        Raises:
            NeoForbidden: code ``agent_managed_by_neo``: its makers alone change it.
            NeoConflict: code ``agent_update_conflict``: somebody changes it at this moment; read
                it again.
            NeoInvalid: actions of an agent that chooses its tools itself, conditions of one to
                chat with, or a toolbox with credentials of the External API Request tool.
            NeoNotFound: no agent with this id.
            NeoUnavailable: nobody knows whether it was changed: read it again.
        """
        return await self._one(self.UPDATE, body=changes.body(), agent_id=agent)

    async def run_now(self, agent: str, *, entity: str | None = None) -> QueuedRun:
        """Start a run, once; ``entity`` is the PSA's id of the ticket (or other thing) to work on.

        An agent that the PSA triggers needs one, a scheduled one does not. The answer comes before
        the run begins: follow it with ``runs.get``.

        Shape: ``POST /public-api/agents/{agent_id}/run-now`` {target_entity_id} -> the run's id.

        Raises:
            NeoInvalid: no entity given where one is needed, or code
                ``invalid_for_conversational``: an agent to chat with does not run.
            NeoNotFound: no agent with this id.
            NeoUnavailable: it may run all the same, so look at its runs before asking again.
        """
        body = None if entity is None else {"target_entity_id": entity}
        return await self._one(self.RUN_NOW, body=body, agent_id=agent)

    async def versions(self, agent: str) -> Versions:
        """The agent at each of its changes, newest first, without what it did; not paged.

        Shape: ``GET /public-api/agents/{agent_id}/versions`` -> versions.

        Raises:
            NeoNotFound: no agent with this id.
        """
        return await self._all(self.VERSIONS, agent_id=agent)

    async def version_at(self, agent: str, at: datetime) -> AgentSnapshot:
        """The agent's whole configuration as it was at a moment.

        Shape: ``GET /public-api/agents/{agent_id}/version-at?timestamp=`` -> agent.

        Raises:
            NeoNotFound: no agent with this id, or it was not there yet.
        """
        return await self._one(self.VERSION_AT, query={"timestamp": iso(at)}, agent_id=agent)
