"""What the agents are worth: an analysis that Neo makes when asked."""

from __future__ import annotations

from bot.neo.models.base import Count, NeoModel, Number, Open, Text


class StartedAnalysis(NeoModel):
    """An analysis under way."""

    analysis_id: Text = None


class InsightsResult(NeoModel):
    """The latest analysis that is finished; ``result`` is a document of no published shape.

    ``completed_at`` stays text: Neo does not say that it is a moment.
    """

    analysis_id: Text = None
    completed_at: Text = None
    hourly_rate: Number = None
    period_days: Count = None
    result: Open = None
