"""The doctor looks at everything and names a next step for what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.doctor import Area, Finding, Mark, _checked, doctor
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import Settings
from tests.microsoft import SECRET, TENANT, Microsoft, serving

CONTRACT: dict[str, Any] = json.loads(Path("bot/sandbox/openapi.json").read_text("utf-8"))
OTHER_TENANT = "99999999-0b6e-4e9a-8d2f-1c4b6a8e0d3f"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def _set(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


async def test_when_all_is_well_it_says_so(said: list[str], neo: EmbeddedNeo) -> None:
    assert await doctor(say=said.append) == 0
    told = "\n".join(said)
    assert said[-1] == "Everything is in place."
    assert "Database (yours, PostgreSQL" in told
    assert "answered: 16 agents" in told
    assert ": 1 keys" in told
    assert ": given" in told
    assert "requests left" in told
    assert "✓ Neo's API: nothing changed" in told
    assert "✕" not in told
    assert neo.key not in told
    assert SECRET not in told


async def test_a_private_database_is_looked_at_too(
    said: list[str], monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    assert await doctor(say=said.append) == 0
    assert "Database (private, PostgreSQL" in "\n".join(said)


@pytest.mark.parametrize(
    ("name", "value", "what", "step"),
    [
        ("PORT", "many", "Settings", "PORT should be a valid integer"),
        ("DATABASE_URL", "postgresql://n:hush@127.0.0.1:1/x", "Database", "Check DATABASE_URL"),
        ("NEO_API_KEY", "neo_sk_hush", "unknown or revoked", "Check NEO_API_URL and NEO_API_KEY"),
        ("NEO_API_KEY", "", "Neo was not asked", "Set NEO_API_KEY"),
        ("NEO_API_URL", "http://127.0.0.1:1", "could not be reached", "Check NEO_API_URL"),
        (
            "BOT_OPENID_METADATA_URL",
            "http://127.0.0.1:1",
            "signing keys",
            "Check BOT_OPENID_METADATA_URL",
        ),
        ("MICROSOFT_APP_PASSWORD", "hush", "A token for Teams", "Check MICROSOFT_APP_ID"),
        ("BOT_LOGIN_URL", "http://127.0.0.1:1", "A token for Teams", "Check MICROSOFT_APP_ID"),
        ("MICROSOFT_APP_ID", "", "MICROSOFT_APP_ID", "`run` needs MICROSOFT_APP_ID"),
    ],
)
async def test_each_thing_that_is_wrong_is_named_with_a_next_step(
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    value: str,
    what: str,
    step: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert await doctor(say=said.append) == 1
    told = "\n".join(said)
    assert "✕" in told
    assert what in told
    assert step in told
    assert "hush" not in told
    assert "Everything is in place" not in told


async def test_keys_that_are_not_there_or_are_none_are_said_to_be_wrong(
    said: list[str], microsoft: Microsoft, neo: EmbeddedNeo, monkeypatch: pytest.MonkeyPatch
) -> None:
    microsoft.keys_are_down = True
    assert await doctor(say=said.append) == 1
    assert "signing keys" in "\n".join(said)
    microsoft.keys_are_down = False
    monkeypatch.setenv("BOT_OPENID_METADATA_URL", f"{neo.url}/public-api/openapi.json")
    said.clear()
    assert await doctor(say=said.append) == 1
    assert "Check BOT_OPENID_METADATA_URL" in "\n".join(said)


def neo_that_says(answer: object) -> web.Application:
    """A Neo without agents, whose document is this."""

    async def agents(_: web.Request) -> web.Response:
        return web.json_response({"data": [], "meta": {"request_id": "r-1"}})

    async def document(_: web.Request) -> web.Response:
        if isinstance(answer, str):
            return web.Response(text=answer, content_type="text/html")
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/public-api/agents", agents)
    app.router.add_get("/public-api/openapi.json", document)
    return app


def without_decisions(document: dict[str, Any]) -> None:
    del document["paths"]["/public-api/til-requests/{request_id}/decision"]


def without_the_inbox(document: dict[str, Any]) -> None:
    del document["paths"]["/public-api/inbox"]


def with_another_status(document: dict[str, Any]) -> None:
    status = document["components"]["schemas"]["Execution"]["properties"]["status"]
    status["enum"] = ["SUCCESS", "FAILURE", "MAROONED"]


def with_more(document: dict[str, Any]) -> None:
    document["paths"]["/public-api/weather"] = {"get": {"responses": {}}}


@pytest.mark.parametrize(
    ("change", "status", "line", "end"),
    [
        (
            without_decisions,
            1,
            "✕ Neo's API, approvals.decide: Neo's API no longer has POST /public-api/til-requests",
            "1 to mend.",
        ),
        (without_the_inbox, 0, "! Neo's API, inbox.list:", "Nothing to mend, 1 to note."),
        (with_another_status, 0, "! Neo's API, Run.status:", "Nothing to mend, 1 to note."),
        (
            with_more,
            0,
            "✓ Neo's API: nothing changed; new and not used here: 1 operations, 0 fields",
            "Everything is in place.",
        ),
    ],
)
async def test_what_changed_in_neos_api_is_named_and_only_what_breaks_is_wrong(
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    change: Callable[[dict[str, Any]], None],
    status: int,
    line: str,
    end: str,
) -> None:
    document = deepcopy(CONTRACT)
    change(document)
    async with serving(neo_that_says(document)) as url:
        monkeypatch.setenv("NEO_API_URL", url)
        assert await doctor(say=said.append) == status
    assert any(told.strip().startswith(line) for told in said)
    assert said[-1] == end


@pytest.mark.parametrize("answer", ["<html>Sign in</html>", {"openapi": "2.0"}, {"pets": []}])
async def test_without_neos_document_the_known_words_serve(
    said: list[str], monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    async with serving(neo_that_says(answer)) as url:
        monkeypatch.setenv("NEO_API_URL", url)
        assert await doctor(say=said.append) == 0
    (about,) = [told for told in said if "Neo's API" in told]
    assert about.strip().startswith("○")
    assert "known words for statuses serve" in about


async def test_very_many_differences_are_a_bounded_number_of_findings(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = deepcopy(CONTRACT)
    decision = document["components"]["schemas"]["TilDecisionRequest"]
    decision["required"] = [f"seal_{number}" for number in range(4_000)]
    async with serving(neo_that_says(document)) as url:
        monkeypatch.setenv("NEO_API_URL", url)
        assert await doctor(say=said.append, as_json=True) == 1
    found = [one for one in json.loads(said[0])["findings"] if one["area"] == "api"]
    assert len(found) == 101
    assert "3,900 more differences" in found[-1]["what"]


async def test_each_tenants_neo_is_asked_with_its_own_key(
    said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, neo: EmbeddedNeo
) -> None:
    tenants = ((TENANT, "Contoso Dental", neo.key), (OTHER_TENANT, "Wingtip Toys", "neo_sk_hush"))
    (tmp_path / "tenants.toml").write_text(
        "".join(
            f'[[tenant]]\nid = "{guid}"\nname = "{name}"\nneo_api_key = "{key}"\n'
            for guid, name, key in tenants
        ),
        encoding="utf-8",
    )
    monkeypatch.delenv("NEO_API_KEY")
    monkeypatch.setenv("TENANTS_FILE", str(tmp_path / "tenants.toml"))
    assert await doctor(say=said.append) == 1
    told = "\n".join(said)
    assert "✓ Contoso Dental's Neo at" in told
    assert "✕ Wingtip Toys's Neo at" in told
    assert "TENANTS_FILE" in told
    assert "hush" not in told
    assert "1 to mend." in told
    assert "Neo's API: nothing changed" in told


async def test_for_machines_it_says_one_json_object(said: list[str], neo: EmbeddedNeo) -> None:
    assert await doctor(say=said.append, as_json=True) == 0
    (line,) = said
    told = json.loads(line)
    assert told["ok"] is True
    assert {one["area"] for one in told["findings"]} == {
        "settings",
        "database",
        "neo",
        "api",
        "microsoft",
    }
    assert {one["mark"] for one in told["findings"]} == {"good", "unused"}
    assert all(one["what"] and "next" in one for one in told["findings"])
    (about_neo,) = [one for one in told["findings"] if one["area"] == "neo"]
    assert about_neo["details"]["agents"] == 16
    assert about_neo["details"]["requests_left"] > 0
    assert neo.key not in line
    assert SECRET not in line


async def test_for_machines_what_is_wrong_has_its_next_step_and_nothing_stands_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEO_API_URL", "http://127.0.0.1:1")
    assert await doctor(say=print, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    (wrong,) = [one for one in told["findings"] if one["mark"] == "bad"]
    assert wrong["area"] == "neo"
    assert "Check NEO_API_URL" in wrong["next"]
    (about_api,) = [one for one in told["findings"] if one["area"] == "api"]
    assert about_api["mark"] == "unused"


async def test_for_machines_settings_that_cannot_be_read_are_a_finding(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "many")
    assert await doctor(say=said.append, as_json=True) == 1
    (only,) = json.loads(said[0])["findings"]
    assert (only["mark"], only["area"]) == ("bad", "settings")
    assert "PORT should be a valid integer" in only["next"]


async def test_for_machines_drift_has_its_kind_and_place(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = deepcopy(CONTRACT)
    without_decisions(document)
    async with serving(neo_that_says(document)) as url:
        monkeypatch.setenv("NEO_API_URL", url)
        assert await doctor(say=said.append, as_json=True) == 1
    (only,) = [one for one in json.loads(said[0])["findings"] if one["area"] == "api"]
    assert only["details"] == {
        "kind": "operation_gone",
        "where": "approvals.decide",
        "severity": "broken",
    }
    assert only["next"].startswith("Update the bot")


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_terminal_without_these_letters_is_told_too(
    monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    monkeypatch.setenv("NEO_API_KEY", "")
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii", write_through=True)
    assert await doctor(say=lambda line: print(line, file=terminal), as_json=as_json) == 1
    told = written.getvalue().decode("ascii")
    if as_json:
        (line,) = told.splitlines()
        assert json.loads(line)["ok"] is False
    else:
        assert "? Neo was not asked" in told
        assert told.splitlines()[-1].endswith("to mend.")


def keys_at(document: str, keys: str = "{}") -> web.Application:
    """Somewhere that answers this for Microsoft's metadata, and for the keys it names."""

    async def metadata(request: web.Request) -> web.Response:
        return web.Response(text=document.replace("HERE", str(request.url.origin())))

    async def published(_: web.Request) -> web.Response:
        return web.Response(text=keys)

    app = web.Application()
    app.router.add_get("/metadata", metadata)
    app.router.add_get("/keys", published)
    return app


@pytest.mark.parametrize(
    ("document", "keys", "error"),
    [
        ("[" * 200_000, "{}", "RecursionError"),
        ('{"jwks_uri": "HERE/keys"}', "[" * 200_000, "RecursionError"),
        ('{"jwks_uri": "http://127.0.0.1:99999/hush"}', "{}", ""),
        ('{"jwks_uri": "http://127.0.0.1:no/hush"}', "{}", "InvalidURL"),
        ('{"jwks_uri": 7}', "{}", "TypeError"),
        ('{"jwks_uri": "HERE/keys"}', "{}", "KeyError"),
    ],
)
async def test_whatever_is_served_for_microsofts_keys_is_one_finding(
    said: list[str], monkeypatch: pytest.MonkeyPatch, *, document: str, keys: str, error: str
) -> None:
    async with serving(keys_at(document, keys)) as url:
        monkeypatch.setenv("BOT_OPENID_METADATA_URL", f"{url}/metadata")
        assert await doctor(say=said.append, as_json=True) == 1
    (line,) = said
    (wrong,) = [one for one in json.loads(line)["findings"] if one["mark"] == "bad"]
    assert error in wrong["what"]
    assert "Check BOT_OPENID_METADATA_URL" in wrong["next"]
    assert "hush" not in line


@pytest.mark.parametrize("name", ["NEO_API_URL", "BOT_LOGIN_URL", "BOT_OPENID_METADATA_URL"])
async def test_a_port_that_there_is_not_is_a_finding_about_the_settings(
    said: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:99999")
    assert await doctor(say=said.append, as_json=True) == 1
    (only,) = json.loads(said[0])["findings"]
    assert f"{name} should be a URL" in only["next"]


async def test_a_check_that_fails_in_a_way_nobody_foresaw_is_a_finding_by_its_type() -> None:
    async def fails() -> list[Finding]:
        raise ZeroDivisionError("hush")

    (only,) = await _checked(Area.DATABASE, "Database", "Check DATABASE_URL.", fails())
    assert only.mark is Mark.BAD
    assert only.what == "Database: could not be checked (ZeroDivisionError)"
    assert only.next_step == "Check DATABASE_URL."
