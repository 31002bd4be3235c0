"""What helps to decide, drawn; secrets in it; the request to an outside API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.neo.models import ApprovalState, Outcome, Step
from cards import elements as el
from cards.card import LARGEST_BYTES, Card
from cards.evidence import EARLIER, ENDS, RUN, STEPS, Earlier, Evidence, parts, words
from cards.external_request import (
    ExternalRequest,
    external_request,
    request_parts,
    request_words,
)
from cards.fields import flattened, masked, masked_text, scalar
from cards.parts import Room, assemble
from tests.cards import samples
from tests.cards.reading import everything
from tests.cards.samples import NOW, READER, a_call, a_run, an_approval

ROOM = Room(rows=30, text=1200)
RUN_THAT_ASKS = a_run(status="WAITING_FOR_APPROVAL", error=None)


def earlier(number: int, state: str = "approved", ended: Outcome | None = None) -> Earlier:
    return Earlier(
        id=str(number),
        state=ApprovalState(state),
        by="Alex Wilber",
        at=NOW - timedelta(hours=number),
        ticket="48213",
        client="Contoso Dental",
        ended=ended,
    )


def drawn(evidence: Evidence, room: Room = ROOM) -> Card:
    return assemble(parts(evidence, READER, room), summary=words(evidence, READER))


def seen(drawn_parts: Sequence[Any]) -> str:
    """What can be read, a line for each block of text."""
    held = [part for part in drawn_parts if part is not None]
    found = [
        "".join(run["text"] for run in one.get("inlines", [one]))
        for one in everything(el.rendered(held))
        if one["type"] in {"TextBlock", "RichTextBlock"}
    ]
    return "\n".join(found).replace("\u200b", "").replace("\u00a0", " ")


def opened(card: Card, *taps: str) -> str:
    """What can be read once the titles or captions that contain these words were tapped."""
    ids = {one["id"]: one for one in everything(card.content["body"]) if "id" in one}
    for tap in taps:
        toggles = [
            one for one in everything(card.content["body"])
            if one["type"] == "Action.ToggleVisibility" and tap in one["title"]
        ]  # fmt: skip
        assert toggles, tap
        for target in toggles[0]["targetElements"]:
            ids[target]["isVisible"] = not ids[target].get("isVisible", True)
    return "\n".join(_visible(card.content["body"])).replace("\u200b", "").replace("\xa0", " ")


def _visible(held: Any) -> list[str]:
    if isinstance(held, list):
        return [text for one in held for text in _visible(one)]
    if not isinstance(held, dict) or not held.get("isVisible", True):
        return []
    texts = [held["text"]] if "text" in held else []
    inner = ("items", "columns", "inlines", "body")
    return texts + [text for key in inner for text in _visible(held.get(key))]


# Steps


def test_a_step_shows_name_tool_time_and_error_and_the_rest_at_a_tap() -> None:
    card = drawn(Evidence(run=RUN_THAT_ASKS, steps=samples.STEPS))
    shut = opened(card)
    assert "What it did so far: 3 steps" in shut
    assert "Create the user adele.vance@fabrikam.example" in shut
    assert "Graph request · 41 s" in shut
    assert "a1f4" not in shut
    assert "template says Business Basic" not in shut

    tapped = opened(card, "Step 2 in detail")
    assert '"id": "a1f4"' in tapped
    assert "template says Business Basic" in tapped
    assert '"password": "••••"' in tapped
    assert "Rain-7-Candle" not in json.dumps(card.content) + card.summary


def test_the_error_of_a_step_is_seen_at_once() -> None:
    steps = [
        Step.model_validate({"tool_type_name": "RMM_RUN_SCRIPT", "tool_call_id": "c", "message": m,
                             "is_error": bad, "created_at": samples.ago(minutes=9)})
        for m, bad in (("Clear the cache", False), ("exit code 5: access denied", True))
    ]  # fmt: skip
    evidence = Evidence(run=RUN_THAT_ASKS, steps=steps)
    assert "exit code 5: access denied" in opened(drawn(evidence))
    assert "1 ✕ Clear the cache" in words(evidence, READER)
    assert "exit code 5: access denied" in words(evidence, READER)


def test_an_error_that_stands_in_the_answer_of_the_tool_is_seen_as_well() -> None:
    assert "no licence left" in opened(drawn(Evidence(run=RUN_THAT_ASKS, steps=samples.STEPS)))


def test_long_data_is_short_until_all_of_it_is_asked_for() -> None:
    steps = a_call(1, "Read the log", "RMM_READ_LOG", 0, 2, data={"log": "line and " * 60 + "END"})
    card = drawn(Evidence(run=RUN_THAT_ASKS, steps=steps))
    assert "END" not in opened(card, "Step 1 in detail")
    assert "END" in opened(card, "Show all")


def test_every_id_is_its_own_and_every_target_is_there() -> None:
    many = [
        step
        for n in range(1, 12)
        for step in a_call(n, f"Do {n}", "TOOL", n, n + 1, data={"log": "words " * 90})
    ]
    ends = [earlier(n) for n in range(1, 11)]
    found = list(everything(drawn(Evidence(RUN_THAT_ASKS, many, ends)).content))
    ids = [one["id"] for one in found if "id" in one]
    targets = [t for one in found for t in one.get("targetElements", ())]
    assert len(ids) == len(set(ids))
    assert set(targets) <= set(ids)


@pytest.mark.parametrize("text", ["x" * 100_000, "words and words " * 7_000, "\U0001f600" * 50_000])
@pytest.mark.parametrize("room", [ROOM, ROOM.halved(), Room(rows=1, text=24)])
def test_it_leaves_the_card_its_room_whatever_comes(text: str, room: Room) -> None:
    step = {"tool_type_name": text, "message": text, "data": {"deep": [text] * 9}, "is_error": True}
    evidence = Evidence(
        run=a_run(execution_id="r1", status="RUNNING", error=None),
        steps=[Step.model_validate(step)] * 300,
        earlier=[Earlier(text, ApprovalState.APPROVED, text, NOW, text, text, Outcome.FAILED)] * 10,
        missing=[text] * 4,
    )
    size = len(json.dumps(el.rendered(parts(evidence, READER, room))))
    assert size <= LARGEST_BYTES - 12_000


def test_what_was_left_out_is_said() -> None:
    many = [
        step
        for n in range(40)
        for step in a_call(
            n, f"Look at machine {n}", "RMM_READ", n, n + 1, data={"log": "w " * 900}
        )
    ]
    told = opened(drawn(Evidence(RUN_THAT_ASKS, many)))
    assert "What it did so far: 40 steps" in told
    assert "The first 20 steps and what all of them read are left out here" in told
    assert "Look at machine 39" in told


def test_of_many_steps_the_latest_are_seen_and_those_before_at_a_tap() -> None:
    many = [step for n in range(1, 11) for step in a_call(n, f"Do part {n}.", "T", n, n + 1)]
    card = drawn(Evidence(RUN_THAT_ASKS, many))
    assert "Do part 2." not in opened(card)
    assert "Do part 3." in opened(card)
    assert "Do part 2." in opened(card, "Show the 2 before")


# Earlier decisions


@pytest.mark.parametrize(
    ("found", "tally"),
    [
        (
            [*[earlier(n, ended=Outcome.SUCCEEDED) for n in range(8)],
             earlier(8, ended=Outcome.FAILED), earlier(9, "rejected")],
            "9 of the last 10 approved, 1 of those failed",
        ),
        ([earlier(1, ended=Outcome.SUCCEEDED), earlier(2, "rejected")],
         "1 of the last 2 approved, none of those failed"),
        ([earlier(1), earlier(2)], "2 of the last 2 approved, how 2 ended is not known"),
        ([earlier(1), earlier(2, ended=Outcome.FAILED)],
         "2 of the last 2 approved, 1 of those failed, how 1 ended is not known"),
        ([earlier(1, "rejected"), earlier(2, "rejected")], "None of the last 2 approved"),
        ([earlier(1, ended=Outcome.FAILED)], "The last one was approved, and its run failed"),
        ([earlier(1, "rejected")], "The last one was rejected"),
        ([], ""),
    ],
)  # fmt: skip
def test_earlier_decisions_are_counted(found: list[Earlier], tally: str) -> None:
    assert Evidence(earlier=found).tally == tally


def test_an_earlier_decision_says_who_when_where_and_how_it_ended() -> None:
    card = drawn(Evidence(earlier=[earlier(2, ended=Outcome.FAILED), earlier(30, "rejected")]))
    assert "Rejected by" not in opened(card)
    told = opened(card, "Show the 2")
    assert "Approved by Alex Wilber, 08:02" in told
    assert "#48213 · Contoso Dental · ✕ its run failed" in told
    assert "Rejected by Alex Wilber, yesterday 04:02" in told


def test_what_neo_did_not_say_is_named_and_never_taken_for_good_news() -> None:
    evidence = Evidence(missing=(RUN, STEPS, EARLIER, ENDS))
    for told in (opened(drawn(evidence)), words(evidence, READER)):
        assert (
            "⚠ Neo did not say: which run asks, the steps of that run, earlier decisions and"
            in told
        )
        assert "No such request" not in told
        assert "not found" not in told


def test_nothing_found_is_said_too() -> None:
    told = words(Evidence(), READER)
    assert "Which run asks was not found in Neo" in told
    assert "No such request was decided in the last 90 days" in told


# Secrets by their shape


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc123DEF456",
        "authorization=Basic bWVnYW46SHVudGVyMg==",
        "curl -H 'X-Api-Key: 9f8e7d6c5b'",
        "https://api.northwind.example/v1?api_key=9f8e7d6c5b&page=2",
        "https://store.example/blob?sv=2022&sig=9f8e7d6c5b%3D",
        "https://fn.example/api/run?code=9f8e7d6c5b==",
        "https://megan:9f8e7d6c5b@api.example/v1",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5ZjhlN2Q2YzViIn0.c2lnbmF0dXJl9f8e7d6c5b",
        "key is sk_live_9f8e7d6c5b9f8e",
        "neo_sk_live_9f8e7d6c5b",
        "password: 9f8e7d6c5b",
        'set "client_secret": "9f8e7d6c5b"',
        "{'password': '9f8e7d6c5b'}",
        "-----BEGIN RSA PRIVATE KEY-----\n9f8e7d6c5b\n-----END RSA PRIVATE KEY-----",
        '{"auth": {"token": "9f8e7d6c5b"}}',
        '{"headers": [{"name": "X-Api-Key", "value": "9f8e7d6c5b"}]}',
        '{"token_request": [{"key": "audience", "value": "9f8e7d6c5b", "secret": true}]}',
    ],
)
def test_a_secret_is_masked_wherever_it_stands(text: str) -> None:
    shown = masked_text(text)
    assert "9f8e7d6c5b" not in shown
    assert "abc123" not in shown
    assert "bWVnYW46" not in shown
    assert "••••" in shown
    assert masked_text(shown) == shown
    assert "9f8e7d6c5b" not in str(masked({"log": [text]})) + scalar(text)
    assert "9f8e7d6c5b" not in str(list(flattened({"deep": {"log": text}})))


@pytest.mark.parametrize(
    "text",
    [
        "Reset the password of lee.gu@contosodental.example",
        "The password: ask Lee for it by phone",
        "Basic authentication and bearer tokens are fine",
        "Ticket #48213 at 09:46: token ring is down",
        "https://psa.contoso.example/tickets/48213?board=2&code_page=utf8#note",
        "GET /users/lee.gu@contoso.example",
        "DC=contoso,OU=Users; n=3",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked_text(text) == text


# The request to an outside API


def asking(**fields: Any) -> ExternalRequest:
    asked = {
        "action": "Order a door badge for Adele Vance",
        "tool": "EXTERNAL_API_REQUEST",
        "configuration": "Fabrikam Access: badges",
        "method": "post",
        "url": "https://access.fabrikam.example/api/badges?api_key=9f8e7d6c5b&site=4",
        "headers": {"Authorization": "Bearer abc", "X-Session": "9f8e7d6c5b", "Accept": "*/*"},
        "authentication": {"type": "OAuth 2.0 client credentials", "client_secret": "9f8e7d6c5b"},
        "body": {"holder": {"name": "Adele Vance", "pin": "9f8e7d6c5b"}, "doors": ["Office"]},
    } | fields  # fmt: skip
    found = external_request(an_approval(requested_for=asked))
    assert found is not None
    return found


def test_the_request_is_drawn_in_full_with_its_secrets_masked() -> None:
    request = asking()
    drawn_parts, complete = request_parts(request, ROOM)
    for told in (seen(drawn_parts), request_words(request, ROOM)):
        assert "POST https://access.fabrikam.example/api/badges?api_key=••••&site=4" in told
        assert "Authorization: Bearer ••••" in told
        assert "X-Session: ••••" in told
        assert "Accept: */*" in told
        assert '"name": "Adele Vance"' in told
        assert '"pin": "••••"' in told
        assert '"Office"' in told
        assert "Fabrikam Access: badges" in told
        assert "OAuth 2.0 client credentials" in told
        assert "9f8e7d6c5b" not in told
    assert complete
    assert request.target == "POST access.fabrikam.example"


def test_the_body_keeps_its_lines_and_is_monospaced() -> None:
    drawn_parts, _ = request_parts(asking(), ROOM)
    assert '    "name": "Adele Vance",' in seen(drawn_parts).splitlines()
    found = everything(el.rendered([part for part in drawn_parts if part is not None]))
    mono = [one for one in found if one.get("fontType") == "Monospace"]
    assert len(mono) > 8


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('{"ticket": 48213, "token": "9f8e7d6c5b"}', '"ticket": 48213'),
        ("ticket=48213&token=9f8e7d6c5b", "ticket=48213&token=••••"),
        ([{"name": "ticket", "value": 48213}], '"value": 48213'),
    ],
)
def test_a_body_may_come_as_text_form_or_list(body: Any, line: str) -> None:
    told = request_words(asking(body=body), ROOM)
    assert line in told
    assert "9f8e7d6c5b" not in told


@pytest.mark.parametrize(
    "headers",
    [
        [{"name": "X-Api-Key", "value": "9f8e7d6c5b"}, {"name": "Accept", "value": "text/csv"}],
        ["X-Api-Key: 9f8e7d6c5b", "Accept: text/csv"],
        "X-Api-Key: 9f8e7d6c5b\nAccept: text/csv",
        [{"X-Api-Key": "9f8e7d6c5b", "Accept": "text/csv"}],
    ],
)
def test_headers_come_in_many_shapes(headers: Any) -> None:
    assert asking(headers=headers).headers == (("X-Api-Key", "••••"), ("Accept", "text/csv"))


def test_a_request_that_does_not_fit_says_that_it_is_not_all() -> None:
    _, complete = request_parts(asking(body={"note": "words " * 900}), ROOM)
    assert not complete
    _, complete = request_parts(asking(headers={f"X-{n}": "1" for n in range(200)}), ROOM)
    assert not complete


def test_a_host_in_letters_that_only_look_latin_is_spelt_out() -> None:
    looks = asking(url="https://c\N{CYRILLIC SMALL LETTER O}ntoso.example/pay")
    assert "Host: xn--" in request_words(looks, ROOM)
    assert "Host" not in request_words(asking(), ROOM)


def test_fields_that_it_shows_are_named_so_that_nothing_is_told_twice_or_never() -> None:
    shown = {"configuration", "method", "url", "headers", "authentication", "body"}
    assert asking().fields == shown
    inside = {"url": "https://x.example", "method": "GET"}
    nested = an_approval(requested_for={"action": "Call", "request": inside})
    found = external_request(nested)
    assert found is not None
    assert found.fields == {"request"}
    more = an_approval(requested_for={"action": "Call", "request": inside | {"retries": 3}})
    found = external_request(more)
    assert found is not None
    assert found.fields == set()


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "Reset the password of Lee Gu", "tool": "M365_RESET_PASSWORD"},
        {"action": "Link it", "url": "https://psa.contoso.example/48213"},
        {"action": "Call", "tool": "EXTERNAL_API_REQUEST"},
        {"method": "POST", "url": 7},
        {},
    ],
)
def test_anything_else_is_no_request_to_an_outside_api(asked: dict[str, Any]) -> None:
    assert external_request(an_approval(requested_for=asked)) is None
