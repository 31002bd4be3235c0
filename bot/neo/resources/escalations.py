"""Escalations to the people who make Neo."""

from __future__ import annotations

from bot.neo.models.escalations import Escalation
from bot.neo.operation import Operation
from bot.neo.resource import Resource


class Escalations(Resource):
    """Asking the people who make Neo. Source: Neo API reference, Escalation."""

    # Not repeatable: sent twice it is two tickets.
    CREATE = Operation(
        "escalations.create",
        "POST",
        "/public-api/escalate-to-neo-team",
        Escalation,
        sends=("details", "summary"),
    )

    async def create(
        self,
        summary: str,
        details: str,
        *,
        run: str | None = None,
        chat: str | None = None,
        requester: str | None = None,
    ) -> Escalation:
        """Open a ticket at Neo's own desk, once.

        Shape: ``POST /public-api/escalate-to-neo-team`` {summary, details, execution_id,
        chat_session_id, requester_user_id} -> ticket_id, ticket_url.

        Args:
            summary: One line, 1-300 characters.
            details: What happened, 1-20,000 characters.
            run: The run that it is about.
            chat: The chat session that it is about.
            requester: Who asks (their user id at Neo).

        Raises:
            NeoInvalid: a text is empty or too long.
            NeoUnavailable: nobody knows whether the ticket was opened.
        """
        about = {"execution_id": run, "chat_session_id": chat, "requester_user_id": requester}
        body = {"summary": summary, "details": details}
        body |= {name: one for name, one in about.items() if one is not None}
        return await self._one(self.CREATE, body=body)
