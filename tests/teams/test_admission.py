"""Many at once: who comes first is served first, and nobody waits for a slow Neo for long."""

from __future__ import annotations

import asyncio

import pytest

from bot.teams.admission import Admission
from tests.workplace import ELSEWHERE, TENANT


async def test_as_many_as_are_let_in_go_on_and_the_others_follow_in_their_order() -> None:
    admission, begun, may_end = Admission(2, 30.0), asyncio.Queue[int](), asyncio.Semaphore(0)

    async def click(number: int) -> None:
        async with admission.turn(TENANT):
            begun.put_nowait(number)
            await may_end.acquire()

    async with asyncio.timeout(5), asyncio.TaskGroup() as clicks:
        for number in range(5):
            clicks.create_task(click(number))
        assert [await begun.get(), await begun.get()] == [0, 1]
        for following in (2, 3, 4):
            assert begun.empty()
            may_end.release()
            assert await begun.get() == following
        may_end.release()
        may_end.release()


async def test_where_the_first_take_long_the_others_go_on_without_them() -> None:
    admission = Admission(1, 0.01)
    async with admission.turn(TENANT), asyncio.timeout(5), admission.turn(TENANT):
        pass
    async with asyncio.timeout(0.01), admission.turn(TENANT):
        pass  # whoever went on without a turn gave none back


async def test_a_tenant_never_waits_for_another() -> None:
    admission = Admission(1, 30.0)
    async with admission.turn(TENANT), asyncio.timeout(5), admission.turn(ELSEWHERE):
        pass


async def test_a_turn_is_given_back_by_whoever_fails() -> None:
    admission = Admission(1, 30.0)
    for _ in range(2):
        with pytest.raises(LookupError):
            async with asyncio.timeout(5), admission.turn(TENANT):
                raise LookupError
