"""Every setting that is wrong is named with what to write instead, and never with its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import settings
from bot.errors import ConfigurationError
from bot.settings import TEAMS_SERVICE_HOSTS, AppType, Settings
from bot.tenants import Tenant, WrittenKey

APP = "4f3c2b1a-0000-4000-8000-00000000b070"
TENANT = "7e9a1c00-0000-4000-8000-0000000c0de0"
GOOD = {
    "MICROSOFT_APP_ID": APP,
    "MICROSOFT_APP_PASSWORD": "invented",
    "MICROSOFT_APP_TENANT_ID": TENANT,
    "NEO_API_KEY": "neo_sk_test_1",
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NEO_API_URL", "ftp://oops.example", "should be a URL such as"),
        ("NEO_API_URL", "https://megan:oops@neo.example", "should not carry a user name"),
        ("NEO_API_URL", "http://oops.example", "should start with https://"),
        ("NEO_API_URL", "http://127.0.0.1:99999", "a port of at most 65535"),
        ("NEO_API_URL", "http://127.0.0.1:oops", "a port of at most 65535"),
        ("NEO_API_URL", "http://[::1", "should be a URL such as"),
        ("NEO_API_KEY", "neo_sk_ oops", "one word"),
        ("NEO_API_KEY", "neo_sk_öoops", "one word of ASCII"),
        ("NEO_WATCHING_SHARE", "oops", "should be a valid number"),
        ("NEO_WATCHING_SHARE", "7", "less than or equal to 1"),
        ("MICROSOFT_APP_ID", "oops", "should be a GUID"),
        ("MICROSOFT_APP_TYPE", "Oops", "'SingleTenant', 'MultiTenant'"),
        ("MICROSOFT_APP_PASSWORD", "oops oops", "one word"),
        ("MICROSOFT_APP_TENANT_ID", "oops", "should be a GUID"),
        ("TEAMS_TENANTS", f"{TENANT}, oops", "should be a GUID"),
        ("OPERATORS", "oops", "should be a GUID"),
        ("BOT_OPENID_METADATA_URL", "oops", "should be a URL"),
        ("BOT_LOGIN_URL", "oops", "should be a URL"),
        ("BOT_LOGIN_URL", "http://127.0.0.1:99999", "a port of at most 65535"),
        ("PUBLIC_URL", "http://oops.example", "should start with https://"),
        ("BOT_SERVICE_HOSTS", "https://oops", "should be host names"),
        ("DATABASE_URL", "mysql://oops", "should start with postgresql://"),
        ("DATABASE_URL", "postgresql://neo:oo ps@db/neo", "should be like postgresql://"),
        ("DATABASE_URL", "postgresql://neo:oops@[db/neo", "should be like postgresql://"),
        ("PORT", "oops", "should be a valid integer"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("LOG_LEVEL", "oops", "'debug', 'info'"),
        ("LOG_FORMAT", "oops", "'console' or 'json'"),
    ],
)
def test_a_wrong_value_is_named_and_explained_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        settings.load()
    told = str(caught.value)
    assert f"  {name} " in told
    assert said in told
    assert value not in told
    assert "oops" not in told
    assert caught.value.__cause__ is None


def test_everything_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("MICROSOFT_APP_ID", "y")
    with pytest.raises(ConfigurationError, match=r"(?s)MICROSOFT_APP_ID.*PORT"):
        settings.load()


def test_values_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("MICROSOFT_APP_TYPE", "usermsi"),
        ("TEAMS_TENANTS", f"{TENANT.upper()}; {TENANT}"),
        ("LOG_LEVEL", "WARNING"),
        ("NEO_API_URL", "https://neo.example/"),
        ("NEO_API_KEY", " neo_sk_test_1 \n"),
        ("BOT_SERVICE_HOSTS", "smba.example, *.example.com"),
        ("PORT", ""),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MICROSOFT_APP_TYPE", "userassignedmsi")
    read = settings.load()
    assert read.microsoft_app_type is AppType.USER_ASSIGNED_MSI
    assert [tenant.id for tenant in read.tenants()] == [TENANT]
    assert read.log_level == "warning"
    assert read.neo_api_url == "https://neo.example"
    assert read.neo_api_key.get_secret_value() == "neo_sk_test_1"
    assert read.bot_service_hosts == ("smba.example", "*.example.com")
    assert read.port == 3978


def test_without_anything_set_teams_own_hosts_and_neos_own_address_are_used() -> None:
    read = settings.load()
    assert read.bot_service_hosts == TEAMS_SERVICE_HOSTS
    assert read.neo_api_url == "https://api.neoagent.io"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_file_env_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nHOST=127.0.0.2\nUNKNOWN=1\n", encoding=encoding)
    monkeypatch.setenv("HOST", "127.0.0.3")
    read = settings.load()
    assert (read.port, read.host) == (4000, "127.0.0.3")


def test_a_file_env_in_another_encoding_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\n", encoding="utf-16")
    with pytest.raises(ConfigurationError, match=r"\.env should be saved as UTF-8"):
        settings.load()


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("MICROSOFT_APP_ID", "MICROSOFT_APP_ID"),
        ("MICROSOFT_APP_PASSWORD", "MICROSOFT_APP_PASSWORD"),
        ("MICROSOFT_APP_TENANT_ID", "MICROSOFT_APP_TENANT_ID"),
        ("NEO_API_KEY", "NEO_API_KEY"),
    ],
)
def test_serving_teams_needs_each_of_these(
    monkeypatch: pytest.MonkeyPatch, missing: str, named: str
) -> None:
    for name, value in GOOD.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=named):
        settings.load().require_run()


def test_serving_teams_needs_no_more_than_these(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    read = settings.load()
    read.require_run()
    key = WrittenKey(SecretStr("neo_sk_test_1"))
    assert read.tenants() == (Tenant(TENANT, TENANT, key, setting="NEO_API_KEY"),)


def test_a_managed_identity_needs_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        if name != "MICROSOFT_APP_PASSWORD":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("MICROSOFT_APP_TYPE", "UserAssignedMSI")
    settings.load().require_run()


def test_no_secret_is_in_what_settings_print() -> None:
    read = settings.load(
        neo_api_key="neo_sk_hush",
        microsoft_app_password="hush-hush",
        database_url="postgresql://neo:hush@db.example/neo",
    )
    assert "hush" not in repr(read) + str(read) + str(read.model_dump(mode="json"))
