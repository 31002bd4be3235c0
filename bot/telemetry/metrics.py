"""Every figure that is counted, by name; `docs/OPERATING.md` lists them from here.

A label has few values, each from a fixed set: an intent, a reason's code, a tenant that is served.
Nothing that somebody wrote is ever one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

M = TypeVar("M", Counter, Gauge, Histogram)


@dataclass(frozen=True, slots=True)
class Figure(Generic[M]):
    """One metric.

    Attributes:
        kind: Counter, Gauge or Histogram.
        name: As Prometheus names it; seconds are seconds.
        about: What it says, in a sentence.
        labels: What it is told apart by.
        buckets: Upper bounds of a histogram, in seconds.
    """

    kind: type[M]
    name: str
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def made(self, registry: CollectorRegistry) -> M:
        """The metric, in this registry."""
        more: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        make: Callable[..., M] = self.kind
        return make(self.name, self.about, self.labels, registry=registry, **more)


# Teams waits 5 s for what was pressed and 15 s for what was typed; the bot answers within 4.5, 10.
_OF_PEOPLE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.5, 10.0, 30.0)
_OF_REQUESTS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OF_JOBS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

TURN_SECONDS: Final = Figure(
    Histogram,
    "neo_bot_turn_seconds",
    "What people typed or pressed, from its arrival until all of it was done. `outcome` is"
    " `answered`, `repeated` (Teams sent it twice), `neo_failed` (Neo stood in the way; the card"
    " says so) or `broken` (see `turn.broken` in the log).",
    ("intent", "outcome"),
    _OF_PEOPLE,
)
REQUESTS_REFUSED: Final = Figure(
    Counter,
    "neo_bot_requests_refused_total",
    "Requests to `/api/messages` that were turned away at the door.",
    ("status", "reason"),
)
DECISIONS: Final = Figure(
    Counter,
    "neo_bot_decisions_total",
    "Presses of Approve and Reject, by what became of them: `decided`, `voted` (one more person"
    " has to), `confirm` (asked to type the number), `refused`, `failed` (Neo did not take it),"
    " `unsure` (Neo did not answer; it is being found out), `unknown` (no such approval).",
    ("verdict", "outcome"),
)
DECISIONS_REFUSED: Final = Figure(
    Counter,
    "neo_bot_decisions_refused_total",
    "Presses and orders that decided nothing, by why.",
    ("reason",),
)
NEO_REQUESTS: Final = Figure(
    Counter,
    "neo_bot_neo_requests_total",
    "Requests sent to Neo, repeats among them. `status` is the HTTP status, or `none` where no"
    " answer came.",
    ("operation", "status"),
)
NEO_REQUEST_SECONDS: Final = Figure(
    Histogram,
    "neo_bot_neo_request_seconds",
    "How long Neo took to answer a request. `purpose` is `deciding`, `asking` or `watching`.",
    ("purpose",),
    _OF_REQUESTS,
)
NEO_CALLS_FAILED: Final = Figure(
    Counter,
    "neo_bot_neo_calls_failed_total",
    "Calls to Neo that ended in an error, by its kind; `NeoRateLimited` without a request of its"
    " own was held back here.",
    ("operation", "error"),
)
NEO_BUDGET_LEFT: Final = Figure(
    Gauge,
    "neo_bot_neo_budget_left",
    "Requests that Neo still takes from this tenant in the running minute, as Neo last said.",
    ("tenant",),
)
NEO_BUDGET_LIMIT: Final = Figure(
    Gauge,
    "neo_bot_neo_budget_limit",
    "Requests that Neo takes from this tenant in a minute.",
    ("tenant",),
)
TEAMS_CALL_SECONDS: Final = Figure(
    Histogram,
    "neo_bot_teams_call_seconds",
    "Calls to Teams' connector, retries included: `post`, `edit`, `open` (a personal chat),"
    " `member`. `outcome` is `done`, `later`, `closed`, `gone` or `rejected`.",
    ("call", "outcome"),
    _OF_REQUESTS,
)
DELIVERIES: Final = Figure(
    Counter,
    "neo_bot_deliveries_total",
    "Cards that a job brought to a conversation, or did not. `job` says what for; `outcome` as"
    " above.",
    ("job", "outcome"),
)
JOB_SECONDS: Final = Figure(
    Histogram,
    "neo_bot_job_seconds",
    "Runs of jobs in this process. `outcome` is `done`, `again` (it failed for now) or `failed`"
    " (for good).",
    ("job", "outcome"),
    _OF_JOBS,
)
QUEUE_JOBS: Final = Figure(
    Gauge,
    "neo_bot_queue_jobs",
    "Jobs of all processes: `waiting` (due), `later` (not yet due), `running`, `failed` (for good;"
    " kept to be looked at).",
    ("state",),
)
QUEUE_OLDEST_SECONDS: Final = Figure(
    Gauge,
    "neo_bot_queue_oldest_seconds",
    "For how long the oldest job that is due has been waiting; 0 where none waits.",
)
DATABASE_UP: Final = Figure(
    Gauge,
    "neo_bot_database_up",
    "1 if the database answered this scrape, 0 if not; then nothing is said of the queue.",
)
READY: Final = Figure(
    Gauge, "neo_bot_ready", "1 if `/readyz` answers 200 at this moment, 0 if it answers 503."
)

FIGURES: Final[tuple[Figure[Counter] | Figure[Gauge] | Figure[Histogram], ...]] = (
    TURN_SECONDS,
    REQUESTS_REFUSED,
    DECISIONS,
    DECISIONS_REFUSED,
    NEO_REQUESTS,
    NEO_REQUEST_SECONDS,
    NEO_CALLS_FAILED,
    NEO_BUDGET_LEFT,
    NEO_BUDGET_LIMIT,
    TEAMS_CALL_SECONDS,
    DELIVERIES,
    JOB_SECONDS,
    QUEUE_JOBS,
    QUEUE_OLDEST_SECONDS,
    DATABASE_UP,
    READY,
)


class By(dict[tuple[str, ...], M]):
    """A metric's children by their labels; the library takes a lock to find one."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._child: Callable[..., M] = metric.labels

    def __missing__(self, labels: tuple[str, ...]) -> M:
        child = self[labels] = self._child(*labels)
        return child


class Metrics:
    """The figures of one process.

    Args:
        registry: Where they are kept; the composition root makes it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.turn_seconds = By(TURN_SECONDS.made(registry))
        self.requests_refused = By(REQUESTS_REFUSED.made(registry))
        self.decisions = By(DECISIONS.made(registry))
        self.decisions_refused = By(DECISIONS_REFUSED.made(registry))
        self.neo_requests = By(NEO_REQUESTS.made(registry))
        self.neo_request_seconds = By(NEO_REQUEST_SECONDS.made(registry))
        self.neo_calls_failed = By(NEO_CALLS_FAILED.made(registry))
        self.neo_budget_left = By(NEO_BUDGET_LEFT.made(registry))
        self.neo_budget_limit = By(NEO_BUDGET_LIMIT.made(registry))
        self.teams_call_seconds = By(TEAMS_CALL_SECONDS.made(registry))
        self.deliveries = By(DELIVERIES.made(registry))
        self.job_seconds = By(JOB_SECONDS.made(registry))
        self.queue_jobs = By(QUEUE_JOBS.made(registry))
        self.queue_oldest_seconds = QUEUE_OLDEST_SECONDS.made(registry)
        self.database_up = DATABASE_UP.made(registry)
        self.ready = READY.made(registry)

    def with_process(self) -> None:
        """Add what the operating system says of the process: time, memory, open files."""
        ProcessCollector(registry=self.registry)

    def queue_is(self, jobs: dict[str, int] | None, oldest_seconds: float = math.nan) -> None:
        """Take what the database said of the queue; None where it did not answer."""
        self.database_up.set(jobs is not None)
        for state in ("waiting", "later", "running", "failed"):
            self.queue_jobs[(state,)].set(math.nan if jobs is None else jobs[state])
        self.queue_oldest_seconds.set(oldest_seconds)

    def written(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)
