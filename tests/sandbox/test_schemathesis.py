"""Schemathesis asks the embedded Neo everything that the contract allows, and much it forbids."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.sandbox.contract import contract
from bot.sandbox.embedded import ADMIN_TOKEN, EmbeddedNeo
from tests.sandbox.conftest import START, Client

pytestmark = pytest.mark.long

MOST_SECONDS = 120  # on a machine that does nothing else it takes a fourth of this
BIN = Path(sys.executable).parent

INSTANT = {"type": "string", "format": "date-time"}
MONTH = {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$"}
TOLD_IN_WORDS: dict[str, dict[str, Any] | None] = {
    # What the contract says about a parameter in words alone; None: only a list can give one out.
    "cursor": None,
    "since of tailChatEvents": None,
    "month": MONTH,
    **dict.fromkeys(("since", "until", "from", "to", "created_after", "created_before"), INSTANT),
}
RULES_BEYOND_SCHEMAS = [
    # These refuse with 400 what no schema of the contract tells: empty or endless names, both or
    # neither of two fields, a time zone that there is not, too long a window. Their own tests
    # check that.
    "acceptHandover",
    "createAgent",
    "createApiKey",
    "createChannel",
    "createChatSession",
    "createEndCompany",
    "createSkill",
    "escalateToNeoTeam",
    "getCallbackFunnel",
    "listCallbacks",
    "patchSkill",
    "postChatMessage",
    "runAgentNow",
    "scheduleWork",
    "startInsights",
    "updateAgent",
    "updateChannel",
    "updateSettings",
    "createAttachmentUploadUrl",
]


def running_clock() -> Any:
    """A clock that goes on, so that what is under way ends."""
    began = time.monotonic()
    return lambda: START + timedelta(seconds=time.monotonic() - began)


def told(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the schemas that it only describes in words."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for operations in copy["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = list(_told(parameters, operation["operationId"]))
    return copy


def _told(parameters: list[dict[str, Any]], operation_id: str) -> Iterator[dict[str, Any]]:
    for parameter in parameters:
        name = parameter["name"]
        words = f"{name} of {operation_id}"
        schema = TOLD_IN_WORDS.get(words, TOLD_IN_WORDS.get(name, parameter["schema"]))
        if parameter["in"] != "query":
            yield parameter
        elif schema is not None:
            yield parameter | {"schema": schema}


async def things_there_are(neo: EmbeddedNeo) -> dict[str, list[str | int]]:
    """By parameter, ids of what exists: without them nearly every answer would be a 404."""
    async with ClientSession() as session:
        client = Client(session, neo)
        agents = (await client.get("/agents")).data
        runs = (await client.get("/executions")).data
        approval = neo.has_approval(481, agent="Password Reset")
        chat = (await client.post("/chat/sessions", {"managed_agent_key": "NEO_SUPPORT"})).data
        skill = {"name": "a", "slug": "a", "files": [{"path": "a.md", "content": "a"}]}
        channel = {"internal_name": "a", "audience": "MSP"}
        return {
            "path.agent_id": [agent["id"] for agent in agents],
            "query.agent_id": [int(agent["id"]) for agent in agents],
            "path.execution_id": [run["execution_id"] for run in runs],
            "path.request_id": [str(approval["id"])],
            "path.session_id": [chat["id"]],
            "path.skill_id": [(await client.post("/skills", skill)).data["id"]],
            "path.channel_id": [(await client.post("/channels", channel)).data["id"]],
        }


def settings_for(neo: EmbeddedNeo, things: dict[str, list[str | int]]) -> str:
    """Schemathesis's settings, as TOML; JSON's texts and lists are TOML's too."""
    lines = [
        "[auth.openapi.bearer]",
        f"bearer = {json.dumps(neo.key)}",
        # 422 is for well-formed values that make no sense, such as a window that ends before it
        # begins; a 400 would be for what the contract forbids.
        "[checks.positive_data_acceptance]",
        'expected-statuses = ["2xx", "403", "404", "409", "422"]',
        "[phases.coverage]",
        'unexpected-methods = ["DELETE", "PATCH"]',
        "[parameters]",
        *(f'"{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in things),
        *(
            f"[dictionaries.{json.dumps(name)}]\nvalues = {json.dumps(values)}"
            for name, values in things.items()
        ),
        "[[operations]]",
        'include-path-regex = "/api-keys"',
        f"headers = {{ Authorization = {json.dumps(f'Bearer {ADMIN_TOKEN}')} }}",
        "[[operations]]",
        f"include-operation-id = {json.dumps(RULES_BEYOND_SCHEMAS)}",
        "checks.positive_data_acceptance.enabled = false",
        # An agent's rules nest: going through every field takes longer than all else together.
        "[[operations]]",
        'include-operation-id = ["createAgent", "updateAgent"]',
        "phases.coverage.enabled = false",
        "generation.max-examples = 20",
    ]
    return "\n".join(lines)


async def schemathesis(
    neo: EmbeddedNeo, folder: Path, document: dict[str, Any], *options: str
) -> tuple[int | None, str]:
    """Run it against the embedded Neo; its exit code and what it said."""
    (folder / "contract.json").write_text(json.dumps(told(document)), encoding="utf-8")
    settings = settings_for(neo, await things_there_are(neo))
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
        *("--config-file", str(folder / "settings.toml"), "run", str(folder / "contract.json")),
        *("--url", neo.url, "--generation-deterministic", "--no-shrink"),
        *("--continue-on-failure", "--request-timeout", "10", "--warnings", "off", *options),
        cwd=folder,
        env={"PATH": str(BIN), "HOME": str(folder), "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(MOST_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()


async def test_the_whole_contract_is_kept(tmp_path: Path) -> None:
    async with EmbeddedNeo(
        now=running_clock(), runs=200, seed=7, pace_seconds=1, rate_limit=10**9
    ) as neo:
        code, said = await schemathesis(
            neo, tmp_path, contract(), "--phases", "examples,coverage,fuzzing,stateful", "-n", "3"
        )

    assert code == 0, said
    assert "Tested: 53" in said


async def test_the_statuses_of_the_served_document_are_those_that_are_shown(
    tmp_path: Path,
) -> None:
    async with EmbeddedNeo(
        now=running_clock(), runs=200, seed=7, pace_seconds=1, rate_limit=10**9
    ) as neo:
        async with ClientSession() as session:
            served = (await Client(session, neo).get("/openapi.json")).body
        code, said = await schemathesis(
            *(neo, tmp_path, served, "--phases", "fuzzing", "-n", "5"),
            *("--include-path-regex", "/(executions|til-requests)", "--mode", "positive"),
        )

    assert code == 0, said
    assert "Selected: 8/53" in said
