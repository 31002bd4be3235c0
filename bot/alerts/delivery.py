"""A failed run's alert: recorded and queued in one transaction, sent once to each conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.errors import ConversationClosed, SendLater, SendRejected
from bot.messaging import Messenger, Scope
from bot.neo.models import Run
from bot.store import conversations, routes, runs
from bot.store.database import Connection, Pool
from bot.store.jobs import Jobs
from cards.alert import failed_run
from cards.words import Reader

DELIVER = "alerts.deliver"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends alerts. ``zone`` serves conversations whose people's zone is not known."""

    pool: Pool
    jobs: Jobs
    messenger: Messenger
    clock: Callable[[], datetime]
    zone: ZoneInfo

    async def announce(self, conn: Connection, tenant: str, run: Run) -> None:
        """Queue a failed run's alert for every conversation that follows failures."""
        for conversation in await routes.followers(conn, tenant, "failures"):
            planned = await routes.plan(
                conn, tenant, "failures", run.id, conversation, at=self.clock()
            )
            if planned:
                await self.jobs.defer(
                    conn,
                    DELIVER,
                    lock=f"{tenant}/{conversation}",
                    tenant=tenant,
                    run=run.id,
                    conversation=conversation,
                )

    async def deliver(self, *, tenant: str, run: str, conversation: str) -> None:
        """Job: send one alert to one conversation, unless it has had it or follows no more.

        At most once: a send of which nobody knows whether it arrived is not repeated.

        Raises:
            SendLater: throttled, or the connector is in trouble; the job runs again.
        """
        async with self.pool.connection() as conn:
            planned = await routes.delivery(conn, tenant, "failures", run, conversation)
            place = await conversations.find(conn, tenant, conversation)
            failure = await runs.failure(conn, tenant, run)
            follows = "failures" in await routes.topics(conn, tenant, conversation)
        if planned is None or planned.ended or place is None or failure is None:
            return
        if not follows:
            await self._give_up(tenant, run, conversation, "not followed any more")
            return
        reader = Reader(
            now=self.clock(),
            zone=ZoneInfo(place.zone) if place.zone else self.zone,
            person=place.person,
            shared=place.scope is not Scope.PERSONAL,
        )
        async with self.pool.connection() as conn:
            first = await routes.claim_try(
                conn, tenant, "failures", run, conversation, at=self.clock()
            )
        if not first:
            # Its sender died, or got no answer: mostly it stands there. Told once, not twice.
            await self._give_up(tenant, run, conversation, "no answer; it may stand there")
            return
        try:
            message = await self.messenger.send(place, failed_run(failure, reader), alert=True)
        except SendLater as error:
            if not error.may_have_arrived:
                async with self.pool.connection() as conn:
                    await routes.undo_try(conn, tenant, "failures", run, conversation)
            raise
        except (ConversationClosed, SendRejected) as error:
            await self._give_up(tenant, run, conversation, str(error.code or error.status))
            if isinstance(error, ConversationClosed):
                async with self.pool.connection() as conn:
                    await conversations.close(conn, tenant, conversation, at=self.clock())
            return
        async with self.pool.connection() as conn:
            await routes.delivered(
                conn, tenant, "failures", run, conversation, message=message, at=self.clock()
            )

    async def _give_up(self, tenant: str, run: str, conversation: str, why: str) -> None:
        async with self.pool.connection() as conn:
            await routes.give_up(conn, tenant, "failures", run, conversation, why=why)
