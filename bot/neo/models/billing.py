"""Credits, and what the end users' Teams bot costs."""

from __future__ import annotations

from bot.neo.models.base import Count, Items, Moment, NeoModel, Number, Text


class Usage(NeoModel):
    """Credits of one month; limits are None for past months. Source: Billing / Monthly usage."""

    month: Text = None
    credits_used: Number = None
    forecasted_credits: Number = None
    credits_limit: Number = None
    credits_remaining: Number = None
    reserve_balance: Number = None


class AgentCredits(NeoModel):
    """One agent's share of a month."""

    agent_id: Text = None
    agent_name: Text = None
    credits_consumed: Number = None
    unique_tickets: Count = None


class UsageByAgent(NeoModel):
    """Credits of one month, agent by agent."""

    month: Text = None
    agents: Items[AgentCredits] = ()


class TeamsUsage(NeoModel):
    """The end users' Teams bot in one month, billed apart from credits.

    Who wrote at least twice is active; ``charge`` is a projection while the month runs.
    """

    month: Text = None
    active_users: Count = None
    charge: Number = None
    currency: Text = None
    trial_end_date: Moment = None


class ActiveUsers(NeoModel):
    """How many were active in one month."""

    month: Text = None
    active_users: Count = None


class RaisedTicket(NeoModel):
    """A ticket that came of a chat."""

    ticket_id: Text = None
    url: Text = None


class CompanyTeamsUsage(NeoModel):
    """One company's part of it."""

    end_company_id: Text = None
    company_name: Text = None
    active_users: Count = None
    tickets_raised: Count = None
    tickets: Items[RaisedTicket] = ()


class UserTeamsUsage(NeoModel):
    """One end user's part of it."""

    end_user: Text = None
    end_user_email: Text = None
    end_company_id: Text = None
    company_name: Text = None
    turns: Count = None
    tickets_raised: Count = None
    tickets: Items[RaisedTicket] = ()


class TeamsDetail(NeoModel):
    """Who used the end users' Teams bot, and what came of it."""

    tickets_raised: Count = None
    monthly_active_users: Items[ActiveUsers] = ()
    per_company: Items[CompanyTeamsUsage] = ()
    per_user: Items[UserTeamsUsage] = ()
