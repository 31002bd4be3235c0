"""`Tracing` by OpenTelemetry. Needs the extra `tracing`; the only module that imports it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Token
from typing import Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, format_trace_id

from bot import __version__
from bot.telemetry.tracing import Span, Tracing, Value

_LAST_SPANS_SECONDS: Final = 2.0


class OtelSpan:
    """A span of OpenTelemetry's."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token: Token[Context] | None = None

    @property
    def trace(self) -> str | None:
        """See `Span`."""
        found = self._span.get_span_context()
        return format_trace_id(found.trace_id) if found.is_valid else None

    def enter(self) -> None:
        """See `Span`."""
        self._token = context.attach(trace.set_span_in_context(self._span))

    def leave(self) -> None:
        """See `Span`."""
        if self._token is not None:
            context.detach(self._token)
            self._token = None

    def end(self, error: str | None = None, **attributes: Value) -> None:
        """See `Span`."""
        self._span.set_attributes(attributes)
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OtelTracing:
    """Spans of this provider, which stays this process's own: nothing of the library is global.

    Args:
        provider: Says where spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("neo-for-teams", __version__)

    def span(self, name: str, **attributes: Value) -> Span:
        """See `Tracing`."""
        return OtelSpan(self._tracer.start_span(name, attributes=attributes))


@contextmanager
def exporting(endpoint: str) -> Iterator[Tracing]:
    """Send spans to a collector, from a thread of the library's own.

    What else ``OTEL_…`` says (headers, the service's name, sampling, batches) the library reads
    from the environment itself.
    """
    named = Resource.create({"service.name": "neo-for-teams", "service.version": __version__})
    provider = TracerProvider(
        # What the environment says of the resource goes first.
        resource=named.merge(OTELResourceDetector().detect()),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield OtelTracing(provider)
    finally:
        # A collector that is away does not hold up the end.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_SPANS_SECONDS)
