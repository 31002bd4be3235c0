"""Traces: what took how long within what. Off, it is a few calls that do nothing.

OpenTelemetry is an extra; `bot.telemetry.otel` is the only module that imports it, when asked to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import structlog

log = structlog.get_logger()

Value = str | int | float | bool


class Span(Protocol):
    """Something that takes time."""

    @property
    def trace(self) -> str | None:
        """The id of its trace, in hex; None where nothing is traced."""
        ...

    def enter(self) -> None:
        """What begins from here on, in this context and in tasks made in it, is part of it."""
        ...

    def leave(self) -> None:
        """Up to here. What was begun meanwhile is still part of it."""
        ...

    def end(self, error: str | None = None, **attributes: Value) -> None:
        """It is done; ``error`` is the kind of what went wrong, never its words."""
        ...


class Tracing(Protocol):
    """Begins spans."""

    def span(self, name: str, **attributes: Value) -> Span:
        """A span that begins now, part of the one that was entered last.

        Only ids and words of ours may be attributes.
        """
        ...


class _Nothing:
    trace: Final = None

    def enter(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def end(self, error: str | None = None, **attributes: Value) -> None:
        pass


_NOTHING: Final = _Nothing()


class NoTracing:
    """Nothing is traced."""

    def span(self, name: str, **attributes: Value) -> Span:  # noqa: ARG002 -- see `Tracing`
        """One that is no span."""
        return _NOTHING


@contextmanager
def opened(endpoint: str | None) -> Iterator[Tracing]:
    """Traces to an OTLP collector at this address; none without one, or without the extra.

    Args:
        endpoint: Such as ``http://127.0.0.1:4318``; spans go to its path ``/v1/traces``.
    """
    if endpoint is None:
        yield NoTracing()
        return
    try:
        from bot.telemetry import otel  # noqa: PLC0415 -- an extra, loaded where it is wanted
    except ImportError as error:
        # People's approvals do not wait for traces.
        log.warning("tracing.not_installed", missing=error.name)
        yield NoTracing()
        return
    with otel.exporting(endpoint) as tracing:
        yield tracing
