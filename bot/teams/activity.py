"""Reads what Teams sends: bytes in, a checked activity out, with who speaks and where."""

from __future__ import annotations

import json
import math
from functools import cached_property
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from botbuilder.schema import Activity, ChannelAccount, ConversationAccount
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from bot.errors import BotError
from bot.messaging import Conversation, Mention, Person, Scope

DEEPEST: Final = 64
"""How many levels an activity may nest; a card's data needs a handful."""
MOST_MENTIONS: Final = 50
"""Mentions of a message that are read."""

LONGEST_ID_BYTES: Final = 1024
"""Two such ids and a tenant's are a key of the database, which takes some 2,700 bytes."""


def _fits_a_key(value: str) -> str:
    if len(value.encode("utf-8", "replace")) > LONGEST_ID_BYTES:
        raise ValueError("too long")
    return value


_ShortId = Annotated[str, AfterValidator(_fits_a_key)]
_Id = Annotated[_ShortId, StringConstraints(min_length=1)]
_Short = Annotated[str, StringConstraints(max_length=1024)]


class Malformed(BotError):
    """The body is no activity (400). The message names the fields, never their values."""


class _Wire(BaseModel):
    """Unknown fields are Teams' own business; the known ones have the right type."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class Account(_Wire):
    """A person, or the bot itself."""

    id: _Id
    name: _Short | None = None
    aad_object_id: _ShortId | None = None

    def for_botbuilder(self) -> ChannelAccount:
        """The same as botbuilder's type."""
        return ChannelAccount(id=self.id, name=self.name, aad_object_id=self.aad_object_id)


class Place(_Wire):
    """The conversation, as Teams writes it."""

    id: _Id
    name: _Short | None = None
    conversation_type: _Short | None = None
    is_group: bool | None = None
    tenant_id: _Short | None = None

    def for_botbuilder(self) -> ConversationAccount:
        """The same as botbuilder's type."""
        return ConversationAccount(
            id=self.id,
            name=self.name,
            conversation_type=self.conversation_type,
            is_group=self.is_group,
            tenant_id=self.tenant_id,
        )


class Named(_Wire):
    """A tenant, team or channel."""

    id: _Id
    name: _Short | None = None


class ChannelData(_Wire):
    """What Teams adds to every activity."""

    tenant: Named | None = None
    team: Named | None = None
    channel: Named | None = None


class Mentioned(_Wire):
    """An entity that says who is meant by some words of the text."""

    type: Literal["mention"]
    mentioned: Account
    text: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Inbound(_Wire):
    """An activity, as far as this bot reads it."""

    type: _Id
    id: _Id
    channel_id: _Id
    service_url: _Id
    from_: Account = Field(alias="from")
    recipient: Account
    conversation: Place
    channel_data: ChannelData | None = None
    name: _Short | None = None
    action: _Short | None = None
    text: str | None = None
    value: Any = None
    reply_to_id: _ShortId | None = None
    members_added: list[Account] | None = None
    members_removed: list[Account] | None = None
    local_timezone: _Short | None = None
    entities: list[dict[str, Any]] | None = None

    @property
    def tenant(self) -> str:
        """Microsoft 365 tenant id in lower case; empty if Teams named none."""
        data = self.channel_data
        named = data.tenant.id if data and data.tenant else self.conversation.tenant_id
        return (named or "").lower()

    @property
    def is_arrival(self) -> bool:
        """Whether it names the bot among those who joined."""
        return any(member.id == self.recipient.id for member in self.members_added or ())

    @property
    def is_departure(self) -> bool:
        """Whether it says that the bot was removed."""
        if self.type == "installationUpdate":
            return (self.action or "").startswith("remove")
        return any(member.id == self.recipient.id for member in self.members_removed or ())

    def where(self) -> Conversation:
        """The conversation, without the thread."""
        scope = self._scope()
        data = self.channel_data or ChannelData()
        inner = data.channel or data.team if scope is Scope.CHANNEL else None
        return Conversation(
            tenant=self.tenant,
            id=self.conversation.id.partition(";messageid=")[0],
            scope=scope,
            service_url=self.service_url,
            bot_id=self.recipient.id,
            person=self._object_id() if scope is Scope.PERSONAL else None,
            name=self.conversation.name or (inner.name if inner else None),
            zone=self._zone,
        )

    def who(self) -> Person | None:
        """The person, or None where Teams does not say who it is in Entra."""
        object_id = self._object_id()
        if object_id is None:
            return None
        return Person(
            tenant=self.tenant,
            id=object_id,
            name=self.from_.name or "someone in Teams",
            teams_id=self.from_.id,
            zone=self._zone,
        )

    def mentions(self) -> tuple[Mention, ...]:
        """The people mentioned in the text, without the bot; at most `MOST_MENTIONS`.

        An entity of another form than Teams writes is passed over: its words are then nobody's.
        """
        entities = [e for e in self.entities or () if e.get("type") == "mention"]
        read = (_mentioned(entity) for entity in entities[:MOST_MENTIONS])
        return tuple(
            Mention(one.mentioned.id, one.mentioned.name or "", one.text)
            for one in read
            if one is not None and one.mentioned.id != self.recipient.id
        )

    def for_botbuilder(self) -> Activity:
        """The same as botbuilder's type.

        Made field by field: its own reading of a dict takes some twenty times as long.
        """
        data = self.channel_data
        return Activity(
            type=self.type,
            id=self.id,
            channel_id=self.channel_id,
            service_url=self.service_url,
            from_property=self.from_.for_botbuilder(),
            recipient=self.recipient.for_botbuilder(),
            conversation=self.conversation.for_botbuilder(),
            channel_data=data.model_dump(by_alias=True, exclude_none=True) if data else None,
            name=self.name,
            action=self.action,
            text=self.text,
            value=self.value,
            reply_to_id=self.reply_to_id,
            members_added=[one.for_botbuilder() for one in self.members_added or ()],
            members_removed=[one.for_botbuilder() for one in self.members_removed or ()],
            local_timezone=self.local_timezone,
        )

    def _object_id(self) -> str | None:
        # Entra object ids are compared with Neo's, which may be written in another case.
        return (self.from_.aad_object_id or "").strip().lower() or None

    def _scope(self) -> Scope:
        match self.conversation.conversation_type:
            case "personal":
                return Scope.PERSONAL
            case "groupChat":
                return Scope.GROUP
            case "channel":
                return Scope.CHANNEL
        if self.channel_data and self.channel_data.channel:
            return Scope.CHANNEL
        return Scope.GROUP if self.conversation.is_group else Scope.PERSONAL

    @cached_property
    def _zone(self) -> str | None:
        named = [self.local_timezone]
        named += [e.get("timezone") for e in self.entities or () if e.get("type") == "clientInfo"]
        return next((zone for zone in named if _is_zone(zone)), None)


def read(body: bytes) -> Inbound:
    """Read an activity.

    Raises:
        Malformed: it is no UTF-8, no JSON, nests too deep, or lacks what every activity has.
    """
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON, or nests too deep.") from None
    if not isinstance(content, dict):
        raise Malformed("The body is not a JSON object.")
    try:
        return Inbound.model_validate(content if _is_simple(body) else _harmless(content, DEEPEST))
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        names = sorted({".".join(str(part)[:40] for part in fault["loc"]) for fault in faults})
        raise Malformed(
            f"The activity lacks fields, or they are wrong: {', '.join(names[:8])}."
        ) from None


def _is_simple(body: bytes) -> bool:
    """Whether a look at the bytes shows that nothing in this JSON is to be taken out.

    NUL and halves of pairs can only be written as escapes, and nothing nests deeper than there are
    brackets. So are nearly all activities.
    """
    escapes = (b"\\u0000", b"\\ud", b"\\uD")
    return body.count(b"{") + body.count(b"[") < DEEPEST and not any(e in body for e in escapes)


def _harmless(value: Any, levels: int) -> Any:
    """The same JSON without what no database takes: NUL, and halves of surrogate pairs."""
    if levels == 0:
        raise Malformed("The body nests too deep.")
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_harmless(k, levels): _harmless(v, levels - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_harmless(item, levels - 1) for item in value]
    return value


def _mentioned(entity: dict[str, Any]) -> Mentioned | None:
    try:
        return Mentioned.model_validate(entity)
    except ValidationError:
        return None


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError("a number beyond all")
    return number


def _is_zone(name: object) -> bool:
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # no such zone, a path, or a folder of zones
        return False
    return True
