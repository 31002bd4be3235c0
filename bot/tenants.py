"""The Microsoft 365 tenants that are served, and where each one's key for Neo is kept."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot.entra import guid
from bot.policies import PolicyFile

KEY_FORMS = "should be the key itself, @ and the full path of a file, or keyvault://vault/secret"

_VAULT_DOMAIN = "vault.azure.net"
_VAULT = re.compile(
    r"keyvault://(?P<vault>[a-z0-9-]+(\.[a-z0-9-]+)*)/(?P<secret>[a-z0-9-]{1,127})"
    r"(/(?P<version>[a-z0-9]+))?",
    re.IGNORECASE,
)

_QUOTES = ('"', "'", "`")
_NAMED = re.compile(r"\w+=[^=]", re.ASCII)  # a key itself may end in =
_ALONE = (
    "should hold the key alone, one word of ASCII, without quotes and without"
    " NEO_API_KEY= before it"
)


@dataclass(frozen=True, slots=True)
class WrittenKey:
    """The key itself stands in the settings."""

    key: SecretStr


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key stands in a file, alone, such as a secret that is mounted."""

    path: Path


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """The key is a secret in an Azure Key Vault.

    Attributes:
        host: The vault's full host name.
        name: The secret's name.
        version: One version of it; None for the newest. Two versions are one secret.
    """

    host: str
    name: str
    version: str | None = field(default=None, compare=False)


KeySource = WrittenKey | KeyFile | VaultSecret


@dataclass(frozen=True, slots=True)
class Tenant:
    """A Microsoft 365 tenant that is served.

    Attributes:
        id: Its id, a GUID in lower case.
        name: What an administrator calls it.
        key: Where its key for Neo is kept.
        setting: Where that was written, for messages.
        policy: What it asks of its approvals.
    """

    id: str
    name: str
    key: KeySource
    setting: str
    policy: PolicyFile = field(default_factory=PolicyFile)


def one_word(text: str) -> str:
    """A secret that goes into a header, without the space around it; may be empty.

    Raises:
        ValueError: it is more than one word; the message does not repeat it.
    """
    word = text.strip()
    if not word.isascii() or any(c.isspace() or not c.isprintable() for c in word):
        raise ValueError("should be one word of ASCII without spaces or line breaks")
    return word


def bare_key(text: str) -> SecretStr:
    """A key without the space around it; may be empty.

    Raises:
        ValueError: more than the key stands there; the message does not repeat it.
    """
    try:
        word = one_word(text)
    except ValueError:
        raise ValueError(_ALONE) from None
    if word.startswith(_QUOTES) or word.endswith(_QUOTES) or _NAMED.match(word):
        raise ValueError(_ALONE)
    return SecretStr(word)


def key_source(text: str) -> KeySource:
    """Where a key is kept, from the text of a setting.

    Raises:
        ValueError: that cannot be read; the message does not repeat the text, which may be a key.
    """
    text = text.strip()
    if text.startswith("@"):
        # Only full paths: a key with an @ before it must not be taken for one, and be shown.
        path = Path(text[1:])
        if not path.is_absolute() or not text.isprintable():
            raise ValueError("should be @ and the full path of a file, such as @/run/secrets/neo")
        return KeyFile(Path(os.path.normpath(path)))
    if text.lower().startswith("keyvault:"):
        found = _VAULT.fullmatch(text)
        if found is None:
            raise ValueError("should be keyvault://vault/secret or keyvault://vault/secret/version")
        vault = found["vault"].lower()
        host = vault if "." in vault else f"{vault}.{_VAULT_DOMAIN}"
        return VaultSecret(host, found["secret"].lower(), found["version"])
    key = bare_key(text)
    if not key.get_secret_value() or "://" in key.get_secret_value():
        raise ValueError(KEY_FORMS)
    return WrittenKey(key)


def _key_text(value: SecretStr) -> SecretStr:
    key_source(value.get_secret_value())
    return value


def _name(value: str) -> str:
    if not value:
        raise ValueError('should be what you call the tenant, such as "Northwind IT"')
    # It is shown in logs and terminals, which obey control characters.
    if not value.isprintable():
        raise ValueError("should be one line of text without control characters")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )


class _Listed(_Table):
    """One ``[[tenant]]``."""

    id: Annotated[str, AfterValidator(guid)]
    name: Annotated[str, Field(max_length=100), AfterValidator(_name)]
    neo_api_key: Annotated[SecretStr, AfterValidator(_key_text)]
    policy: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class _Content(_Table):
    tenant: list[_Listed] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class TenantsFile:
    """The file that ``TENANTS_FILE`` names, as it was read at start."""

    path: Path
    tenants: tuple[Tenant, ...]

    def __str__(self) -> str:
        return str(self.path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            ValueError: says all that is wrong and where, and never repeats a value.
        """
        try:
            return cls(path, cls._tenants(path))
        except ValueError as error:
            # Whoever sets the key or the file's content in the path's place does not see it shown.
            named = str(path).isprintable() and "neo_sk_" not in str(path)
            raise ValueError(f"({path}) {error}" if named else str(error)) from None

    @staticmethod
    def _tenants(path: Path) -> tuple[Tenant, ...]:
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
        except RecursionError:
            raise ValueError("is nested too deeply; it holds nothing but [[tenant]]") from None
        except tomllib.TOMLDecodeError as error:
            # Its message quotes what it cannot read, which may be a key; the place is enough.
            where = re.search(r"at (line \d+, column \d+|end of document)", str(error))
            raise ValueError(f"is not TOML at {where[1] if where else 'some place'}") from None
        except UnicodeDecodeError:
            raise ValueError("should be saved as UTF-8") from None
        try:
            content = _Content.model_validate(written)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            raise ValueError(
                "; ".join(_fault(f["type"], f["loc"], f["msg"]) for f in faults)
            ) from None
        tenants = tuple(
            Tenant(
                one.id,
                one.name,
                key_source(one.neo_api_key.get_secret_value()),
                setting=f"TENANTS_FILE, {one.name}",
                policy=_policy(path, number, one.policy),
            )
            for number, one in enumerate(content.tenant, 1)
        )
        if faults_between := _alike(tenants):
            raise ValueError("; ".join(faults_between))
        return tenants


def _policy(beside: Path, number: int, named: str | None) -> PolicyFile:
    """The policy of a tenant; its file is named as seen from the folder of the tenants' file."""
    if named is None:
        return PolicyFile()
    try:
        return PolicyFile.read(beside.parent / named)
    except ValueError as error:
        raise ValueError(f"in [[tenant]] {number}, policy: {error}") from None


def _fault(kind: str, where: Sequence[int | str], message: str) -> str:
    """One thing that is wrong, with the tenant's place in the file counted from 1."""
    place = f"in [[tenant]] {int(where[1]) + 1}, " if len(where) > 1 else ""
    name = where[-1] if isinstance(where[-1], str) else "tenant"
    if kind == "extra_forbidden":
        known = "id, name, neo_api_key and policy" if place else "[[tenant]]"
        return f"{place}{name!r} is not known, only {known}"
    if name == "tenant" and kind in {"missing", "too_short"}:
        return "[[tenant]] is missing: write one for each tenant"
    if name == "tenant":
        return "tenant should be a table each: write [[tenant]], in two pairs of brackets"
    if kind == "missing":
        return f"{place}{name} is missing"
    return f"{place}{name} {message.removeprefix('Value error, ').removeprefix('Input ')}"


def _alike(tenants: Sequence[Tenant]) -> list[str]:
    """What two tenants may not share."""
    faults: list[str] = []
    for number, one in enumerate(tenants):
        for before, other in enumerate(tenants[:number]):
            pair = f"[[tenant]] {before + 1} and {number + 1}"
            if one.id == other.id:
                faults.append(f"{pair} have the same id")
            if one.name.casefold() == other.name.casefold():
                faults.append(f"{pair} have the same name")
            if one.key == other.key:
                faults.append(
                    f"{pair} have the same neo_api_key: with one key the people of both"
                    " would read the same data"
                )
    return faults
