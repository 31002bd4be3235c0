"""``python -m bot ledger``: is the record whole, and give it to me as a file."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import psycopg

from bot.errors import ConfigurationError
from bot.settings import Settings
from bot.store.database import Connection, private_postgresql
from bot.store.ledger.export import export, rows
from bot.store.ledger.rows import instant
from bot.store.ledger.verify import Broken, Verdict, find, tenants, verify

BROKEN: Final = 1
BAD_INPUT: Final = 2
_HASH = re.compile(r"[0-9a-f]{64}")


def parser() -> argparse.ArgumentParser:
    """What can be asked."""
    top = argparse.ArgumentParser(
        prog="python -m bot ledger", description="The record of decisions: check it, export it."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="verify|export")
    check = commands.add_parser("verify", help="is every row as it was written?")
    check.add_argument("--tenant", help="this tenant's chain alone")
    check.add_argument(
        "--head", type=_hash, help="a hash noted earlier, which has to be in the chain still"
    )
    give = commands.add_parser("export", help="the rows as a file")
    give.add_argument(
        "--since", type=_moment, required=True, help="from this day on (UTC), or this instant"
    )
    give.add_argument(
        "--until",
        type=_moment,
        help="before this day (UTC), or this instant; without it: to the end",
    )
    give.add_argument("--tenant", help="this tenant's rows alone")
    give.add_argument("--format", choices=("csv", "jsonl"), required=True)
    give.add_argument("--out", type=Path, help="a new file; without it: standard output")
    return top


async def main(
    argv: Sequence[str], *, load: Callable[[], Settings], out: TextIO, err: TextIO
) -> int:
    """Do what is asked; the exit status.

    Nothing is written to the database, and a login that may only read the ledger is enough.

    Args:
        argv: The words after ``ledger``; argparse ends the process with 2 where they are wrong.
        load: Reads the settings, which say where the database is; not called for help.
        out: For what is found.
        err: For what is in the way.

    Returns:
        0: whole, or exported; 1: something is broken; 2: cannot be done as asked, or what was found
        reached nobody.

    Raises:
        ConfigurationError: the database cannot be read.
    """
    asked = parser().parse_args(argv)
    settings = load()
    try:
        if asked.command == "verify":
            status = await _verify(settings, asked.tenant, asked.head, out)
        else:
            status = await _export(settings, asked, out, err)
        out.flush()
    except _CannotError as error:
        err.write(f"{error}\n")
    except BrokenPipeError:
        pass  # whoever read it has seen enough
    except OSError as error:
        err.write(f"What was found could not be written ({error.strerror}).\n")
    else:
        return status
    return BAD_INPUT


class _CannotError(Exception):
    """Why it cannot be done as asked, and what to do."""


async def _verify(settings: Settings, tenant: str | None, head: str | None, out: TextIO) -> int:
    async with _reading(settings) as conn:
        known = await tenants(conn)
        chosen = [one for one in known if tenant in {None, one}]
        if tenant is not None and not chosen:
            raise _CannotError(f"The ledger has no tenant {tenant}. It has: {_listed(known)}.")
        whole = True
        for one in chosen:
            verdict = await verify(conn, one)
            whole = whole and verdict.broken is None
            out.write(f"{_said(verdict)}\n")
        if not known:
            out.write("The ledger is empty.\n")
        if head is not None:
            places = [place for place in await find(conn, head) if place[0] in chosen]
            whole = whole and bool(places)
            out.write(f"{_found(head, places)}\n")
    return 0 if whole else BROKEN


def _listed(known: Sequence[str]) -> str:
    return ", ".join(known) or "none"


def _said(verdict: Verdict) -> str:
    if verdict.broken is not None:
        return f"✕ {verdict.tenant}: broken at {_broken(verdict.broken)}"
    dropped = f" after {verdict.forgotten} dropped" if verdict.forgotten else ""
    return (
        f"✓ {verdict.tenant}: {verdict.rows} rows{dropped},"
        f" the last at position {verdict.position}, head {verdict.hash or 'none'}"
    )


def _broken(broken: Broken) -> str:
    when = f", {instant(broken.at)}" if broken.at else ""
    about = f", approval {broken.approval}" if broken.approval else ""
    return f"position {broken.position}{when}{about}: {broken.fault.value} ({broken.fault.name})"


def _found(head: str, places: Sequence[tuple[str, int]]) -> str:
    if not places:
        return (
            f"✕ The hash {head} is not in the ledger: rows were cut off since it was noted,"
            " or dropped after their time."
        )
    return "\n".join(f"✓ {tenant}: the hash is at position {at}" for tenant, at in places)


async def _export(settings: Settings, asked: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    if asked.until is not None and asked.until <= asked.since:
        raise _CannotError("--until has to be later than --since.")
    async with _reading(settings) as conn:
        with _writing(asked.out, out) as into:
            found = rows(conn, since=asked.since, until=asked.until, tenant=asked.tenant)
            count = await export(found, into, asked.format)
    err.write(f"{count} rows exported\n")
    return 0


@contextlib.contextmanager
def _writing(path: Path | None, out: TextIO) -> Iterator[TextIO]:
    """The file, which must be new, or ``out``."""
    if path is None:
        yield out
        return
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise _CannotError(f"{path} exists already. Name a new file.") from None
    except OSError as error:
        raise _CannotError(f"{path} cannot be written ({error.strerror}).") from None
    with file:
        yield file


@asynccontextmanager
async def _reading(settings: Settings) -> AsyncIterator[Connection]:
    """One moment of the database, for reading alone."""
    with contextlib.ExitStack() as stack:
        url = settings.database_url.get_secret_value()
        if not url:
            starting = private_postgresql(settings.data_dir)
            url = await asyncio.to_thread(stack.enter_context, starting)
        try:
            conn = await psycopg.AsyncConnection.connect(url, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise ConfigurationError(
                "The database did not answer, or not to this account. "
                "Check DATABASE_URL and that it runs."
            ) from error
        async with conn:
            await conn.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await conn.set_read_only(True)
            try:
                yield conn
            except psycopg.errors.UndefinedTable as error:
                raise ConfigurationError(
                    "This database has no ledger yet. Start the bot once: it makes the tables."
                ) from error
            except psycopg.errors.InsufficientPrivilege as error:
                raise ConfigurationError(
                    "This account of the database may not read the ledger."
                ) from error


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("a hash has 64 digits, 0-9 and a-f")
    return text.lower()


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no day such as 2026-11-01, nor an instant such as 2026-11-01T09:30Z"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
