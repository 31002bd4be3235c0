"""API keys: who may call. Of a secret only its SHA-256 is kept; they are long and random."""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, PrivateAttr

from bot.sandbox.records.base import Instant, Record

ROTATED_KEY_LIVES = timedelta(hours=24)
FIRST_KEY_ID = "1"
"""The id of the key that the server was started with."""

_MOST_FORMER = 20


class FormerSecret(Record):
    """A secret that was rotated away, and until when it still works."""

    digest: str
    until: Instant


class ApiKey(Record):
    """A tenant's key."""

    id: str
    name: str
    digest: str
    created_at: Instant
    expires_at: Instant | None = None
    former: list[FormerSecret] = Field(default_factory=list)

    def admits(self, digest: str, now: datetime) -> bool:
        """Whether a secret with this digest opens the door now."""
        if self.expires_at is not None and self.expires_at <= now:
            return False
        current = hmac.compare_digest(self.digest, digest)
        former = [
            hmac.compare_digest(old.digest, digest) and now < old.until for old in self.former
        ]
        return current or any(former)


class KeyRecords(Record):
    """The keys that callers made, and the secrets that the server was started with.

    The latter are not saved: they come with each start.

    Attributes:
        made: By the key's id.
        rotated_away: Digests of secrets of a start that were rotated; they stay barred for good.
    """

    made: dict[str, ApiKey] = Field(default_factory=dict)
    rotated_away: list[str] = Field(default_factory=list)
    _given: list[str] = PrivateAttr(default_factory=list)
    _admins: list[str] = PrivateAttr(default_factory=list)

    def add(self, secret: str) -> None:
        """Admit a tenant's key for as long as this world runs; an empty one admits nobody."""
        if secret and digest_of(secret) not in self._given:
            self._given.append(digest_of(secret))

    def remove(self, secret: str) -> None:
        """No longer admit a key that was added."""
        self._given = [digest for digest in self._given if digest != digest_of(secret)]

    def add_admin(self, token: str) -> None:
        """Admit a token of the dashboard's admin."""
        if token:
            self._admins.append(digest_of(token))

    def caller(self, token: str, now: datetime) -> Literal["key", "admin"] | None:
        """Who holds a token; None for nobody. Every known secret is compared, in constant time."""
        digest = digest_of(token)
        made = [key.admits(digest, now) for key in self.made.values()]
        given = [hmac.compare_digest(known, digest) for known in self._given]
        admins = [hmac.compare_digest(known, digest) for known in self._admins]
        if any(admins):
            return "admin"
        if any(made) or (any(given) and not self._is_former(digest)):
            return "key"
        return None

    def _is_former(self, digest: str) -> bool:
        # A restart brings the first key again, even where it was rotated in the meantime.
        former = (old.digest for key in self.made.values() for old in key.former)
        return digest in self.rotated_away or digest in former

    def make(
        self, identifier: str, name: str, secret: str, now: datetime, expires_at: datetime | None
    ) -> ApiKey:
        """Keep a new key; keys that ran out are forgotten."""
        self.made = {
            id_: key
            for id_, key in self.made.items()
            if key.expires_at is None or key.expires_at > now
        }
        key = ApiKey(
            id=identifier,
            name=name,
            digest=digest_of(secret),
            created_at=now,
            expires_at=expires_at,
        )
        self.made[identifier] = key
        return key

    def rotate(self, identifier: str, secret: str, now: datetime) -> ApiKey | None:
        """Give a key another secret, the old one lives on for 24 h; None for an unknown key."""
        key = self.made.get(identifier)
        if key is None and identifier == FIRST_KEY_ID and self._given:
            key = ApiKey(id=identifier, name="First key", digest=self._given[0], created_at=now)
            self.made[identifier] = key
            self.rotated_away.append(key.digest)
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            return None
        key.former.append(FormerSecret(digest=key.digest, until=now + ROTATED_KEY_LIVES))
        del key.former[:-_MOST_FORMER]
        key.digest = digest_of(secret)
        return key


def digest_of(secret: str) -> str:
    """The SHA-256 of a secret, in hex; any text a header can carry has one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
