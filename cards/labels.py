"""What things are called on cards: agents, tickets, clients, outcomes, fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bot.neo.models import Approval, ApprovalState, NeoModel, Outcome, Run
from cards.card import plain

GOOD, BAD, BUSY, WAITING, SKIPPED, UNKNOWN, WARNING = "✓", "✕", "●", "◷", "○", "?", "⚠"

BOT: Final = "Neo for Teams"
"""Who did it, where it was no person."""
MASK: Final = "••••"


class Mark(NamedTuple):
    """A state: its shape, its word, and then its colour."""

    shape: str
    word: str
    color: str | None

    def __str__(self) -> str:
        return f"{self.shape} {self.word}"

    @property
    def ground(self) -> str | None:
        """The colour as the ground of a heading."""
        return self.color.lower() if self.color else None


_OUTCOMES: Final = {
    Outcome.FAILED: Mark(BAD, "Failed", "Attention"),
    Outcome.SUCCEEDED: Mark(GOOD, "Succeeded", "Good"),
    Outcome.SKIPPED: Mark(SKIPPED, "Skipped", None),
    Outcome.RUNNING: Mark(BUSY, "Running", "Accent"),
    Outcome.WAITING: Mark(WAITING, "Waiting", None),
}
_STATES: Final = {
    ApprovalState.PENDING: Mark(WAITING, "Waiting", None),
    ApprovalState.APPROVED: Mark(GOOD, "Approved", "Good"),
    ApprovalState.REJECTED: Mark(BAD, "Rejected", "Attention"),
}
_HIDDEN_WORDS: Final = (
    "password passwords passwd pwd passphrase passcode secret secrets token tokens credential "
    "credentials authorization cookie otp pin apikey bearer"
)
_HIDDEN: Final = frozenset(_HIDDEN_WORDS.split())
_CLIENTS: Final = (
    "company_name", "client_name", "customer_name", "company", "client", "customer",
    "account_name", "organization_name", "organization", "end_company_name", "account",
)  # fmt: skip
_ACRONYMS: Final = frozenset({"AD", "API", "CW", "HTTP", "ID", "IP", "IT", "MFA", "PSA", "RMM"})
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")


def outcome(run: Run) -> Mark:
    """How a run stands; a status that is not known as it came."""
    return _OUTCOMES.get(run.outcome) or Mark(UNKNOWN, said(run.status) or "No status", None)


def state(approval: Approval) -> Mark:
    """How an approval stands; a status that is not known as it came."""
    known = _STATES.get(approval.state)
    if known is not None:
        return known
    closed = approval.state is ApprovalState.CLOSED
    word = said(approval.status) if approval.status else ""
    return Mark(SKIPPED if closed else UNKNOWN, word or ("Closed" if closed else "No status"), None)


def said(status: str | None) -> str:
    """Neo's own word for a state, written for people: "TIMED_OUT" -> "Timed out"."""
    return plain(status, 40).replace("_", " ").capitalize()


def words(name: str | None, limit: int = 60) -> str:
    """A name from code, as people write it: "assignLicence", "assign_licence" -> "Assign licence".

    A name that holds a space already was written by a person and stays.
    """
    text = plain(name, limit)
    if " " in text:
        return text[:1].upper() + text[1:]
    parts = _WORD.findall(text)
    if not parts or "".join(parts).lower() != re.sub(r"[_\-.]", "", text).lower():
        return text
    shouted = text.isupper()
    spoken = " ".join(p if _stays(p, shouted=shouted) else p.lower() for p in parts)
    return spoken[:1].upper() + spoken[1:]


def _stays(part: str, *, shouted: bool) -> bool:
    return part.isupper() and (part in _ACRONYMS if shouted else len(part) > 1)


def agent(name: str | None, number: str | None = None) -> str:
    """An agent's name, else its number."""
    return plain(name, 80) or (f"Agent {plain(number, 40)}" if number else "An agent")


def ticket(number: str | None) -> str:
    """A ticket as technicians write it: "#48213", "T20261101.0042"; empty if there is none."""
    text = plain(number, 40)
    return f"#{text}" if text.isdigit() else text


def client(model: NeoModel, *more: Mapping[str, Any] | None) -> str:
    """The client company, where the fields that Neo sent name it; else empty."""
    for fields in (model.model_extra, *more):
        for key in _CLIENTS:
            found = (fields or {}).get(key)
            if isinstance(found, Mapping):
                found = found.get("name")
            if isinstance(found, str) and plain(found):
                return plain(found, 80)
    return ""


def names_client(key: str) -> bool:
    """Whether `client` reads this field."""
    return key in _CLIENTS


def is_secret(key: str) -> bool:
    """Whether a field's name says that its value is for no eyes."""
    parts = [part.lower() for part in _WORD.findall(key)]
    return bool(parts) and (parts[-1] in {"key", "keys"} or not _HIDDEN.isdisjoint(parts))
