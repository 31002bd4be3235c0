"""Equal reads share a request; answers are kept as long as was asked, never past a change."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import httpx
import pytest

from bot.errors import NeoNotFound, NeoRateLimited, NeoUnavailable, NeoUnreachable
from bot.neo.models import Envelope, NeoModel
from bot.neo.operation import Request
from bot.neo.options import LONGEST_AGE_SECONDS, Options, Purpose
from bot.neo.sharing import MOST_ANSWER_BYTES, MOST_ANSWERS
from tests.neo.wire import (
    THING,
    THINGS,
    Ticks,
    Wire,
    change,
    put,
    refusal,
    settled,
    success,
    thing,
)

Call = asyncio.Task[Envelope[Any]]

FRESH = Options()
YOUNG = Options(max_age_seconds=60)
WATCHER = Options(purpose=Purpose.WATCHING)


class Desk:
    """Callers of one client, whose Neo answers when the gate is opened."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.ticks = Ticks()
        self.neo = self.wire.neo(elapsed=self.ticks)

    async def asks(
        self, request: Request[NeoModel] | None = None, options: Options = FRESH
    ) -> Call:
        task = asyncio.create_task(self.neo.call(request or thing(), options))
        await settled()
        return task

    async def reads(self, name: str = "1", options: Options = FRESH) -> Any:
        return (await self.neo.call(thing(name), options)).data

    @property
    def sent(self) -> int:
        return len(self.wire.requests)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def held(desk: Desk) -> Desk:
    desk.wire.gate.clear()
    return desk


# Under way


async def test_equal_reads_under_way_share_one_request(held: Desk) -> None:
    callers = [await held.asks() for _ in range(5)]
    held.wire.gate.set()
    answers = await asyncio.gather(*callers)
    assert held.sent == 1
    assert all(answer.data == {"id": 1, "parts": []} for answer in answers)


async def test_what_one_does_to_its_answer_no_other_sees(held: Desk) -> None:
    first, second = await held.asks(options=YOUNG), await held.asks(options=YOUNG)
    held.wire.gate.set()
    (await first).data["parts"].append("mine")
    assert (await second).data["parts"] == []
    later = await held.reads(options=YOUNG)
    later["parts"].append("mine")
    assert (await held.reads(options=YOUNG))["parts"] == []
    assert held.sent == 1


async def test_one_after_the_other_they_ask_anew(desk: Desk) -> None:
    await desk.reads()
    await desk.reads()
    assert desk.sent == 2


async def test_reads_that_differ_share_nothing(held: Desk) -> None:
    things: list[dict[str, Any]] = [
        {"page": 1},
        {"page": "1"},
        {"page": True},
        {"page": 1, "cursor": "a"},
        {},
    ]
    callers = [await held.asks(Request(THINGS, query=query)) for query in things]
    callers += [await held.asks(Request(THING, {"thing": name})) for name in ("a", "b")]
    held.wire.gate.set()
    await asyncio.gather(*callers)
    assert held.sent == 7


async def test_the_order_of_a_query_makes_no_difference(held: Desk) -> None:
    queries: list[dict[str, Any]] = [
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        {"a": 1, "c": None, "b": 2},
    ]
    callers = [await held.asks(Request(THINGS, query=query)) for query in queries]
    held.wire.gate.set()
    await asyncio.gather(*callers)
    assert held.sent == 1


async def test_writes_share_nothing(held: Desk) -> None:
    callers = [await held.asks(change()) for _ in range(2)]
    callers += [await held.asks(put()) for _ in range(2)]
    held.wire.gate.set()
    await asyncio.gather(*callers)
    assert held.sent == 4


async def test_the_first_to_ask_may_leave(held: Desk) -> None:
    first, second = await held.asks(), await held.asks()
    first.cancel()
    await settled()
    held.wire.gate.set()
    assert (await second).data["id"] == 1
    assert (first.cancelled(), held.sent, held.wire.given_up) == (True, 1, 0)


async def test_the_last_to_leave_gives_the_request_up(held: Desk) -> None:
    callers = [await held.asks() for _ in range(3)]
    for caller in callers:
        assert held.wire.given_up == 0
        caller.cancel()
        await settled()
    assert held.wire.given_up == 1
    held.wire.gate.set()
    assert await held.reads() == {"id": 1, "parts": []}
    assert (held.sent, held.neo._reads._flights) == (2, {})


async def test_each_waits_for_his_own_time_only(held: Desk) -> None:
    hasty = await held.asks(options=Options(within_seconds=0.02))
    patient = await held.asks(options=Options(within_seconds=20))
    with pytest.raises(NeoUnreachable, match="in time"):
        await hasty
    held.wire.gate.set()
    assert (await patient).data["id"] == 1
    assert held.sent == 1


async def test_a_hasty_joiner_does_not_shorten_anybodys_time(held: Desk) -> None:
    patient = await held.asks(options=Options(within_seconds=20))
    hasty = await held.asks(options=Options(within_seconds=0.02))
    with pytest.raises(NeoUnreachable):
        await hasty
    held.wire.gate.set()
    assert (await patient).data["id"] == 1


async def test_an_error_is_each_callers_own(held: Desk) -> None:
    held.wire.answer = lambda _: refusal(404, code="not_found", details={"id": "1"})
    callers = [await held.asks() for _ in range(3)]
    held.wire.gate.set()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert held.sent == 1
    assert len({id(error) for error in errors}) == 3
    lengths = set()
    for error in errors:
        assert isinstance(error, NeoNotFound)
        assert (error.status, error.details, error.request_id) == (404, {"id": "1"}, "r")
        assert str(error) == "No."
        lengths.add(len(traceback.extract_tb(error.__traceback__)))
    assert len(lengths) == 1


async def test_a_person_does_not_wait_with_the_watcher_he_joins(held: Desk) -> None:
    person = await held.asks(thing("else"))
    watcher = await held.asks(options=WATCHER)
    assert held.sent == 1  # the watcher gives way
    joining = await held.asks()
    assert held.sent == 2
    held.wire.gate.set()
    await asyncio.gather(person, watcher, joining)
    assert held.sent == 2
    assert held.neo.budget.figures().sent == {
        Purpose.DECIDING: 0,
        Purpose.ASKING: 2,
        Purpose.WATCHING: 0,
    }
    assert held.neo.budget._people == 0


async def test_who_joins_before_it_begins_or_after_it_ends_is_counted_once(desk: Desk) -> None:
    # All begin in one turn of the loop, so the first request has not begun when others join.
    for options in (WATCHER, FRESH), (WATCHER, FRESH, Options(purpose=Purpose.DECIDING)):
        await asyncio.gather(*(desk.neo.call(thing(), each) for each in options))
    assert (desk.sent, desk.neo.budget._people) == (2, 0)
    watcher = asyncio.create_task(desk.neo.call(thing(), WATCHER))
    flight = None
    while flight is None or not flight.task.done():
        await asyncio.sleep(0)
        flight = next(iter(desk.neo._reads._flights.values()), flight)
    await desk.neo.call(thing(), FRESH)
    await watcher
    assert desk.neo.budget._people == 0
    assert await desk.reads(options=WATCHER)


async def test_a_decision_that_joins_a_person_goes_out_of_the_reserve(desk: Desk) -> None:
    desk.wire.answer = lambda _: success(
        **{"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "0"}
    )
    await desk.reads("first")
    person = await desk.asks(options=Options(within_seconds=100))
    assert (person.done(), desk.sent) == (False, 1)
    deciding = await desk.asks(options=Options(purpose=Purpose.DECIDING))
    await asyncio.gather(person, deciding)
    assert desk.sent == 2
    with pytest.raises(NeoRateLimited, match="kept for decisions"):
        await desk.reads()


# Kept


async def test_a_young_answer_is_not_asked_for_again(desk: Desk) -> None:
    await desk.reads(options=YOUNG)
    desk.ticks.go_on(60)
    assert await desk.reads(options=YOUNG) == {"id": 1, "parts": []}
    assert desk.sent == 1
    desk.ticks.go_on(0.1)
    await desk.reads(options=YOUNG)
    assert desk.sent == 2


async def test_how_young_is_for_each_caller_to_say(desk: Desk) -> None:
    await desk.reads(options=YOUNG)
    desk.ticks.go_on(10)
    await desk.reads(options=Options(max_age_seconds=10))
    assert desk.sent == 1
    await desk.reads(options=Options(max_age_seconds=9))
    assert desk.sent == 2


async def test_who_asks_for_no_age_is_told_what_is_true_now(desk: Desk) -> None:
    await desk.reads(options=YOUNG)
    await desk.reads()
    assert desk.sent == 2


async def test_what_nobody_asked_to_keep_is_not_kept(desk: Desk) -> None:
    await desk.reads()
    await desk.reads(options=YOUNG)
    assert desk.sent == 2


async def test_a_shared_answer_is_kept_if_one_of_them_asked_for_it(held: Desk) -> None:
    first, second = await held.asks(), await held.asks(options=YOUNG)
    held.wire.gate.set()
    await asyncio.gather(first, second)
    await held.reads(options=YOUNG)
    assert held.sent == 1


async def test_an_error_is_not_kept(desk: Desk) -> None:
    desk.wire.sends(refusal(404), success())
    with pytest.raises(NeoNotFound):
        await desk.reads(options=YOUNG)
    assert await desk.reads(options=YOUNG)


def test_nobody_may_ask_for_an_answer_older_than_any_that_is_kept() -> None:
    assert Options(max_age_seconds=LONGEST_AGE_SECONDS)
    for age in (LONGEST_AGE_SECONDS + 1, -1, float("nan")):
        with pytest.raises(ValueError, match="max_age_seconds"):
            Options(max_age_seconds=age)
    with pytest.raises(ValueError, match="within_seconds"):
        Options(within_seconds=0)


async def test_what_is_kept_is_bounded_in_number_and_age(desk: Desk) -> None:
    for number in range(MOST_ANSWERS + 20):
        await desk.reads(str(number), options=YOUNG)
        desk.ticks.go_on(0.1)
        desk.neo.budget._all._at.clear()  # the request limit is not what this is about
    assert len(desk.neo._reads._kept) == MOST_ANSWERS
    desk.ticks.go_on(LONGEST_AGE_SECONDS)
    assert len(desk.neo._reads._kept) == 0


async def test_what_is_kept_is_bounded_in_bytes(desk: Desk) -> None:
    large = "x" * (MOST_ANSWER_BYTES // 3)
    desk.wire.answer = lambda _: success(large)
    for name in "abc":
        await desk.reads(name, options=YOUNG)
    assert len(desk.neo._reads._kept) == 2
    desk.wire.answer = lambda _: success("x" * MOST_ANSWER_BYTES)
    assert len(await desk.reads("larger than all", options=YOUNG)) == MOST_ANSWER_BYTES
    assert len(desk.neo._reads._kept) == 2


# After a change


@pytest.mark.parametrize(
    "reply",
    [success(), refusal(409), refusal(500), httpx.ReadError("lost"), httpx.Response(200)],
    ids=["done", "conflict", "trouble", "lost", "unintelligible"],
)
async def test_a_write_empties_what_is_kept_whatever_becomes_of_it(
    desk: Desk, reply: httpx.Response | Exception
) -> None:
    await desk.reads(options=YOUNG)
    desk.wire.answer = lambda _: reply
    await asyncio.gather(desk.neo.call(change(), FRESH), return_exceptions=True)
    desk.wire.answer = lambda _: success({"id": 2})
    assert await desk.reads(options=YOUNG) == {"id": 2}


async def test_a_write_given_up_empties_what_is_kept_too(desk: Desk) -> None:
    await desk.reads(options=YOUNG)
    desk.wire.gate.clear()
    writing = await desk.asks(change())
    writing.cancel()
    await settled()
    desk.wire.gate.set()
    await desk.reads(options=YOUNG)
    assert desk.sent == 3


async def test_nobody_joins_or_keeps_a_read_that_began_before_a_change(held: Desk) -> None:
    before = await held.asks(options=YOUNG)
    writing = await held.asks(change())
    gate, held.wire.gate = held.wire.gate, asyncio.Event()
    held.wire.gate.set()
    # A change that is through, while the read before it is still under way.
    await held.neo.call(change(), FRESH)
    held.wire.answer = lambda _: success({"id": 2})
    assert (await held.reads(options=YOUNG)) == {"id": 2}
    held.wire.answer = lambda _: success({"id": 1})
    gate.set()
    assert (await before).data == {"id": 1}
    await writing
    held.wire.answer = lambda _: success({"id": 3})
    assert (await held.reads(options=YOUNG)) == {"id": 3}


async def test_what_fails_otherwise_fails_for_all_who_wait_and_no_longer(held: Desk) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise KeyError("a mistake of ours")

    held.wire.answer = broken
    callers = [await held.asks() for _ in range(2)]
    held.wire.gate.set()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [KeyError, KeyError]
    held.wire.answer = lambda _: success()
    assert await held.reads()


async def test_a_joiner_with_more_time_lets_a_read_be_asked_again(held: Desk) -> None:
    held.wire.sends(refusal(503), success())
    hasty = await held.asks(options=Options(within_seconds=0.05))
    patient = await held.asks(options=Options(within_seconds=20))
    held.wire.gate.set()
    with pytest.raises(NeoUnavailable) as caught:
        await hasty
    assert caught.value.status == 503
    assert (await patient).data["id"] == 1
    assert held.sent == 2
