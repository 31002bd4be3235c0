"""What all records have in common: strict when read from disk, instants in UTC."""

from datetime import UTC
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

Instant = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""An aware instant, turned into UTC when it is read."""


class Record(BaseModel):
    """Something that is saved; unknown fields in a file mean that it is not ours."""

    model_config = ConfigDict(extra="forbid")
