"""Credits, and what the end users' Teams bot costs."""

from __future__ import annotations

from bot.neo.models.billing import TeamsDetail, TeamsUsage, Usage, UsageByAgent
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Billing(Resource):
    """What Neo costs. Source: Neo API reference, Billing.

    A month is ``YYYY-MM``; the running month if none is given.
    """

    USAGE = Operation("billing.usage", "GET", "/public-api/billing/usage", Usage)
    USAGE_BY_AGENT = Operation(
        "billing.usage_by_agent", "GET", "/public-api/billing/usage-by-agent", UsageByAgent
    )
    TEAMS_USAGE = Operation(
        "billing.teams_usage", "GET", "/public-api/billing/end-user-teams-usage", TeamsUsage
    )
    TEAMS_DETAIL = Operation(
        "billing.teams_detail",
        "GET",
        "/public-api/billing/end-user-teams/detail",
        TeamsDetail,
    )

    async def usage(self, month: str | None = None) -> Usage:
        """Credits of one month, ``YYYY-MM``; the running month if none is given.

        Shape: ``GET /public-api/billing/usage?month=`` -> used, forecast, limit, remaining,
        reserve. Units: credits. Limit, remaining and reserve are None for past months.
        """
        return await self._one(self.USAGE, query={"month": month})

    async def usage_by_agent(self, month: str | None = None) -> UsageByAgent:
        """Credits of one month, agent by agent, with the tickets they were spent on.

        Shape: ``GET /public-api/billing/usage-by-agent?month=`` -> agents. Units: credits.
        """
        return await self._one(self.USAGE_BY_AGENT, query={"month": month})

    async def teams_usage(self, month: str | None = None) -> TeamsUsage:
        """Active end users of the Teams bot in one month, and their charge.

        Shape: ``GET /public-api/billing/end-user-teams-usage?month=`` -> users, charge.
        Units: ``currency``. The charge of the running month is a projection.
        """
        return await self._one(self.TEAMS_USAGE, query={"month": month})

    async def teams_detail(
        self, month: str | None = None, *, months: int | None = None
    ) -> TeamsDetail:
        """Who used the end users' Teams bot in one month, company by company, user by user.

        Shape: ``GET …/end-user-teams/detail?month=&months=`` -> tickets, users, companies.
        ``months`` is the length of the trend, 1 to 24; Neo's own default is 6.
        """
        return await self._one(self.TEAMS_DETAIL, query={"month": month, "months": months})
