from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.errors import ConfigurationError
from bot.node import find_node, npm_ci
from bot.package import Developer, build_package, main
from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "manifest"
APP_ID = "0f6a1c2d-51b4-4a6f-8f0e-6a8d2c3b7e10"


@pytest.fixture(scope="session")
def schemas() -> Path:
    """Microsoft's own schemas, in the version that the template names."""
    target = ROOT / ".browser" / "manifest"
    npm_ci(find_node(say=print), Path(__file__).parent, target, say=print)
    schemas = target / "node_modules/@microsoft/app-manifest/build/json-schemas/teams"
    version = json.loads((MANIFEST / "manifest.template.json").read_text())["manifestVersion"]
    return schemas / f"v{version}"


def _build(
    out: Path,
    *,
    app_id: str = APP_ID,
    public_url: str = "https://neo.contoso.example",
    version: str = "1.2.3",
    folder: Path = MANIFEST,
    developer: Developer | None = None,
) -> Path:
    return build_package(
        app_id=app_id,
        public_url=public_url,
        version=version,
        folder=folder,
        out=out,
        developer=developer,
    )


def _inside(package: Path, name: str) -> Any:
    with zipfile.ZipFile(package) as zipped:
        return json.loads(zipped.read(name))


def _complaints(schema: Path, document: Any) -> list[str]:
    validator = jsonschema.Draft4Validator(json.loads(schema.read_text(encoding="utf-8-sig")))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_manifest_is_valid_by_microsofts_schema(schemas: Path, tmp_path: Path) -> None:
    manifest = _inside(_build(tmp_path / "app.zip"), "manifest.json")
    assert _complaints(schemas / "MicrosoftTeams.schema.json", manifest) == []
    assert _complaints(schemas / "MicrosoftTeams.schema.json", manifest | {"extra": 1}) != []


@pytest.mark.parametrize("language", ["en.json", "de.json"])
def test_the_language_files_are_valid_by_microsofts_schema(
    language: str, schemas: Path, tmp_path: Path
) -> None:
    strings = _inside(_build(tmp_path / "app.zip"), language)
    schema = schemas / "MicrosoftTeams.Localization.schema.json"
    assert _complaints(schema, strings) == []
    assert _complaints(schema, {"name.short": "Neo"}) != []


def test_every_command_has_its_description_in_every_language(tmp_path: Path) -> None:
    package = _build(tmp_path / "app.zip")
    english, german = _inside(package, "en.json"), _inside(package, "de.json")
    assert english.keys() == german.keys()
    for number, command in enumerate(
        _inside(package, "manifest.json")["bots"][0]["commandLists"][0]["commands"]
    ):
        key = f"bots[0].commandLists[0].commands[{number}]"
        assert english[f"{key}.description"] == command["description"]
        # The title is what gets typed, and the bot understands English.
        assert f"{key}.title" not in german


def test_the_package_holds_exactly_what_teams_asks_for(tmp_path: Path) -> None:
    package = _build(tmp_path / "deep" / "app.zip", public_url="https://neo.contoso.example:8443/x")
    with zipfile.ZipFile(package) as zipped:
        names = zipped.namelist()
    assert names == ["color.png", "de.json", "en.json", "manifest.json", "outline.png"]
    manifest = _inside(package, "manifest.json")
    assert manifest["id"] == manifest["bots"][0]["botId"] == APP_ID
    assert manifest["validDomains"] == ["neo.contoso.example"]
    assert manifest["version"] == "1.2.3"
    assert "{{" not in json.dumps(manifest)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert _build(tmp_path / "1.zip").read_bytes() == _build(tmp_path / "2.zip").read_bytes()


def test_a_developers_name_is_data_and_not_json(tmp_path: Path) -> None:
    name = 'Wing"tip {{APP_ID}}'
    package = _build(tmp_path / "app.zip", developer=Developer(name=name))
    assert _inside(package, "manifest.json")["developer"]["name"] == name


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"app_id": ""}, "MICROSOFT_APP_ID is not set"),
        ({"app_id": "neo"}, "MICROSOFT_APP_ID is not a GUID"),
        ({"public_url": ""}, "PUBLIC_URL is not set"),
        ({"public_url": "http://neo.contoso.example"}, "PUBLIC_URL has to start with https"),
        ({"public_url": "https://127.0.0.1"}, "PUBLIC_URL names 127.0.0.1"),
        ({"public_url": "https://localhost:3978"}, "PUBLIC_URL names localhost"),
        ({"version": "one"}, "'one' is not of the form"),
        ({"developer": Developer(terms_url="ftp://x")}, "--terms has to start with https"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=named):
        _build(tmp_path / "app.zip", **wrong)
    assert not (tmp_path / "app.zip").exists()


def test_a_folder_that_teams_would_refuse_is_refused_here(tmp_path: Path) -> None:
    folder = tmp_path / "manifest"
    shutil.copytree(MANIFEST, folder)
    shutil.copyfile(folder / "outline.png", folder / "color.png")
    with pytest.raises(ConfigurationError, match=r"color\.png is 32 x 32; Teams needs 192 x 192"):
        _build(tmp_path / "app.zip", folder=folder)
    (folder / "color.png").unlink()
    with pytest.raises(ConfigurationError, match=r"color\.png is missing"):
        _build(tmp_path / "app.zip", folder=folder)
    template = folder / "manifest.template.json"
    template.write_text(template.read_text().replace("{{PUBLIC_HOST}}", "{{HOST}}"))
    with pytest.raises(ConfigurationError, match=r"placeholder \{\{HOST\}\}"):
        _build(tmp_path / "app.zip", folder=folder)


def test_the_command_says_where_the_package_is_and_what_comes_next(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings.model_validate(
        {"microsoft_app_id": APP_ID, "public_url": "https://neo.contoso.example"}
    )
    out = tmp_path / "neo.zip"
    assert main(["--out", str(out)], settings=settings, version="0.1.0", say=said.append) == 0
    assert out.exists()
    assert str(out) in said[0]
    assert "admin.teams.microsoft.com" in said[1]
