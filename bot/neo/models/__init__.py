"""The shapes Neo answers with, one module a resource.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
"""

from bot.neo.models.agents import (
    Action,
    Agent,
    AgentChanges,
    AgenticAgent,
    AgentSettings,
    AgentSnapshot,
    AgentSummary,
    AgentVersion,
    ChainedActionsAgent,
    Conditions,
    ConversationalAgent,
    Integration,
    Integrations,
    Permission,
    QueuedRun,
    Rule,
    RuleGroup,
    TargetChange,
    Toolbox,
    TriggerSettings,
)
from bot.neo.models.api_keys import ApiKeyWithSecret
from bot.neo.models.approvals import APPROVAL_STATUSES, Approval, ApprovalState, Approver, Decider
from bot.neo.models.availability import MappedTechnicians
from bot.neo.models.base import Envelope, Meta, NeoModel, NeoRequest, Pagination
from bot.neo.models.billing import (
    ActiveUsers,
    AgentCredits,
    CompanyTeamsUsage,
    RaisedTicket,
    TeamsDetail,
    TeamsUsage,
    Usage,
    UsageByAgent,
    UserTeamsUsage,
)
from bot.neo.models.callbacks import (
    Callback,
    CallbackDetail,
    FieldComparison,
    MatchDetails,
    WorkflowMatch,
)
from bot.neo.models.channels import Channel, ChannelChange, InstallBranding, NewChannel
from bot.neo.models.chat import (
    Attachment,
    ChatMessage,
    ChatSession,
    PostedMessage,
    StreamPart,
    UploadUrl,
)
from bot.neo.models.end_companies import (
    EndCompany,
    IdentityProvider,
    MailboxProvider,
    MarketplaceCompany,
    NewEndCompany,
)
from bot.neo.models.escalations import Escalation
from bot.neo.models.handovers import HandoverAnswer
from bot.neo.models.inbox import InboxMessage
from bot.neo.models.insights import InsightsResult, StartedAnalysis
from bot.neo.models.observability import (
    AgentPerformance,
    CallbackFunnel,
    LlmCalls,
    Performance,
    Window,
)
from bot.neo.models.performance import ChatUser
from bot.neo.models.phone import PhoneNumber
from bot.neo.models.runs import RUN_STATUSES, FieldOption, FieldUpdate, Outcome, Run, Step
from bot.neo.models.scheduled_work import ScheduledRun
from bot.neo.models.settings import TenantSettings, TenantSettingsChange
from bot.neo.models.sharing import SharedAgent
from bot.neo.models.skills import Skill, SkillEdit, SkillFile
from bot.neo.models.templates import Template

__all__ = [
    "APPROVAL_STATUSES",
    "RUN_STATUSES",
    "Action",
    "ActiveUsers",
    "Agent",
    "AgentChanges",
    "AgentCredits",
    "AgentPerformance",
    "AgentSettings",
    "AgentSnapshot",
    "AgentSummary",
    "AgentVersion",
    "AgenticAgent",
    "ApiKeyWithSecret",
    "Approval",
    "ApprovalState",
    "Approver",
    "Attachment",
    "Callback",
    "CallbackDetail",
    "CallbackFunnel",
    "ChainedActionsAgent",
    "Channel",
    "ChannelChange",
    "ChatMessage",
    "ChatSession",
    "ChatUser",
    "CompanyTeamsUsage",
    "Conditions",
    "ConversationalAgent",
    "Decider",
    "EndCompany",
    "Envelope",
    "Escalation",
    "FieldComparison",
    "FieldOption",
    "FieldUpdate",
    "HandoverAnswer",
    "IdentityProvider",
    "InboxMessage",
    "InsightsResult",
    "InstallBranding",
    "Integration",
    "Integrations",
    "LlmCalls",
    "MailboxProvider",
    "MappedTechnicians",
    "MarketplaceCompany",
    "MatchDetails",
    "Meta",
    "NeoModel",
    "NeoRequest",
    "NewChannel",
    "NewEndCompany",
    "Outcome",
    "Pagination",
    "Performance",
    "Permission",
    "PhoneNumber",
    "PostedMessage",
    "QueuedRun",
    "RaisedTicket",
    "Rule",
    "RuleGroup",
    "Run",
    "ScheduledRun",
    "SharedAgent",
    "Skill",
    "SkillEdit",
    "SkillFile",
    "StartedAnalysis",
    "Step",
    "StreamPart",
    "TargetChange",
    "TeamsDetail",
    "TeamsUsage",
    "Template",
    "TenantSettings",
    "TenantSettingsChange",
    "Toolbox",
    "TriggerSettings",
    "UploadUrl",
    "Usage",
    "UsageByAgent",
    "UserTeamsUsage",
    "Window",
    "WorkflowMatch",
]
