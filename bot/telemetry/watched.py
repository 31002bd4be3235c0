"""What is counted, traced and logged of turns, calls and jobs: one line where each happens."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic, perf_counter
from types import TracebackType
from typing import Any, Final, Self

import structlog
from prometheus_client import CollectorRegistry
from structlog.contextvars import bind_contextvars, reset_contextvars

from bot.errors import (
    ConversationClosed,
    MessageGone,
    NeoError,
    SendError,
    SendLater,
    SendRejected,
)
from bot.telemetry.metrics import Metrics
from bot.telemetry.tracing import NoTracing, Span, Tracing

log = structlog.get_logger()

ANSWERED: Final = "answered"

# What Teams calls an activity, and what is said where nothing more is known of it.
_KINDS: Final = {
    "message": "message",
    "invoke": "invoke",
    "conversationUpdate": "membership",
    "installationUpdate": "installation",
}
_OUTCOMES: Final[dict[type[BaseException], str]] = {
    SendLater: "later",
    ConversationClosed: "closed",
    MessageGone: "gone",
    SendRejected: "rejected",
}
_LONGEST_ID: Final = 100
_HTTP: Final = range(100, 600)


@dataclass(slots=True)
class _Noted:
    """What comes out about a turn while it is under way."""

    intent: str
    outcome: str = ANSWERED


@dataclass(frozen=True, slots=True)
class _Working:
    """The job that is under way."""

    job: str


_noted: ContextVar[_Noted | None] = ContextVar("noted", default=None)
_working: ContextVar[_Working | None] = ContextVar("working", default=None)


def note_intent(intent: str) -> None:
    """Say what the turn is about; ``intent`` is a word of ours, never the person's."""
    if (noted := _noted.get()) is not None:
        noted.intent = intent


def note_outcome(outcome: str) -> None:
    """Say that the turn did not simply come to its answer."""
    if (noted := _noted.get()) is not None:
        noted.outcome = outcome


def turn_under_way() -> str | None:
    """The id of the turn that this belongs to."""
    found = structlog.contextvars.get_contextvars().get("turn")
    return found if isinstance(found, str) else None


class WatchedTurn:
    """A turn. While the ``with`` lasts, and in tasks made in it, every log line has its ids."""

    __slots__ = ("_began", "_bound", "_ids", "_metrics", "_noted", "_reset", "_span")

    def __init__(
        self, metrics: Metrics, span: Span, began: float, noted: _Noted, ids: dict[str, str]
    ) -> None:
        self._metrics, self._span, self._began, self._noted = metrics, span, began, noted
        if span.trace is not None:
            ids["trace"] = span.trace
        self._ids = ids

    def __enter__(self) -> Self:
        self._bound = bind_contextvars(**self._ids)
        self._reset = _noted.set(self._noted)
        self._span.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._span.leave()
        _noted.reset(self._reset)
        reset_contextvars(**self._bound)

    @property
    def intent(self) -> str:
        """What it is about, as far as that is known."""
        return self._noted.intent

    def ended(self, task: asyncio.Task[Any]) -> None:
        """The task that does what the turn asks for is done."""
        noted = self._noted
        if task.cancelled():
            noted.outcome = "broken"
        took = monotonic() - self._began
        self._metrics.turn_seconds[noted.intent, noted.outcome].observe(took)
        error = None if noted.outcome in {ANSWERED, "repeated"} else noted.outcome
        self._span.end(error, intent=noted.intent, outcome=noted.outcome)


class _Call:
    """A ``with`` around a call: its span, and how long it took."""

    __slots__ = ("_began", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Self:
        self._span.enter()
        self._began = perf_counter()
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        took = perf_counter() - self._began
        self._span.leave()
        self._ended(error, took)

    def _ended(self, error: BaseException | None, took: float) -> None:
        raise NotImplementedError


class NeoCall(_Call):
    """A call to Neo, as its caller sees it: retries included, and perhaps shared with others."""

    __slots__ = ("_metrics", "_operation", "_quiet", "_request_id", "_shared")

    def __init__(self, metrics: Metrics, span: Span, operation: str, *, quiet: bool) -> None:
        super().__init__(span)
        self._metrics, self._operation, self._quiet = metrics, operation, quiet
        self._request_id: str | None = None
        self._shared = False

    def answered(self, request_id: str | None, *, shared: bool = False) -> None:
        """Neo's id of the request, and whether the request was somebody else's."""
        self._request_id, self._shared = _short(request_id), shared

    def _ended(self, error: BaseException | None, took: float) -> None:
        status = None
        if isinstance(error, NeoError):
            self._request_id, status = _short(error.request_id), error.status
            self._metrics.neo_calls_failed[self._operation, type(error).__name__].inc()
        failed = None if error is None else type(error).__name__
        told = {"request_id": self._request_id, "status": status, "shared": self._shared or None}
        known: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        self._span.end(failed, **known)
        if failed:
            known["error"] = failed
        # Every five seconds there is a look that finds nothing new; and what was somebody else's
        # request is told of with theirs.
        say = log.debug if (self._quiet or self._shared) and not failed else log.info
        say("neo.called", operation=self._operation, took_ms=round(took * 1000), **known)


class TeamsCall(_Call):
    """A call to Teams' connector, its retries included."""

    __slots__ = ("_call", "_metrics")

    def __init__(self, metrics: Metrics, span: Span, call: str) -> None:
        super().__init__(span)
        self._metrics, self._call = metrics, call

    def _ended(self, error: BaseException | None, took: float) -> None:
        failed = None if error is None else type(error).__name__
        outcome = "done" if error is None else _OUTCOMES.get(type(error), "broken")
        self._metrics.teams_call_seconds[self._call, outcome].observe(took)
        work = _working.get()
        # A chat that cannot be opened is a card that did not arrive.
        if work is not None and self._call != "member" and (self._call != "open" or failed):
            self._metrics.deliveries[work.job, outcome].inc()
        status = error.status if isinstance(error, SendError) else None
        self._span.end(
            failed,
            outcome=outcome,
            **({} if status is None else {"status": status}),
        )


class WatchedJob(_Call):
    """One run of a job; every log line meanwhile has its id."""

    __slots__ = ("_again", "_bound", "_error", "_ids", "_job", "_metrics", "_quiet", "_reset")

    def __init__(
        self, metrics: Metrics, span: Span, job: str, ids: dict[str, Any], *, quiet: bool
    ) -> None:
        super().__init__(span)
        self._metrics, self._job, self._quiet = metrics, job, quiet
        self._error: BaseException | None = None
        self._again = False
        if span.trace is not None:
            ids["trace"] = span.trace
        self._ids = ids

    def __enter__(self) -> Self:
        self._bound = bind_contextvars(**self._ids)
        self._reset = _working.set(_Working(self._job))
        return super().__enter__()

    def failed(self, error: BaseException, *, again: bool) -> None:
        """It failed; whether it will run again."""
        self._error, self._again = error, again

    def _ended(self, error: BaseException | None, took: float) -> None:
        _working.reset(self._reset)
        error = error or self._error
        # Cancelled, the process ends; another one runs it again.
        again = self._again or isinstance(error, asyncio.CancelledError)
        outcome = "done" if error is None else "again" if again else "failed"
        self._metrics.job_seconds[self._job, outcome].observe(took)
        told = {} if error is None else {"error": type(error).__name__}
        self._span.end(told.get("error"), outcome=outcome)
        if isinstance(error, NeoError) and error.request_id:
            told["request_id"] = error.request_id[:_LONGEST_ID]
        say = log.debug if self._quiet else log.warning if outcome == "failed" else log.info
        say("job.ended", outcome=outcome, took_ms=round(took * 1000), **told)
        reset_contextvars(**self._bound)


class Telemetry:
    """What is counted and traced of one process.

    Args:
        registry: Where the figures are kept; one of its own if none is given.
        tracing: Begins spans; none are begun if it is not given.
    """

    def __init__(
        self, registry: CollectorRegistry | None = None, tracing: Tracing | None = None
    ) -> None:
        self.metrics = Metrics(registry or CollectorRegistry())
        self._tracing = tracing or NoTracing()

    def turn(self, kind: str, *, began: float, tenant: str, **ids: str) -> WatchedTurn:
        """A turn that begins.

        Args:
            kind: The activity's type.
            began: When it arrived (`time.monotonic`, which is the event loop's clock too).
            tenant: Whose.
            **ids: For its log lines.
        """
        noted = _Noted(_KINDS.get(kind, "other"))
        turn = token_hex(8)
        span = self._tracing.span("turn", turn=turn, tenant=tenant)
        return WatchedTurn(
            self.metrics, span, began, noted, {"turn": turn, "tenant": tenant, **ids}
        )

    def neo_call(self, operation: str, *, quiet: bool) -> NeoCall:
        """A call to Neo; one that is quiet is told of at debug level as long as it goes well."""
        span = self._tracing.span(f"neo {operation}", operation=operation)
        return NeoCall(self.metrics, span, operation, quiet=quiet)

    def neo_request(
        self, operation: str, purpose: str, status: int | None, took_seconds: float
    ) -> None:
        """A request that went to Neo; ``status`` is None where no answer came."""
        word = "none" if status is None else str(status) if status in _HTTP else "other"
        self.metrics.neo_requests[operation, word].inc()
        self.metrics.neo_request_seconds[(purpose,)].observe(took_seconds)

    def teams_call(self, call: str) -> TeamsCall:
        """A call to Teams' connector."""
        return TeamsCall(self.metrics, self._tracing.span(f"teams {call}"), call)

    def job(
        self,
        name: str,
        number: int | None,
        *,
        turn: str | None = None,
        quiet: bool = False,
        **more: str,
    ) -> WatchedJob:
        """A job that begins to run.

        Args:
            name: What it does; not for whom.
            number: Its id in the queue.
            turn: The turn that queued it.
            quiet: Whether it runs so often that nothing is said of it.
            **more: Other ids for its log lines.
        """
        ids: dict[str, Any] = {"job": number, "task": name, **more}
        if turn:
            ids["turn"] = turn
        span = self._tracing.span(f"job {name}", **({"turn": turn} if turn else {}))
        return WatchedJob(self.metrics, span, name, ids, quiet=quiet)

    def refused(self, status: int, reason: str) -> None:
        """A request was turned away at the door; ``reason`` is a word of ours."""
        self.metrics.requests_refused[str(status), reason].inc()

    def decided(self, verdict: str, outcome: str, reason: str | None = None) -> None:
        """A press ended; ``reason`` is the code of why it decided nothing."""
        self.metrics.decisions[verdict, outcome].inc()
        if reason is not None:
            self.metrics.decisions_refused[(reason,)].inc()


def _short(request_id: str | None) -> str | None:
    return request_id[:_LONGEST_ID] if request_id else None
