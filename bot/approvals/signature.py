"""What a card showed travels with it, signed, so that a click can be held against it."""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(key: bytes, *, tenant: str, conversation: str, approval: str, digest: str) -> str:
    """The token for a card's buttons: the digest shown, bound to where it was shown."""
    return f"{digest}.{_mac(key, tenant, conversation, approval, digest)}"


def shown(key: bytes, token: str, *, tenant: str, conversation: str, approval: str) -> str | None:
    """The digest that the card showed, or None if this card was not made for this place."""
    digest, _, mac = token.partition(".")
    expected = _mac(key, tenant, conversation, approval, digest)
    return digest if hmac.compare_digest(mac.encode(), expected.encode()) else None


def _mac(key: bytes, *parts: str) -> str:
    # Length before each part: no two different lists of parts make the same message.
    message = "".join(f"{len(part)}:{part}" for part in parts)
    mac = hmac.digest(key, message.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
