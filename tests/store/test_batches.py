"""What many ask for at once is done together, in order, and each hears of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bot.store.batches import MOST, Batches


@dataclass
class Work:
    """Does batches when it is let, and remembers them."""

    batches: list[list[str]] = field(default_factory=list)
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    let: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    fault: Exception | None = None

    async def do(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        self.begun.release()
        await self.let.acquire()
        if self.fault:
            raise self.fault
        return [item.upper() for item in items]

    def together(self, at_once: int = 1) -> Batches[str, str]:
        """Items touch what their first letter names."""
        return Batches(self.do, keys=lambda item: (item[0],), at_once=at_once)


async def asked(batches: Batches[str, str], *items: str) -> list[asyncio.Task[str]]:
    """A task for each, all of which have asked."""
    tasks = [asyncio.create_task(batches.done(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_the_first_starts_at_once_and_who_comes_meanwhile_goes_together() -> None:
    work = Work()
    batches = work.together()
    first = await asked(batches, "a")
    await work.begun.acquire()
    others = await asked(batches, "b", "c", "d")
    work.let.release()
    assert await first[0] == "A"
    work.let.release()
    assert await asyncio.gather(*others) == ["B", "C", "D"]
    assert work.batches == [["a"], ["b", "c", "d"]]


async def test_two_that_touch_the_same_go_one_after_the_other_as_they_came() -> None:
    work = Work()
    batches = work.together(at_once=3)
    tasks = await asked(batches, "a1", "a2", "b1", "a3", "b2")
    for _ in range(5):
        work.let.release()
    assert await asyncio.gather(*tasks) == ["A1", "A2", "B1", "A3", "B2"]
    order = [item for batch in work.batches for item in batch]
    assert [item for item in order if item[0] == "a"] == ["a1", "a2", "a3"]
    assert [item for item in order if item[0] == "b"] == ["b1", "b2"]
    assert all(len({item[0] for item in batch}) == len(batch) for batch in work.batches)


async def test_while_one_hangs_others_that_touch_something_else_go_on() -> None:
    work = Work()
    batches = work.together(at_once=2)
    hanging = await asked(batches, "a")
    await work.begun.acquire()
    (other, waiting) = await asked(batches, "b", "a2")
    await work.begun.acquire()
    assert work.batches == [["a"], ["b"]]
    for _ in range(3):
        work.let.release()
    assert await asyncio.gather(other, waiting, *hanging) == ["B", "A2", "A"]


async def test_a_batch_that_fails_tells_each_of_its_items_and_no_other() -> None:
    work = Work(fault=OSError("the database is away"))
    batches = work.together()
    tasks = await asked(batches, "a", "b", "c")
    work.let.release()
    with pytest.raises(OSError, match="away"):
        await tasks[0]
    await work.begun.acquire()
    await work.begun.acquire()
    work.fault = None
    work.let.release()
    assert [await task for task in tasks[1:]] == ["B", "C"]


async def test_who_gives_up_while_waiting_is_left_out_and_disturbs_nobody() -> None:
    work = Work()
    batches = work.together()
    (first, given_up, other) = await asked(batches, "a", "b", "c")
    given_up.cancel()
    await asyncio.wait({given_up})
    work.let.release()
    work.let.release()
    assert (await first, await other) == ("A", "C")
    assert work.batches == [["a"], ["c"]]


async def test_who_gives_up_under_way_disturbs_nobody() -> None:
    work = Work()
    batches = work.together()
    (first,) = await asked(batches, "a")
    await work.begun.acquire()
    (given_up, other) = await asked(batches, "b", "c")
    work.let.release()
    await work.begun.acquire()
    given_up.cancel()
    work.let.release()
    assert (await first, await other) == ("A", "C")
    assert given_up.cancelled()


async def test_a_batch_has_so_many_items_at_most() -> None:
    work = Work()
    batches = Batches(work.do, keys=lambda item: (item,), at_once=1)
    items = [f"{n}" for n in range(2 * MOST + 1)]
    tasks = await asked(batches, *items)
    for _ in range(4):
        work.let.release()
    assert await asyncio.gather(*tasks) == items
    assert [len(batch) for batch in work.batches] == [1, MOST, MOST]
