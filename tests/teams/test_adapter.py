"""botbuilder's own ways out are closed: cards go out through the connector alone."""

from __future__ import annotations

import pytest
from botbuilder.core import TurnContext
from botbuilder.schema import Activity, ConversationReference

from tests.teams.conftest import Bot


async def test_nothing_leaves_by_botbuilders_own_ways(bot: Bot) -> None:
    adapter = bot.endpoint.adapter
    context = TurnContext(adapter, Activity(type="message", id="1"))
    with pytest.raises(NotImplementedError, match=r"Connector\.reply"):
        await adapter.send_activities(context, [Activity(type="message", text="Hello")])
    with pytest.raises(NotImplementedError, match=r"Connector\.edit"):
        await adapter.update_activity(context, Activity(type="message"))
    with pytest.raises(NotImplementedError):
        await adapter.delete_activity(context, ConversationReference())
    assert bot.microsoft.calls == []
