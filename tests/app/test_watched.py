"""A running service tells of itself: figures, whether it is ready and why not, one id a turn."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import conninfo_to_dict

from bot.sandbox.embedded import EmbeddedNeo
from tests.app.service import Service, cards, click, started
from tests.app.test_run import ALEXS, PEOPLE, _speaks
from tests.microsoft import ALEX, PERSONAL, SECRET, TENANT, Microsoft, serving

Sample = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def figures(service: Service, url: str | None = None) -> Sample:
    """Every sample of /metrics, as Prometheus' own parser reads it."""
    answer = await service.http.get(f"{url or service.url}/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def figure(found: Sample, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


async def ready(service: Service, url: str | None = None) -> tuple[int, dict[str, Any]]:
    answer = await service.http.get(f"{url or service.url}/readyz")
    return answer.status_code, answer.json()


def metrics_url(line: dict[str, Any]) -> str:
    return f"http://127.0.0.1:{line['metrics_port']}"


async def test_the_figures_tell_what_people_did_and_what_became_of_it(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    async with started(environment, microsoft, "run") as service:
        await _speaks(service)
        question = microsoft.activity(text="agents")
        for _ in range(2):
            assert (await service.hears(question)).status_code == 200
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL))
        (card,) = cards(microsoft, PERSONAL)
        neo.trouble(status=503, times=1, path="/decision")
        assert (await service.hears(click(microsoft, card, "Approve"))).status_code == 200
        stranger = microsoft.activity(text="agents")
        stranger["channelData"]["tenant"]["id"] = "99999999-0000-4000-8000-000000000000"
        assert (await service.hears(stranger)).status_code == 403
        assert (await service.http.post(f"{service.url}/api/messages")).status_code == 415

        found = await figures(service)

        turns, refused = "neo_bot_turn_seconds_count", "neo_bot_requests_refused_total"
        for name, labels in (
            (turns, {"intent": "help", "outcome": "answered"}),
            (turns, {"intent": "agents", "outcome": "answered"}),
            (turns, {"intent": "message", "outcome": "repeated"}),
            (turns, {"intent": "approval.decide", "outcome": "answered"}),
            (refused, {"status": "403", "reason": "tenant_not_served"}),
            (refused, {"status": "415", "reason": "media_type"}),
        ):
            assert figure(found, name, **labels) == 1, labels
        decided = [dict(labels) for name, labels in found if name == "neo_bot_decisions_total"]
        assert decided == [{"verdict": "approve", "outcome": "unsure"}]
        for name, labels in (
            ("neo_bot_neo_requests_total", {"operation": "approvals.decide", "status": "503"}),
            ("neo_bot_neo_request_seconds_count", {"purpose": "watching"}),
            ("neo_bot_deliveries_total", {"job": "approvals.deliver", "outcome": "done"}),
            ("neo_bot_job_seconds_count", {"job": "approvals.watch", "outcome": "done"}),
        ):
            assert figure(found, name, **labels), labels
        left = figure(found, "neo_bot_neo_budget_left", tenant=TENANT)
        limit = figure(found, "neo_bot_neo_budget_limit", tenant=TENANT)
        assert left is not None
        assert limit is not None
        assert 0 < left < limit
        assert figure(found, "neo_bot_database_up") == 1
        assert figure(found, "neo_bot_ready") == 1
        assert figure(found, "neo_bot_queue_jobs", state="failed") == 0
        oldest = figure(found, "neo_bot_queue_oldest_seconds")
        assert oldest is not None
        assert oldest >= 0
        assert (await ready(service))[1]["status"] == "ready"


async def test_one_id_leads_from_what_was_pressed_to_neos_request_and_to_the_jobs(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    async with started(environment, microsoft, "run") as service:
        await _speaks(service)
        await _speaks(service, ALEX, ALEXS)
        neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE)
        await microsoft.until(lambda: cards(microsoft, PERSONAL) and cards(microsoft, ALEXS))
        (card,), (other,) = cards(microsoft, PERSONAL), cards(microsoft, ALEXS)
        press = click(microsoft, card, "Approve")
        await service.hears(press)
        await microsoft.until(lambda: "Approved by" in other.summary)
        neo.trouble(status=502, times=None, path="/executions")
        await service.hears(asked := microsoft.activity(text="failed runs"))
        await microsoft.until(lambda: "request" in microsoft.messages[-1].summary)
        lines = await service.says_to_its_end()

    of_press = [line for line in lines if line.get("activity") == press["id"]]
    (turn,) = {line["turn"] for line in of_press}
    told = {line["operation"]: line for line in of_press if line["event"] == "neo.called"}
    assert told["approvals.decide"]["request_id"]
    assert {"neo.called", "ledger.added", "turn.answered"} <= {line["event"] for line in of_press}
    jobs = [line for line in lines if line.get("turn") == turn and line not in of_press]
    assert {line["task"] for line in jobs if line["event"] == "job.ended"} >= {
        "approvals.redraw_all",
        "approvals.redraw",
    }
    assert all(line["job"] for line in jobs)
    # What stands on the card of an error is found beside the turn.
    failed = [line for line in lines if line.get("activity") == asked["id"]]
    (request,) = {line["request_id"] for line in failed if line["event"] == "turn.neo_failed"}
    assert request in microsoft.messages[-1].summary
    assert {line["turn"] for line in failed} != {turn}


async def test_figures_and_reasons_can_have_an_address_of_their_own(
    environment: dict[str, str], microsoft: Microsoft
) -> None:
    own = environment | {"METRICS_PORT": "0"}
    async with started(own, microsoft, "run", "--no-worker") as service:
        apart = metrics_url(service.lines[-1])
        status, told = await ready(service, apart)
        assert (status, told["status"]) == (200, "ready")
        assert set(told["checks"]) == {
            "process",
            "database",
            "microsoft_keys",
            "microsoft_token",
            f"neo {TENANT}",
        }
        assert all(check == {"status": "ok"} for check in told["checks"].values())
        assert await ready(service) == (200, {"status": "ready"})
        assert (await service.http.get(f"{service.url}/metrics")).status_code == 404
        assert figure(await figures(service, apart), "neo_bot_ready") == 1
        assert await service.stops() == 0


async def test_whoever_comes_through_a_proxy_is_told_one_word(
    environment: dict[str, str], microsoft: Microsoft
) -> None:
    async with started(environment, microsoft, "run", "--no-worker") as service:
        passed_on = {"X-Forwarded-For": "203.0.113.7"}
        answer = await service.http.get(f"{service.url}/readyz", headers=passed_on)
        assert answer.json() == {"status": "ready"}
        elsewhere = {"Host": "neo-bot.contoso.example"}
        answer = await service.http.get(f"{service.url}/readyz", headers=elsewhere)
        assert answer.json() == {"status": "ready"}
        for headers in (passed_on, elsewhere):
            refused = await service.http.get(f"{service.url}/metrics", headers=headers)
            assert refused.status_code == 404


async def test_a_worker_tells_of_its_jobs(
    environment: dict[str, str], microsoft: Microsoft
) -> None:
    async with started(environment | {"METRICS_PORT": "0"}, microsoft, "worker") as worker:
        url = metrics_url(worker.lines[-1])
        status, told = await ready(worker, url)
        assert status == 200
        assert told["checks"]["jobs"] == {"status": "ok"}
        assert "microsoft_keys" not in told["checks"]
        assert await worker.stops() == 0


async def test_told_to_end_it_is_not_ready_at_once_and_still_answers_for_a_while(
    environment: dict[str, str], microsoft: Microsoft
) -> None:
    patient = environment | {"STOP_AFTER_SECONDS": "2"}
    async with started(patient, microsoft, "run", "--no-worker") as service:
        await _speaks(service)
        service.process.terminate()
        await service.logs("service.stopping")
        status, told = await ready(service)
        assert (status, told["status"]) == (503, "not ready")
        assert told["checks"]["process"]["status"] == "failed"
        assert (await service.http.get(f"{service.url}/healthz")).status_code == 200
        await _speaks(service)
        assert await service.stops() == 0


async def test_without_the_database_it_is_not_ready_says_why_and_recovers(
    environment: dict[str, str], microsoft: Microsoft, database_url: str, postgresql: str
) -> None:
    name = conninfo_to_dict(database_url)["dbname"]

    def may_connect(*, allowed: bool) -> None:
        with psycopg.connect(postgresql, autocommit=True) as conn:
            conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )

    async with started(environment, microsoft, "run") as service:
        may_connect(allowed=False)
        status, told = await ready(service)
        assert (status, told["status"]) == (503, "not ready")
        assert "DATABASE_URL" in told["checks"]["database"]["reason"]
        found = await figures(service)
        assert figure(found, "neo_bot_database_up") == 0
        assert figure(found, "neo_bot_neo_budget_limit", tenant=TENANT)
        assert figure(found, "neo_bot_ready") == 0
        assert figure(found, "neo_bot_queue_oldest_seconds") != 0  # not a number, not nothing
        assert (await service.http.get(f"{service.url}/healthz")).status_code == 200
        may_connect(allowed=True)
        await until_ready(service.http, service.url)


async def test_a_turn_can_be_followed_as_a_trace_without_a_text_of_anybody(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo
) -> None:
    received = ExportTraceServiceRequest()

    async def take(request: web.Request) -> web.Response:
        received.MergeFromString(await request.read())
        return web.Response(content_type="application/x-protobuf")

    collector = web.Application()
    collector.router.add_post("/v1/traces", take)
    async with serving(collector) as url:
        traced = environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        async with started(traced, microsoft, "run") as service:
            await _speaks(service)
            neo.has_approval(481, agent="Mailbox Permissions", approvers=PEOPLE, ticket="T-xyzzy")
            await microsoft.until(lambda: cards(microsoft, PERSONAL))
            (card,) = cards(microsoft, PERSONAL)
            await service.hears(click(microsoft, card, "Approve"))
            await microsoft.until(lambda: "Approved by" in card.summary)
            lines = await service.says_to_its_end()
    spans = [
        span
        for resource in received.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    attributes = {
        span.span_id: {a.key: a.value.string_value for a in span.attributes} for span in spans
    }
    (press,) = [s for s in spans if attributes[s.span_id].get("intent") == "approval.decide"]
    within = {span.name: attributes[span.span_id] for span in spans if _is_in(press, span)}
    assert within["neo approvals.decide"]["request_id"]
    assert {"teams post", "job approvals.deliver", "neo approvals.list"} <= {s.name for s in spans}
    assert attributes[press.span_id]["tenant"] == TENANT
    traces = {line.get("trace") for line in lines if line["event"] == "ledger.added"}
    assert traces == {press.trace_id.hex()}
    for text in ("xyzzy", "Megan", "by phone", "Mailbox", neo.key, SECRET):
        assert text not in str(received)


def _is_in(whole: Span, part: Span) -> bool:
    return part.parent_span_id == whole.span_id


async def until_ready(http: httpx.AsyncClient, url: str) -> None:
    """Ask until it is; each answer takes as long as the database takes to be found again."""
    for _ in range(2_000):
        if (await http.get(f"{url}/readyz")).status_code == 200:
            return
    raise AssertionError("it has never been ready again")
