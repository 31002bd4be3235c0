"""What people and tickets say stands in no log line, whatever goes wrong with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from aiohttp import web

from bot.sandbox.embedded import EmbeddedNeo
from bot.store.jobs import UNFORESEEN_TRIES
from tests.app.service import Service, started
from tests.microsoft import MEGAN, PERSONAL, SECRET, Message, Microsoft, serving

MARK = "xyzzymark"
MEGAN_MARKED = replace(MEGAN, name=f"Megan {MARK}name Bowen", upn=f"{MARK}upn@contoso.example")
PEOPLE = [(MEGAN.object_id, MEGAN_MARKED.name)]


@dataclass
class Between:
    """A Neo whose answers a test may replace by a refusal with words of its own."""

    neo: EmbeddedNeo
    refuses: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        if any(part in request.path for part in self.refuses):
            self.refused.append(request.path)
            error = {"code": "validation_error", "message": f"{MARK}neo says no", "details": {}}
            body = {"error": error, "meta": {"request_id": f"req-{len(self.refused)}"}}
            return web.json_response(body, status=400)
        async with httpx.AsyncClient() as http:
            answer = await http.request(
                request.method,
                f"{self.neo.url}{request.raw_path}",
                headers={n: v for n, v in request.headers.items() if n in _PASSED},
                content=await request.read(),
            )
        kept = {n: v for n, v in answer.headers.items() if n.startswith(("x-", "content-type"))}
        return web.Response(status=answer.status_code, body=answer.content, headers=kept)


_PASSED = {"Authorization", "Content-Type", "Accept"}


@asynccontextmanager
async def between(neo: EmbeddedNeo) -> AsyncIterator[tuple[Between, str]]:
    middle = Between(neo)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", middle.handle)
    async with serving(app) as url:
        yield middle, url


def _waits(microsoft: Microsoft) -> list[Message]:
    return [m for m in microsoft.messages if _button(m.card, "approve")]


def _button(part: Any, verdict: str) -> dict[str, Any] | None:
    if isinstance(part, dict):
        if part.get("type") == "Action.Execute" and part["data"].get("verdict") == verdict:
            return part
        part = list(part.values())
    found = (_button(one, verdict) for one in part) if isinstance(part, list) else ()
    return next((one for one in found if one), None)


async def _says(service: Service, text: str) -> None:
    before = len(service.microsoft.messages)
    activity = service.microsoft.activity(by=MEGAN_MARKED, text=text)
    assert (await service.hears(activity)).status_code == 200
    await service.microsoft.until(lambda: len(service.microsoft.messages) > before)


async def _presses(service: Service, card: Message, verdict: str, **data: Any) -> str:
    button = _button(card.card, verdict)
    assert button, card.summary
    click = service.microsoft.click(
        button["verb"], on=card.id, by=MEGAN_MARKED, data={**button["data"], **data}
    )
    return (await service.hears(click)).text


async def _broken_http(service: Service) -> None:
    """What aiohttp itself refuses to read."""
    url = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(f"POST /{MARK}path HTTP/9.9 {MARK}\r\n{MARK}: \x00{MARK}\r\n\r\n".encode())
    await writer.drain()
    assert b"400" in await reader.read()
    writer.close()


async def _broken_requests(service: Service) -> list[int]:
    """Bodies, tokens and activities that are wrong in every way, with a text in each."""
    http, address = service.http, f"{service.url}/api/messages"
    token = {"Authorization": f"Bearer {service.microsoft.token()}"}
    as_json = {"Content-Type": "application/json"}
    activity = service.microsoft.activity(by=MEGAN_MARKED, text=f"{MARK}said")
    wrong = [
        await http.post(address, content=f'{{"text": "{MARK}', headers=token | as_json),
        await http.post(address, json=[MARK], headers=token),
        await http.post(address, json={"type": {MARK: 1}, "text": MARK}, headers=token),
        await http.post(address, content=MARK, headers={"Content-Type": f"text/{MARK}"}),
        await http.post(address, json=activity),
        await http.post(address, json=activity, headers={"Authorization": f"Bearer {MARK}.a.b"}),
        await http.post(f"{service.url}/{MARK}", json=activity, headers=token),
        await service.hears({**activity, "channelId": f"{MARK}channel"}),
        await service.hears({**activity, "channelData": {"tenant": {"id": MARK}}}),
        await service.hears({**activity, "serviceUrl": f"https://{MARK}.example/"}),
        await service.hears(service.microsoft.activity("invoke", name=f"{MARK}invoke", value=MARK)),
        await service.hears(service.microsoft.click(f"{MARK}verb", on=None, data={MARK: MARK})),
        await service.hears(service.microsoft.activity("event", name=MARK, value={MARK: MARK})),
    ]
    return [answer.status_code for answer in wrong]


async def test_no_log_line_has_a_text_of_people_or_tickets(
    environment: dict[str, str], microsoft: Microsoft, neo: EmbeddedNeo, database_url: str
) -> None:
    neo.has_agent(f"{MARK}agent Mailbox")
    asked: dict[str, Any] = {"approvers": PEOPLE, "ticket": f"{MARK}ticket", "company": MARK}
    async with between(neo) as (middle, url):
        set_so = environment | {"NEO_API_URL": url}
        async with started(set_so, microsoft, "run") as service:
            await _says(service, f"{MARK}question about {MARK}")
            await _says(service, "follow failures")
            await _says(service, "agents")
            await _says(service, f"runs of {MARK}agent Mailbox")

            neo.has_approval(481, agent=f"{MARK}agent Mailbox", reason=f"{MARK}reason", **asked)
            neo.has_approval(482, agent="Password Reset", reason=f"{MARK}reason", **asked)
            await microsoft.until(lambda: len(_waits(microsoft)) == 2)
            one, other = sorted(_waits(microsoft), key=lambda m: "Password" in m.summary)
            assert MARK in one.summary  # it is said to people, so it could have been logged

            middle.refuses.append("/decision")
            failed = await _presses(service, one, "reject", comment=f"{MARK}comment")
            assert f"{MARK}neo says no" in failed
            middle.refuses.clear()
            middle.refuses.append("/executions")
            await _says(service, "failed runs")
            await _says(service, f"reject 481: {MARK}ordered")
            middle.refuses.clear()
            decided = await _presses(service, one, "reject", comment=f"{MARK}comment")
            assert "Rejected by" in decided
            wrong = await _presses(service, other, "approve", typed=f"{MARK}typed")
            assert "Type" in wrong or "number" in wrong

            microsoft.refuse(413, "MessageSizeTooBig", times=1, method="POST")
            neo.fails_run(agent=f"{MARK}agent Mailbox", error=f"{MARK}error", ticket=f"{MARK}t")
            await microsoft.until(lambda: not any(r.times for r in microsoft.refusals))

            # A job that breaks for good, with a text in what it breaks with.
            with psycopg.connect(database_url) as conn:
                conn.execute(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, attempts, args)"
                    " VALUES ('default', 'approvals.deliver', %s, jsonb_build_object(%s::text, 1))",
                    (UNFORESEEN_TRIES - 1, f"{MARK}argument"),
                )
            while (await service.logs("job.ended"))["outcome"] != "failed":
                pass
            await _broken_http(service)
            statuses = await _broken_requests(service)
            assert set(statuses) >= {200, 400, 401, 403, 404, 415}

            lines = await service.says_to_its_end()

    events = {line["event"] for line in lines}
    assert {"turn.answered", "neo.called", "ledger.added", "turn.neo_failed"} <= events
    assert {"request.forbidden", "request.unauthenticated", "job.ended"} <= events
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    assert [line for line in lines if MARK in json.dumps(line, ensure_ascii=False).lower()] == []
    for secret in (SECRET, neo.key, "granted-", service.microsoft.token()[-20:], "Bearer"):
        assert secret not in text
    assert "Megan" not in text
    assert PERSONAL in text  # ids are there
