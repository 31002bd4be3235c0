"""Templates: agents to begin from."""

from __future__ import annotations

from bot.neo.models.templates import Template
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Templates(Resource):
    """Agents to begin from. Source: Neo API reference, Templates."""

    GET = Operation("templates.get", "GET", "/public-api/templates/{template_id}", Template)

    async def get(self, template: str) -> Template:
        """One template. Shape: ``GET /public-api/templates/{template_id}`` -> template.

        Raises:
            NeoNotFound: no template with this id.
        """
        return await self._one(self.GET, template_id=template)
