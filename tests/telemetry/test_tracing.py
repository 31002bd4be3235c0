"""Traces show what took how long within what, and no text of anybody; without them nothing is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_trace_id

from bot.app import listening
from bot.errors import NeoInvalid, SendRejected
from bot.telemetry import tracing
from bot.telemetry.otel import OtelTracing
from bot.telemetry.watched import Telemetry, note_intent, note_outcome

MARK = "xyzzymark"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter) -> Iterator[Telemetry]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Telemetry(tracing=OtelTracing(provider))
    provider.shutdown()


def _by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def _id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context
    return context.span_id


async def test_calls_are_within_their_turn_and_log_lines_name_its_trace(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    logged: list[dict[str, Any]] = []

    async def work() -> None:
        note_intent("runs")
        with telemetry.neo_call("runs.list", quiet=False) as call:
            call.answered("req-1")
        with pytest.raises(SendRejected), telemetry.teams_call("post"):
            raise SendRejected(f"{MARK} too large", status=413)
        logged.append(dict(structlog.contextvars.get_contextvars()))

    loop = asyncio.get_running_loop()
    with telemetry.turn("message", began=loop.time(), tenant="t-1", activity="a-1") as turn:
        task = asyncio.create_task(work())
        task.add_done_callback(turn.ended)
    # The request may be answered long before the turn is done.
    assert exporter.get_finished_spans() == ()
    await task
    await asyncio.sleep(0)

    spans = _by_name(exporter)
    whole = spans["turn"]
    assert _parent(whole) is None
    assert {_parent(spans["neo runs.list"]), _parent(spans["teams post"])} == {_id(whole)}
    assert dict(spans["neo runs.list"].attributes or {}) == {
        "operation": "runs.list",
        "request_id": "req-1",
    }
    assert dict(spans["teams post"].attributes or {}) == {
        "outcome": "rejected",
        "status": 413,
        "error.type": "SendRejected",
    }
    (line,) = logged
    assert dict(whole.attributes or {}) == {
        "tenant": "t-1",
        "turn": line["turn"],
        "intent": "runs",
        "outcome": "answered",
    }
    context = whole.get_span_context()
    assert context
    assert line["trace"] == format_trace_id(context.trace_id)
    assert structlog.contextvars.get_contextvars() == {}


def test_a_job_is_a_trace_of_its_own_that_names_the_turn_which_queued_it(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    error = NeoInvalid(f"{MARK} is wrong", operation="runs.list", status=400, request_id="req-2")
    with telemetry.job("alerts.deliver", 7, turn="0a1b") as run:
        run.failed(error, again=True)
        with pytest.raises(NeoInvalid), telemetry.neo_call("runs.list", quiet=True):
            raise error
    spans = _by_name(exporter)
    job, call = spans["job alerts.deliver"], spans["neo runs.list"]
    assert _parent(job) is None
    assert _parent(call) == _id(job)
    assert dict(job.attributes or {})["turn"] == "0a1b"
    assert dict(job.attributes or {})["outcome"] == "again"
    assert dict(call.attributes or {})["request_id"] == "req-2"
    assert {span.status.status_code for span in (job, call)} == {StatusCode.ERROR}


def test_no_words_of_an_error_are_in_a_trace(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match=MARK), telemetry.neo_call("runs.list", quiet=False):
        raise ValueError(MARK)
    note_outcome("broken")  # outside of a turn it is nobody's
    (span,) = exporter.get_finished_spans()
    assert span.events == ()
    assert MARK not in span.to_json()


async def test_spans_go_to_the_collector_that_the_setting_names() -> None:
    received: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with listening(app, "127.0.0.1", 0) as port:

        def trace() -> None:
            with tracing.opened(f"http://127.0.0.1:{port}/") as made:
                span = made.span("turn", turn="0a1b")
                assert span.trace
                span.end()

        await asyncio.to_thread(trace)
    assert b"neo-for-teams" in received[0]
    assert b"0a1b" in received[0]


def test_without_a_collector_nothing_is_traced() -> None:
    with tracing.opened(None) as made:
        assert isinstance(made, tracing.NoTracing)
        assert made.span("turn").trace is None


_WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import bot.__main__, bot.serve
from bot.telemetry import tracing
with tracing.opened("http://127.0.0.1:9") as made:
    assert isinstance(made, tracing.NoTracing), made
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


def test_the_bot_starts_without_the_extra_and_says_what_is_missing(repository: Path) -> None:
    done = subprocess.run(  # noqa: S603 -- this Python
        [sys.executable, "-c", _WITHOUT],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tracing.not_installed" in done.stdout + done.stderr


def test_the_extra_is_not_loaded_unless_it_is_wanted(repository: Path) -> None:
    loaded = "import bot.serve, sys; print([n for n in sys.modules if 'opentelemetry' in n])"
    done = subprocess.run(  # noqa: S603 -- this Python
        [sys.executable, "-c", loaded], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
