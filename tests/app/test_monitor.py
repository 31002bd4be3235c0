"""What keeps a process from being ready, what only degrades it, and how little it costs to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.errors import NeoUnauthorized, NeoUnavailable
from bot.monitor import Monitor, Shared
from bot.neo.client import Neo
from bot.neo.http import NeoHttp
from bot.neo.keys import FileKey, FixedKey, KeyRing
from bot.sandbox.embedded import EmbeddedNeo
from bot.store.database import Pool
from bot.store.jobs import opened
from bot.teams.credentials import ClientSecret
from bot.teams.tokens import SigningKeys
from bot.telemetry.watched import Telemetry
from tests.app.service import present
from tests.microsoft import APP_ID, ISSUER, SECRET, TENANT, Microsoft, serving


@dataclass
class Watched:
    """A monitor, and the addresses at which it answers."""

    monitor: Monitor
    url: str
    http: httpx.AsyncClient

    async def ready(self) -> tuple[int, dict[str, dict[str, str]]]:
        answer = await self.http.get(f"{self.url}/readyz")
        return answer.status_code, answer.json()["checks"]


@pytest.fixture
async def watched(db: Pool, microsoft: Microsoft, neo: EmbeddedNeo) -> AsyncIterator[Watched]:
    async with (
        httpx.AsyncClient(base_url=neo.url) as to_neo,
        httpx.AsyncClient() as http,
        opened(db) as jobs,
    ):
        key = FixedKey(SecretStr(neo.key))
        client = Neo(NeoHttp(to_neo, key, clock=present))
        monitor = Monitor(
            pool=db,
            telemetry=Telemetry(),
            neo=lambda _: client,
            own={TENANT: key},
            signing_keys=SigningKeys(
                http, metadata_url=microsoft.metadata_url, issuer=ISSUER, clock=present
            ),
            credentials=ClientSecret(
                http,
                login_url=microsoft.url,
                tenant=TENANT,
                app_id=APP_ID,
                secret=SecretStr(SECRET),
                clock=present,
            ),
            jobs=jobs,
        )
        app = web.Application()
        app.router.add_routes(monitor.routes("everybody"))
        async with serving(app) as url:
            yield Watched(monitor, url, http)
        await monitor.close()


async def test_all_is_well(watched: Watched) -> None:
    status, checks = await watched.ready()
    assert status == 200
    assert {check["status"] for check in checks.values()} == {"ok"}


async def test_without_microsofts_keys_nobody_can_be_let_in(
    watched: Watched, microsoft: Microsoft
) -> None:
    microsoft.keys_are_down = True
    status, checks = await watched.ready()
    assert status == 503
    assert checks["microsoft_keys"]["status"] == "failed"
    assert "BOT_OPENID_METADATA_URL" in checks["microsoft_keys"]["reason"]


async def test_keys_that_were_fetched_once_go_on_serving(
    watched: Watched, microsoft: Microsoft
) -> None:
    assert (await watched.ready())[0] == 200
    microsoft.keys_are_down = True
    assert watched.monitor.signing_keys
    assert await watched.monitor.signing_keys.known()
    assert microsoft.metadata_fetches == 1


async def test_without_a_token_it_is_ready_and_says_what_to_mend(
    watched: Watched, microsoft: Microsoft
) -> None:
    microsoft.token_refusal = "invalid_client"
    status, checks = await watched.ready()
    assert status == 200
    assert checks["microsoft_token"]["status"] == "degraded"
    assert "MICROSOFT_APP_PASSWORD" in checks["microsoft_token"]["reason"]
    assert SECRET not in str(checks)


async def test_however_often_it_is_asked_microsoft_is_not(
    watched: Watched, microsoft: Microsoft
) -> None:
    microsoft.token_refusal = "invalid_client"
    microsoft.keys_are_down = True
    await asyncio.gather(*(watched.ready() for _ in range(20)))
    await asyncio.gather(*(watched.ready() for _ in range(20)))
    assert (microsoft.token_fetches, microsoft.metadata_fetches) == (1, 1)


async def test_where_neo_is_away_people_are_told_so_and_it_stays_ready(
    watched: Watched, neo: EmbeddedNeo
) -> None:
    client = watched.monitor.neo(TENANT)
    neo.trouble(close_connection=True, times=None)
    with pytest.raises(NeoUnavailable):
        await client.with_options(within_seconds=0.2).agents.page()
    status, checks = await watched.ready()
    assert (status, checks[f"neo {TENANT}"]["status"]) == (200, "degraded")
    neo.ends_trouble()
    await client.agents.page()
    assert (await watched.ready())[1][f"neo {TENANT}"] == {"status": "ok"}


async def test_a_key_that_neo_refuses_is_named_as_such(watched: Watched, neo: EmbeddedNeo) -> None:
    neo.revoke_key()
    with pytest.raises(NeoUnauthorized):
        await watched.monitor.neo(TENANT).agents.page()
    status, checks = await watched.ready()
    assert status == 200
    assert "refused the key" in checks[f"neo {TENANT}"]["reason"]


async def test_a_tenant_whose_key_is_not_held_is_named(watched: Watched, tmp_path: Any) -> None:
    key = FileKey(tmp_path / "neo", name="NEO_API_KEY", ring=KeyRing())
    watched.monitor.own = {TENANT: key}
    status, checks = await watched.ready()
    assert (status, checks[f"neo {TENANT}"]["status"]) == (200, "degraded")
    assert "key.not_read" in checks[f"neo {TENANT}"]["reason"]


async def test_a_process_that_runs_no_jobs_although_it_should_is_degraded(
    watched: Watched,
) -> None:
    watched.monitor.works = True
    status, checks = await watched.ready()
    assert (status, checks["jobs"]["status"]) == (200, "degraded")
    # One that is there for nothing else has nothing to be ready for.
    watched.monitor.answers = False
    status, checks = await watched.ready()
    assert (status, checks["jobs"]["status"]) == (503, "failed")


async def test_told_to_end_it_is_not_ready(watched: Watched) -> None:
    watched.monitor.ending = True
    status, checks = await watched.ready()
    assert (status, checks["process"]["status"]) == (503, "failed")


async def test_all_who_ask_at_once_share_one_answer() -> None:
    door, asked = asyncio.Event(), 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await door.wait()
        return asked

    shared = Shared(ask, lasts_seconds=3600)
    assert await shared.answer(within_seconds=0) is None
    waiting = [asyncio.create_task(shared.answer()) for _ in range(5)]
    door.set()
    assert await asyncio.gather(*waiting) == [1] * 5
    assert await shared.answer() == 1
    await shared.close()


async def test_the_queue_is_counted_and_its_oldest_job_found(watched: Watched, db: Pool) -> None:
    async with db.connection() as conn:
        await conn.execute(
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at) VALUES
                ('default', 'a', 'todo', NULL),
                ('default', 'a', 'todo', now() - interval '40 seconds'),
                ('default', 'a', 'todo', now() + interval '1 hour'),
                ('default', 'a', 'doing', NULL),
                ('default', 'a', 'failed', NULL)
            """
        )
        await conn.execute(
            "UPDATE procrastinate_events SET at = now() - interval '90 seconds'"
            " WHERE job_id = (SELECT min(id) FROM procrastinate_jobs)"
        )
    text = (await watched.http.get(f"{watched.url}/metrics")).text
    for state, number in (("waiting", 2), ("later", 1), ("running", 1), ("failed", 1)):
        assert f'neo_bot_queue_jobs{{state="{state}"}} {number}.0' in text
    (oldest,) = [
        float(line.split()[1])
        for line in text.splitlines()
        if line.startswith("neo_bot_queue_oldest_seconds ")
    ]
    assert 90 <= oldest < 3600


async def test_an_empty_queue_has_no_oldest_job(watched: Watched) -> None:
    text = (await watched.http.get(f"{watched.url}/metrics")).text
    assert "neo_bot_queue_oldest_seconds 0.0" in text
    assert "neo_bot_database_up 1.0" in text
