"""Many callers, one statement: what is asked for while the database is busy goes together next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 100
"""Items of one batch."""


class Batches(Generic[T, R]):
    """Does for several callers at once what each of them asks for.

    Nobody waits for company: the first starts at once, and who comes while `at_once` batches are
    under way is part of the next. Where a batch fails, so does each of its items.

    Args:
        do: Does a batch, none of whose items share a key; a result for each, in their order.
        keys: What an item touches: two that share one go one after the other, as they came.
        at_once: Batches under way. One costs least; it waits for whoever holds a row of it.
    """

    def __init__(
        self,
        do: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        keys: Callable[[T], Sequence[Hashable]],
        at_once: int = 1,
    ) -> None:
        self._do = do
        self._keys = keys
        self._at_once = at_once
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._busy: set[Hashable] = set()
        self._under_way: set[asyncio.Task[None]] = set()

    async def done(self, item: T) -> R:
        """The result for this item, once it is done."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        return await future

    def _start(self) -> None:
        while len(self._under_way) < self._at_once and (batch := self._next()):
            task = asyncio.create_task(self._carry_out(batch))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _next(self) -> list[tuple[T, asyncio.Future[R]]]:
        """Those that wait, up to `MOST`, but for the ones that touch what another one does."""
        batch: list[tuple[T, asyncio.Future[R]]] = []
        left: deque[tuple[T, asyncio.Future[R]]] = deque()
        touched = set(self._busy)
        for item, future in self._waiting:
            keys = self._keys(item)
            if future.cancelled():
                continue
            if len(batch) < MOST and touched.isdisjoint(keys):
                batch.append((item, future))
                self._busy.update(keys)
            else:
                left.append((item, future))
            # Also those of an item that is left: the next one must not overtake it.
            touched.update(keys)
        self._waiting = left
        return batch

    async def _carry_out(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._do([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        except Exception as error:  # noqa: BLE001 -- it is for those who asked to handle
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        finally:
            for _, future in batch:
                future.cancel()  # who still waits does so for a process that ends
            for item, _ in batch:
                self._busy.difference_update(self._keys(item))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()
