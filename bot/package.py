"""Builds the Teams app package: the zip that an administrator uploads."""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from bot.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.settings import Settings

_MANIFEST_FOLDER = Path(__file__).resolve().parent.parent / "manifest"
_REQUIRED = (
    *("manifestVersion", "version", "id", "developer", "name", "description"),
    *("icons", "accentColor", "bots", "validDomains"),
)
_ICON_SIDES = {"color": 192, "outline": 32}
_PLACEHOLDER = re.compile(r"\{\{([A-Z_]+)\}\}")
_SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_WITH_ALPHA = {4, 6}
# The oldest time a zip can hold: the same input gives the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Developer:
    """Who stands behind the app in Teams' store: at most 32 characters, and three https URLs."""

    name: str = "Neo for Teams"
    website_url: str = "https://neoagent.io"
    privacy_url: str = "https://neoagent.io"
    terms_url: str = "https://neoagent.io"


def main(
    argv: Sequence[str],
    *,
    settings: Settings,
    version: str,
    say: Callable[[str], None] = print,
) -> int:
    """``package [--out PATH]``: build the package from the settings and say what comes next.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """
    developer = Developer()
    parser = argparse.ArgumentParser(prog="python -m bot package", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist", "neo-for-teams.zip"))
    parser.add_argument("--developer", default=developer.name, help="your organisation's name")
    parser.add_argument("--website", default=developer.website_url, help="its web page")
    parser.add_argument("--privacy", default=developer.privacy_url, help="its privacy page")
    parser.add_argument("--terms", default=developer.terms_url, help="its terms of use")
    asked = parser.parse_args(argv)
    out = build_package(
        app_id=settings.microsoft_app_id or "",
        public_url=settings.public_url or "",
        version=version,
        folder=_MANIFEST_FOLDER,
        out=asked.out,
        developer=Developer(asked.developer, asked.website, asked.privacy, asked.terms),
    )
    say(f"The app package is ready: {out}")
    say(
        "Next: open https://admin.teams.microsoft.com, go to Teams apps > Manage apps > "
        "Actions > Upload new app, and choose this file."
    )
    return 0


def build_package(
    *,
    app_id: str,
    public_url: str,
    version: str,
    folder: Path,
    out: Path,
    developer: Developer | None = None,
) -> Path:
    """Write the zip from the template, icons and language files in ``folder``; returns ``out``.

    The same arguments give the same bytes.

    Args:
        app_id: The bot's Microsoft app id, a GUID; the app in Teams has the same id.
        public_url: The bot's address as Teams reaches it, https.
        version: Of the package, ``1.2.3``; Teams offers an update when it grows.
        folder: Holds ``manifest.template.json``, the icons and the language files.
        out: Where to write.
        developer: Who stands behind the app.

    Raises:
        ConfigurationError: a setting is missing or wrong, or the folder's content is; the message
            names it.
    """
    developer = developer or Developer()
    values = {
        "APP_ID": _guid(app_id),
        "PUBLIC_HOST": _public_host(public_url),
        "VERSION": _version(version),
        "DEVELOPER_NAME": developer.name,
        "WEBSITE_URL": _https("--website", developer.website_url),
        "PRIVACY_URL": _https("--privacy", developer.privacy_url),
        "TERMS_URL": _https("--terms", developer.terms_url),
    }
    manifest = _filled(json.loads(_read(folder / "manifest.template.json")), values)
    files = {"manifest.json": _json(manifest)}
    for missing in (field for field in _REQUIRED if not manifest.get(field)):
        raise ConfigurationError(f"manifest.template.json has no `{missing}`; Teams needs it.")
    for kind, side in _ICON_SIDES.items():
        name = manifest["icons"][kind]
        files[name] = _icon(folder / name, side, transparent=kind == "outline")
    languages = manifest.get("localizationInfo", {})
    for name in (
        languages.get("defaultLanguageFile"),
        *(language["file"] for language in languages.get("additionalLanguages", ())),
    ):
        if name:
            files[name] = _json(json.loads(_read(folder / name)))
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w") as package:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o644 << 16
            package.writestr(entry, content)
    return out


def _filled(value: Any, values: dict[str, str]) -> Any:
    """The template with every placeholder replaced; values are data, never JSON."""
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: _value(found[1], values), value)
    return value


def _value(placeholder: str, values: dict[str, str]) -> str:
    if placeholder not in values:
        raise ConfigurationError(
            f"manifest.template.json has the placeholder {{{{{placeholder}}}}}, which nothing "
            f"fills. Known ones: {', '.join(values)}."
        )
    return values[placeholder]


def _guid(app_id: str) -> str:
    if not app_id:
        raise ConfigurationError(
            "MICROSOFT_APP_ID is not set. Write the bot's app id, a GUID, as Azure shows it."
        )
    try:
        return str(UUID(app_id))
    except ValueError:
        raise ConfigurationError(
            "MICROSOFT_APP_ID is not a GUID. Copy the Application (client) ID from Azure, e.g. "
            "11111111-2222-3333-4444-555555555555."
        ) from None


def _public_host(public_url: str) -> str:
    if not public_url:
        raise ConfigurationError(
            "PUBLIC_URL is not set. Write the bot's address as Teams reaches it, e.g. "
            "https://neo-bot.example.com."
        )
    host = urlsplit(_https("PUBLIC_URL", public_url)).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host != "localhost":
            return host
    raise ConfigurationError(
        f"PUBLIC_URL names {host}, which Teams cannot reach or trust. Write a public host name."
    )


def _https(setting: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigurationError(f"{setting} has to start with https:// and name a host.")
    return url


def _version(version: str) -> str:
    if not _SEMVER.fullmatch(version):
        raise ConfigurationError(f"The package's version {version!r} is not of the form 1.2.3.")
    return version


def _icon(path: Path, side: int, *, transparent: bool) -> bytes:
    content = path.read_bytes() if path.is_file() else b""
    if not content.startswith(_PNG_SIGNATURE):
        raise ConfigurationError(f"{path.name} is missing or not a PNG.")
    width, height, _depth, colour = struct.unpack(">IIBB", content[16:26])
    if (width, height) != (side, side):
        raise ConfigurationError(f"{path.name} is {width} x {height}; Teams needs {side} x {side}.")
    if transparent and colour not in _PNG_WITH_ALPHA:
        raise ConfigurationError(f"{path.name} has no transparency; Teams needs it.")
    return content


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name} is missing in {path.parent}.") from None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
