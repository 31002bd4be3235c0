"""Equal reads share one request while it is under way, and its answer as long as they allow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from cachetools import TTLCache

from bot.errors import BotError
from bot.neo.budget import Budget, Turn
from bot.neo.options import LONGEST_AGE_SECONDS, Options

T = TypeVar("T")

MOST_ANSWERS: Final = 256
MOST_ANSWER_BYTES: Final = 16 * 2**20


class Answer(Generic[T]):
    """The content of a success. Whoever takes it gets objects that nobody else holds.

    Args:
        content: As it came.
        read: Makes objects of it; does not fail, for it has made `first` of it already.
        first: What it made.
    """

    __slots__ = ("_content", "_first", "_read")

    def __init__(self, content: bytes, read: Callable[[bytes], T], first: T) -> None:
        self._content = content
        self._read = read
        self._first: T | None = first

    def take(self) -> T:
        """The content as objects of one's own."""
        first, self._first = self._first, None
        return self._read(self._content) if first is None else first

    @property
    def weight(self) -> int:
        """Its share of `MOST_ANSWER_BYTES`; as many as `MOST_ANSWERS` empty ones fill it too."""
        return max(len(self._content), MOST_ANSWER_BYTES // MOST_ANSWERS)


Ask = Callable[[Turn], Awaitable[Answer[Any]]]


@dataclass(slots=True, eq=False)
class _Flight:
    """A request under way and how many wait for it."""

    turn: Turn
    task: asyncio.Task[Answer[Any] | BotError]
    keep: bool
    waiting: int = 0


class SharedReads:
    """The reads of one tenant.

    Args:
        budget: Where the turns stand that these reads take.

    Attributes:
        forgotten: How often answers were given up before their time.
    """

    def __init__(self, budget: Budget) -> None:
        self.forgotten = 0
        self._budget = budget
        self._flights: dict[str, _Flight] = {}
        self._kept: TTLCache[str, tuple[float, Answer[Any]]] = TTLCache(
            MOST_ANSWER_BYTES,
            LONGEST_AGE_SECONDS,
            timer=budget.elapsed,
            getsizeof=lambda entry: entry[1].weight,
        )

    async def read(self, identity: str, operation: str, options: Options, ask: Ask) -> Answer[Any]:
        """The answer that is young enough, the one under way, or else one that is asked for.

        The request goes on as long as anybody waits for it; each waits for his own time only.

        Raises:
            TimeoutError: it was not answered within the caller's time.
            BotError: what became of it; to each who waited an error of his own.
        """
        if options.max_age_seconds and (kept := self._young(identity, options.max_age_seconds)):
            return kept
        flight = self._board(identity, operation, options, ask)
        try:
            async with asyncio.timeout(options.within_seconds):
                # Shielded: the one who leaves must not take the others' answer along.
                outcome: Answer[Any] | BotError | None = await asyncio.shield(flight.task)
        except TimeoutError:
            outcome = flight.turn.held
        finally:
            await self._leave(identity, flight)
        if outcome is None:
            raise TimeoutError
        if isinstance(outcome, BotError):
            raise copy(outcome)
        return outcome

    def forget_answers(self) -> None:
        """They were read with another key; what is under way goes on."""
        self.forgotten += 1
        self._kept.clear()

    def forget(self) -> None:
        """Something was changed: who asks from now on is told what is true from now on."""
        self.forgotten += 1
        self._flights.clear()  # those who wait keep their flights; nobody joins them
        self._kept.clear()

    def _young(self, identity: str, max_age_seconds: float) -> Answer[Any] | None:
        at, answer = self._kept.get(identity, (0.0, None))
        return answer if self._budget.elapsed() - at <= max_age_seconds else None

    def _board(self, identity: str, operation: str, options: Options, ask: Ask) -> _Flight:
        deadline = self._budget.elapsed() + options.within_seconds
        flight = self._flights.get(identity)
        if flight is None or flight.task.done():
            turn = Turn(operation, options.purpose, deadline)
            flight = _Flight(turn, asyncio.create_task(_outcome(ask, turn)), keep=False)
            self._flights[identity] = flight
        else:
            self._budget.hurry(flight.turn, options.purpose, deadline)
        flight.keep |= options.max_age_seconds > 0
        flight.waiting += 1
        return flight

    async def _leave(self, identity: str, flight: _Flight) -> None:
        flight.waiting -= 1
        done = flight.task.done()
        # What is no longer here was forgotten: it may tell of what was before the change.
        if (done or not flight.waiting) and self._flights.get(identity) is flight:
            del self._flights[identity]
            if done and flight.keep:
                self._keep(identity, flight.task)
        if not done and not flight.waiting:
            flight.task.cancel()
            await asyncio.wait({flight.task})

    def _keep(self, identity: str, task: asyncio.Task[Answer[Any] | BotError]) -> None:
        outcome = None if task.cancelled() or task.exception() else task.result()
        if isinstance(outcome, Answer) and outcome.weight <= MOST_ANSWER_BYTES:
            self._kept[identity] = self._budget.elapsed(), outcome


async def _outcome(ask: Ask, turn: Turn) -> Answer[Any] | BotError:
    """What becomes of a request, as a value: an error that several raise grows with each."""
    try:
        return await ask(turn)
    except BotError as error:
        return error
