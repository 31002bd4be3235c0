"""Where a tenant's API key comes from, and how it is replaced while the service runs."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.tenants import KeyFile, Tenant, VaultSecret, WrittenKey, one_word

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.keyvault.secrets.aio import SecretClient

FILE_AGE = timedelta(minutes=1)
VAULT_AGE = timedelta(minutes=10)
PAUSE = timedelta(seconds=30)
"""For so long after a failure to read it, a key that is known is used without another try."""

VAULT_WITHIN_SECONDS = 10.0

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


class VaultKey(StoredKey):
    """A key that is a secret in an Azure Key Vault; read again after ten minutes.

    Args:
        client: The vault's client, closed by its owner.
        secret: Which secret.
        within_seconds: How long one reading may take, with the token for it.
        **more: See `StoredKey`.
    """

    def __init__(
        self,
        client: SecretClient,
        secret: VaultSecret,
        *,
        name: str,
        within_seconds: float = VAULT_WITHIN_SECONDS,
        **more: Any,
    ) -> None:
        super().__init__(name, age=VAULT_AGE, **more)
        self._client = client
        self._secret = secret
        self._within_seconds = within_seconds

    @property
    def _place(self) -> str:
        return f"{self._secret.host}, secret {self._secret.name}"

    async def _read(self) -> str:
        from azure.core.exceptions import (  # noqa: PLC0415 -- most services need no vault
            AzureError,
            ClientAuthenticationError,
            HttpResponseError,
        )

        try:
            async with asyncio.timeout(self._within_seconds):
                found = await self._client.get_secret(self._secret.name, self._secret.version)
        except TimeoutError:
            raise self._wrong("The vault did not answer in time.") from None
        # `from None`: Azure's messages quote addresses and answers.
        except ClientAuthenticationError:
            raise self._wrong(
                "Azure gave no token for it, or the vault refuses that token. Give this service"
                " a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and"
                " AZURE_CLIENT_SECRET."
            ) from None
        except HttpResponseError as error:
            raise self._wrong(_advice(error.status_code)) from None
        except (AzureError, ValueError) as error:
            raise self._wrong(
                f"The vault cannot be reached ({type(error).__name__}). Check its name, and that"
                " this machine may reach it."
            ) from None
        return found.value or ""


def _advice(status: int | None) -> str:
    if status == 403:  # noqa: PLR2004 -- what HTTP calls it says less
        return (
            "The vault does not allow it (403). Give this service's identity the role Key Vault"
            " Secrets User, let its network in, and enable the secret."
        )
    if status == 404:  # noqa: PLR2004 -- likewise
        return "The vault has no such secret (404). Make it, or mend its name."
    return f"The vault answered {status or 'nothing that can be read'}."


def azure_identity(client_id: str | None) -> AsyncTokenCredential:
    """Who this service is to Azure; to be closed by the caller.

    Args:
        client_id: Of the managed identity that it has; None: whatever the environment offers.
    """
    from azure.identity.aio import (  # noqa: PLC0415 -- takes long, and most need no vault
        DefaultAzureCredential,
        ManagedIdentityCredential,
    )

    if client_id is not None:
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential()


def vault_client(host: str, credential: AsyncTokenCredential, **options: Any) -> SecretClient:
    """A client of one vault; to be closed by the caller.

    Args:
        host: The vault's full host name.
        credential: Who asks.
        **options: Further ones of azure-core, such as ``transport``.
    """
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415 -- see above

    # At INFO it logs the address of every request.
    logging.getLogger("azure").setLevel(logging.WARNING)
    limits = {"retry_total": 2, "connection_timeout": 3, "read_timeout": 5}
    return SecretClient(f"https://{host}", credential, **limits, **options)


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
        managed_identity: Client id of the identity that asks vaults; see `azure_identity`.
        clock: The present, aware UTC.
    """
    ring, keys, vaults = KeyRing(), dict[str, ApiKey](), dict[str, Any]()
    async with AsyncExitStack() as stack:
        if hosts := {one.key.host for one in tenants if isinstance(one.key, VaultSecret)}:
            credential = await stack.enter_async_context(azure_identity(managed_identity))
            for host in hosts:
                vaults[host] = await stack.enter_async_context(vault_client(host, credential))
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
                    keys[tenant.id] = stored = VaultKey(vaults[host], secret, **told)
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
