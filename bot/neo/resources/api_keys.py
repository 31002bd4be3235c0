"""API keys of the tenant."""

from __future__ import annotations

from datetime import datetime

from bot.neo.models.api_keys import ApiKeyWithSecret
from bot.neo.operation import Operation
from bot.neo.resource import Resource, iso


class ApiKeys(Resource):
    """API keys. Source: Neo API reference, API keys.

    An administrator signed in to the dashboard makes keys; a key itself may not.
    """

    CREATE = Operation(
        "api_keys.create", "POST", "/public-api/api-keys", ApiKeyWithSecret, sends=("name",)
    )
    ROTATE = Operation(
        "api_keys.rotate", "POST", "/public-api/api-keys/{key_id}/rotate", ApiKeyWithSecret
    )

    async def create(self, name: str, *, expires_at: datetime | None = None) -> ApiKeyWithSecret:
        """Make a key; its secret is told in this answer alone.

        Shape: ``POST /public-api/api-keys`` {name, expires_at} -> key. The name has 1 to 200
        characters; without ``expires_at`` the key lasts.

        Raises:
            NeoForbidden: asked with an API key.
            NeoUnavailable: nobody knows whether it was made.
        """
        expiry = {"expires_at": iso(expires_at)} if expires_at else {}
        return await self._one(self.CREATE, body={"name": name, **expiry})

    async def rotate(self, key: str) -> ApiKeyWithSecret:
        """Replace a key by a new one; the old one works on for 24 hours.

        Shape: ``POST /public-api/api-keys/{key_id}/rotate`` -> key. ``key`` is the id, no secret.

        Raises:
            NeoForbidden: asked with an API key.
            NeoUnavailable: nobody knows whether it was replaced.
        """
        return await self._one(self.ROTATE, key_id=key)
