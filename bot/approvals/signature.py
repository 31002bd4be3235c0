"""What a card showed travels with it, signed, so that a click can be held against it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

EVERYBODY = ""
"""The reader of a card that is drawn alike for all who see it."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signs what cards carry, and knows what was signed.

    Args:
        keys: Each served tenant's key, by the tenant's Microsoft 365 id.
    """

    keys: Mapping[str, bytes] = field(repr=False)

    def sign(
        self, *, tenant: str, conversation: str, approval: str, digest: str, reader: str
    ) -> str:
        """The token for a card's buttons: the digest shown, bound to where and for whom.

        Args:
            tenant: Microsoft 365 id of one that is served.
            conversation: Where the card stands.
            approval: Id of the approval.
            digest: Of what is shown.
            reader: Entra object id of the one who sees this drawing, or `EVERYBODY`.
        """
        key = self.keys[tenant]
        return f"{digest}.{_mac(key, tenant, conversation, approval, digest, reader)}"

    def shown(
        self, token: str, *, tenant: str, conversation: str, approval: str, person: str
    ) -> str | None:
        """The digest that the card showed, or None if it was not made for this place and person."""
        key = self.keys.get(tenant)
        if key is None:
            return None
        digest, _, mac = token.partition(".")
        made_for = False
        for reader in (person, EVERYBODY):
            expected = _mac(key, tenant, conversation, approval, digest, reader)
            made_for |= hmac.compare_digest(mac.encode(), expected.encode())
        return digest if made_for else None


def _mac(key: bytes, *parts: str) -> str:
    # Length before each part: no two different lists of parts make the same message.
    message = "".join(f"{len(part)}:{part}" for part in parts)
    mac = hmac.digest(key, message.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
