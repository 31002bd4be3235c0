"""The note that a decision leaves in Neo: the comment, and whose decision it was."""

from __future__ import annotations

from bot.messaging import Person
from bot.neo.models import Approval

_SIGNED = "\n— "
_PLACE = ") in Microsoft Teams"


def note(person: Person, comment: str) -> str:
    """What goes into Neo's ``note``: the comment, then the person by name and Entra object id."""
    # Nobody signs for another: a line that looks like a signature is quoted.
    quoted = "\n".join(
        f"> {line}" if line.startswith("—") else line for line in comment.split("\n")
    )
    return f"{quoted}{_SIGNED}{person.name} ({person.id}{_PLACE}".lstrip("\n")


def signed_by(noted: str | None, person: str) -> bool:
    """Whether a note is of our making for this person's (Entra object id) decision."""
    return (noted or "").endswith(f"({person}{_PLACE}")


def without_note(decided: Approval, before: Approval | None) -> Approval:
    """The approval with its comment as it was: Neo gives our note back in that field."""
    if not (decided.comment or "").endswith(_PLACE):
        return decided
    return decided.model_copy(update={"comment": before.comment if before else None})


def comment_of(noted: str | None) -> str:
    """The comment in a note of ours."""
    return (noted or "").rpartition(_SIGNED)[0]
