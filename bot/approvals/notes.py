"""The note that a decision leaves in Neo: the comment, and whose decision it was."""

from __future__ import annotations

from bot.messaging import Person

_SIGNED = "\n— "


def note(person: Person, comment: str) -> str:
    """What goes into Neo's ``note``: the comment, then the person by name and Entra object id."""
    return f"{comment}{_SIGNED}{person.name} ({person.id}) in Microsoft Teams".lstrip("\n")


def signed_by(noted: str | None, person: str) -> bool:
    """Whether a note is of our making for this person's (Entra object id) decision."""
    return f"({person}) in Microsoft Teams" in (noted or "")


def comment_of(noted: str | None) -> str:
    """The comment in a note of ours."""
    return (noted or "").rpartition(_SIGNED)[0]
