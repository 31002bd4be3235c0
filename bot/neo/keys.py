"""Where a tenant's API key comes from, and how it is replaced while the service runs."""

from __future__ import annotations

import asyncio
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.tenants import KeyFile, Tenant, VaultSecret, WrittenKey, bare_key

FILE_AGE_SECONDS = 60.0
PAUSE_SECONDS = 30.0
"""For so long after a failure to read it, a key that is known is used without another try."""
REFUSED_PAUSE_SECONDS = 5.0
"""The same while Neo refuses that key: nobody is served meanwhile."""
WRITING_SECONDS = 0.2
"""Whoever writes a file in place empties it first: it is whole after so long."""

# A key has some fifty characters. Whoever names a large file by mistake does not fill the memory.
_LONGEST_FILE = 10_000

log = structlog.get_logger()


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

    @property
    def held(self) -> bool:
        """Whether there is one now, without reading."""
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

    def uses(self, key: SecretStr) -> bool:
        """Whether it is this one."""
        return self.key == key

    @property
    def held(self) -> bool:
        """It is always there."""
        return True

    async def let_go(self, key: SecretStr) -> None:
        """It is used as long as the service runs."""


class KeyRing:
    """The keys of all tenants: no two may be the same, or one would read the other's data.

    Two files or secrets may hold the same key by mistake, which no list of tenants shows.
    """

    def __init__(self) -> None:
        self._keys: list[FixedKey | StoredKey] = []

    def add(self, key: FixedKey | StoredKey) -> None:
        """One more tenant's."""
        self._keys.append(key)

    def user(self, key: SecretStr, *, but: StoredKey) -> FixedKey | StoredKey | None:
        """Who else uses this key at present."""
        return next((one for one in self._keys if one is not but and one.uses(key)), None)


class StoredKey(ABC):
    """A key that is kept outside of the settings, and read again while the service runs.

    Args:
        name: Whose key it is, for messages.
        age_seconds: What is known longer is read again at its next use, which does not wait.
        ring: Every tenant's keys; this one is added.
        elapsed: Seconds on a clock that never jumps.
    """

    def __init__(
        self,
        name: str,
        *,
        age_seconds: float,
        ring: KeyRing,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._age_seconds = age_seconds
        self._ring = ring
        self._elapsed = elapsed
        self._known: SecretStr | None = None
        self._tried_at: float | None = None
        self._failed = False
        self._reading: asyncio.Task[ConfigurationError | None] | None = None
        ring.add(self)

    async def current(self) -> SecretStr:
        """See `ApiKey`; only the first use waits until the key is read, and can fail."""
        while self._known is None:  # again if it was let go of before this went on
            error = await asyncio.shield(self._read_again())
            if error is not None and self._known is None:
                raise error
        if self._passed(PAUSE_SECONDS if self._failed else self._age_seconds):
            self._read_again()
        return self._known

    async def renewed(self, refused: SecretStr) -> SecretStr | None:
        """See `ApiKey`; whoever asks while it is being read waits for the same answer."""
        if self._known in (None, refused) and self._reading is not None:
            await asyncio.wait({self._reading})
        # What was read before Neo refused may be the key from before.
        if self._known in (None, refused) and (
            not self._failed or self._passed(REFUSED_PAUSE_SECONDS)
        ):
            await asyncio.shield(self._read_again())
        return None if self._known == refused else self._known

    def uses(self, key: SecretStr) -> bool:
        """Whether it is this one at present."""
        return self._known == key

    @property
    def held(self) -> bool:
        """Whether one is known at present."""
        return self._known is not None

    async def let_go(self, key: SecretStr) -> None:
        """Use this key no longer if another one is kept now, which the next use then reads.

        Another tenant was given it. Nothing is taken here, so two that ask each other at once do
        not wait for each other.
        """
        try:
            kept = self._parsed(await self._read())
        except ConfigurationError:
            return
        if kept != key and self._known == key:
            self._known = None

    async def close(self) -> None:
        """End what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    @abstractmethod
    async def _read(self) -> str:
        """What is kept there now.

        Raises:
            ConfigurationError: it cannot be read; never with any of the content.
        """

    def _passed(self, seconds: float) -> bool:
        return self._tried_at is None or self._elapsed() - self._tried_at >= seconds

    def _read_again(self) -> asyncio.Task[ConfigurationError | None]:
        """The reading that is under way, for all who need it: one who gives up does not end it."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._take())
        return self._reading

    async def _take(self) -> ConfigurationError | None:
        """Read, check and know the key; why not, where that fails."""
        try:
            key = self._parsed(await self._read())
            if (other := self._ring.user(key, but=self)) is not None:
                await other.let_go(key)
            # From here to where it is known nothing else runs: no two can take the same.
            if self._ring.user(key, but=self) is not None:
                raise self._wrong("It holds the key of another tenant. Each tenant has its own.")
            self._known = key
        except ConfigurationError as error:
            self._failed = True
            if self._known is not None:
                log.warning("key.not_read", key=self._name, reason=str(error))
            return error
        else:
            self._failed = False
            return None
        finally:
            self._tried_at = self._elapsed()

    def _parsed(self, text: str) -> SecretStr:
        try:
            key = bare_key(text)
        except ValueError as error:
            raise self._wrong(f"It {error}.") from None
        if not key.get_secret_value():
            raise self._wrong("It is empty. Put the key there.")
        return key

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}: the key in {self._place} cannot be used. {what}")

    @property
    @abstractmethod
    def _place(self) -> str:
        """Where it is kept, for messages."""


class FileKey(StoredKey):
    """A key in a file, alone, such as a secret that is mounted; read again after a minute.

    Args:
        path: Which file.
        sleep: Waits for so many seconds.
        **more: See `StoredKey`.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **more: Any,
    ) -> None:
        super().__init__(name, age_seconds=FILE_AGE_SECONDS, **more)
        self._path = path
        self._sleep = sleep

    @property
    def _place(self) -> str:
        return str(self._path)

    async def _read(self) -> str:
        try:
            if text := await self._text():
                return text
        except ConfigurationError:
            pass  # told below, if it stays
        await self._sleep(WRITING_SECONDS)
        return await self._text()

    async def _text(self) -> str:
        try:
            content = await asyncio.to_thread(self._content)
            return content.decode("utf-8-sig").strip()  # some editors begin a file with a mark
        except OSError as error:
            raise self._wrong(
                f"The file cannot be read ({error.strerror}). Put it there, readable by this"
                " service, or mend the path."
            ) from None
        except UnicodeDecodeError:
            raise self._wrong("The file should be saved as UTF-8.") from None

    def _content(self) -> bytes:
        # To open a pipe would wait for whoever writes into it, and a device may never end.
        if not stat.S_ISREG(self._path.stat().st_mode):
            raise self._wrong("It is no regular file. Put the key into one, or mend the path.")
        with self._path.open("rb") as file:
            return file.read(_LONGEST_FILE)


@asynccontextmanager
async def opened(
    tenants: Collection[Tenant],
    *,
    managed_identity: str | None = None,
    clock: Callable[[], datetime] | None = None,  # noqa: ARG001 -- callers have it at hand
    elapsed: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Mapping[str, ApiKey]]:
    """Each tenant's key, by the tenant's id; none is read yet.

    Args:
        tenants: Whose keys.
        managed_identity: Client id of the identity that asks vaults; see `bot.neo.vault`.
        clock: Not needed: the time of day may be set back, and a key's age may not.
        elapsed: Seconds on a clock that never jumps.
    """
    ring, keys = KeyRing(), dict[str, ApiKey]()
    kept_in: dict[str, Callable[..., StoredKey]] = {}
    async with AsyncExitStack() as stack:
        if hosts := {one.key.host for one in tenants if isinstance(one.key, VaultSecret)}:
            from bot.neo import vault  # noqa: PLC0415 -- takes long, and most need no vault

            credential = await stack.enter_async_context(vault.azure_identity(managed_identity))
            for host in hosts:
                client = await stack.enter_async_context(vault.vault_client(host, credential))
                kept_in[host] = partial(vault.VaultKey, client)
        for tenant in tenants:
            told: dict[str, Any] = {"name": tenant.setting, "ring": ring, "elapsed": elapsed}
            match tenant.key:
                case WrittenKey(key):
                    keys[tenant.id] = fixed = FixedKey(key)
                    ring.add(fixed)
                case KeyFile(path):
                    keys[tenant.id] = file = FileKey(path, **told)
                    stack.push_async_callback(file.close)
                case VaultSecret(host) as secret:
                    keys[tenant.id] = stored = kept_in[host](secret, **told)
                    stack.push_async_callback(stored.close)
        yield keys


async def read(keys: Mapping[str, ApiKey]) -> None:
    """Read every key, so that one that cannot be read ends the start, not the first question.

    Raises:
        ConfigurationError: names each one that cannot be read.
    """
    found = await asyncio.gather(*(key.current() for key in keys.values()), return_exceptions=True)
    wrong = [error for error in found if isinstance(error, BaseException)]
    for error in wrong:
        if not isinstance(error, ConfigurationError):
            raise error
    if wrong:
        raise ConfigurationError("Not started.\n" + "\n".join(f"  {error}" for error in wrong))
