"""Is everything in place? Every setting, the database, Neo and Microsoft, in plain words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import httpx
from pydantic import SecretStr

from bot import settings as all_settings
from bot.app import credentials, database, neo_client, neo_of, retries_are_logged
from bot.errors import BotError, ConfigurationError
from bot.settings import Settings


class Mark(StrEnum):
    """How one thing stands."""

    GOOD = "✓"
    BAD = "✕"
    UNUSED = "○"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    mark: Mark
    what: str
    next_step: str = ""

    def __str__(self) -> str:
        step = f"\n    → {self.next_step}" if self.next_step else ""
        return f"{self.mark} {self.what}{step}"


async def doctor(*, say: Callable[[str], None]) -> int:
    """Look at everything and say how it is; 1 if something is wrong."""
    retries_are_logged()
    try:
        settings = all_settings.load()
    except ConfigurationError as error:
        say(f"{Mark.BAD} Settings\n{error}")
        return 1
    say("Settings")
    findings = list(_settings(settings))
    for finding in findings:
        say(f"  {finding}")
    say("Reached")
    for check in (_database, _neo, _signing_keys, _outbound_token):
        finding = await check(settings)
        findings.append(finding)
        say(f"  {finding}")
    wrong = sum(finding.mark is Mark.BAD for finding in findings)
    say("Everything is in place." if not wrong else f"{wrong} to mend.")
    return 1 if wrong else 0


def _settings(settings: Settings) -> list[Finding]:
    """A line for each setting, secrets by their presence alone, then what `run` lacks."""
    findings: list[Finding] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = _shown(value)
        about = f"{name.upper():26}{shown or 'not set'}"
        findings.append(
            Finding(Mark.GOOD if shown else Mark.UNUSED, about, "" if shown else _hint(field))
        )
    try:
        settings.require_run()
    except ConfigurationError as error:
        missing = str(error).splitlines()[1:]
        findings += [Finding(Mark.BAD, f"`run` needs {line.strip()}") for line in missing]
    return findings


def _hint(field: object) -> str:
    return str(getattr(field, "description", ""))


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "••••" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


async def _database(settings: Settings) -> Finding:
    try:
        async with database(settings) as pool, pool.connection() as conn:
            cursor = await conn.execute("SELECT current_setting('server_version')")
            row = await cursor.fetchone()
    except ConfigurationError as error:
        return Finding(Mark.BAD, "Database", str(error))
    kind = "yours" if settings.database_url.get_secret_value() else "private"
    return Finding(Mark.GOOD, f"Database ({kind}, PostgreSQL {row[0] if row else ''}), up to date")


async def _neo(settings: Settings) -> Finding:
    if not settings.neo_api_key.get_secret_value():
        return Finding(Mark.BAD, "Neo was not asked", "Set NEO_API_KEY; Neo's dashboard makes one.")
    async with neo_client(settings) as http:
        try:
            page = await neo_of(settings, http)("").agents.page()
        except BotError as error:
            quoted = getattr(error, "request_id", None)
            return Finding(
                Mark.BAD,
                f"Neo at {settings.neo_api_url}: {error}",
                "Check NEO_API_URL and NEO_API_KEY, and that this machine may reach Neo."
                + (f" Neo's request id: {quoted}." if quoted else ""),
            )
    return Finding(Mark.GOOD, f"Neo at {settings.neo_api_url} answered: {len(page.items)} agents")


async def _signing_keys(settings: Settings) -> Finding:
    what = f"Microsoft's signing keys ({settings.bot_openid_metadata_url})"
    setting = "BOT_OPENID_METADATA_URL"
    return await _asked(what, setting, f"Check {setting}.", lambda http: _metadata(http, settings))


async def _metadata(http: httpx.AsyncClient, settings: Settings) -> str:
    answer = await http.get(settings.bot_openid_metadata_url)
    answer.raise_for_status()
    keys = await http.get(answer.json()["jwks_uri"])
    keys.raise_for_status()
    return f"{len(keys.json()['keys'])} keys"


async def _outbound_token(settings: Settings) -> Finding:
    what = f"A token for Teams from {settings.bot_login_url}"
    try:
        settings.require_run()
    except ConfigurationError:
        return Finding(Mark.UNUSED, f"{what}: not asked for, settings are missing")

    async def ask(http: httpx.AsyncClient) -> str:
        await credentials(settings, http).token()
        return "given"

    advice = "Check MICROSOFT_APP_ID, _PASSWORD, _TENANT_ID and _TYPE against the app in Azure."
    return await _asked(what, "BOT_LOGIN_URL", advice, ask)


async def _asked(
    what: str, setting: str, advice: str, ask: Callable[[httpx.AsyncClient], Awaitable[str]]
) -> Finding:
    async with httpx.AsyncClient(timeout=10.0) as http:
        try:
            said = await ask(http)
        except httpx.TransportError as error:
            told = f"{what}: not reached ({type(error).__name__})"
            return Finding(Mark.BAD, told, f"Check {setting}, and that this machine may reach it.")
        except BotError as error:
            return Finding(Mark.BAD, f"{what}: {error}", advice)
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError, TypeError) as error:
            return Finding(Mark.BAD, f"{what}: no usable answer ({type(error).__name__})", advice)
    return Finding(Mark.GOOD, f"{what}: {said}")
