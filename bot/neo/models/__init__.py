"""The shapes Neo answers with, one module a resource.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
"""

from bot.neo.models.agents import Agent
from bot.neo.models.approvals import (
    APPROVAL_STATUSES,
    Approval,
    ApprovalState,
    Approver,
    Decider,
)
from bot.neo.models.base import Envelope, Meta, NeoModel, Pagination
from bot.neo.models.billing import Usage
from bot.neo.models.inbox import InboxMessage
from bot.neo.models.runs import RUN_STATUSES, Outcome, Run, Step

__all__ = [
    "APPROVAL_STATUSES",
    "RUN_STATUSES",
    "Agent",
    "Approval",
    "ApprovalState",
    "Approver",
    "Decider",
    "Envelope",
    "InboxMessage",
    "Meta",
    "NeoModel",
    "Outcome",
    "Pagination",
    "Run",
    "Step",
    "Usage",
]
