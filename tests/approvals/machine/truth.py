"""Whether what people see is so: each card against the model, and the ledger against itself."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from bot.messaging import Scope
from cards.card import Card
from tests.approvals.machine.house import House, decisive
from tests.approvals.machine.model import (
    NAMES,
    NEVER,
    NOBODY,
    Asked,
    Outcome,
    Press,
    at_work,
    wording_of,
)
from tests.workplace import GUEST

LOOPBACK_HOST = "127.0.0.1"
SOON = timedelta(minutes=15)
_ENDS = {"approved": "Approved by", "rejected": "Rejected by"}


def everything_shown_is_true(house: House) -> None:
    """Every card in every open chat, and every view that one person alone has of one."""
    chats = house.office.chats
    standing = [
        (where, message, house.readers[where, message], card)
        for (where, message), card in chats.messages.items()
    ]
    standing += [(where, m, person, card) for (where, m, person), card in house.own.items()]
    for where, message, reader, card in standing:
        if card.approval in house.model.asked and not house.is_closed(house.places[where]):
            asked = house.model.asked[card.approval]
            try:
                _is_true(house, asked, where, reader, card)
            except AssertionError as error:
                said = f"{where}/{message} for {NAMES.get(reader, 'everybody')}: {error}"
                raise AssertionError(f"{said}\n{card.summary}\nactually {asked}") from None


def the_answer_is_true(house: House, press: Press, came: Outcome, card: Card) -> None:
    """What the one who pressed reads: with buttons only if they may press them, and on what is."""
    asked, decides = house.model.asked[press.approval], decisive(card)
    if decides:
        assert asked.state == "pending", f"it can be decided, and is {asked.state}: {card.summary}"
    if decides and press.person != GUEST[0]:
        may = house.model.may(press.person, asked, house.office.clock())
        assert may, f"it has buttons for {NAMES[press.person]}, who may not: {card.summary}"
    for button in decides:
        digest = str(button["data"]["shown"]).partition(".")[0]
        assert digest == asked.digest, "its buttons are for something else"
    if came == "refused" and "It has changed" in card.summary:
        words = " ".join(texts_of(card.content))
        for digest in (press.shown.partition(".")[0], asked.digest):
            assert f"{asked.wordings[digest]}" in words, f"what changed is not marked: {words}"


def _is_true(house: House, asked: Asked, where: str, reader: str, card: Card) -> None:
    said, decides = card.summary, decisive(card)
    if asked.state == "gone":
        assert "no longer in Neo" in said, "it does not say that it is gone"
        assert not decides, "it has buttons although it is gone"
        return
    if asked.state != "pending":
        head = next((line for line in said.split("\n") if _ENDS[asked.state] in line), "")
        assert head, "it does not say how it ended"
        for name in [asked.decider, *_voters_with(house, asked)]:
            assert name in head.partition(":")[0], f"it does not say that {name} decided"
        assert not decides, "it has buttons although it is decided"
        return
    assert "is deciding" not in said, "it says that somebody is deciding"
    shown = wording_of(texts_of(card.content))
    assert shown == asked.wordings[asked.digest], f"it shows {shown}"
    for button in decides:
        digest = str(button["data"]["shown"]).partition(".")[0]
        assert digest == asked.digest, "its buttons are for something else"
    _around(house, asked, reader, card)
    _who_has_buttons(house, asked, where, reader, card)


def _voters_with(house: House, asked: Asked) -> list[str]:
    """Who approved it before the one who sent it, where it was one of those here."""
    here = asked.state == "approved" and asked.decider in NAMES.values()
    two = here and house.model.needs_two(asked)
    return [NAMES[voter] for voter in house.model.voters(asked)] if two else []


def _around(house: House, asked: Asked, reader: str, card: Card) -> None:
    """Votes, stand-ins, who put it off, and the second group are told; and whom it waits for."""
    at, model, words = house.office.clock(), house.model, " ".join(texts_of(card.content))
    voters = model.voters(asked) if model.needs_two(asked) else set()
    for voter in voters:
        assert NAMES[voter] in words, f"it does not say that {NAMES[voter]} approved"
    if any(one["data"].get("confirming") for one in decisive(card)):
        return
    for away in model.in_force(at):
        if away.person in asked.approvers:
            named = NAMES[away.delegate] in words or "ou decide for" in words
            assert named, f"it does not say that {NAMES[away.delegate]} stands in"
    _put_off(house, asked, _fact(card, "Put off"))
    assert ("Leads" in words) == asked.escalated, "whether the second group has heard of it"
    if not decisive(card):
        _waits_for(asked, voters, reader, card, leads=bool(model.wishes.group_decides))


def _put_off(house: House, asked: Asked, said: str) -> None:
    """Who put it off is named, and nobody else; once a minute somebody looks what is over."""
    at, snoozes = house.office.clock(), house.model.snoozes
    for person, name in NAMES.items():
        until = snoozes.get((asked.number, person), NEVER)
        assert until <= at or name in said, f"{name} put it off: {said}"
        assert until + SOON >= at or name not in said, f"{name} has not put it off: {said}"


def _fact(card: Card, label: str) -> str:
    found = re.search(rf"(?:^|; ){label}: (.*?)(?:; Also told: .*)?$", card.summary, re.MULTILINE)
    return found[1] if found else ""


def _waits_for(asked: Asked, voters: set[str], reader: str, card: Card, *, leads: bool) -> None:
    """Who was asked and has not approved it yet, and the second group once it may decide."""
    left = {"you" if one == reader else NAMES[one] for one in asked.approvers if one not in voters}
    left |= {"Leads"} if leads and asked.escalated and asked.approvers else set()
    found = re.search(r"Waiting for (.*?)\.(?:\s|$)", card.summary)
    said = set(re.split(", | or ", found[1])) if found else set()
    assert said == left, f"it waits for {left}, and says {said or 'nobody'}"


def _who_has_buttons(house: House, asked: Asked, where: str, reader: str, card: Card) -> None:
    model, at, decides = house.model, house.office.clock(), decisive(card)
    place = house.places[where]
    if reader != NOBODY:
        if reader == GUEST[0]:
            return  # nobody knows that before they press
        if decides:
            assert model.may(reader, asked, at), "it has buttons for somebody who may not"
            mine = model.needs_two(asked) and reader in model.voters(asked)
            wishes = {one["data"]["verdict"] for one in decides}
            assert not (mine and "approve" in wishes), "it lets somebody approve it twice"
        elif place.scope is Scope.PERSONAL:
            assert not model.may(reader, asked, at), "it has no buttons for somebody who may"
        return
    may = [person for person in NAMES if model.asked_to(person, asked, at)]
    if LOOPBACK_HOST in place.service_url:
        assert bool(decides) == bool(asked.approvers), "buttons that check on click are wrong"
        return
    assert not decides, "everybody sees buttons"
    named = sorted(card.content.get("refresh", {}).get("userIds", []))
    assert named == sorted(f"29:{person}" for person in may), "the wrong people have own views"


def texts_of(part: Any) -> list[str]:
    """Every text that a card shows; what its buttons carry is not shown."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, dict):
        shown = {k: v for k, v in part.items() if k not in {"data", "fallback", "refresh"}}
        return [text for value in shown.values() for text in texts_of(value)]
    return [text for one in part for text in texts_of(one)] if isinstance(part, list) else []


def what_is_signed_is_what_is_shown(house: House, cards: list[Card]) -> None:
    """The digest in a card's buttons is that of the wording that the card shows."""
    for card in cards:
        for button in decisive(card):
            asked = house.model.asked[button["data"]["approval"]]
            digest = str(button["data"]["shown"]).partition(".")[0]
            shown = wording_of(texts_of(card.content))
            assert asked.wordings[digest] == shown, f"it shows {shown}: {json.dumps(card.content)}"


def reminders_come_at_work(house: House, cards: list[tuple[str, Card]]) -> None:
    """A reminder rings within business hours, of what still waits, for whom it waits."""
    at, model = house.office.clock(), house.model
    for where, card in cards:
        said = " ".join(texts_of(card.content))
        if "of working time" not in said:
            continue
        asked = model.asked[card.approval or ""]
        assert not asked.closed_here, f"a reminder of what is decided: {said}"
        assert asked.state == "pending" or not asked.closed_here
        person = house.places[where].person
        if "you put this off until now" in said:
            until = model.snoozes.get((asked.number, person or ""))
            assert until is None or until <= at, "a reminder before the snooze is over"
            continue
        assert at_work(at), f"a reminder at {at}: {said}"
        if person is not None and "You are asked as" not in said:
            assert model.may(person, asked, at), f"{NAMES[person]} is reminded and may not decide"
            until = model.snoozes.get((asked.number, person), at)
            assert until <= at, f"{NAMES[person]} put it off and is reminded"
