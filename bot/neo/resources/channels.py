"""Channels: the places, such as a Teams bot, in which people meet an agent."""

from __future__ import annotations

from bot.neo.models.channels import Channel, ChannelChange, InstallBranding, NewChannel
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Channels(Resource):
    """Channels. Source: Neo API reference, Channels."""

    CREATE = Operation(
        "channels.create",
        "POST",
        "/public-api/channels",
        Channel,
        sends=("audience", "internal_name"),
    )
    GET = Operation("channels.get", "GET", "/public-api/channels/{channel_id}", Channel)
    # Safe to repeat: the same values again change nothing.
    UPDATE = Operation(
        "channels.update", "PATCH", "/public-api/channels/{channel_id}", Channel, repeatable=True
    )
    # Safe to repeat: it looks something up and changes nothing.
    BRANDING = Operation(
        "channels.branding",
        "POST",
        "/public-api/channels/install-events",
        InstallBranding,
        repeatable=True,
        sends=("bot_id", "end_client_tenant_id"),
    )

    async def create(self, channel: NewChannel) -> Channel:
        """Add a channel. Shape: ``POST /public-api/channels`` {channel} -> channel.

        Raises:
            NeoUnavailable: nobody knows whether it was added.
        """
        return await self._one(self.CREATE, body=channel.body())

    async def get(self, channel: str) -> Channel:
        """One channel. Shape: ``GET /public-api/channels/{channel_id}`` -> channel.

        Raises:
            NeoNotFound: no channel with this id.
        """
        return await self._one(self.GET, channel_id=channel)

    async def update(self, channel: str, change: ChannelChange) -> Channel:
        """Change what is set in ``change``; the answer is the channel as it then stands.

        Shape: ``PATCH /public-api/channels/{channel_id}`` {what changes} -> channel.

        Raises:
            NeoNotFound: no channel with this id.
        """
        return await self._one(self.UPDATE, body=change.body(), channel_id=channel)

    async def branding(self, bot: str, *, tenant: str) -> InstallBranding:
        """How a bot that was just installed greets a company; for Neo's own relay.

        Shape: ``POST /public-api/channels/install-events`` {bot_id, end_client_tenant_id} ->
        whether it is known, and the words. ``tenant`` is the company's Microsoft 365 tenant.

        Raises:
            NeoForbidden: asked with a tenant's key.
        """
        body = {"bot_id": bot, "end_client_tenant_id": tenant}
        return await self._one(self.BRANDING, body=body)
