"""One tenant's request budget: who may send now, who waits, and who is told to come later.

Neo counts the requests of a whole tenant, dashboard users included, in a window that slides. What
Neo last said is believed until its reset; what was sent since then is subtracted. Where Neo has
said nothing, this client's own count in the window serves.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import httpx

from bot.errors import NeoError, NeoRateLimited
from bot.neo.options import Purpose

WINDOW_SECONDS: Final = 60.0
USUAL_LIMIT: Final = 1_200
# Below this share of the limit, what is left is kept for decisions.
RESERVE_SHARE: Final = 0.1
# When a watcher that gave way should come again.
_AFTER_PEOPLE_SECONDS: Final = 1.0
_MOST_BELIEVED: Final = 1_000_000

_PAUSED = "Neo takes no requests of this tenant for a while; none is sent until it does."
_RESERVED = (
    "Neo's request limit for this tenant is nearly used up; what is left is kept for decisions "
    "until the limit is reset."
)
_SHARE_USED = "Watching has used its share of Neo's request limit for this tenant; it goes on soon."
_PEOPLE_FIRST = "People's requests to Neo go first; watching waited for them until it was too late."


@dataclass(slots=True, eq=False)
class Turn:
    """One call's place in the budget, however many wait for its answer.

    Attributes:
        operation: The client's name of the operation, for errors.
        purpose: For whom; becomes more urgent when somebody more urgent joins.
        deadline: On the budget's own clock, `Budget.elapsed`; put off when somebody joins.
        held: Why it is not on its way to Neo; None while it is.
        under_way: Whether it is counted among the calls under way.
    """

    operation: str
    purpose: Purpose
    deadline: float
    held: NeoError | None = None
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """How the budget stands.

    Attributes:
        limit: Requests in a window.
        remaining: Of these, how many are left.
        reset_at: When Neo says that its count begins anew; None where it has not said.
        sent: Requests since the start, by purpose.
    """

    limit: int
    remaining: int
    reset_at: datetime | None
    sent: Mapping[Purpose, int]


class _Hold(NamedTuple):
    """What keeps a turn from going out: for so many seconds, or (None) until something changes."""

    seconds: float | None
    reason: str


class _Window:
    """The moments of what was sent in the last `WINDOW_SECONDS`."""

    def __init__(self) -> None:
        self._at: deque[float] = deque()

    def add(self, now: float) -> None:
        self._at.append(now)

    def count(self, now: float) -> int:
        while self._at and self._at[0] <= now - WINDOW_SECONDS:
            self._at.popleft()
        return len(self._at)

    def seconds_until(self, most: int, now: float) -> float:
        """Until no more than `most` are in the window."""
        surplus = self.count(now) - most
        return self._at[surplus - 1] + WINDOW_SECONDS - now if surplus > 0 else 0.0


class Budget:
    """The budget of one tenant.

    Args:
        watching_share: What `Purpose.WATCHING` may use of the limit, in any window; one request
            at least.
        clock: The present, to read moments that Neo names when its answer has no date.
        elapsed: Seconds on a clock that never jumps.
    """

    def __init__(
        self, *, watching_share: float, clock: Callable[[], datetime], elapsed: Callable[[], float]
    ) -> None:
        if not 0 < watching_share <= 1:
            raise ValueError("The share of watching must be more than 0 and at most 1.")
        self.elapsed = elapsed
        self._share = watching_share
        self._clock = clock
        self._limit = USUAL_LIMIT
        self._told = USUAL_LIMIT  # what Neo said was left,
        self._told_of = 0  # in its answer to this request,
        self._reset = -math.inf  # and until when that counts
        self._paused_until = -math.inf
        self._sent = dict.fromkeys(Purpose, 0)
        self._number = 0
        self._all = _Window()
        self._watched = _Window()
        self._people = 0
        self._line: dict[Turn, None] = {}  # watchers that wait, in the order they came
        self._waiting = 0
        self._change = asyncio.Event()

    def figures(self) -> Figures:
        """How it stands now."""
        now = self.elapsed()
        known = self._reset > now
        reset = self._clock() + timedelta(seconds=self._reset - now) if known else None
        sent = MappingProxyType(dict(self._sent))
        return Figures(self._limit, self._remaining(now), reset, sent)

    # Calls under way

    def begin(self, turn: Turn) -> None:
        """A call is under way, waiting included; `end` must follow."""
        turn.under_way = True
        self._people += turn.purpose < Purpose.WATCHING

    def end(self, turn: Turn) -> None:
        """It is answered or given up."""
        turn.under_way = False
        if turn.purpose < Purpose.WATCHING:
            self._people -= 1
            if not self._people:
                self._changed()

    def hurry(self, turn: Turn, purpose: Purpose, deadline: float) -> None:
        """Somebody joins a call under way: it goes on for the most urgent, and the longest."""
        if purpose < turn.purpose:
            self._people += turn.under_way and turn.purpose is Purpose.WATCHING
            turn.purpose = purpose
        turn.deadline = max(turn.deadline, deadline)
        if turn.held:
            self._changed()

    # Sending

    async def admit(self, turn: Turn) -> int:
        """Wait until a request of this turn may go out, and count it; its number, for `heard`.

        Raises:
            NeoRateLimited: it may not before the turn's deadline; said at once where that is sure.
        """
        now = self.elapsed()
        hold = self._hold(turn, now)
        if hold is not None:
            now = await self._wait(turn, hold)
        turn.held = None
        self._number += 1
        self._sent[turn.purpose] += 1
        self._all.add(now)
        if turn.purpose is Purpose.WATCHING:
            self._watched.add(now)
        return self._number

    async def _wait(self, turn: Turn, hold: _Hold) -> float:
        """Until nothing holds the turn; the moment of it."""
        if turn.purpose is Purpose.WATCHING:
            self._line[turn] = None
        self._waiting += 1
        try:
            while True:
                turn.held = NeoRateLimited(
                    hold.reason,
                    operation=turn.operation,
                    retry_after_seconds=hold.seconds or _AFTER_PEOPLE_SECONDS,
                )
                left = turn.deadline - self.elapsed()
                if (hold.seconds or 0.0) >= left:
                    raise turn.held
                await self._next_change(hold.seconds or left)
                now = self.elapsed()
                again = self._hold(turn, now)
                if again is None and now < turn.deadline:
                    return now
                hold = again or hold
        finally:
            self._waiting -= 1
            if self._line.pop(turn, turn) is None:
                self._changed()  # the next in the line may go, or wait for something else

    async def _next_change(self, seconds: float) -> None:
        change = self._change
        try:
            async with asyncio.timeout(seconds):
                await change.wait()
        except TimeoutError:
            return

    def _changed(self) -> None:
        """Let everybody who waits look again."""
        self._change.set()
        self._change = asyncio.Event()

    def _hold(self, turn: Turn, now: float) -> _Hold | None:
        if self._paused_until > now:
            return _Hold(self._paused_until - now, _PAUSED)
        if turn.purpose is Purpose.DECIDING:
            return None
        if self._remaining(now) < self._limit * RESERVE_SHARE:
            return _Hold(self._until_plenty(now), _RESERVED)
        return self._hold_watching(turn, now) if turn.purpose is Purpose.WATCHING else None

    def _hold_watching(self, turn: Turn, now: float) -> _Hold | None:
        share = max(int(self._limit * self._share), 1)
        if wait := self._watched.seconds_until(share - 1, now):
            return _Hold(wait, _SHARE_USED)
        if self._people or next(iter(self._line), turn) is not turn:
            return _Hold(None, _PEOPLE_FIRST)
        return None

    def _remaining(self, now: float) -> int:
        if self._reset > now:
            return max(self._told - (self._number - self._told_of), 0)
        return max(self._limit - self._all.count(now), 0)

    def _until_plenty(self, now: float) -> float:
        if self._reset > now:
            return self._reset - now
        return self._all.seconds_until(int(self._limit * (1 - RESERVE_SHARE)), now)

    # What Neo says

    def heard(self, number: int, headers: httpx.Headers) -> None:
        """Read what the answer to a request says of the limit; what is not there says nothing."""
        said = {name.lower(): value for name, value in headers.raw}
        now = self.elapsed()
        limit = _number(said.get(b"x-ratelimit-limit"))
        remaining = _number(said.get(b"x-ratelimit-remaining"))
        if limit is not None and 1 <= limit <= _MOST_BELIEVED:
            self._limit = int(limit)
        # An answer that was overtaken by a later request's says nothing new.
        if remaining is None or (number < self._told_of and self._reset > now):
            return
        self._told, self._told_of = min(int(remaining), self._limit), number
        self._reset = now + self._seconds_to(said.get(b"x-ratelimit-reset"), said.get(b"date"))
        if self._waiting:
            self._changed()

    def pause(self, seconds: float) -> None:
        """Neo refused a request: nobody sends for so long.

        That is its last word on the matter: what it said was left counts no longer than this.
        """
        self._paused_until = max(self._paused_until, self.elapsed() + seconds)
        self._reset = min(self._reset, self._paused_until)

    def _seconds_to(self, reset: bytes | None, date: bytes | None) -> float:
        """Until a reset; a whole window where that is not to be known.

        Neo's own date is asked first, so that the two clocks need not agree; a reset that is past,
        or further away than a window, is told by clocks that do not.
        """
        at = _number(reset)
        if at is None:
            return WINDOW_SECONDS
        for present in (_epoch(date), self._clock().timestamp()):
            # Both are whole seconds.
            if present is not None and -1 <= at - present <= WINDOW_SECONDS + 1:
                return max(at - present, 0.0)
        return WINDOW_SECONDS


def _number(text: bytes | None) -> float | None:
    try:
        number = float(text or b"")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _epoch(date: bytes | None) -> float | None:
    try:
        return parsedate_to_datetime((date or b"").decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return None
