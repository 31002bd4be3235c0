"""Several tenants, each with a key of its own: the file is read strictly and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import settings
from bot.app import service
from bot.errors import ConfigurationError
from bot.settings import Settings
from bot.tenants import KeyFile, Tenant, VaultSecret, WrittenKey, key_source

NORTHWIND = "7f5d3c1a-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
WINGTIP = "99999999-0b6e-4e9a-8d2f-1c4b6a8e0d3f"
ADATUM = "5ead4a96-c25f-4db1-9f7e-6b8a0c2d4e55"
FILE = f"""
[[tenant]]
id = "{NORTHWIND.upper()}"
name = "Northwind IT"
neo_api_key = "@/run/secrets/northwind"

[[tenant]]
id = "{WINGTIP}"
name = "Wingtip Toys"
neo_api_key = "keyvault://wingtip/neo-key"

[[tenant]]
id = "{ADATUM}"
name = "Adatum"
neo_api_key = "neo_sk_hush_adatum"
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TENANTS_FILE", "tenants.toml")
    path = tmp_path / "tenants.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def _refused() -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings.load()
    told = str(caught.value)
    assert "hush" not in told
    assert caught.value.__cause__ is None
    return told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_each_tenant_has_an_id_a_name_and_its_own_key(file: Path, encoding: str) -> None:
    file.write_text(FILE, encoding=encoding)
    read = settings.load()
    northwind = KeyFile(Path("/run/secrets/northwind"))
    wingtip = VaultSecret("wingtip.vault.azure.net", "neo-key")
    adatum = WrittenKey(SecretStr("neo_sk_hush_adatum"))
    assert read.tenants() == (
        Tenant(NORTHWIND, "Northwind IT", northwind, setting="TENANTS_FILE, Northwind IT"),
        Tenant(WINGTIP, "Wingtip Toys", wingtip, setting="TENANTS_FILE, Wingtip Toys"),
        Tenant(ADATUM, "Adatum", adatum, setting="TENANTS_FILE, Adatum"),
    )
    assert str(read.tenants_file) == "tenants.toml"
    assert "hush" not in repr(read) + str(read) + str(read.model_dump(mode="json"))


def test_the_file_is_read_once_at_start(file: Path) -> None:
    read = settings.load()
    file.unlink()
    assert [tenant.id for tenant in read.tenants()] == [NORTHWIND, WINGTIP, ADATUM]


def test_with_the_file_nothing_else_names_tenants_or_keys(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROSOFT_APP_TENANT_ID", WINGTIP)
    monkeypatch.setenv("MICROSOFT_APP_ID", ADATUM)
    monkeypatch.setenv("MICROSOFT_APP_PASSWORD", "invented")
    read = settings.load()
    read.require_run()
    assert len(read.tenants()) == 3


@pytest.mark.parametrize(
    ("name", "value"), [("TEAMS_TENANTS", NORTHWIND), ("NEO_API_KEY", "neo_sk_hush")]
)
def test_a_second_list_beside_the_file_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    told = _refused()
    assert name in told
    assert "should not be set beside TENANTS_FILE" in told


def test_several_tenants_without_the_file_are_told_to_use_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEAMS_TENANTS", f"{NORTHWIND}, {WINGTIP}")
    monkeypatch.setenv("NEO_API_KEY", "neo_sk_hush")
    told = _refused()
    assert "  TEAMS_TENANTS should be one tenant" in told
    assert "a key each, into TENANTS_FILE" in told


def _with(**changes: str | None) -> str:
    """A file whose second tenant has these lines instead of its own; None leaves one out."""
    lines = {"id": f'"{WINGTIP}"', "name": '"Wingtip Toys"', "neo_api_key": '"neo_sk_hush_2"'}
    body = "\n".join(f"{k} = {v}" for k, v in {**lines, **changes}.items() if v is not None)
    first = f'[[tenant]]\nid = "{NORTHWIND}"\nname = "Northwind"\nneo_api_key = "neo_sk_hush_1"'
    return f"{first}\n[[tenant]]\n{body}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_with(neo_key='"neo_sk_hush"'), "in [[tenant]] 2, 'neo_key' is not known, only id, name"),
        (_with(neo_api_key=None), "in [[tenant]] 2, neo_api_key is missing"),
        (_with(id='"hush"'), "in [[tenant]] 2, id should be a GUID"),
        (_with(id="7"), "in [[tenant]] 2, id should be a valid string"),
        (_with(name='" "'), "in [[tenant]] 2, name should be what you call the tenant"),
        (_with(name='""'), 'in [[tenant]] 2, name should be what you call the tenant, such as "'),
        (_with(name='"a\\nhush"'), "in [[tenant]] 2, name should be one line of text without"),
        (_with(name='"\\u001b[31mhush"'), "in [[tenant]] 2, name should be one line of text"),
        (_with(name='"NORTHWIND"'), "[[tenant]] 1 and 2 have the same name"),
        (_with(neo_api_key="'\"hush\"'"), "in [[tenant]] 2, neo_api_key should hold the key alone"),
        (_with(name="['hush']"), "in [[tenant]] 2, name should be a valid string"),
        (
            _with(neo_api_key='"hush hush"'),
            "in [[tenant]] 2, neo_api_key should hold the key alone, one word",
        ),
        (_with(neo_api_key='""'), "in [[tenant]] 2, neo_api_key should be the key itself"),
        (_with(neo_api_key='"@hush"'), "in [[tenant]] 2, neo_api_key should be @ and the full"),
        (_with(neo_api_key="7"), "in [[tenant]] 2, neo_api_key should be a valid string"),
        (_with(id=f'"{{{NORTHWIND.upper()}}}"'), "[[tenant]] 1 and 2 have the same id"),
        (_with(neo_api_key='"neo_sk_hush_1"'), "[[tenant]] 1 and 2 have the same neo_api_key"),
        (_with(neo_api_key="neo_sk_hush"), "is not TOML at line 8, column 15"),
        (_with(neo_api_key='"neo_sk_hush'), "is not TOML at line 8, column"),
        (_with(neo_api_key='"\\"'), "is not TOML at"),
        (_with() + "[[tenant]]", "in [[tenant]] 3, id is missing; in [[tenant]] 3, name is"),
        ("", "[[tenant]] is missing: write one for each tenant"),
        ("tenant = []", "[[tenant]] is missing: write one for each tenant"),
        ('[tenants]\nhush = "hush"\n' + _with(), "'tenants' is not known, only [[tenant]]"),
        ('[tenant]\nid = "hush"', "write [[tenant]], in two pairs of brackets"),
        ("tenant = 5", "write [[tenant]], in two pairs of brackets"),
        ("tenant = ['hush']", "write [[tenant]], in two pairs of brackets"),
        ("hush = " + "[" * 3000 + "]" * 3000, "is nested too deeply"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_place_and_without_its_value(
    file: Path, content: str, said: str
) -> None:
    file.write_text(content, encoding="utf-8")
    told = _refused()
    assert "  TENANTS_FILE (tenants.toml) " in told
    assert said in told


def test_one_secret_by_two_ways_is_one_key(file: Path) -> None:
    content = _with(neo_api_key='"keyvault://Northwind.vault.azure.net/Neo/1a2b"')
    file.write_text(content.replace("neo_sk_hush_1", "keyvault://northwind/neo"), encoding="utf-8")
    assert "[[tenant]] 1 and 2 have the same neo_api_key" in _refused()
    content = _with(neo_api_key='"@/run/./neo"')
    file.write_text(content.replace("neo_sk_hush_1", "@/run/x/../neo"), encoding="utf-8")
    assert "[[tenant]] 1 and 2 have the same neo_api_key" in _refused()


def test_a_file_that_cannot_be_read_is_said_to_be_one(file: Path) -> None:
    file.write_text(FILE, encoding="utf-16")
    assert "TENANTS_FILE (tenants.toml) should be saved as UTF-8" in _refused()
    file.unlink()
    said = (
        "TENANTS_FILE (tenants.toml) names a file that cannot be read (No such file or directory)"
    )
    assert said in _refused()


@pytest.mark.parametrize("value", ["neo_sk_hush", "[[tenant]]\nid = 'hush'"])
def test_what_is_set_in_the_place_of_the_files_path_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TENANTS_FILE", value)
    assert "TENANTS_FILE names a file that cannot be read" in _refused()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (" neo_sk_hush\n", WrittenKey(SecretStr("neo_sk_hush"))),
        ("@/run/my secrets/neö", KeyFile(Path("/run/my secrets/neö"))),
        ("keyvault://northwind/neo", VaultSecret("northwind.vault.azure.net", "neo")),
        ("KeyVault://Northwind/Neo", VaultSecret("northwind.vault.azure.net", "neo")),
        ("keyvault://n.vault.azure.cn/neo/1a2b", VaultSecret("n.vault.azure.cn", "neo", "1a2b")),
    ],
)
def test_a_key_is_written_kept_in_a_file_or_kept_in_a_vault(
    text: str, source: WrittenKey | KeyFile | VaultSecret
) -> None:
    found = key_source(text)
    assert found == source
    assert getattr(found, "version", None) == getattr(source, "version", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@", "should be @ and the full path"),
        ("@hush", "should be @ and the full path"),
        ("@/run/hush\nhush", "should be @ and the full path"),
        ("keyvault:northwind/hush", "should be keyvault://vault/secret"),
        ("keyvault://hush", "should be keyvault://vault/secret"),
        ("keyvault:///hush", "should be keyvault://vault/secret"),
        ("keyvault://northwind/neo_sk_hush", "should be keyvault://vault/secret"),
        ("keyvault://northwind/hush/1/2", "should be keyvault://vault/secret"),
        ("keyvault://megan:hush@northwind/neo", "should be keyvault://vault/secret"),
        ("keyvault://northwind:444/hush", "should be keyvault://vault/secret"),
        ("https://northwind.vault.azure.net/secrets/hush", "should be the key itself"),
        ("hush\thush", "one word of ASCII"),
    ],
)
def test_where_a_key_is_kept_has_to_be_readable_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("NEO_API_KEY", text)
    told = _refused()
    assert "  NEO_API_KEY " in told
    assert said in told


async def test_a_key_that_cannot_be_read_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (
        ("MICROSOFT_APP_ID", ADATUM),
        ("MICROSOFT_APP_PASSWORD", "invented"),
        ("MICROSOFT_APP_TENANT_ID", NORTHWIND),
        ("NEO_API_KEY", f"@{tmp_path / 'none'}"),
    ):
        monkeypatch.setenv(name, value)
    with pytest.raises(
        ConfigurationError, match=r"(?s)Not started.*NEO_API_KEY: the key in .*none"
    ):
        async with service(settings.load()):
            raise AssertionError("it started")
