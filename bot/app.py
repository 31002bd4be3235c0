"""The composition root: settings in, a running service out. The only file that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import httpx
import stamina
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.alerts import delivery as alerts_delivery
from bot.alerts import watch as alerts_watch
from bot.alerts.following import Following
from bot.approvals import chasing, origin, truth
from bot.approvals import delivery as approvals_delivery
from bot.approvals import watch as approvals_watch
from bot.approvals.clicked import Records
from bot.approvals.clicks import Clicks
from bot.approvals.decisions import Decisions
from bot.approvals.delegating import Delegating
from bot.approvals.evidence import Gathering
from bot.approvals.faces import Faces
from bot.approvals.history import History
from bot.approvals.hours import BusinessHoursKnown
from bot.approvals.sending import Sending
from bot.approvals.settling import Settling
from bot.approvals.showing import Showing
from bot.approvals.signature import Signatures
from bot.approvals.snoozing import Snoozing
from bot.chat import lists
from bot.errors import ConfigurationError
from bot.messaging import Messenger, Roster
from bot.monitor import Audience, Monitor
from bot.neo import keys
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import ApiKey
from bot.neo.models import Approval
from bot.neo.options import Purpose
from bot.policies import Policy
from bot.settings import AppType, Settings, is_loopback
from bot.store import activities
from bot.store.database import Pool, connected, private_postgresql
from bot.store.jobs import AT_ONCE, Jobs, opened
from bot.store.ledger import retention
from bot.store.pool import may_take_long
from bot.store.signing import signing_key
from bot.teams.connector import Connector, short_retries
from bot.teams.credentials import ClientSecret, Credentials, ManagedIdentity, user_assigned
from bot.teams.endpoint import Gate, build_endpoint
from bot.teams.listener import Listener
from bot.teams.memory import StoreMemory
from bot.teams.service_urls import ServiceHosts
from bot.teams.tokens import InboundTokens, SigningKeys
from bot.telemetry.tracing import opened as traces_opened
from bot.telemetry.watched import Telemetry
from bot.transport import AiohttpTransport, DirectClient
from bot.turns import Turns
from bot.upkeep import kept_up

log = structlog.get_logger()

Clock = Callable[[], datetime]

UTC_ZONE = ZoneInfo("UTC")
# How long an answer may take is for each call to say.
NEO_TIMEOUT = httpx.Timeout(None, connect=3.0, pool=3.0)
# The watchers look every five seconds: what takes longer is asked anew by the next look.
WATCH_WITHIN_SECONDS = 4.5
# A click reads the approval and then decides it; Teams gives an invoke up after ten seconds.
DECIDE_WITHIN_SECONDS = 4.5
# Longer than Teams repeats an activity it got no answer to.
REPEATS_LAST = timedelta(days=1)
# The jobs of a tenant that ask Neo regularly: for approvals, for runs, and for business hours.
_WATCHES = 3
# Whoever stops the process kills it after ten.
DRAIN_SECONDS = 7.5


def now() -> datetime:
    """The present; the only clock of the product."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every feature, wired; ``turns`` answers people, ``jobs`` runs what is due."""

    pool: Pool
    jobs: Jobs
    turns: Turns
    tenants: Sequence[str]


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Pool]:
    """The database of the settings, up to date."""
    with contextlib.ExitStack() as stack:
        url = settings.database_url.get_secret_value()
        if not url:
            starting = private_postgresql(settings.data_dir)
            url = await asyncio.to_thread(stack.enter_context, starting)
        async with connected(url, ledger_months=settings.ledger_months) as pool:
            yield pool


def tenant_keys(
    settings: Settings, *, clock: Clock = now
) -> AbstractAsyncContextManager[Mapping[str, ApiKey]]:
    """Each served tenant's key for Neo, by the tenant's id; none of them is read yet."""
    managed = settings.microsoft_app_type is AppType.USER_ASSIGNED_MSI
    identity = settings.microsoft_app_id if managed else None
    return keys.opened(settings.tenants(), managed_identity=identity, clock=clock)


def neo_of(
    own: Mapping[str, ApiKey],
    http: httpx.AsyncClient,
    *,
    watching_share: float,
    clock: Clock = now,
    telemetry: Telemetry | None = None,
) -> Callable[[str], Neo]:
    """A tenant's Neo, each with a key, a request budget and a cache of its own.

    What it returns raises ConfigurationError for a tenant that is not served: never another's Neo.
    """
    neos = {
        tenant: Neo(
            NeoHttp(http, key, watching_share=watching_share, clock=clock, telemetry=telemetry)
        )
        for tenant, key in own.items()
    }

    def neo(tenant: str) -> Neo:
        if tenant not in neos:
            raise ConfigurationError(f"The tenant {tenant} is not served here.")
        return neos[tenant]

    return neo


def neo_client(settings: Settings) -> httpx.AsyncClient:
    """The client to Neo that all tenants share: nothing that one is answered reaches another.

    It keeps no cookies, and has as many connections as are needed: each tenant's budget bounds
    its own, and a limit in common would let one tenant's slow answers stop another's decisions.
    """
    return DirectClient(AiohttpTransport(), base_url=settings.neo_api_url, timeout=NEO_TIMEOUT)


@asynccontextmanager
async def furnish(
    pool: Pool,
    *,
    neo: Callable[[str], Neo],
    tenants: Sequence[str],
    messenger: Messenger,
    roster: Roster,
    policies: Mapping[str, Policy] | None = None,
    ledger_months: int | None = None,
    decide_within_seconds: float = DECIDE_WITHIN_SECONDS,
    clock: Clock = now,
    zone: ZoneInfo = UTC_ZONE,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Rooms]:
    """Wire the features to a database, a Neo for each tenant, and what brings cards to people.

    Args:
        pool: The database.
        neo: A tenant's Neo.
        tenants: Who is served.
        messenger: Writes into conversations.
        roster: Knows who is a guest.
        policies: What each tenant asks of its approvals; the defaults for those not named.
        ledger_months: How long the ledger is kept; None: for good.
        decide_within_seconds: How long a decision waits for each of its two calls to Neo.
        clock: The present.
        zone: For people whose zone Teams does not name.
        telemetry: Where jobs and decisions are counted.
    """
    asked_for = policies or {}
    telemetry = telemetry or Telemetry()

    def policy_of(tenant: str) -> Policy:
        return asked_for.get(tenant) or Policy()

    @cache
    def deciding_neo(tenant: str) -> Neo:
        return neo(tenant).with_options(
            purpose=Purpose.DECIDING, within_seconds=decide_within_seconds
        )

    @cache
    def watching_neo(tenant: str) -> Neo:
        return neo(tenant).with_options(
            purpose=Purpose.WATCHING, within_seconds=WATCH_WITHIN_SECONDS
        )

    # However slow the Neo of every tenant is, as many places as ever are left for other jobs.
    at_once = AT_ONCE + len(tenants) * (_WATCHES + origin.LANES)
    async with opened(pool, telemetry, at_once=at_once) as jobs:
        the_truth = truth.Truth(jobs, clock)
        async with pool.connection() as conn:
            signatures = Signatures({t: await signing_key(conn, t) for t in tenants})
        faces = Faces(clock, zone, signatures)
        delivery = approvals_delivery.Delivery(
            pool, jobs, the_truth, faces, messenger, policy_of, clock
        )
        settling = Settling(pool, the_truth, deciding_neo, clock)
        records = Records(pool, policy_of, clock)
        deciding = Decisions(
            pool=pool,
            truth=the_truth,
            signatures=signatures,
            roster=roster,
            sending=Sending(pool, the_truth, settling, records, deciding_neo, clock),
            records=records,
            neo_of=deciding_neo,
            tenants=tenants,
            clock=clock,
            telemetry=telemetry,
        )
        approvals = approvals_watch.Watch(pool, the_truth, delivery, settling, watching_neo, clock)
        alerts = alerts_delivery.Delivery(pool, jobs, messenger, clock, zone)
        failures = alerts_watch.Watch(pool, alerts, watching_neo, clock)
        runs_behind = origin.Origin(pool, the_truth, watching_neo)

        async def search(where: Neo, number: str) -> Approval | None:
            return await lists.approval(where, number, now=clock())

        showing = Showing(
            pool=pool,
            truth=the_truth,
            faces=faces,
            delivery=delivery,
            gathering=Gathering(pool, neo, clock),
            neo_of=neo,
            policy_of=policy_of,
            search=search,
        )
        delegating = Delegating(pool, the_truth, delivery, faces, roster, policy_of, clock)
        chase = chasing.Chase(
            pool=pool,
            jobs=jobs,
            truth=the_truth,
            faces=faces,
            messenger=messenger,
            hours=BusinessHoursKnown(
                policy_of, lambda tenant: watching_neo(tenant).settings.read(), clock
            ),
            policy_of=policy_of,
            ended=delegating.run_out,
            clock=clock,
        )

        jobs.register(approvals_delivery.DELIVER, delivery.deliver)
        jobs.register(approvals_delivery.REACH, delivery.reach)
        jobs.register(truth.REDRAW, delivery.redraw)
        jobs.register(truth.REDRAW_ALL, delivery.redraw_all)
        jobs.register(chasing.REMIND, chase.remind)
        jobs.register(chasing.REMIND_PERSON, chase.remind_person)
        jobs.register(origin.FIND, runs_behind.find)
        jobs.register(alerts_delivery.DELIVER, alerts.deliver)
        for tenant in tenants:
            jobs.every(approvals_watch.EVERY, approvals_watch.WATCH, approvals.look, tenant=tenant)
            jobs.every(chasing.EVERY, chasing.CHASE, chase.look, tenant=tenant)
            jobs.every(alerts_watch.EVERY, alerts_watch.WATCH, failures.look, tenant=tenant)

        _keep_house(jobs, pool, ledger_months=ledger_months, clock=clock)
        yield Rooms(
            pool=pool,
            jobs=jobs,
            turns=Turns(
                pool=pool,
                clicks=Clicks(pool, deciding, showing, faces, policy_of),
                delivery=delivery,
                showing=showing,
                snoozing=Snoozing(pool, the_truth, faces, roster, policy_of, clock),
                delegating=delegating,
                history=History(pool, faces),
                following=Following(pool, clock),
                agents=lists.KnownAgents(clock),
                neo_of=neo,
                clock=clock,
                zone=zone,
            ),
            tenants=tenants,
        )


def _keep_house(jobs: Jobs, pool: Pool, *, ledger_months: int | None, clock: Clock) -> None:
    """Forget what has been kept long enough, and take up again what dead workers left."""

    async def forget(*, timestamp: int) -> None:  # noqa: ARG001 -- see `Jobs.every`
        async with pool.connection() as conn:
            may_take_long(conn)
            await activities.forget(conn, before=clock() - REPEATS_LAST)

    async def forget_months(*, timestamp: int) -> None:  # noqa: ARG001 -- see `Jobs.every`
        if ledger_months is not None:
            await retention.forget_old(pool, ledger_months, clock)

    jobs.retries_stalled()
    jobs.every("17 * * * *", "activities.forget", forget)
    jobs.every("41 2 * * *", "ledger.forget", forget_months)


def credentials(settings: Settings, http: httpx.AsyncClient, *, clock: Clock = now) -> Credentials:
    """Who the bot is to Microsoft, as `Settings.require_run` has checked."""
    app_id = settings.microsoft_app_id or ""
    if settings.microsoft_app_type is AppType.USER_ASSIGNED_MSI:
        return ManagedIdentity(user_assigned(app_id), clock=clock)
    single = settings.microsoft_app_type is AppType.SINGLE_TENANT
    return ClientSecret(
        http,
        login_url=settings.bot_login_url,
        tenant=(settings.microsoft_app_tenant_id or "") if single else "botframework.com",
        app_id=app_id,
        secret=settings.microsoft_app_password,
        clock=clock,
    )


@asynccontextmanager
async def service(
    settings: Settings, *, anonymous: bool = False, clock: Clock = now, zone: ZoneInfo = UTC_ZONE
) -> AsyncIterator[tuple[web.Application, Rooms, Monitor]]:
    """Everything, not yet listening.

    Args:
        settings: As read at start.
        anonymous: For the demo: this machine's own processes are believed without a token.
        clock: The present.
        zone: For people whose zone Teams does not name.

    Raises:
        ConfigurationError: something is missing or cannot be reached.
    """
    if not anonymous:
        settings.require_run()
    async with AsyncExitStack() as stack:
        tracing = stack.enter_context(traces_opened(settings.otel_exporter_otlp_endpoint))
        telemetry = Telemetry(CollectorRegistry(), tracing)
        telemetry.metrics.with_process()
        own = await stack.enter_async_context(tenant_keys(settings, clock=clock))
        await keys.read(own)
        pool = await stack.enter_async_context(database(settings))
        to_neo = await stack.enter_async_context(neo_client(settings))
        transport = AiohttpTransport()
        to_teams = await stack.enter_async_context(DirectClient(transport))
        memory = StoreMemory(pool, clock=clock)
        named = any(is_loopback(host.partition(":")[0]) for host in settings.bot_service_hosts)
        hosts = ServiceHosts(settings.bot_service_hosts, loopback=anonymous or named)
        own_credentials = None if anonymous else credentials(settings, to_teams, clock=clock)
        connector = Connector(
            transport.ask,
            credentials=own_credentials,
            hosts=hosts,
            memory=memory,
            clock=clock,
            retrying=short_retries(),
            telemetry=telemetry,
        )
        neo = neo_of(
            own,
            to_neo,
            watching_share=settings.neo_watching_share,
            clock=clock,
            telemetry=telemetry,
        )
        api = settings.neo_api_url
        await stack.enter_async_context(kept_up(pool, neo, tuple(own), api=api, clock=clock))
        rooms = await stack.enter_async_context(
            furnish(
                pool,
                neo=neo,
                tenants=tuple(own),
                messenger=connector,
                roster=connector,
                policies={t.id: t.policy.policy for t in settings.tenants()},
                ledger_months=settings.ledger_months,
                clock=clock,
                zone=zone,
                telemetry=telemetry,
            )
        )
        tokens = signing_keys = None
        if not anonymous:
            signing_keys = SigningKeys(
                to_teams,
                metadata_url=settings.bot_openid_metadata_url,
                issuer=settings.bot_issuer,
                clock=clock,
            )
            tokens = InboundTokens(
                signing_keys,
                app_id=settings.microsoft_app_id or "",
                issuer=settings.bot_issuer,
                clock=clock,
            )
        endpoint = build_endpoint(
            turns=rooms.turns,
            connector=connector,
            memory=memory,
            listen_host=settings.host,
            gate=Gate(tokens=tokens, tenants=tuple(own), hosts=hosts),
            telemetry=telemetry,
        )
        monitor = Monitor(pool, telemetry, neo, own, signing_keys, own_credentials, jobs=rooms.jobs)
        stack.push_async_callback(monitor.close)
        app = web.Application()
        app.router.add_post("/api/messages", endpoint.handle)
        # Where they have a port of their own, whoever reaches this one is told one word.
        told: Audience = "this machine" if settings.metrics_port is None else "nobody"
        app.router.add_routes(monitor.routes(told))

        async def drain(_: web.Application) -> None:
            await endpoint.close(within_seconds=DRAIN_SECONDS)

        # As soon as nothing new comes in, and before whoever waits for an answer is cut off.
        app.on_shutdown.append(drain)
        stack.push_async_callback(endpoint.close, within_seconds=DRAIN_SECONDS)
        yield app, rooms, monitor


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """The application, answering; yields the port (a free one if 0 was asked for).

    Raises:
        OSError: the address cannot be listened on.
    """
    runner = Listener(app, drain_seconds=DRAIN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def working(jobs: Jobs, *, until: asyncio.Event | None = None) -> AsyncIterator[None]:
    """The job engine's worker, running meanwhile; if it dies, the whole service ends.

    Set, ``until`` ends it earlier: what it does may end while other things do.
    """
    try:
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(jobs.work())
            early = group.create_task(_end(worker, until or asyncio.Event()))
            try:
                yield
            finally:
                worker.cancel()
                early.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) > 1:
            raise
        # What the caller raised meanwhile, or what the worker died of, as it is.
        raise errors.exceptions[0] from None


async def _end(worker: asyncio.Task[None], until: asyncio.Event) -> None:
    await until.wait()
    worker.cancel()


def retries_are_logged() -> None:
    """Have stamina log each retry by name, without arguments, which may be people's."""
    stamina.instrumentation.set_on_retry_hooks([_on_retry])


def _on_retry(details: stamina.instrumentation.RetryDetails) -> None:
    log.debug(
        "retry",
        tries=details.retry_num,
        error=type(details.caused_by).__name__,
        wait_seconds=round(details.wait_for, 2),
    )
