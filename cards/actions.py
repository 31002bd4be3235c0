"""What a button carries: a typed payload that packs itself and is checked when it comes back.

A payload comes back from outside: it names a wish, and whoever acts on it checks that it may be.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

COMMENT_LIMIT: Final = 2000
"""Most characters of a comment on a decision."""
COMMENT_INPUT: Final = "comment"
"""Id of the card's comment field, and so its key in the payload that comes back."""

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


class Decide(_Payload):
    """Decide an approval.

    Attributes:
        approval: Id of the approval.
        verdict: Which way.
        shown: Signed digest of what the card showed.
        comment: What the person typed into the card's field; empty if nothing.
    """

    verb: Literal["approval.decide"] = "approval.decide"
    approval: _Id
    verdict: Literal["approve", "reject"]
    shown: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    comment: Annotated[
        str,
        BeforeValidator(lambda typed: "" if typed is None else typed),
        StringConstraints(max_length=COMMENT_LIMIT, strip_whitespace=True),
    ] = ""

    def pack(self) -> dict[str, Any]:
        """The payload without the comment, which the card's field adds."""
        return self.model_dump(mode="json", exclude={COMMENT_INPUT})


class ShowApproval(_Payload):
    """Redraw this card with the approval as it is now."""

    verb: Literal["approval.show"] = "approval.show"
    approval: _Id


class Follow(_Payload):
    """Start (``on``) or stop telling this conversation about ``topic``."""

    verb: Literal["follow"] = "follow"
    topic: Literal["failures", "approvals"]
    on: bool


Action = Ask | Decide | ShowApproval | Follow

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
