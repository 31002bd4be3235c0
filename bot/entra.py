"""Ids of Microsoft Entra: of tenants, of people, of applications."""

from __future__ import annotations

from uuid import UUID


def guid(value: str) -> str:
    """A GUID in the one form in which they are compared.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("should be a GUID such as 11111111-2222-3333-4444-555555555555") from None
