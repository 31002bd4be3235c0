"""Is everything in place? Every setting, the database, Neo and Microsoft, in plain words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

import httpx
from pydantic import SecretStr

from bot import logs
from bot import settings as all_settings
from bot.app import credentials, database, neo_client, now, retries_are_logged, tenant_keys
from bot.errors import BotError, ConfigurationError
from bot.neo.client import OPERATIONS, Neo
from bot.neo.drift import Additions, Difference, Kind, Severity, examined
from bot.neo.http import NeoHttp
from bot.neo.keys import ApiKey
from bot.neo.options import Options
from bot.settings import Settings


class Mark(StrEnum):
    """How one thing stands."""

    GOOD = "✓"
    BAD = "✕"
    NOTE = "!"
    UNUSED = "○"


class Area(StrEnum):
    """What a finding is about."""

    SETTINGS = "settings"
    DATABASE = "database"
    NEO = "neo"
    API = "api"
    MICROSOFT = "microsoft"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``details`` are for machines."""

    mark: Mark
    area: Area
    what: str
    next_step: str = ""
    details: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        step = f"\n    → {self.next_step}" if self.next_step else ""
        return f"{self.mark} {self.what}{step}"

    def as_json(self) -> dict[str, object]:
        """For machines; ``next`` is empty where there is nothing to do."""
        told = {"mark": self.mark.name.lower(), "area": self.area.value, "what": self.what}
        details = {"details": dict(self.details)} if self.details else {}
        return {**told, "next": self.next_step, **details}


async def doctor(*, say: Callable[[str], None], as_json: bool = False) -> int:
    """Look at everything and say how it is; 1 if something is wrong.

    Args:
        say: Takes one line, or a few.
        as_json: Say one JSON object at the end and nothing else:
            ``{"ok": bool, "findings": [{"mark", "area", "what", "next", "details"?}]}``.
    """
    say = _readably(say)
    logs.set_up("error", "console")  # to standard error, so that nothing stands beside the JSON
    retries_are_logged()
    findings = await _examined(_nobody if as_json else say)
    wrong = sum(finding.mark is Mark.BAD for finding in findings)
    if as_json:
        told = {"ok": not wrong, "findings": [finding.as_json() for finding in findings]}
        say(json.dumps(told))
    return 1 if wrong else 0


def _readably(say: Callable[[str], None]) -> Callable[[str], None]:
    """Writes ``?`` for what the terminal has no letter for."""

    def written(line: str) -> None:
        try:
            say(line)
        except UnicodeEncodeError as error:
            say(line.encode(error.encoding, "replace").decode(error.encoding))

    return written


def _nobody(_: str) -> None:
    """Hears nothing."""


async def _examined(say: Callable[[str], None]) -> list[Finding]:
    """Everything that was looked at, said as it is found."""
    try:
        settings = all_settings.load()
        findings = _settings(settings)
    except ConfigurationError as error:
        say(f"{Mark.BAD} Settings\n{error}")
        return [Finding(Mark.BAD, Area.SETTINGS, "Settings", str(error))]
    except Exception as error:  # noqa: BLE001 -- an edge, as in `_checked`
        failed = _failed(Area.SETTINGS, "Settings", "Check .env and TENANTS_FILE.", error)
        say(str(failed))
        return [failed]
    say("Settings")
    for finding in findings:
        say(f"  {finding}")
    say("Reached")
    kept = "DATABASE_URL" if settings.database_url.get_secret_value() else "DATA_DIR"
    for area, what, setting, check in (
        (Area.DATABASE, "Database", kept, _database),
        (Area.NEO, "Neo", "NEO_API_URL", _neo),
        (Area.MICROSOFT, "Microsoft's signing keys", "BOT_OPENID_METADATA_URL", _signing_keys),
        (Area.MICROSOFT, "A token for Teams", "BOT_LOGIN_URL", _outbound_token),
    ):
        found = await _checked(area, what, f"Check {setting}.", check(settings))
        findings += found
        for finding in found:
            say(f"  {finding}")
    marks = [finding.mark for finding in findings]
    if wrong := marks.count(Mark.BAD):
        say(f"{wrong} to mend.")
    else:
        noted = marks.count(Mark.NOTE)
        say(f"Nothing to mend, {noted} to note." if noted else "Everything is in place.")
    return findings


async def _checked(
    area: Area, what: str, next_step: str, check: Awaitable[list[Finding]]
) -> list[Finding]:
    """What a check found; that it failed is a finding too, and the other checks go on."""
    try:
        return await check
    except Exception as error:  # noqa: BLE001 -- an edge: whatever was answered, the report is whole
        return [_failed(area, what, next_step, error)]


def _failed(area: Area, what: str, next_step: str, error: Exception) -> Finding:
    """An error's type alone: its text may hold a secret."""
    said = f"{what}: could not be checked ({type(error).__name__})"
    return Finding(Mark.BAD, area, said, next_step)


def _settings(settings: Settings) -> list[Finding]:
    """A line for each setting, secrets by their presence alone, then what `run` lacks."""
    findings: list[Finding] = []
    for name, about_it in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = _shown(value)
        about = f"{name.upper():26}{shown or 'not set'}"
        mark, hint = (Mark.GOOD, "") if shown else (Mark.UNUSED, about_it.description or "")
        findings.append(Finding(mark, Area.SETTINGS, about, hint))
    try:
        settings.require_run()
    except ConfigurationError as error:
        missing = str(error).splitlines()[1:]
        findings += [
            Finding(Mark.BAD, Area.SETTINGS, f"`run` needs {line.strip()}") for line in missing
        ]
    return findings


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "••••" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


async def _database(settings: Settings) -> list[Finding]:
    try:
        async with database(settings) as pool, pool.connection() as conn:
            cursor = await conn.execute("SELECT current_setting('server_version')")
            row = await cursor.fetchone()
    except ConfigurationError as error:
        return [Finding(Mark.BAD, Area.DATABASE, "Database", str(error))]
    kind = "yours" if settings.database_url.get_secret_value() else "private"
    about = f"Database ({kind}, PostgreSQL {row[0] if row else ''}), up to date"
    return [Finding(Mark.GOOD, Area.DATABASE, about)]


async def _neo(settings: Settings) -> list[Finding]:
    """A line for each tenant's Neo, then what changed in the API that all of them share."""
    tenants = settings.tenants()
    if not tenants:
        step = (
            "Set TEAMS_TENANTS or MICROSOFT_APP_TENANT_ID: without a tenant there is nobody to ask"
            " for."
            if settings.neo_api_key.get_secret_value()
            else "Set NEO_API_KEY; Neo's dashboard makes one."
        )
        return [Finding(Mark.BAD, Area.NEO, "Neo was not asked", step)]
    async with tenant_keys(settings) as keys, neo_client(settings) as http:
        neos = {tenant: NeoHttp(http, keys[tenant.id], clock=now) for tenant in tenants}
        asked: list[Awaitable[list[Finding]]] = []
        for tenant, to_neo in neos.items():
            whose = f"{tenant.name}'s Neo" if settings.tenants_file else "Neo"
            what, key = f"{whose} at {settings.neo_api_url}", keys[tenant.id]
            check = _tenant(what, tenant.setting, key, to_neo)
            step = f"Check NEO_API_URL and {tenant.setting}."
            asked.append(_checked(Area.NEO, what, step, check))
        found = [*chain.from_iterable(await asyncio.gather(*asked))]
        api = _checked(Area.API, "Neo's API", "Check NEO_API_URL.", _api(neos.values()))
        return [*found, *await api]


async def _tenant(what: str, setting: str, key: ApiKey, to_neo: NeoHttp) -> list[Finding]:
    try:
        await key.current()
        page = await Neo(to_neo).agents.page()
    except ConfigurationError as error:
        return [Finding(Mark.BAD, Area.NEO, f"{what} was not asked: {error}", f"Check {setting}.")]
    except BotError as error:
        quoted = getattr(error, "request_id", None)
        step = f"Check NEO_API_URL and {setting}, and that this machine may reach Neo."
        if quoted:
            step += f" Neo's request id: {quoted}."
        details = {"request_id": quoted} if quoted else {}
        return [Finding(Mark.BAD, Area.NEO, f"{what}: {error}", step, details)]
    figures = to_neo.budget.figures()
    about, details = f"{what} answered: {len(page.items)} agents", {"agents": len(page.items)}
    if figures.reset_at is not None:
        about += f", {figures.remaining:,} of {figures.limit:,} requests left in this minute"
        details |= {"requests_left": figures.remaining, "requests_limit": figures.limit}
    return [Finding(Mark.GOOD, Area.NEO, about, details=details)]


async def _api(neos: Iterable[NeoHttp]) -> list[Finding]:
    """What changed in Neo's API, as the first of these tells it that can."""
    for to_neo in neos:
        try:
            document = await to_neo.document(Options())
        except BotError:
            continue
        return _compared(*await asyncio.to_thread(examined, document, OPERATIONS))
    about = "Neo's API was not compared: its document could not be read"
    return [Finding(Mark.UNUSED, Area.API, about, "The known words for statuses serve meanwhile.")]


def _compared(differences: Sequence[Difference], new: Additions) -> list[Finding]:
    if differences:
        return [_difference(one) for one in differences]
    about, details = "Neo's API: nothing changed", {}
    if new.operations or new.fields:
        about += f"; new and not used here: {new.operations} operations, {new.fields} fields"
        details = {"new_operations": new.operations, "new_fields": new.fields}
    return [Finding(Mark.GOOD, Area.API, about, details=details)]


_STEPS = {
    Severity.BROKEN: "Update the bot. Until then, do this in Neo's dashboard.",
    Severity.DEGRADED: "Update the bot when its changelog names this; everything else goes on.",
    Severity.NOTICE: "",
}


def _difference(one: Difference) -> Finding:
    mark = Mark.BAD if one.severity is Severity.BROKEN else Mark.NOTE
    if one.kind is Kind.DOCUMENT:
        mark = Mark.UNUSED
    details = {"kind": one.kind.value, "where": one.where, "severity": one.severity.value}
    about = f"Neo's API, {one.where}: {one.sentence}"
    return Finding(mark, Area.API, about, _STEPS[one.severity], details)


async def _signing_keys(settings: Settings) -> list[Finding]:
    what = f"Microsoft's signing keys ({settings.bot_openid_metadata_url})"
    setting = "BOT_OPENID_METADATA_URL"
    return await _asked(what, setting, f"Check {setting}.", lambda http: _metadata(http, settings))


async def _metadata(http: httpx.AsyncClient, settings: Settings) -> str:
    answer = await http.get(settings.bot_openid_metadata_url)
    answer.raise_for_status()
    keys = await http.get(answer.json()["jwks_uri"])
    keys.raise_for_status()
    return f"{len(keys.json()['keys'])} keys"


async def _outbound_token(settings: Settings) -> list[Finding]:
    what = f"A token for Teams from {settings.bot_login_url}"
    try:
        settings.require_run()
    except ConfigurationError:
        return [
            Finding(Mark.UNUSED, Area.MICROSOFT, f"{what}: not asked for, settings are missing")
        ]

    async def ask(http: httpx.AsyncClient) -> str:
        await credentials(settings, http).token()
        return "given"

    advice = "Check MICROSOFT_APP_ID, _PASSWORD, _TENANT_ID and _TYPE against the app in Azure."
    return await _asked(what, "BOT_LOGIN_URL", advice, ask)


async def _asked(
    what: str, setting: str, advice: str, ask: Callable[[httpx.AsyncClient], Awaitable[str]]
) -> list[Finding]:
    mark, step = Mark.BAD, advice
    async with httpx.AsyncClient(timeout=10.0) as http:
        try:
            said, mark, step = await ask(http), Mark.GOOD, ""
        except httpx.TransportError as error:
            said = f"not reached ({type(error).__name__})"
            step = f"Check {setting}, and that this machine may reach it."
        except BotError as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 -- an edge: the error's text may hold a secret
            said = f"no usable answer ({type(error).__name__})"
    return [Finding(mark, Area.MICROSOFT, f"{what}: {said}", step)]
