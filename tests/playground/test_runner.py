from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.errors import ConfigurationError
from bot.node import Node
from bot.playground.runner import Playground
from bot.playground.scene import PlaygroundUser, Scene

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".playground"
NO_BOT = "http://127.0.0.1:9/api/messages"


def _person(number: int, name: str) -> PlaygroundUser:
    given = name.partition(" ")[0].lower()
    return PlaygroundUser(
        f"9c2d71a{number}-51b4-4a6f-8f0e-6a8d2c3b7e10", name, f"{given}@contoso.example"
    )


SCENE = Scene(
    tenant="6babcaad-604b-40ac-a9d7-9fd97c0b779f",
    bot="28:0f6a1c2d-51b4-4a6f-8f0e-6a8d2c3b7e10",
    me=_person(0, "Alex Wilber"),
    colleagues=(
        _person(1, "Megan Bowen"),
        _person(2, "Lee Gu"),
        _person(3, "Adele Vance"),
        _person(4, "Isaiah Langer"),
        _person(5, "Patti Fernandez"),
    ),
    team_object_id="5d3e1c52-7e5b-4b0a-9a83-0f6a1c2d3e4f",
)


def _playground(*, port: int = 0, node: Node | None = None, scene: Scene = SCENE) -> Playground:
    return Playground(scene, bot_endpoint=NO_BOT, folder=FOLDER, port=port, say=print, node=node)


def _port(playground: Playground) -> int:
    return int(playground.url.rpartition(":")[2])


async def test_it_shows_the_scene_while_it_runs_and_is_gone_afterwards() -> None:
    async with _playground() as playground:
        async with httpx.AsyncClient(trust_env=False) as client:
            page = await client.get(playground.url)
            member = await client.get(
                f"{playground.url}/_connector/v3/conversations/{SCENE.group}/members/"
                f"{SCENE.colleagues[0].object_id}",
                headers={"Authorization": "Bearer none"},
            )
        assert "<html" in page.text
        assert member.json()["name"] == "Megan Bowen"
        assert member.json()["aadObjectId"] == SCENE.colleagues[0].object_id
        assert member.json()["tenantId"] == SCENE.tenant
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", _port(playground))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
async def test_it_listens_on_loopback_alone() -> None:
    async with _playground() as playground:
        # Where it listened on every interface, the same port could not be bound beside it.
        with socket.socket() as beside:
            beside.bind(("127.0.0.2", _port(playground)))
            assert beside.getsockname()[1] == _port(playground)


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} is taken"):
            async with _playground(port=port):
                pytest.fail("it cannot have started")


async def test_it_uses_exactly_the_port_it_was_given() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with _playground(port=port) as playground:
        assert playground.url == f"http://127.0.0.1:{port}"


async def test_its_last_words_are_told_where_it_does_not_start() -> None:
    refused = replace(SCENE, bot_name="N" * 43)
    with pytest.raises(ConfigurationError, match="bot/name"):
        async with _playground(scene=refused):
            pytest.fail("it cannot have started")


async def test_who_runs_it_hears_that_it_ended_by_itself() -> None:
    async with _playground() as playground:
        process = playground._process
        assert process is not None
        process.kill()
        assert await playground.wait() != 0


async def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio\n"
        "from tests.playground.test_runner import _playground\n"
        "async def main():\n"
        "    async with _playground() as playground:\n"
        "        print(playground.url, flush=True)\n"
        "        await playground.wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    url = ""
    while not url.startswith("http"):
        line = await asyncio.wait_for(parent.stdout.readline(), 60)
        assert line, "the parent ended early"
        url = line.decode().strip()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    parent.kill()
    await parent.wait()
    # The connection ends when the Playground does.
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
