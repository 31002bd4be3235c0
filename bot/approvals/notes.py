"""The note that a decision leaves in Neo: the comment, and whose decision it was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.approvals.who_may import Capacity
from bot.messaging import Person
from bot.neo.models import Approval
from bot.store.circumstances import Vote
from cards.card import as_seen

_LINE = "— "
_PLACE = ") in Microsoft Teams"
# Every dash but the hyphens that begin an item of a list, and what is drawn like one.
_DASH = re.compile(
    r"\s*(?:--|[\u2012-\u2015\u2212\u23af\u2500\u2501\u2e3a\u2e3b\u30fc\u3161\u4e00\ufe31\ufe32\ufe58])"
)


def note(
    person: Person, comment: str, capacity: Capacity | None = None, votes: Sequence[Vote] = ()
) -> str:
    """What goes into Neo's ``note``.

    The comment, who had approved before, in whose name it was decided, and last the person by name
    and Entra object id.
    """
    # Nobody signs for another: a line that looks like a signature is quoted.
    lines = [f"> {line}" if _DASH.match(line) else line for line in as_seen(comment).splitlines()]
    for vote in votes:
        for_whom = f" for {_one(vote.for_name)}" if vote.for_name else ""
        wrote = f": {_one(vote.comment)}" if vote.comment else ""
        lines.append(f"{_LINE}also approved by {_one(vote.name)} ({vote.person}){for_whom}{wrote}")
    if capacity and capacity.for_name:
        number = f" ({capacity.for_person})" if capacity.for_person else ""
        lines.append(f"{_LINE}in the name of {_one(capacity.for_name)}{number}")
    lines.append(f"{_LINE}{_one(person.name)} ({person.id}{_PLACE}")
    return "\n".join(lines).lstrip("\n")


def is_note(comment: str | None, sent: str) -> bool:
    """Whether an approval's comment is the note that was sent; Neo gives it back in that field.

    How it is folded into lines makes no difference.
    """
    return bool(sent) and _one(comment) == _one(sent)


def without_note(decided: Approval, before: Approval) -> Approval:
    """The approval with its comment as it was before our note took its place."""
    return decided.model_copy(update={"comment": before.comment})


def comment_of(noted: str | None) -> str:
    """The comment in a note of ours."""
    return f"\n{noted or ''}".partition(f"\n{_LINE}")[0].lstrip("\n")


def _one(text: str | None) -> str:
    """On one line, for each line of a note of ours means something."""
    return " ".join((text or "").split())
