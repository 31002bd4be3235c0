"""Where a tenant's API key comes from, and how it is replaced while the service runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr


class ApiKey(Protocol):
    """A tenant's API key, as it is now."""

    async def current(self) -> SecretStr:
        """The key to use.

        Raises:
            ConfigurationError: there is none to be had; the message says what to mend.
        """
        ...

    async def renewed(self, refused: SecretStr) -> SecretStr | None:
        """The key, read again because Neo refused this one; None if there is no other."""
        ...


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A key written into the settings: it changes with a restart."""

    key: SecretStr

    async def current(self) -> SecretStr:
        """The key."""
        return self.key

    async def renewed(self, refused: SecretStr) -> SecretStr | None:  # noqa: ARG002 -- ApiKey
        """There is no other."""
        return None
