"""What an approval asks, in a person's words; Neo's published samples leave its fields open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from bot.neo.models import Approval
from cards import labels
from cards.card import plain
from cards.fields import flattened, hides, masked_text, scalar
from cards.words import Reader

# Where the wish may stand, the likeliest first.
_WISHES: Final = (
    "action", "request", "title", "summary", "question", "text", "description", "message",
    "prompt", "task",
)  # fmt: skip

# "Unlock the account" can follow "wants to"; "Account unlock" cannot.
_VERB_WORDS: Final = (
    "add allow apply approve archive assign block book buy call cancel change charge clear close "
    "configure connect convert copy create deactivate delete deploy deprovision disable dispatch "
    "email enable end enrol enroll escalate export extend forward free give grant import increase "
    "install invite issue join link lock make merge move notify offboard onboard open order patch "
    "pause post provision publish purchase raise reassign reboot reduce refund register release "
    "remove rename renew replace reply reset resolve restart restore retire revoke roll rotate run "
    "schedule send set share shut start stop submit suspend switch transfer turn unassign unblock "
    "uninstall unlock update upgrade upload wipe write"
)
_VERBS: Final = frozenset(_VERB_WORDS.split())
_USER: Final = frozenset({"user", "user_name", "username", "upn", "user_email", "email", "target"})
_WHY: Final = frozenset({"why", "reason", "justification"})
_WISH: Final = 200
_LATE: Final = frozenset({"tool", "ticket_summary", "id", "type"})
_SHORT: Final = 120
_FACTS: Final = 4


class Field(NamedTuple):
    """A field of a request in words; the value is as it came, not shortened."""

    label: str
    value: str


def _fields(approval: Approval) -> list[tuple[str, Any]]:
    """What the request holds, then what came beside the fields that are known."""
    return [*(approval.requested_for or {}).items(), *(approval.model_extra or {}).items()]


def _wish(approval: Approval) -> tuple[str | None, str]:
    """The field that says what is wanted, and its text; without one, the comment or nothing.

    Once it is decided, the comment may be the decider's.
    """
    texts = {k: v for k, v in reversed(_fields(approval)) if isinstance(v, str) and plain(v, 10)}
    key = next((name for name in _WISHES if name in texts), None)
    if key:
        return key, texts[key]
    return None, (approval.comment or "") if approval.is_open else ""


def wish(approval: Approval, limit: int = _WISH) -> str:
    """Who wants what: "Password Reset wants to reset a password"; the agent's name is in it."""
    name = labels.agent(approval.agent_name, approval.agent_id)
    said = _harmless(_wish(approval)[1], limit)
    if not said:
        return f"{name} asks for approval"
    if " " not in said:
        said = labels.words(said, limit)
    verb = said.split()[0].lower()
    if verb in _VERBS:
        return f"{name} wants to {verb}{said[len(verb) :]}".rstrip(".")
    return f"{name} asks: {said}"


def whole_wish(approval: Approval, limit: int) -> str:
    """The wish at length, where `wish` shortens it; else empty."""
    text = _wish(approval)[1]
    return _harmless(text, limit) if _harmless(text, _WISH).endswith("…") else ""


def _harmless(text: str | None, limit: int) -> str:
    """Text of many words: secrets that stand in it are masked."""
    # No more of it than could be seen: a text of megabytes costs no more than its first lines.
    seen = (text or "")[: limit * 8 + 64]
    shown = plain(masked_text(seen), limit)
    return shown if len(text or "") == len(seen) or shown.endswith("…") else f"{shown}…"


def note(approval: Approval, limit: int) -> str:
    """Neo's comment, unless it is the wish itself."""
    return (
        ""
        if plain(_wish(approval)[1]) == plain(approval.comment)
        else _harmless(approval.comment, limit)
    )


def approvers(approval: Approval) -> list[tuple[str, str]]:
    """Id and name of everybody who was asked."""
    return [
        ((one.user_id or "").lower(), plain(one.user_name, 60) or "somebody without a name")
        for one in approval.approvers
    ]


def asked(approval: Approval, reader: Reader, *, most: int = 5, last: str = "and") -> str:
    """Who was asked, the reader first: "you, Alex Wilber and 58 more"; empty if nobody."""
    me = (reader.person or "").lower()
    everybody = approvers(approval)
    names = ["you" for number, _ in everybody if me and number == me][:1]
    names += [name for number, name in everybody if not (me and number == me)]
    if len(names) > most:
        return f"{', '.join(names[:most])} {last} {len(names) - most} more"
    if len(names) > 1 and last == "or":
        return f"{', '.join(names[:-1])} or {names[-1]}"
    return ", ".join(names)


def known_facts(
    approval: Approval, *, without: Collection[str] = ()
) -> tuple[list[Field], list[Field]]:
    """What the request holds beside the wish: the few facts to see at once, and everything else.

    ``without``: fields of ``requested_for`` that the card shows elsewhere.
    """
    key, said = _wish(approval)
    client = labels.client(approval, approval.requested_for)
    first: list[Field] = []
    rest: list[Field] = []
    fields = [(k, v) for k, v in (approval.requested_for or {}).items() if k not in without]
    fields += (approval.model_extra or {}).items()
    for name, value in sorted(fields, key=lambda item: _rank(item[0])):
        elsewhere = (name == key and value == said) or (
            labels.names_client(name) and isinstance(value, str) and plain(value, 80) == client
        )
        if elsewhere or value in (None, "", [], {}):
            continue
        found = list(field_lines(name, value))
        short = len(found) == 1 and len(found[0].value) <= _SHORT and not isinstance(value, dict)
        (first if short and len(first) < _FACTS else rest).extend(found)
    if key and approval.comment:
        said_too = Field("Comment", masked_text(approval.comment))
        short = len(approval.comment) <= 2 * _SHORT
        (first if short else rest).insert(len(first), said_too)
    return first, rest


def _rank(name: str) -> int:
    known = name.lower()
    ranks = {**dict.fromkeys(_USER, 0), **dict.fromkeys(_WHY, 1), **dict.fromkeys(_LATE, 3)}
    return ranks.get(known, 2)


def field_lines(name: str, value: Any) -> Iterator[Field]:
    """A field of a request in words, a line for each value it holds; secrets are masked."""
    label = (
        "User" if name.lower() in _USER else "Why" if name.lower() in _WHY else labels.words(name)
    )
    if hides(name, value):
        yield Field(label, labels.MASK)
    elif scalar(value):
        yield Field(label, scalar(value))
    else:
        yield from (Field(*pair) for pair in flattened(value, label))
