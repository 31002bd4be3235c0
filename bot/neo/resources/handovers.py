"""Handovers: a chat that a technician takes over."""

from __future__ import annotations

from bot.neo.models.handovers import HandoverAnswer
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Handovers(Resource):
    """Chats that technicians take over. Source: Neo API reference, Handover."""

    # Not repeatable: the second of two would be told that somebody was faster.
    ACCEPT = Operation(
        "handovers.accept",
        "POST",
        "/public-api/handover-requests/{request_id}/accept",
        HandoverAnswer,
        sends=("technician_aad_id", "technician_name", "technician_tenant_id"),
    )

    async def accept(
        self,
        handover: str,
        *,
        technician: str,
        technician_name: str,
        technician_tenant: str,
        client: str | None = None,
    ) -> HandoverAnswer:
        """Take over a chat, once. Neo sends the ticket to the technician and tells the others.

        Coming too late is an answer, not an error: look at ``status``.

        Shape: ``POST /public-api/handover-requests/{request_id}/accept`` {technician_aad_id,
        technician_name, technician_tenant_id, client_id} -> status, accepted_by, message.

        Args:
            handover: Its id.
            technician: Who takes it (Entra object id).
            technician_name: Their name.
            technician_tenant: The Microsoft 365 tenant they belong to.
            client: The tenant, for Neo's own service accounts alone.

        Raises:
            NeoForbidden: a tenant's key named a client.
            NeoUnavailable: nobody knows whether it was taken.
        """
        body = {
            "technician_aad_id": technician,
            "technician_name": technician_name,
            "technician_tenant_id": technician_tenant,
        }
        if client is not None:
            body["client_id"] = client
        return await self._one(self.ACCEPT, body=body, request_id=handover)
