"""Every setting, once: from the environment or ``.env``, checked before anything starts."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.entra import guid
from bot.errors import ConfigurationError
from bot.policies import PolicyFile
from bot.tenants import Tenant, TenantsFile, key_source, one_word

# Where Teams' connector answers in Microsoft's public and government clouds.
TEAMS_SERVICE_HOSTS = (
    "smba.trafficmanager.net",
    "*.botframework.com",
    "smba.infra.gcc.teams.microsoft.com",
    "smba.infra.gov.teams.microsoft.us",
    "smba.infra.dod.teams.microsoft.us",
)


class AppType(StrEnum):
    """How the bot is registered with Microsoft."""

    SINGLE_TENANT = "SingleTenant"
    MULTI_TENANT = "MultiTenant"
    USER_ASSIGNED_MSI = "UserAssignedMSI"


def _listed(value: object) -> object:
    """Lists are written ``a, b``; JSON is taken too."""
    if isinstance(value, str):
        return [part for part in re.split(r"[\s,;\[\]\"']+", value) if part]
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port  # refused here if it is no number up to 65535
    except ValueError:
        # `from None`: the parser quotes what it cannot read.
        raise ValueError(
            "should be a URL such as https://example.com:8443, with a port of at most 65535"
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be a URL such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("should not carry a user name or password")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("should start with https:// (http only for this machine's own address)")
    return value.rstrip("/")


def _collector(value: str | None) -> str | None:
    """A collector of traces stands in one's own network, mostly without a certificate."""
    parts = urlsplit(value or "http://unset")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("should be a URL such as http://127.0.0.1:4318, without a user name")
    return value


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tenants_file(value: object) -> object:
    return TenantsFile.read(Path(value)) if isinstance(value, str | Path) else value


def _policy_file(value: object) -> object:
    return PolicyFile.read(Path(value)) if isinstance(value, str | Path) else value


Guid = Annotated[str, AfterValidator(guid)]
Url = Annotated[str, AfterValidator(_url)]
Guids = Annotated[tuple[Guid, ...], NoDecode, BeforeValidator(_listed)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """The settings. Each field's name in capitals is its name in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",  # some editors on Windows begin a file with a mark
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    neo_api_url: Url = Field(
        default="https://api.neoagent.io", description="Where Neo's public API answers."
    )
    neo_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Neo's API key, neo_sk_…; or @/path of a file, or keyvault://vault/secret.",
    )
    neo_watching_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="The part of Neo's request limit that looking for news may use; 0.1 is 10 %.",
    )
    microsoft_app_id: Guid | None = Field(
        default=None, description="The bot's app id in Azure. Without it `run` does not start."
    )
    microsoft_app_type: AppType = Field(
        default=AppType.SINGLE_TENANT,
        description="SingleTenant, MultiTenant or UserAssignedMSI, as the bot is registered.",
    )
    microsoft_app_password: SecretStr = Field(
        default=SecretStr(""),
        description="The app's client secret. Not for UserAssignedMSI.",
    )
    microsoft_app_tenant_id: Guid | None = Field(
        default=None, description="The Microsoft 365 tenant in which the app is registered."
    )
    teams_tenants: Guids = Field(
        default=(),
        description="The Microsoft 365 tenant served. Default: the app's own.",
    )
    tenants_file: Annotated[TenantsFile | None, NoDecode, BeforeValidator(_tenants_file)] = Field(
        default=None,
        description="A TOML file with several tenants and a Neo key for each; see OPERATING.md.",
    )
    policy_file: Annotated[PolicyFile, NoDecode, BeforeValidator(_policy_file)] = Field(
        default=PolicyFile(),
        description="A TOML file: who confirms what, two people, reminders; see APPROVALS.md.",
    )
    ledger_months: int | None = Field(
        default=None,
        ge=1,
        le=12_000,  # the date that far back still exists
        description="Whole months that the ledger of decisions is kept; unset: for good.",
    )
    bot_openid_metadata_url: Url = Field(
        default="https://login.botframework.com/v1/.well-known/openidconfiguration",
        description="Where the keys of inbound tokens are published.",
    )
    bot_login_url: Url = Field(
        default="https://login.microsoftonline.com",
        description="Where outbound tokens come from: {url}/{tenant}/oauth2/v2.0/token.",
    )
    bot_issuer: str = Field(
        default="https://api.botframework.com", description="Who issues inbound tokens."
    )
    bot_service_hosts: Hosts = Field(
        default=TEAMS_SERVICE_HOSTS,
        description="Hosts that a service URL may name, with commas; *. matches subdomains.",
    )
    operators: Guids = Field(
        default=(),
        description="Entra object ids of who may start, schedule and configure agents.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="PostgreSQL, postgresql://…; unset: a private one in DATA_DIR.",
    )
    data_dir: Path = Field(default=Path(".data"), description="Where the private database lives.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=3978, ge=0, le=65535, description="The port to listen on.")
    metrics_host: str = Field(
        default="127.0.0.1", description="The address of METRICS_PORT; only used with it."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A port for /metrics and /readyz alone; unset: on PORT, for this machine.",
    )
    stop_after_seconds: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="How long it goes on after SIGTERM, not ready: for a balancer to notice.",
    )
    otel_exporter_otlp_endpoint: Annotated[str | None, AfterValidator(_collector)] = Field(
        default=None,
        description="Where traces go, such as http://127.0.0.1:4318; needs the extra `tracing`.",
    )
    public_url: Url | None = Field(
        default=None, description="The bot's address as Teams reaches it; goes into the package."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for machines."
    )

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("microsoft_app_type", mode="before")
    @classmethod
    def _known_type(cls, value: object) -> object:
        if isinstance(value, str):
            return next((t for t in AppType if t.value.lower() == value.lower()), value)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("should start with postgresql://")
        try:
            conninfo_to_dict(url)
        except psycopg.Error:
            # `from None`: the driver quotes what it cannot read, password and all.
            raise ValueError(
                "should be like postgresql://user:password@host:5432/database,"
                " other characters than letters and digits in the password as %XX"
            ) from None
        return value

    @field_validator("microsoft_app_password")
    @classmethod
    def _one_line(cls, value: SecretStr) -> SecretStr:
        return SecretStr(one_word(value.get_secret_value()))

    @field_validator("neo_api_key")
    @classmethod
    def _says_where_the_key_is(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        if text:
            key_source(text)
        return SecretStr(text)

    @field_validator("teams_tenants")
    @classmethod
    def _one_tenant(cls, tenants: tuple[str, ...]) -> tuple[str, ...]:
        tenants = tuple(dict.fromkeys(tenants))
        if len(tenants) > 1:
            raise ValueError(
                "should be one tenant: NEO_API_KEY is one key, and with it the people of each"
                " would read the data of all. Write several, a key each, into TENANTS_FILE"
            )
        return tenants

    @field_validator("bot_service_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d+)?", host):
                raise ValueError(
                    "should be host names such as smba.trafficmanager.net or *.example.com"
                )
        return hosts

    @model_validator(mode="after")
    def _one_list_of_tenants(self) -> Self:
        if self.tenants_file and (self.teams_tenants or self._key):
            raise ValueError(
                "TEAMS_TENANTS and NEO_API_KEY should not be set beside TENANTS_FILE: it has both"
            )
        if self.tenants_file and self.policy_file.path:
            raise ValueError(
                "POLICY_FILE should not be set beside TENANTS_FILE: there each [[tenant]] has a"
                " policy of its own"
            )
        return self

    def tenants(self) -> tuple[Tenant, ...]:
        """Who is served, each with where its key for Neo is kept; none while that is not set."""
        if self.tenants_file is not None:
            return self.tenants_file.tenants
        one = next(iter(self.teams_tenants), self.microsoft_app_tenant_id)
        if one is None or not self._key:
            return ()
        key = key_source(self._key)
        return (Tenant(one, one, key, setting="NEO_API_KEY", policy=self.policy_file),)

    @property
    def _key(self) -> str:
        return self.neo_api_key.get_secret_value()

    def require_run(self) -> None:
        """Refuse to serve Teams without what that needs.

        Raises:
            ConfigurationError: names each setting that is missing.
        """
        missing: list[str] = []
        if self.microsoft_app_id is None:
            missing.append("MICROSOFT_APP_ID: the bot's app id. Without it nobody could be trusted")
        if not (self.tenants_file or self.teams_tenants or self.microsoft_app_tenant_id):
            missing.append(
                "TEAMS_TENANTS (or MICROSOFT_APP_TENANT_ID): the Microsoft 365 tenant to serve"
            )
        if self.microsoft_app_type is AppType.SINGLE_TENANT and not self.microsoft_app_tenant_id:
            missing.append("MICROSOFT_APP_TENANT_ID: a SingleTenant app has one")
        needs_password = self.microsoft_app_type is not AppType.USER_ASSIGNED_MSI
        if needs_password and not self.microsoft_app_password.get_secret_value():
            missing.append("MICROSOFT_APP_PASSWORD: the app's client secret")
        if not (self.tenants_file or self._key):
            missing.append("NEO_API_KEY: the key that Neo's dashboard gave you")
        if missing:
            raise ConfigurationError(
                "Not started. Set these in the environment or in .env:\n"
                + "\n".join(f"  {line}" for line in missing)
            )


def load(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: names each setting that is wrong and says what to write; never its
            value, which may be a secret.
    """
    try:
        return Settings(**overrides)
    except UnicodeDecodeError:
        raise ConfigurationError("Not started. The file .env should be saved as UTF-8.") from None
    except ValidationError as error:
        lines = [_fault(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False)]
        raise ConfigurationError(
            "Not started. Mend these in the environment or in .env:\n" + "\n".join(lines)
        ) from None


def _fault(where: tuple[int | str, ...], message: str) -> str:
    words = message.removeprefix("Value error, ").removeprefix("Input ")
    if not where:
        return f"  {words}"  # about several settings, which it names
    name, hint = str(where[0]).upper(), ""
    if field := Settings.model_fields.get(str(where[0])):
        hint = f" ({field.description})"
    return f"  {name} {words}{hint}"
