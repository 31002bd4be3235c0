"""A list is read page by page, no page before it is needed and none after the reader stops."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.errors import NeoInvalid, NeoUnintelligible
from bot.neo.client import Neo
from bot.sandbox.embedded import EmbeddedNeo
from tests.neo.conftest import Connect
from tests.workplace import START

ANY = "https://neo.northwind.example"

Listing = Callable[[Neo], Any]

LISTS: list[Listing] = [
    lambda neo: neo.agents.list(page_size=3),
    lambda neo: neo.runs.list(page_size=3),
    lambda neo: neo.approvals.list(page_size=3),
    lambda neo: neo.callbacks.list(ticket="48213", page_size=3),
    lambda neo: neo.scheduled_work.list(page_size=3),
]


class Pages:
    """A Neo with so many things in a list, by cursor or by number as it is asked."""

    def __init__(self, count: int, *, says_more: bool = True) -> None:
        self.count = count
        self.says_more = says_more
        self.asked: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        size = int(params["page_size"])
        self.asked.append(params.get("cursor", params.get("page")))
        begin = (
            (int(params["page"]) - 1) * size
            if "page" in params
            else int(params.get("cursor", "after-0").removeprefix("after-"))
        )
        end = min(begin + size, self.count)
        things = [
            {"id": one, "execution_id": str(one), "callback_id": str(one)}
            for one in range(begin, end)
        ]
        where: dict[str, Any] = {"has_more": end < self.count}
        if "page" not in params:
            where["next_cursor"] = f"after-{end}" if end < self.count else None
        meta = {"request_id": "r", **({"pagination": where} if self.says_more else {})}
        return httpx.Response(200, json={"data": things, "meta": meta})

    def behind(self, connect: Connect) -> Neo:
        return connect(ANY, "k", transport=httpx.MockTransport(self))


@pytest.mark.parametrize("listing", LISTS)
@pytest.mark.parametrize(("count", "pages"), [(0, 1), (2, 1), (3, 1), (4, 2), (7, 3)])
async def test_everything_is_read_over_as_many_pages_as_there_are(
    connect: Connect, listing: Listing, count: int, pages: int
) -> None:
    served = Pages(count)
    read = [one.id async for one in listing(served.behind(connect))]
    assert read == [str(one) for one in range(count)]
    assert len(served.asked) == pages


@pytest.mark.parametrize("listing", LISTS)
async def test_a_reader_who_stops_asks_for_no_further_page(
    connect: Connect, listing: Listing
) -> None:
    served = Pages(1_000_000)
    everything = listing(served.behind(connect))
    assert served.asked == []
    async with aclosing(everything) as reading:
        for _ in range(3):
            await anext(reading)
        assert len(served.asked) == 1
        await anext(reading)
        assert len(served.asked) == 2
    assert len(served.asked) == 2


async def test_a_page_names_the_cursor_of_the_next_and_the_last_names_none(
    connect: Connect,
) -> None:
    neo = Pages(5).behind(connect)
    first = await neo.callbacks.page(ticket="48213", page_size=3)
    last = await neo.callbacks.page(ticket="48213", page_size=3, cursor=first.cursor)
    assert (len(first.items), first.cursor, first.request_id) == (3, "after-3", "r")
    assert (len(last.items), last.cursor) == (2, None)


@pytest.mark.parametrize("says_more", [True, False])
async def test_pages_of_scheduled_work_are_counted_from_one(
    connect: Connect, *, says_more: bool
) -> None:
    served = Pages(5, says_more=says_more)
    neo = served.behind(connect)
    first = await neo.scheduled_work.page(page_size=3)
    last = await neo.scheduled_work.page(page_size=3, cursor=first.cursor)
    assert (len(first.items), first.cursor) == (3, "2")
    assert (len(last.items), last.cursor) == (2, None)
    assert served.asked == ["1", "2"]


async def test_where_neo_does_not_say_whether_a_counted_page_follows_a_full_one_is_followed(
    connect: Connect,
) -> None:
    served = Pages(6, says_more=False)
    read = [one.id async for one in served.behind(connect).scheduled_work.list(page_size=3)]
    assert read == ["0", "1", "2", "3", "4", "5"]
    assert served.asked == ["1", "2", "3"]


async def test_an_empty_counted_page_is_the_last_whatever_neo_promises(connect: Connect) -> None:
    body = {"data": [], "meta": {"pagination": {"has_more": True}}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    neo = connect(ANY, "k", transport=transport)
    assert [one async for one in neo.scheduled_work.list()] == []


@pytest.mark.parametrize("things", [[{"id": 1}, {"id": 2}], [{}, {}]], ids=["equal", "unreadable"])
@pytest.mark.parametrize("pagination", [None, {"has_more": True}])
async def test_a_neo_that_does_not_count_its_pages_is_not_asked_for_ever(
    connect: Connect, things: list[dict[str, int]], pagination: dict[str, bool] | None
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["page"])
        return httpx.Response(200, json={"data": things, "meta": {"pagination": pagination}})

    everything = connect(ANY, "k", transport=httpx.MockTransport(answer)).scheduled_work.list(
        page_size=2
    )
    read = [(await anext(everything)).id for thing in things if thing]
    with pytest.raises(NeoUnintelligible, match="the same page again") as caught:
        await anext(everything)
    assert read == [str(thing["id"]) for thing in things if thing]
    assert caught.value.operation == "scheduled_work.list"
    assert asked == ["1", "2"]


async def test_counted_pages_of_which_nothing_can_be_read_have_an_end(connect: Connect) -> None:
    pages: dict[str, list[dict[str, int]]] = {"1": [{}, {}], "2": [{}]}
    transport = httpx.MockTransport(
        lambda request: httpx.Response(
            200, json={"data": pages[request.url.params["page"]], "meta": {}}
        )
    )
    neo = connect(ANY, "k", transport=transport)
    assert [one async for one in neo.scheduled_work.list(page_size=2)] == []


@pytest.mark.parametrize("cursor", ["", "after-3", "0", "-1", "1.5", " 2", "1_0", "٣", "9" * 5_000])
async def test_a_cursor_that_is_no_number_of_a_page_is_refused_and_neo_is_not_asked(
    connect: Connect, cursor: str
) -> None:
    served = Pages(5)
    with pytest.raises(NeoInvalid, match="begin without one") as caught:
        await served.behind(connect).scheduled_work.page(cursor=cursor)
    assert (caught.value.operation, caught.value.field) == ("scheduled_work.list", "cursor")
    assert served.asked == []


@pytest.mark.parametrize("resource", ["runs", "approvals", "callbacks", "scheduled_work"])
async def test_a_word_that_narrows_nothing_is_an_error_and_no_list_of_everything(
    connect: Connect, resource: str
) -> None:
    served = Pages(5)
    listed = getattr(served.behind(connect), resource)
    with pytest.raises(TypeError, match="agnet"):
        await listed.page(agnet="20418")
    with pytest.raises(TypeError, match="agnet"):
        [one async for one in listed.list(agnet="20418")]
    assert served.asked == []


@pytest.mark.parametrize("data", [{"id": 1}, 7, "many", None])
async def test_a_counted_page_that_is_no_list_is_not_understood(
    connect: Connect, data: object
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data, "meta": {}}))
    with pytest.raises(NeoUnintelligible) as caught:
        await connect(ANY, "k", transport=transport).scheduled_work.page()
    assert caught.value.operation == "scheduled_work.list"


async def test_a_page_that_promises_more_and_names_no_cursor_is_the_last(connect: Connect) -> None:
    body = {"data": [], "meta": {"pagination": {"has_more": True, "next_cursor": None}}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    neo = connect(ANY, "k", transport=transport)
    assert [agent async for agent in neo.agents.list()] == []


async def test_every_agent_of_a_neo_is_read_over_as_many_pages_as_there_are(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    first = await neo.agents.page(page_size=5)
    assert len(first.items) == 5
    assert first.cursor
    assert first.request_id
    read = [agent.name async for agent in neo.agents.list(page_size=5)]
    assert read == [agent.name async for agent in neo.agents.list()]
    assert len(read) == len(embedded.world.agents)


async def test_runs_come_newest_first_page_after_page_without_a_gap(
    embedded: EmbeddedNeo, neo: Neo
) -> None:
    for minute in range(7):
        embedded.has_run(agent="Dispatch", at=START - timedelta(minutes=minute + 1))
    begun = [run.created_at async for run in neo.runs.list(page_size=4)]
    assert len(begun) == 7
    assert begun == sorted(begun, key=str, reverse=True)
    assert len(embedded.requests) == 2
