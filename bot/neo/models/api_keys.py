"""API keys of the tenant."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SecretStr, TypeAdapter

from bot.neo.models.base import Moment, NeoModel, Text


def _secret(value: object) -> object:
    """A secret whatever came, so that it never stands among the fields that could not be read."""
    return value if isinstance(value, SecretStr) else _TEXT.validate_python(value)


_TEXT: TypeAdapter[str | None] = TypeAdapter(Text)


class ApiKeyWithSecret(NeoModel):
    """A new key; ``key`` is told this once, and shown by no repr and no dump."""

    id: Text = None
    name: Text = None
    key: Annotated[SecretStr | None, BeforeValidator(_secret)] = None
    created_at: Moment = None
    expires_at: Moment = None
