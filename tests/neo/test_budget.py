"""A tenant's request budget: decisions first, then people, then watching, and nobody forgotten."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.errors import NeoRateLimited
from bot.neo.budget import Budget, Turn
from bot.neo.options import Options, Purpose
from tests.neo.wire import Ticks, Wire, refusal, settled, success, thing

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DECIDING, ASKING, WATCHING = Purpose
HTTP_NOW = "Mon, 23 Nov 2026 09:00:00 GMT"


class Tenant:
    """A budget, and calls that take their turn in it."""

    def __init__(self, share: float = 0.1) -> None:
        self.ticks = Ticks()
        self.budget = Budget(watching_share=share, clock=lambda: NOW, elapsed=self.ticks)
        self.number = 0

    def turn(self, purpose: Purpose, within: float = 8.0) -> Turn:
        return Turn("things.get", purpose, self.ticks() + within)

    async def sends(self, purpose: Purpose, times: int = 1, within: float = 8.0) -> None:
        for _ in range(times):
            turn = self.turn(purpose, within)
            self.budget.begin(turn)
            try:
                self.number = await self.budget.admit(turn)
            finally:
                self.budget.end(turn)

    def hears(self, remaining: int, *, limit: int = 100, reset_in: float = 30) -> None:
        """An answer to the newest request."""
        at = int((NOW + timedelta(seconds=reset_in)).timestamp())
        self.says(limit=str(limit), remaining=str(remaining), reset=str(at))

    def says(self, date: str | None = HTTP_NOW, **words: str) -> None:
        headers = {f"X-RateLimit-{word}": value for word, value in words.items()}
        headers |= {} if date is None else {"Date": date}
        self.budget.heard(self.number, httpx.Headers(headers))

    async def refused(self, purpose: Purpose, within: float = 8.0) -> NeoRateLimited:
        with pytest.raises(NeoRateLimited) as caught:
            await asyncio.wait_for(self.sends(purpose, within=within), 1)
        assert (caught.value.status, caught.value.operation) == (None, "things.get")
        return caught.value

    def waits(self, purpose: Purpose, within: float = 8.0) -> asyncio.Task[None]:
        return asyncio.create_task(self.sends(purpose, within=within))

    def looks_again(self) -> None:
        """As when a timer ends; the tests let no real time pass."""
        self.budget._changed()


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


# What Neo says


async def test_before_neo_says_anything_its_published_limit_counts(tenant: Tenant) -> None:
    await tenant.sends(ASKING, 5)
    figures = tenant.budget.figures()
    assert (figures.limit, figures.remaining, figures.reset_at) == (1_200, 1_195, None)
    tenant.ticks.go_on(60)
    assert tenant.budget.figures().remaining == 1_200


async def test_what_neo_says_counts_less_what_was_sent_since(tenant: Tenant) -> None:
    await tenant.sends(ASKING)
    tenant.hears(70)
    await tenant.sends(DECIDING, 2)
    await tenant.sends(WATCHING)
    figures = tenant.budget.figures()
    assert (figures.limit, figures.remaining) == (100, 67)
    assert figures.reset_at == NOW + timedelta(seconds=30)
    assert figures.sent == {DECIDING: 2, ASKING: 1, WATCHING: 1}
    tenant.ticks.go_on(31)
    assert (tenant.budget.figures().remaining, tenant.budget.figures().reset_at) == (96, None)


async def test_an_answer_that_was_overtaken_says_nothing_new(tenant: Tenant) -> None:
    await tenant.sends(ASKING, 2)
    tenant.hears(50)
    tenant.number = 1
    tenant.hears(90)
    assert tenant.budget.figures().remaining == 50


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"limit": "many", "remaining": "some", "reset": "soon"},
        {"limit": "nan", "remaining": "inf", "reset": "-1"},
        {"limit": "-3", "remaining": "-3"},
        {"limit": "0"},
        {"limit": "1e300"},
        {"reset": "5"},
    ],
)
async def test_headers_that_make_no_sense_say_nothing(
    tenant: Tenant, words: dict[str, str]
) -> None:
    await tenant.sends(ASKING)
    tenant.says(**words)
    assert (tenant.budget.figures().limit, tenant.budget.figures().remaining) == (1_200, 1_199)


async def test_no_more_can_be_left_than_the_limit(tenant: Tenant) -> None:
    tenant.hears(5_000, limit=100)
    assert tenant.budget.figures().remaining == 100


@pytest.mark.parametrize(
    ("date", "reset", "seconds"),
    [
        (HTTP_NOW, NOW + timedelta(seconds=20), 20),
        # Neo's clock is wrong by a day, its date says so too.
        ("Tue, 24 Nov 2026 09:00:00 GMT", NOW + timedelta(days=1, seconds=20), 20),
        # A cache in between stamped the date: our own clock makes sense of the reset.
        ("Fri, 20 Nov 2026 09:00:00 GMT", NOW + timedelta(seconds=20), 20),
        (None, NOW + timedelta(seconds=20), 20),
        ("no date", NOW + timedelta(seconds=20), 20),
        # Nothing agrees: a whole window is waited for.
        (None, NOW - timedelta(minutes=5), 60),
        (None, NOW + timedelta(minutes=5), 60),
        (HTTP_NOW, None, 60),
    ],
)
async def test_a_reset_is_understood_though_clocks_disagree(
    tenant: Tenant, date: str | None, reset: datetime | None, seconds: float
) -> None:
    words = {"reset": str(int(reset.timestamp()))} if reset else {}
    tenant.says(date, limit="100", remaining="3", **words)
    error = await tenant.refused(ASKING)
    assert error.retry_after_seconds == pytest.approx(seconds)


# The reserve


async def test_what_is_nearly_used_up_is_kept_for_decisions(tenant: Tenant) -> None:
    tenant.hears(9)
    await tenant.sends(DECIDING, 9)
    for purpose in (ASKING, WATCHING):
        error = await tenant.refused(purpose)
        assert error.retry_after_seconds == pytest.approx(30)
        assert "nearly used up" in str(error)
        assert "kept for decisions" in str(error)


async def test_a_tenth_is_enough_for_everybody(tenant: Tenant) -> None:
    tenant.hears(10)
    await tenant.sends(ASKING)
    await tenant.refused(ASKING)


async def test_a_person_waits_for_a_reset_that_is_in_time(tenant: Tenant) -> None:
    tenant.hears(0, reset_in=5)
    waiting = tenant.waits(ASKING)
    await settled()
    assert not waiting.done()
    tenant.ticks.go_on(5.1)
    tenant.looks_again()
    await waiting


async def test_news_that_there_is_room_wakes_who_waits(tenant: Tenant) -> None:
    tenant.hears(0, reset_in=5)
    waiting = tenant.waits(ASKING)
    await settled()
    await tenant.sends(DECIDING)
    tenant.hears(90)
    async with asyncio.timeout(2):  # the reset itself is further away
        await waiting
    assert tenant.budget.figures().sent[ASKING] == 1


async def test_without_neos_word_its_own_count_keeps_the_reserve(tenant: Tenant) -> None:
    await tenant.sends(DECIDING, 1_000)
    tenant.ticks.go_on(20)
    await tenant.sends(DECIDING, 81)
    # Under 10 % are left until the oldest leave the window.
    assert (await tenant.refused(ASKING)).retry_after_seconds == pytest.approx(40)


# A refusal by Neo


@pytest.mark.parametrize("purpose", [DECIDING, ASKING, WATCHING])
async def test_after_a_refusal_nobody_sends_before_its_time(
    tenant: Tenant, purpose: Purpose
) -> None:
    tenant.budget.pause(17)
    assert (await tenant.refused(purpose)).retry_after_seconds == pytest.approx(17)
    waiting = tenant.waits(purpose, within=20)
    await settled()
    assert not waiting.done()
    tenant.ticks.go_on(17.1)
    tenant.looks_again()
    await waiting


async def test_a_refusals_time_outdoes_the_reset_that_came_with_it(tenant: Tenant) -> None:
    tenant.hears(0, reset_in=50)
    tenant.budget.pause(2)
    tenant.ticks.go_on(2.1)
    await tenant.sends(ASKING)


# The watchers' share


async def test_watching_uses_its_share_of_any_window_and_no_more(tenant: Tenant) -> None:
    tenant.hears(100, limit=100)
    await tenant.sends(WATCHING, 4)
    tenant.ticks.go_on(20)
    await tenant.sends(WATCHING, 6)
    error = await tenant.refused(WATCHING)
    assert error.retry_after_seconds == pytest.approx(40)
    assert "share" in str(error)
    await tenant.sends(ASKING)
    tenant.ticks.go_on(40)
    await tenant.sends(WATCHING, 4)
    assert (await tenant.refused(WATCHING)).retry_after_seconds == pytest.approx(20)


async def test_the_share_can_be_set_and_is_never_nothing() -> None:
    half = Tenant(share=0.5)
    half.hears(4, limit=4)
    await half.sends(WATCHING, 2)
    await half.refused(WATCHING)
    least = Tenant(share=0.01)
    least.hears(4, limit=4)
    await least.sends(WATCHING)
    await least.refused(WATCHING)
    with pytest.raises(ValueError, match="share"):
        Tenant(share=0)


@pytest.mark.parametrize("purpose", [DECIDING, ASKING])
async def test_watching_gives_way_while_a_person_is_under_way(
    tenant: Tenant, purpose: Purpose
) -> None:
    person = tenant.turn(purpose)
    tenant.budget.begin(person)
    watcher = tenant.waits(WATCHING)
    await settled()
    assert not watcher.done()
    tenant.budget.end(person)
    await watcher


async def test_watching_that_gave_way_too_long_is_told_when_to_come_again(tenant: Tenant) -> None:
    person = tenant.turn(ASKING)
    tenant.budget.begin(person)
    watcher = tenant.waits(WATCHING, within=3)
    await settled()
    tenant.ticks.go_on(3)
    tenant.looks_again()
    with pytest.raises(NeoRateLimited, match="People's requests") as caught:
        await watcher
    assert caught.value.retry_after_seconds > 0


async def test_watching_gives_way_to_people_who_wait_themselves(tenant: Tenant) -> None:
    tenant.hears(0, reset_in=5)
    person, watcher = tenant.waits(ASKING), tenant.waits(WATCHING)
    await settled()
    order: list[str] = []
    person.add_done_callback(lambda _: order.append("person"))
    watcher.add_done_callback(lambda _: order.append("watcher"))
    tenant.ticks.go_on(5.1)
    tenant.looks_again()
    await asyncio.gather(person, watcher)
    assert order == ["person", "watcher"]


async def test_watchers_go_in_the_order_they_came(tenant: Tenant) -> None:
    person = tenant.turn(ASKING)
    tenant.budget.begin(person)
    order: list[int] = []

    async def watches(place: int) -> None:
        await tenant.sends(WATCHING)
        order.append(place)

    watchers = []
    for place in range(5):
        watchers.append(asyncio.create_task(watches(place)))
        await settled()
    tenant.budget.end(person)
    async with asyncio.timeout(2):  # nobody sleeps on until his time is over
        await asyncio.gather(*watchers)
    assert order == [0, 1, 2, 3, 4]


async def test_a_watcher_that_comes_late_overtakes_none_that_waits(tenant: Tenant) -> None:
    tenant.hears(100, limit=100)
    await tenant.sends(WATCHING, 10)
    first = tenant.waits(WATCHING, within=100)
    await settled()
    tenant.ticks.go_on(61)  # there is room again, and the first has not looked yet
    late = tenant.waits(WATCHING, within=100)
    await settled()
    assert (first.done(), late.done()) == (False, False)
    tenant.looks_again()
    async with asyncio.timeout(2):
        await asyncio.gather(first, late)


async def test_the_next_in_the_line_goes_when_the_first_gives_up(tenant: Tenant) -> None:
    tenant.hears(100, limit=100)
    await tenant.sends(WATCHING, 10)
    first = tenant.waits(WATCHING, within=100)
    await settled()
    tenant.ticks.go_on(61)
    late = tenant.waits(WATCHING, within=100)
    await settled()
    first.cancel()
    async with asyncio.timeout(2):
        await late


async def test_who_gives_up_waiting_leaves_nothing_behind(tenant: Tenant) -> None:
    person = tenant.turn(ASKING)
    tenant.budget.begin(person)
    first, second, third = (tenant.waits(WATCHING) for _ in range(3))
    await settled()
    first.cancel()
    await settled()
    tenant.budget.end(person)
    await asyncio.gather(second, third)
    tenant.hears(0, reset_in=5)
    asking = tenant.waits(ASKING)
    await settled()
    asking.cancel()
    await settled()
    assert asking.cancelled()
    tenant.ticks.go_on(6)
    await tenant.sends(WATCHING)
    assert (tenant.budget._waiting, tenant.budget._people, tenant.budget._line) == (0, 0, {})


async def test_nothing_goes_out_at_the_deadline_or_after_it(tenant: Tenant) -> None:
    person = tenant.turn(ASKING)
    tenant.budget.begin(person)
    watcher = tenant.waits(WATCHING, within=3)
    await settled()
    tenant.ticks.go_on(3)
    tenant.budget.end(person)
    with pytest.raises(NeoRateLimited):
        await watcher
    assert tenant.budget.figures().sent[WATCHING] == 0


# Through the client


async def test_every_answer_of_neo_is_heard_and_every_request_counted() -> None:
    wire = Wire(lambda _: success(**{"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "150"}))
    neo = wire.neo()
    await neo.call(thing(), Options(purpose=WATCHING))
    await neo.call(thing(), Options(purpose=DECIDING))
    figures = neo.budget.figures()
    assert (figures.limit, figures.remaining) == (200, 150)
    assert figures.sent == {DECIDING: 1, ASKING: 0, WATCHING: 1}


async def test_a_refusal_by_neo_holds_the_next_call_back_unsent() -> None:
    wire = Wire(lambda _: refusal(429, headers={"Retry-After": "30"}))
    neo = wire.neo()
    for purpose in (ASKING, DECIDING, WATCHING):
        with pytest.raises(NeoRateLimited) as caught:
            await neo.call(thing(), Options(purpose=purpose))
        assert caught.value.retry_after_seconds == pytest.approx(30, abs=1)
    assert len(wire.requests) == 1


async def test_a_refusal_that_fits_is_waited_for_in_real_time() -> None:
    wire = Wire()
    wire.sends(refusal(429, headers={"Retry-After": "0.05"}), success())
    neo = wire.neo()
    await asyncio.gather(*(neo.call(thing(str(n)), Options(within_seconds=5)) for n in range(3)))
    assert len(wire.requests) == 4


async def test_a_watcher_through_the_client_goes_when_the_person_is_answered() -> None:
    wire = Wire()
    wire.gate.clear()
    neo = wire.neo()
    person = asyncio.create_task(neo.call(thing("person"), Options()))
    await wire.hears(1)
    watcher = asyncio.create_task(neo.call(thing("watcher"), Options(purpose=WATCHING)))
    await settled()
    assert len(wire.requests) == 1
    wire.gate.set()
    await asyncio.gather(person, watcher)
    assert [r.url.path[-7:] for r in wire.requests] == ["/person", "watcher"]


async def test_a_watcher_whose_time_ends_while_it_gives_way_is_told_why() -> None:
    wire = Wire()
    wire.gate.clear()
    neo = wire.neo()
    person = asyncio.create_task(neo.call(thing("person"), Options()))
    await wire.hears(1)
    with pytest.raises(NeoRateLimited, match="People's requests"):
        await neo.call(thing("watcher"), Options(purpose=WATCHING, within_seconds=0.05))
    wire.gate.set()
    await person
