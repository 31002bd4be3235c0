"""`python -m bot parse`: what the grammar makes of a text, one JSON object a line."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.chat.grammar import Grammar

EXIT_BAD_INPUT = 2


class _BadInputError(Exception):
    """What is wrong with what was given, and what to do about it."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise _BadInputError(f"{message}. {self.format_usage().strip()}")


def main(
    argv: Sequence[str],
    *,
    now: Callable[[], datetime],
    out: TextIO,
    err: TextIO,
    agents: Sequence[str] = (),
    stdin: TextIO | None = None,
) -> int:
    """Read texts, print a Query a line; the exit code.

    Args:
        argv: the words after ``parse``.
        now: the present moment, aware; asked only without ``--now``.
        out: for the JSON objects.
        err: for what is wrong with the input.
        agents: the agents known without ``--agents``.
        stdin: for ``--file -``; the process's own by default.
    """
    try:
        asked = _arguments().parse_args(argv)
        zone = _zone(asked.tz)
        moment = _moment(asked.now, zone) if asked.now else now()
        grammar = Grammar(_names(asked.agents) if asked.agents else agents)
        for text in _texts(asked.text, asked.file, stdin or sys.stdin):
            said = grammar.parse(text, now=moment, zone=zone).said()
            said.pop("agent_said", None)
            out.write(json.dumps(said, ensure_ascii=False) + "\n")
    except _BadInputError as bad:
        err.write(f"parse: {bad}\n")
        return EXIT_BAD_INPUT
    return 0


def _arguments() -> _Parser:
    parser = _Parser(prog="python -m bot parse", description=__doc__)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="one text; words are joined")
    parser.add_argument("--file", metavar="JSONL", help='one {"text": …} a line; - is stdin')
    parser.add_argument("--agents", metavar="FILE", help="one agent's name a line")
    parser.add_argument("--now", metavar="ISO", help="the present moment; the clock's by default")
    parser.add_argument("--tz", metavar="ZONE", default="UTC", help="such as Europe/London; UTC")
    return parser


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _BadInputError(
            f"--tz: there is no zone {name!r}. Give an IANA name such as Europe/London."
        ) from error


def _moment(said: str, zone: ZoneInfo) -> datetime:
    """The instant of ``--now``; without an offset it is the zone's local time."""
    try:
        moment = datetime.fromisoformat(said)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        instant = aware.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _BadInputError(
            f"--now: {said!r} is no ISO 8601 time. Write it like 2026-11-04T10:30:00-05:00."
        ) from error
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    if not first <= instant < last:
        raise _BadInputError(f"--now: {said!r} is out of range. Give a time from 1970 to 2199.")
    return instant


def _names(path: str) -> list[str]:
    with _opened(path, "--agents") as lines:
        return [name for _, line in _numbered(lines, path) if (name := line.strip())]


def _texts(words: Sequence[str], path: str | None, stdin: TextIO) -> Iterator[str]:
    if words and path:
        raise _BadInputError("give either TEXT or --file, not both.")
    if not words and path is None:
        raise _BadInputError("nothing to read. Give a TEXT, or --file JSONL (- reads stdin).")
    if path is None:
        yield " ".join(words)
    elif path == "-":
        yield from _from_lines(stdin, "stdin")
    else:
        with _opened(path, "--file") as lines:
            yield from _from_lines(lines, path)


def _opened(path: str, option: str) -> TextIO:
    try:
        return Path(path).open(encoding="utf-8-sig")
    except OSError as error:
        raise _BadInputError(
            f"{option}: cannot read {path}: {error.strerror}. Check the path."
        ) from error


def _from_lines(lines: TextIO, name: str) -> Iterator[str]:
    for number, line in _numbered(lines, name):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _bad_line(name, number, "it is no JSON") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise _bad_line(name, number, 'it is no object with a string "text"')
        yield row["text"]


def _numbered(lines: TextIO, name: str) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(lines, 1)
    except UnicodeDecodeError as error:
        raise _BadInputError(f"{name} is not UTF-8. Save it as UTF-8 and try again.") from error
    except OSError as error:
        raise _BadInputError(f"cannot read {name}: {error.strerror}. Check the path.") from error


def _bad_line(name: str, number: int, what: str) -> _BadInputError:
    return _BadInputError(f'{name}, line {number}: {what}. Write {{"text": "show failed runs"}}.')
