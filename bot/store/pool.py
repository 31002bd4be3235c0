"""A pool of connections that notices when PostgreSQL is away, and soon when it is back.

A server that refuses is noticed by itself. One that takes what is sent and never answers (frozen,
its disk stuck, a firewall that forgot the connection) is not: nothing in libpq ends that wait.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

Connection = AsyncConnection[Any]

log = structlog.get_logger()

ANSWERS_WITHIN_SECONDS: Final = 5.0
"""A statement takes milliseconds; whoever waits for so long is told that the database is away."""
UNHURRIED_SECONDS: Final = 600.0
ALIVE_WITHIN_SECONDS: Final = 1.5
"""How long the question may take whether a connection is alive."""
AWAY_WAIT_SECONDS: Final = 1.5
"""While the database is away, nobody waits for longer than this to hear so."""
CONNECTS_WITHIN_SECONDS: Final = 4
GIVES_UP_AFTER_SECONDS: Final = 2.0
"""Beyond this nobody tries by himself to connect: whoever needs a connection next tries at once."""
_ALIVE_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 0.05


class PatientConnection(AsyncConnection[Any]):
    """A connection that is cut when an answer takes too long, so that whoever waits gets an error.

    Whether the statement was carried out is then as unknown as after any lost connection.
    """

    patience_seconds: float = ANSWERS_WITHIN_SECONDS
    _under_way: object | None = None

    async def wait(self, *args: Any, **kwargs: Any) -> Any:
        """See psycopg: every wait for the server goes through here, that for notices too."""
        self._under_way = token = object()
        overdue = asyncio.get_running_loop().call_later(self.patience_seconds, self._overdue, token)
        try:
            return await super().wait(*args, **kwargs)
        finally:
            overdue.cancel()
            self._under_way = None

    async def cancel_safe(self, *, timeout: float = ALIVE_WITHIN_SECONDS) -> None:  # noqa: ASYNC109 -- psycopg's
        """See psycopg: whoever gives up does not wait long for a server that may be away."""
        await super().cancel_safe(timeout=min(timeout, ALIVE_WITHIN_SECONDS))

    def _overdue(self, token: object) -> None:
        if self._is_silent(token):
            # It may have been this process that was busy: what has arrived is read first.
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._give_up, token)

    def _give_up(self, token: object) -> None:
        if self._is_silent(token):
            log.warning("database.silent", seconds=self.patience_seconds)
            _cut(self.pgconn.socket)

    def _is_silent(self, token: object) -> bool:
        # Whoever waits for notices has nothing under way, and may wait.
        return (
            self._under_way is token
            and not self.closed
            and self.pgconn.transaction_status == TransactionStatus.ACTIVE
        )


def _cut(number: int) -> None:
    """End a socket for both sides; libpq, whose it stays, finds it closed."""
    own = socket.socket(fileno=number)
    try:
        own.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
    finally:
        own.detach()


class WakefulPool(AsyncConnectionPool[Connection]):
    """Connections that are alive when they are given out.

    One that turns out dead has the others thrown away, which died with it. While the database is
    away, nobody waits for long to hear so.

    Args:
        url: Of the database.
        configure: What is done with each new connection.
        more: See the library.
    """

    def __init__(
        self, url: str, *, configure: Callable[[Connection], Awaitable[None]], **more: Any
    ) -> None:
        self._seen_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._sign_at = monotonic()
        self._thrown_away_at = 0.0
        self._away = False

        async def begin(conn: Connection) -> None:
            await configure(conn)
            self._seen(conn)

        super().__init__(
            url,
            connection_class=PatientConnection,
            configure=begin,
            reconnect_timeout=GIVES_UP_AFTER_SECONDS,
            **more,
        )

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 -- the library's
        """See the library; a `PoolTimeout` also where the database does not answer."""
        patience = self.timeout if timeout is None else timeout
        until = monotonic() + (min(patience, AWAY_WAIT_SECONDS) if self._away else patience)
        while True:
            try:
                conn = await super().getconn(max(until - monotonic(), 0.01))
            except PoolTimeout:
                self._note_away()
                raise
            if await self._is_alive(conn):
                self._note_back()
                return conn
            await self.putconn(conn)
            await self._throw_away_like(conn)
            until = min(until, monotonic() + AWAY_WAIT_SECONDS)

    async def putconn(self, conn: Connection) -> None:
        """See the library."""
        if isinstance(conn, PatientConnection):
            conn.patience_seconds = ANSWERS_WITHIN_SECONDS
        if not conn.closed:
            self._seen(conn)
        await super().putconn(conn)

    def _seen(self, conn: Connection) -> None:
        """It was just worked with: that it is alive need not be asked for a moment.

        A turn takes several connections one after another, and each question is a round trip.
        """
        self._seen_at[conn] = self._sign_at = monotonic()

    async def _is_alive(self, conn: Connection) -> bool:
        try:
            # Somebody who gave up at the beginning of a question left it so; whoever got it would
            # hold no lock.
            if conn.autocommit:
                await conn.set_autocommit(False)
            if monotonic() - self._seen_at.get(conn, 0.0) > _ALIVE_SECONDS:
                await _ask(conn)
        except psycopg.Error:
            await conn.close()
            return False
        except BaseException:
            await self.putconn(conn)  # whoever wanted it has given up
            raise
        return True

    async def _throw_away_like(self, dead: Connection) -> None:
        """Throw away the others too, unless that was done since this one was last alive."""
        if self._seen_at.get(dead, 0.0) >= self._thrown_away_at:
            self._thrown_away_at = monotonic()
            await self.drain()

    def _note_away(self) -> None:
        # Where many wait for each other, there are signs of life all the time.
        if not self._away and monotonic() - self._sign_at > _ALIVE_SECONDS:
            self._away = True
            log.warning("database.away")

    def _note_back(self) -> None:
        if self._away:
            self._away = False
            log.info("database.back")


def may_take_long(conn: Connection) -> None:
    """Let statements of a job for which nobody waits have their time, until it is given back."""
    if isinstance(conn, PatientConnection):
        conn.patience_seconds = UNHURRIED_SECONDS


async def _ask(conn: Connection) -> None:
    """Have it answer.

    Raises:
        psycopg.OperationalError: it does not.
    """
    if isinstance(conn, PatientConnection):
        conn.patience_seconds = ALIVE_WITHIN_SECONDS
    try:
        await AsyncConnectionPool.check_connection(conn)
    finally:
        if isinstance(conn, PatientConnection):
            conn.patience_seconds = ANSWERS_WITHIN_SECONDS
