"""What all shapes share: how text, numbers and moments are read, and the envelope.

Neo's API is additive and its published samples leave fields out, so every field may be absent or
null, unknown fields are kept (``model_extra``), and an enum value that is not known stays itself.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
)

T = TypeVar("T")


def _text(value: object) -> object:
    """Text, whatever came: ids are numbers in one place and text in another."""
    if value is None:
        return None
    return value.replace("\0", "") if isinstance(value, str) else json.dumps(value)


def _moment(value: object) -> object:
    """A moment without a zone is UTC; what is none at all is not known."""
    try:
        moment = _MOMENT.validate_python(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = aware.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _number(value: object) -> object:
    """A number, or not known."""
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _count(value: object) -> object:
    number = _number(value)
    return int(number) if isinstance(number, float) else None


def _truth(value: object) -> object:
    return value if isinstance(value, bool) else None


_MOMENT = TypeAdapter(datetime)
# Beyond these, a zone or a second more is no date any longer.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

Id = Annotated[str, BeforeValidator(_text)]
Text = Annotated[str | None, BeforeValidator(_text)]
Moment = Annotated[AwareDatetime | None, BeforeValidator(_moment)]
Number = Annotated[float | None, BeforeValidator(_number)]
Count = Annotated[int | None, BeforeValidator(_count)]
Truth = Annotated[bool | None, BeforeValidator(_truth)]


class NeoModel(BaseModel):
    """Base of every shape: immutable, unknown fields kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Pagination(NeoModel):
    """Where the next page starts."""

    has_more: Truth = None
    next_cursor: Text = None


class Meta(NeoModel):
    """What comes beside the data of every answer."""

    request_id: Text = None
    pagination: Pagination | None = None


class Envelope(NeoModel, Generic[T]):
    """A success: the data, and what comes beside it."""

    data: T
    meta: Meta = Meta()


def plain(status: str) -> str:
    """An enum value as the lists of known words write it."""
    return status.strip().lower().replace(" ", "_").replace("-", "_")
