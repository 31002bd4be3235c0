"""The doctor looks at everything and names a next step for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor import doctor
from bot.sandbox.embedded import EmbeddedNeo
from bot.settings import Settings
from tests.microsoft import SECRET, Microsoft


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
