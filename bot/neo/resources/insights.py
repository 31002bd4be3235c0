"""What the agents are worth."""

from __future__ import annotations

from bot.neo.models.insights import InsightsResult, StartedAnalysis
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Insights(Resource):
    """Analyses of what the agents are worth. Source: Neo API reference, Insights."""

    START = Operation("insights.start", "POST", "/public-api/insights/analyze", StartedAnalysis)
    RESULT = Operation("insights.result", "GET", "/public-api/insights/result", InsightsResult)

    async def start(
        self,
        *,
        currency_symbol: str | None = None,
        hourly_rate: float | None = None,
        period_days: int | None = None,
        sample_size: int | None = None,
    ) -> StartedAnalysis:
        """Begin an analysis; Neo chooses what is not given.

        Shape: ``POST /public-api/insights/analyze`` {currency_symbol, hourly_rate, period_days,
        sample_size} -> the analysis's id. Units: ``hourly_rate`` in the currency of the symbol;
        ``sample_size`` in runs.

        Raises:
            NeoUnavailable: nobody knows whether one was begun.
        """
        body = {
            "currency_symbol": currency_symbol,
            "hourly_rate": hourly_rate,
            "period_days": period_days,
            "sample_size": sample_size,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return await self._one(self.START, body=given)

    async def result(self) -> InsightsResult:
        """The latest analysis that is finished, whichever it was.

        Shape: ``GET /public-api/insights/result`` -> analysis and its result.

        Raises:
            NeoNotFound: none is finished.
        """
        return await self._one(self.RESULT)
