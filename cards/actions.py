"""What a button carries: a typed payload that packs itself and is checked when it comes back.

A payload comes back from outside: it names a wish, and whoever acts on it checks that it may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from cards.card import as_seen

COMMENT_LIMIT: Final = 2000
"""Most characters of a comment on a decision."""
COMMENT_INPUT: Final = "comment"
"""Id of the card's comment field, and so its key in the payload that comes back."""

TYPED_INPUT: Final = "typed"
"""Id of the field for the ticket's number."""
TICKED_INPUT: Final = "ticked"
"""Id of the list of choices."""
MOST_TICKED: Final = 20
"""Most approvals that one card lets tick."""

_Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class BadButton(ValueError):
    """A button's payload that is none of ours; the message says why, to a person."""


class _Payload(BaseModel):
    """Keys that it does not know are inputs of other cards or Teams' own: ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    def pack(self) -> dict[str, Any]:
        """The payload as plain JSON; ``verb`` is among it, for clients that send only data."""
        return self.model_dump(mode="json")


class Ask(_Payload):
    """Ask ``text`` as if it had been typed; ``in_place`` redraws this card with the answer."""

    verb: Literal["ask"] = "ask"
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    in_place: bool = False


_Comment = Annotated[
    str,
    BeforeValidator(lambda typed: "" if typed is None else typed),
    StringConstraints(max_length=COMMENT_LIMIT, strip_whitespace=True),
    AfterValidator(as_seen),
]
_Shown = Annotated[str, StringConstraints(min_length=1, max_length=512)]
_Person = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Decide(_Payload):
    """Decide an approval.

    Attributes:
        approval: Id of the approval.
        verdict: Which way.
        shown: Signed digest of what the card showed.
        confirming: The card asked to confirm, so a missing number is a mistake.
        comment: What the person typed into the card's field; empty if nothing.
        typed: The ticket's number as they typed it, where the card asked for it.
    """

    verb: Literal["approval.decide"] = "approval.decide"
    approval: _Id
    verdict: Literal["approve", "reject"]
    shown: _Shown
    confirming: bool = False
    comment: _Comment = ""
    typed: Annotated[
        str,
        BeforeValidator(lambda typed: "" if typed is None else typed),
        StringConstraints(max_length=200, strip_whitespace=True),
    ] = ""

    def pack(self) -> dict[str, Any]:
        """The payload without what the card's fields add."""
        return self.model_dump(mode="json", exclude={COMMENT_INPUT, TYPED_INPUT})


class DecideSeveral(_Payload):
    """Decide every approval that is ticked, one way and with one comment.

    Attributes:
        verdict: Which way.
        shown: For each approval on the card, the signed digest of what it showed.
        ticked: Ids of the ticked ones with commas between, as a list of choices sends them.
        comment: What the person typed.
    """

    verb: Literal["approvals.decide"] = "approvals.decide"
    verdict: Literal["approve", "reject"]
    shown: Annotated[dict[_Id, _Shown], Field(max_length=MOST_TICKED)]
    ticked: Annotated[
        str,
        BeforeValidator(lambda chosen: "" if chosen is None else chosen),
        StringConstraints(max_length=129 * MOST_TICKED),
    ] = ""
    comment: _Comment = ""

    def pack(self) -> dict[str, Any]:
        """The payload without what the card's fields add."""
        return self.model_dump(mode="json", exclude={COMMENT_INPUT, TICKED_INPUT})


@dataclass(frozen=True, slots=True)
class Ticking:
    """What of a list of approvals a person may tick.

    Attributes:
        tick: For each that may be ticked, the token that its decision carries.
        not_tickable: For each other one that is theirs to decide, why not.
        comment_to_reject: A rejection needs a comment.
    """

    tick: Mapping[str, str] = field(default_factory=dict)
    not_tickable: Mapping[str, str] = field(default_factory=dict)
    comment_to_reject: bool = False


class PickSeveral(_Payload):
    """Redraw this card with what the person may decide, to be ticked."""

    verb: Literal["approvals.pick"] = "approvals.pick"


class ShowEvidence(_Payload):
    """Redraw this card with what the agent did so far and how such requests ended before."""

    verb: Literal["approval.evidence"] = "approval.evidence"
    approval: _Id
    comment: _Comment = ""

    def pack(self) -> dict[str, Any]:
        """The payload without what the card's fields add."""
        return self.model_dump(mode="json", exclude={COMMENT_INPUT})


class SnoozeApproval(_Payload):
    """Leave the person alone about an approval for some hours."""

    verb: Literal["approval.snooze"] = "approval.snooze"
    approval: _Id
    hours: Annotated[int, Field(ge=1, le=24)] = 2


class Delegate(_Payload):
    """Confirm that ``to`` decides what ``by`` is asked, up to ``until`` (ISO 8601).

    ``by`` is whoever typed it: nobody else's press counts.
    """

    verb: Literal["delegation.start"] = "delegation.start"
    by: _Person
    to: _Person
    until: Annotated[str, StringConstraints(min_length=10, max_length=40)]


class EndDelegation(_Payload):
    """End a delegation of one's own."""

    verb: Literal["delegation.end"] = "delegation.end"
    delegation: int


class ShowApproval(_Payload):
    """Redraw this card with the approval as it is now."""

    verb: Literal["approval.show"] = "approval.show"
    approval: _Id


class Follow(_Payload):
    """Start (``on``) or stop telling this conversation about ``topic``."""

    verb: Literal["follow"] = "follow"
    topic: Literal["failures", "approvals"]
    on: bool


Action = (
    Ask
    | Decide
    | DecideSeveral
    | PickSeveral
    | ShowApproval
    | ShowEvidence
    | SnoozeApproval
    | Delegate
    | EndDelegation
    | Follow
)

_ACTION: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="verb")])


def parse_action(data: dict[str, Any]) -> Action:
    """Read the payload of a pressed button, merged with the card's inputs.

    Raises:
        BadButton: it is none of this product's buttons, or what was typed is too long.
    """
    try:
        return _ACTION.validate_python(data)
    except ValidationError as error:
        long = (e for e in error.errors() if e["type"].endswith("too_long"))
        if any(COMMENT_INPUT in e["loc"] for e in long):
            raise BadButton(
                f"The comment has more than {COMMENT_LIMIT} characters. "
                "Nothing was decided. Shorten it and try again."
            ) from None
        raise BadButton(
            "This button is not known here; the card may be an old one. Nothing was changed. "
            "Ask again for what you want to see."
        ) from None
