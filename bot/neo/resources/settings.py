"""The tenant's settings in Neo."""

from __future__ import annotations

from bot.neo.models.settings import TenantSettings, TenantSettingsChange
from bot.neo.operation import Operation
from bot.neo.resource import Resource

# Not in Neo's document, though likely there: so it stands apart from the operations whose absence
# is told to an administrator.
_READ = Operation("settings.read", "GET", "/public-api/settings", TenantSettings)


class Settings(Resource):
    """The tenant's settings. Source: Neo API reference, Settings."""

    # Safe to repeat: the same values again change nothing.
    UPDATE = Operation(
        "settings.update", "PUT", "/public-api/settings", TenantSettings, repeatable=True
    )

    async def update(self, change: TenantSettingsChange) -> TenantSettings:
        """Change what is set in ``change``; the answer is how all of them then stand.

        Shape: ``PUT /public-api/settings`` {what changes} -> settings. A field set to None is
        cleared, one that was never set is not sent.
        """
        return await self._one(self.UPDATE, body=change.body())

    async def read(self) -> TenantSettings:
        """The settings as they stand, where Neo answers this; its document does not name it.

        Shape: ``GET /public-api/settings`` -> settings.

        Raises:
            NeoNotFound: it does not.
        """
        return await self._one(_READ)
