"""Keys that are secrets in an Azure Key Vault; imported only where a tenant has such a key."""

from __future__ import annotations

import asyncio
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient

from bot.neo.keys import StoredKey
from bot.tenants import VaultSecret

VAULT_AGE_SECONDS = 600.0
VAULT_WITHIN_SECONDS = 10.0


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
        super().__init__(name, age_seconds=VAULT_AGE_SECONDS, **more)
        self._client = client
        self._secret = secret
        self._within_seconds = within_seconds

    @property
    def _place(self) -> str:
        return f"{self._secret.host}, secret {self._secret.name}"

    async def _read(self) -> str:
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
    limits = {"retry_total": 2, "connection_timeout": 3, "read_timeout": 5}
    return SecretClient(f"https://{host}", credential, **limits, **options)
