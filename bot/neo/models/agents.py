"""Agents; the dashboard says workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.neo.models.base import (
    Id,
    Items,
    Moment,
    NeoModel,
    NeoRequest,
    Open,
    Text,
    Truth,
    plain,
)

TriggerType = Literal["SCHEDULED", "TRIGGERED", "NONE"]


class Action(NeoModel):
    """One action of an agent's pipeline; ``input_as_dict`` holds its settings."""

    id: str | None = None
    action_type: str | None = None
    input_as_dict: Open = None
    output: Open = None


class AgentSettings(NeoModel):
    """How an agent thinks and where it asks; agents of chained actions have none.

    Neo replaces them whole: change a copy of what was read (``model_copy(update=…)``) and send
    that. So what cannot be read is not turned into text here but kept as it came.
    """

    custom_instructions: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    test_mode: Truth = None
    report_test_via: str | None = None
    til_channel: str | None = None
    trigger_mode: str | None = None
    subagent_fanout_enabled: Truth = None


class Permission(NeoModel):
    """What an agent may do in one part of an integration."""

    group_type: str | None = None
    access_level: str | None = None
    require_til: Truth = None
    allow_delete: Truth = None
    allow_merge: Truth = None
    update_allowed_fields: list[Any] | None = None
    client_facing_settings: Open = None
    internal_note_settings: Open = None
    time_entry_udf_settings: Open = None


class Integration(NeoModel):
    """What an agent may do in one integration."""

    permissions: Items[Permission] = ()


class Integrations(NeoModel):
    """An agent's integrations, each under Neo's key for it, e.g. ``cw_psa``; replaced whole."""

    __pydantic_extra__: dict[str, Annotated[Integration | Any, Field(union_mode="left_to_right")]]

    @property
    def by_key(self) -> Mapping[str, Integration]:
        """Those that can be read."""
        every = self.__pydantic_extra__.items()
        return {key: one for key, one in every if isinstance(one, Integration)}


class Toolbox(NeoModel):
    """An agent's tools: type -> settings, empty where a tool has none, null where it is off."""

    tool_settings_by_type: Open = None


class AgentSummary(NeoModel):
    """What an agent is, without what it does."""

    id: Id
    name: Text = None
    state: Text = None
    autonomy_type: Text = None
    trigger_type: Text = None
    entity_type: Text = None
    audience: Text = None
    access: Text = None
    created_at: Moment = None
    updated_at: Moment = None

    @property
    def enabled(self) -> bool | None:
        """Whether it is switched on; None where Neo's word for it is not known."""
        return {"enabled": True, "disabled": False}.get(plain(self.state or ""))


class Agent(AgentSummary):
    """An agent; the dashboard says workflow. Source: Agents / List agents, Get an agent.

    A list leaves out what it does: actions, settings, toolbox and integrations.
    """

    actions: Items[Action] = ()
    agent_settings: AgentSettings | None = None
    toolbox: Toolbox | None = None
    integrations: Integrations | None = None


class AgentVersion(AgentSummary):
    """An agent as it was at one of its changes. Source: Agents / Version history."""

    version_at: Moment = Field(default=None, alias="version_timestamp")


class AgentSnapshot(Agent):
    """An agent's configuration at a moment. Source: Agents / Configuration as of a moment.

    ``version_at`` is when the configuration that held then was made.
    """

    version_at: Moment = Field(default=None, alias="version_timestamp")


class QueuedRun(NeoModel):
    """A run that was asked for and has not begun. Source: Agents / Start a run now."""

    id: Id = Field(alias="execution_id")
    status: Text = None


class Rule(NeoRequest):
    """One comparison: a field, an operator such as ``=`` or ``notIn``, a value or several."""

    field: str
    operator: str
    value: Any = None
    id: str | None = None
    valueProviderInput: str | dict[str, Any] | None = None  # noqa: N815 -- Neo's own spelling


class RuleGroup(NeoRequest):
    """Rules, and groups of rules, of which all (``and``) or one (``or``) must hold."""

    combinator: Literal["and", "or"]
    rules: list[Rule | RuleGroup]


class Conditions(NeoRequest):
    """Which tickets or time entries an agent takes."""

    conditions: RuleGroup | None = None
    custom_field_conditions: dict[str, Any] | None = None
    workload_conditions: dict[str, Any] | None = None


class TargetChange(NeoRequest):
    """A change in the PSA that starts an agent, e.g. ``change_type`` TICKET_CREATED."""

    change_type: str | None = None
    target_field: str | None = None
    target_value: Any = None
    source_value: Any = None


class TriggerSettings(NeoRequest):
    """Which changes in the PSA start an agent, and whether only once for each ticket."""

    target_changes: list[TargetChange] | None = None
    run_only_once_per_entity: bool = False


class _NewAgent(NeoRequest):
    name: str
    description: str | None = None


class _NewPipeline(_NewAgent):
    """What agents have in common that are started by the PSA, by a schedule or by hand."""

    entity_type: str = "ticket"
    callback_settings: TriggerSettings | None = None
    schedule: dict[str, Any] | None = None
    ticket_conditions: Conditions | None = None
    time_entry_conditions: Conditions | None = None


class ChainedActionsAgent(_NewPipeline):
    """A new agent that does its actions one after the other.

    Neo puts FIND_ENTITIES before them itself: one that is sent is refused.
    """

    autonomy_type: Literal["CHAINED_ACTIONS"] = "CHAINED_ACTIONS"
    trigger_type: TriggerType
    actions: list[Action]


class AgenticAgent(_NewPipeline):
    """A new agent that chooses among its tools itself."""

    autonomy_type: Literal["AGENTIC"] = "AGENTIC"
    trigger_type: TriggerType | None = None
    agent_settings: AgentSettings | None = None
    toolbox: Toolbox | None = None
    integrations: Integrations | None = None


class ConversationalAgent(_NewAgent):
    """A new agent to chat with; ``audience`` can never be changed afterwards."""

    autonomy_type: Literal["CONVERSATIONAL"] = "CONVERSATIONAL"
    agent_settings: AgentSettings | None = None
    toolbox: Toolbox | None = None
    integrations: Integrations | None = None
    audience: Literal["MSP", "END_USER"] = "MSP"
    access: Literal["ALL_USERS", "ADMINS_ONLY", "SPECIFIC_USERS"] = "ALL_USERS"


class AgentChanges(NeoRequest):
    """What is to change about an agent; only what is set is sent. See ``agents.update``."""

    name: str | None = None
    description: str | None = None
    callback_settings: TriggerSettings | None = None
    schedule: dict[str, Any] | None = None
    ticket_conditions: Conditions | None = None
    time_entry_conditions: Conditions | None = None
    actions: list[Action] | None = None
    agent_settings: AgentSettings | None = None
    toolbox: Toolbox | None = None
    integrations: Integrations | None = None
