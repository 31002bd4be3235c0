"""What all shapes share: how text, numbers, moments and parts are read, and the envelope.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
A field whose value cannot be read is None, and the value is kept beside the unknown fields, under
Neo's name for it: what came is in ``model_dump(by_alias=True)``, whatever it was.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

T = TypeVar("T")


def _text(value: object) -> object:
    """Text, whatever came: ids are numbers in one place and text in another."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if value is None:
        return None
    # The same as its JSON and several times as fast: every agent's id comes this way.
    return str(value) if type(value) is int else json.dumps(value)


def _utc(moment: datetime | None) -> datetime | None:
    """A moment without a zone is UTC."""
    if moment is None:
        return None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError("no date that a zone or a second more leaves one")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _number(value: object) -> object:
    """A number that a float holds exactly; a truth is none."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) > _LARGEST_EXACT):
        raise ValueError("no number that can be held")
    return value


def _count(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a truth is no count")  # noqa: TRY004 -- pydantic gathers ValueErrors
    return value


def _items(value: object) -> object:
    """No list at all is an empty one."""
    return () if value is None else value


def _objects(value: object) -> object:
    """Every item as an object; what is none becomes one that holds it as ``value``."""
    if not isinstance(value, list | tuple):
        return _items(value)
    whole = (one for one in value if one is not None)
    return [one if isinstance(one, dict | BaseModel) else {"value": one} for one in whole]


_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_LARGEST_EXACT = 2**53


class _AsNeoWritesIt:
    """A moment in UTC, as Neo writes every one, is read without a detour through Python."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        first, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (_FIRST_YEAR, _LAST_YEAR + 1))
        usual = core_schema.datetime_schema(tz_constraint=0, ge=first, lt=end)
        return core_schema.union_schema([usual, handler(source)], mode="left_to_right")


# The usual value first, for lists of hundreds are read; what is odd is looked at after it.
_USUAL_FIRST = Field(union_mode="left_to_right")
_UsualText = Annotated[str, Field(strict=True, pattern=r"^[^\x00]*$")]

Id = Annotated[str, BeforeValidator(_text)]
Text = Annotated[_UsualText | Annotated[str | None, BeforeValidator(_text)], _USUAL_FIRST]
Moment = Annotated[datetime | None, AfterValidator(_utc), _AsNeoWritesIt()]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
Number = Annotated[_Finite | None, BeforeValidator(_number)]
Count = Annotated[int | None, BeforeValidator(_count)]
Truth = Annotated[bool | None, Field(strict=True)]

Open = dict[str, Any] | None
"""An object whose keys nobody has published."""

Texts = Annotated[tuple[Text, ...], BeforeValidator(_items)]
"""Texts or ids; none where Neo says null."""

Values = Annotated[tuple[Any, ...], BeforeValidator(_items)]
"""Any JSON; none where Neo says null."""


class NeoModel(BaseModel):
    """Base of every shape that Neo answers with: immutable, nothing that came is lost."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_cannot_be_read(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """One value of a wrong type must not hide the others, nor be lost itself."""
        try:
            return read(value)
        except ValidationError as error:
            faults = {str(where) for fault in error.errors() for where in fault["loc"][:1]}
            odd = {name: one for name, one in value.items() if name in faults} if faults else {}
            if not odd:
                raise
            model = read({name: one for name, one in value.items() if name not in odd})
            if model.model_extra is not None:
                model.model_extra.update(odd)
            return model


class NeoRequest(BaseModel):
    """Base of every larger body that is sent: immutable, unknown fields sent as they are.

    Only what was set is sent; a field set to None is sent as null.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    def body(self) -> dict[str, Any]:
        """The JSON object to send."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


M = TypeVar("M", bound=NeoModel)

Items = Annotated[tuple[M, ...], BeforeValidator(_objects)]
"""Objects of one shape, without a required id; an item that is no object is kept as ``value``."""


class Pagination(NeoModel):
    """Where the next page starts."""

    has_more: Truth = None
    next_cursor: Text = None


class Meta(NeoModel):
    """What comes beside the data of every answer."""

    request_id: Text = None
    timings_ms: Open = None
    pagination: Pagination | None = None
    warnings: Texts = ()


class Envelope(NeoModel, Generic[T]):
    """A success: the data, and what comes beside it."""

    data: T
    meta: Meta = Meta()


def plain(status: str) -> str:
    """An enum value as the lists of known words write it."""
    return status.strip().lower().replace(" ", "_").replace("-", "_")
