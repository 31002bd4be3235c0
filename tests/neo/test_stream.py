"""What a server sends again after a resume is read once; what it sends for the first time, always.

Streams are written as ``5:x``, a piece of text with an id of its own, or ``x``, one without.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.errors import NeoUnintelligible, NeoUnreachable
from bot.neo.stream import Tail


def event(piece: str) -> str:
    identifier, _, text = piece.rpartition(":")
    part = json.dumps({"type": "text-delta", "id": "t", "delta": text})
    return (f"id: {identifier}\n" if identifier else "") + f"data: {part}\n\n"


class Connections:
    """One stream a connection; all but the last break off."""

    def __init__(self, *streams: str) -> None:
        self.resumed_after: list[str | None] = []
        self._left = [stream.encode() for stream in streams]

    @asynccontextmanager
    async def connect(self, last: str | None) -> AsyncIterator[httpx.Response]:
        self.resumed_after.append(last)
        stream = self._left.pop(0) + (b"" if self._left else b"data: [DONE]\n\n")
        headers = {"Content-Type": "text/event-stream"}
        yield httpx.Response(200, headers=headers, content=stream)

    async def read(self, texts: list[str] | None = None) -> list[str]:
        texts = [] if texts is None else texts
        tail = Tail("chat.events", self.connect)
        deadline = asyncio.get_running_loop().time() + 5
        try:
            while (part := await tail.next(deadline)) is not None:
                texts.append(part.delta or "")
        finally:
            await tail.close()
        return texts


def told(*streams: str) -> Connections:
    return Connections(*("".join(event(piece) for piece in stream.split()) for stream in streams))


@pytest.mark.parametrize(
    "stream", ["5:x ha ha", "5:ha ha ha", "5:ha 5:ha 6:ha 5:ha", "ha ha", "1:a 2:b 1:a"]
)
async def test_nothing_repeats_within_one_connection(stream: str) -> None:
    pieces = [piece.rpartition(":")[2] for piece in stream.split()]
    assert await told(stream).read() == pieces


@pytest.mark.parametrize(
    ("streams", "whole"),
    [
        pytest.param(["5:x a b", "a b c"], "x a b c", id="what followed the id"),
        pytest.param(["5:x ha ha", "ha ha ha"], "x ha ha ha", id="alike parts by their place"),
        pytest.param(["5:x ha", "5:x ha ha"], "x ha ha", id="the last id again"),
        pytest.param(["5:ha", "5:ha ha"], "ha ha", id="the last id again, and one like it"),
        pytest.param(["4:w 5:x a", "4:w 5:x a b"], "w x a b", id="all from the beginning"),
        pytest.param(["3:a 4:b 5:c", "3:a 5:c 6:d"], "a b c d", id="all that is still kept"),
        pytest.param(["ha ha", "ha ha ha"], "ha ha ha", id="no ids"),
        pytest.param(["a b", "a", "a b c"], "a b c", id="broken off while it came again"),
        pytest.param(["5:x a", "a b", "a b 6:c"], "x a b c", id="resumed twice"),
        pytest.param(["5:x a", "a 6:b c", "c d"], "x a b c d", id="resumed after another id"),
    ],
)
async def test_what_comes_again_after_a_resume_is_read_once(streams: list[str], whole: str) -> None:
    assert await told(*streams).read() == whole.split()


@pytest.mark.parametrize(
    ("streams", "whole"),
    [
        pytest.param(["5:x a b", "c d"], "x a b c d", id="parts without ids"),
        pytest.param(["5:x a b", "6:a b"], "x a b a b", id="alike parts after another id"),
        pytest.param(["a b", "c a"], "a b c a", id="no ids"),
    ],
)
async def test_a_server_that_goes_on_instead_loses_nothing(streams: list[str], whole: str) -> None:
    assert await told(*streams).read() == whole.split()


@pytest.mark.parametrize(
    "streams", [["5:x a b", "a c"], ["a b c", "a c"], ["4:w 5:x", "4:other 5:x 6:y"]]
)
async def test_an_answer_that_comes_again_with_other_words_is_refused(streams: list[str]) -> None:
    first = [piece.rpartition(":")[2] for piece in streams[0].split()]
    texts: list[str] = []
    with pytest.raises(NeoUnintelligible, match="other words"):
        await told(*streams).read(texts)
    assert texts == first


@pytest.mark.parametrize("odd", ["é2", "\x01", "2\t", "2 "])
async def test_an_id_that_no_header_can_hold_is_not_resumed_after(odd: str) -> None:
    again = event("b").replace("data", f"id: {odd}\ndata", 1)
    connections = Connections(event("1:a") + again, again + event("3:c"))
    assert await connections.read() == ["a", "b", "c"]
    assert connections.resumed_after == [None, "1"]


def pieces_of(*deltas: tuple[str, str]) -> str:
    parts = [{"type": "text-delta", "id": text, "delta": delta} for text, delta in deltas]
    return "".join(f"id: {n}\ndata: {json.dumps(part)}\n\n" for n, part in enumerate(parts, 1))


async def test_a_character_cut_in_two_is_whole_again() -> None:
    stream = pieces_of(("t", "Hi \ud83d"), ("u", "Ho"), ("t", "\ude00!"))
    assert await Connections(stream).read() == ["Hi ", "Ho", "\N{GRINNING FACE}!"]


async def test_a_character_cut_in_two_outlives_the_connection() -> None:
    first, both = pieces_of(("t", "Hi \ud83d")), pieces_of(("t", "Hi \ud83d"), ("t", "\ude00!"))
    assert await Connections(first, both).read() == ["Hi ", "\N{GRINNING FACE}!"]


async def test_half_a_character_costs_no_other() -> None:
    stream = pieces_of(("t", "a\ud83d"), ("t", "b"), ("t", "\ude00c"))
    assert await Connections(stream).read() == ["a", "\ufffdb", "\ufffdc"]


async def test_half_a_character_elsewhere_than_in_a_text_is_a_question_mark() -> None:
    tail = Tail(
        "chat.events", Connections('data: {"type":"data-x","data":["\\ud83d"]}\n\n').connect
    )
    part = await tail.next(asyncio.get_running_loop().time() + 5)
    await tail.close()
    assert part
    assert part.data == ["?"]


@pytest.mark.parametrize("odd", ["9" * 6000, "[" * 5000 + "]" * 5000])
async def test_what_no_reader_takes_is_unintelligible(odd: str) -> None:
    with pytest.raises(NeoUnintelligible):
        await Connections(f'data: {{"type":"data-x","data":{odd}}}\n\n').read()


async def test_a_stream_that_never_goes_on_is_given_up_in_time() -> None:
    @asynccontextmanager
    async def silent(_last: str | None) -> AsyncIterator[httpx.Response]:
        await asyncio.Event().wait()
        yield httpx.Response(200)

    with pytest.raises(NeoUnreachable):
        await Tail("chat.events", silent).next(asyncio.get_running_loop().time() + 0.1)
