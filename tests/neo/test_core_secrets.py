"""No error, repr, traceback or log line holds the key, even where the other side repeats it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import structlog

from bot.errors import NeoError, NeoInvalid
from bot.sandbox.embedded import EmbeddedNeo
from tests.neo.conftest import Connect


def _every_error(embedded: EmbeddedNeo) -> list[Callable[[], object]]:
    return [
        lambda: embedded.trouble(status=403),
        lambda: embedded.trouble(status=429),
        lambda: embedded.trouble(status=500, times=None),
        lambda: embedded.trouble(close_connection=True, times=None),
        lambda: embedded.trouble(html=True, status=404),
        embedded.revoke_key,
    ]


async def test_the_key_is_in_no_repr_no_message_no_traceback_and_no_log(
    embedded: EmbeddedNeo, connect: Connect
) -> None:
    key = embedded.key
    http = connect(embedded.url, key).agents._http
    told = [repr(http), str(http), repr(vars(http)), *map(repr, vars(http).values())]
    with structlog.testing.capture_logs() as logged:
        for goes_wrong in _every_error(embedded):
            embedded.ends_trouble()
            goes_wrong()
            with pytest.raises(NeoError) as caught:
                await connect(embedded.url, key, within_seconds=0.3).agents.page()
            told += _all_of(caught.value)
    assert key not in "".join(told)
    assert key not in str(logged)


def _all_of(error: BaseException | None) -> list[str]:
    """Whatever can be read of an error, of what it came from, and of its tracebacks' variables."""
    told: list[str] = []
    while error is not None:
        told += [repr(error), str(error), repr(vars(error))]
        told += traceback.format_exception(error)
        told += [
            repr(request.headers.raw) for request in [getattr(error, "_request", None)] if request
        ]
        frame = error.__traceback__
        while frame is not None:
            # The test's own variables hold the key, of course.
            if "/bot/" in frame.tb_frame.f_code.co_filename:
                told += [repr(value) for value in frame.tb_frame.f_locals.values()]
            frame = frame.tb_next
        error = error.__cause__ or error.__context__
    return told


LONG_KEY = "neo_sk_live_Xy55555555555555555555"


def _echo(status: int, **more: Any) -> httpx.Response:
    said = f"The key {LONG_KEY} did it"
    error = {
        "code": LONG_KEY,
        "message": "x" * 480 + said,
        "details": {"field": said, LONG_KEY: [said, {said: said}]},
    }
    headers = {"Retry-After": LONG_KEY, "X-RateLimit-Reset": LONG_KEY, "Location": LONG_KEY}
    body = {"error": error, "meta": {"request_id": said}, **more}
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    "reply",
    [
        *(_echo(status) for status in (302, 400, 401, 403, 404, 409, 422, 429, 500)),
        httpx.Response(403, text=f"<p>{LONG_KEY}</p>"),
        httpx.Response(200, text=f"cut: {LONG_KEY}"),
        _echo(200),
        _echo(200, data=LONG_KEY),
        _echo(200, data={LONG_KEY: LONG_KEY}),
        _echo(200, data=[{LONG_KEY: LONG_KEY}, LONG_KEY]),
        httpx.Response(200, json={"data": 5, "meta": {"request_id": LONG_KEY}}),
        httpx.RemoteProtocolError(f"illegal header line: {LONG_KEY}"),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {LONG_KEY}'"),
        httpx.ConnectError(f"[SSL] no certificate for {LONG_KEY}"),
    ],
)
async def test_a_key_that_the_other_side_repeats_is_nowhere_to_be_read(
    connect: Connect, reply: httpx.Response | Exception
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    neo = connect(
        "https://neo.example",
        LONG_KEY,
        transport=httpx.MockTransport(answer),
        within_seconds=0.3,  # too short to ask twice
    )
    told: list[str] = []
    with structlog.testing.capture_logs() as logged:
        for ask in (
            neo.agents.get("7"),
            neo.agents.page(),
            neo.approvals.decide("7", "approve", note=""),
        ):
            try:
                told.append(repr(await ask))
            except NeoError as error:
                told += _all_of(error)
    assert told
    for spelt in (LONG_KEY, LONG_KEY.lower()):
        assert spelt not in "".join([*told, str(logged)])


async def test_an_error_keeps_what_helps_and_no_more(connect: Connect) -> None:
    nested: dict[str, Any] = {}
    for _ in range(60):
        nested = {"deeper": nested}
    details = {f"part-{n}": "x" * 1_000 for n in range(1_000)} | {"nested": nested, "field": "page"}
    error = {"code": "c" * 9_999, "message": "m" * 9_999, "details": details}
    body = {"error": error, "meta": {"request_id": "r" * 9_999}}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=body))
    with pytest.raises(NeoInvalid) as caught:
        await connect("https://neo.example", "k", transport=transport).agents.page()
    assert caught.value.field == "page"
    assert len(repr(vars(caught.value))) < 6_000
    assert len(str(caught.value)) == 500
