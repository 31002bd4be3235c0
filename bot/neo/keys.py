"""Where a tenant's API key comes from, and how it is replaced while the service runs."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.tenants import KeyFile, Tenant, VaultSecret, WrittenKey, one_word

FILE_AGE = timedelta(minutes=1)
PAUSE = timedelta(seconds=30)
"""For so long after a failure to read it, a key that is known is used without another try."""

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


class KeyRing:
    """Which tenant uses which key at present: no two the same, or one would read the other's data.

    Two files or secrets may hold the same key by mistake, which no list of tenants shows.
    """

    def __init__(self) -> None:
        self._used: dict[str, SecretStr] = {}

    def takes(self, tenant: str, key: SecretStr) -> bool:
        """Note that the tenant uses this key; False if another one does."""
        if any(used == key for other, used in self._used.items() if other != tenant):
            return False
        self._used[tenant] = key
        return True


class StoredKey(ABC):
    """A key that is kept outside of the settings, and read again while the service runs.

    Args:
        name: Whose key it is, for messages.
        age: What is known longer than this is read again at its next use, which does not wait.
        accepts: Whether a key that was read may be used; see `KeyRing`.
        clock: The present, aware UTC.
    """

    def __init__(
        self,
        name: str,
        *,
        age: timedelta,
        accepts: Callable[[SecretStr], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._age = age
        self._accepts = accepts
        self._clock = clock
        self._known: SecretStr | None = None
        self._tried_at: datetime | None = None
        self._failed = False
        self._reading: asyncio.Task[ConfigurationError | None] | None = None

    async def current(self) -> SecretStr:
        """See `ApiKey`; only the first use waits until the key is read, and can fail."""
        if self._known is None:
            error = await asyncio.shield(self._read_again())
            if self._known is None:
                raise error or AssertionError("a key that was read is known")
        elif self._passed(PAUSE if self._failed else self._age):
            self._read_again()
        return self._known

    async def renewed(self, refused: SecretStr) -> SecretStr | None:
        """See `ApiKey`; whoever asks while it is being read waits for the same answer."""
        if self._known in (None, refused) and (not self._failed or self._passed(PAUSE)):
            await asyncio.shield(self._read_again())
        return None if self._known == refused else self._known

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

    def _passed(self, span: timedelta) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= span

    def _read_again(self) -> asyncio.Task[ConfigurationError | None]:
        """The reading that is under way, for all who need it: one who gives up does not end it."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._take())
        return self._reading

    async def _take(self) -> ConfigurationError | None:
        """Read, check and know the key; why not, where that fails."""
        self._tried_at, self._failed = self._clock(), True
        try:
            self._known = self._checked(await self._read())
        except ConfigurationError as error:
            if self._known is not None:
                log.warning("key.not_read", key=self._name, reason=str(error))
            return error
        self._failed = False
        return None

    def _checked(self, text: str) -> SecretStr:
        try:
            key = SecretStr(one_word(text))
        except ValueError:
            raise self._wrong("It should hold the key alone, one word of ASCII.") from None
        if not key.get_secret_value():
            raise self._wrong("It is empty. Put the key there.")
        if not self._accepts(key):
            raise self._wrong("It holds the key of another tenant. Each tenant has its own.")
        return key

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}: the key in {self._place} cannot be used. {what}")

    @property
    @abstractmethod
    def _place(self) -> str:
        """Where it is kept, for messages."""


class FileKey(StoredKey):
    """A key in a file, alone, such as a secret that is mounted; read again after a minute."""

    def __init__(self, path: Path, *, name: str, **more: Any) -> None:
        super().__init__(name, age=FILE_AGE, **more)
        self._path = path

    @property
    def _place(self) -> str:
        return str(self._path)

    async def _read(self) -> str:
        try:
            content = await asyncio.to_thread(self._content)
            return content.decode("utf-8-sig")  # some editors on Windows begin a file with a mark
        except OSError as error:
            raise self._wrong(
                f"The file cannot be read ({error.strerror}). Put it there, readable by this"
                " service, or mend the path."
            ) from None
        except UnicodeDecodeError:
            raise self._wrong("The file should be saved as UTF-8.") from None

    def _content(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(_LONGEST_FILE)


@asynccontextmanager
async def opened(
    tenants: Collection[Tenant],
    *,
    managed_identity: str | None = None,
    clock: Callable[[], datetime],
) -> AsyncIterator[Mapping[str, ApiKey]]:
    """Each tenant's key, by the tenant's id; none is read yet.

    Args:
        tenants: Whose keys.
        managed_identity: Client id of the identity that asks vaults; see `bot.neo.vault`.
        clock: The present, aware UTC.
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
            accepts = partial(ring.takes, tenant.id)
            told: dict[str, Any] = {"name": tenant.setting, "accepts": accepts, "clock": clock}
            match tenant.key:
                case WrittenKey(key):
                    accepts(key)
                    keys[tenant.id] = FixedKey(key)
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
