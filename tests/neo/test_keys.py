"""A key is read from where it is kept, read again in time, and shown to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.errors import ConfigurationError
from bot.neo import keys
from bot.neo.keys import FileKey, FixedKey, KeyRing, StoredKey
from bot.neo.vault import VaultKey
from bot.tenants import KeyFile, Tenant, VaultSecret, WrittenKey
from tests.workplace import ELSEWHERE, TENANT, Clock

FIRST, SECOND = "neo_sk_test_first", "neo_sk_test_second"
HOST = "northwind.vault.azure.net"
NAME = "TENANTS_FILE, Northwind IT"


def anything(_: SecretStr) -> bool:
    return True


def put(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def remove(path: Path) -> None:
    path.unlink()


async def settled(key: StoredKey) -> None:
    """Wait for what is being read meanwhile."""
    if key._reading is not None:
        await asyncio.wait({key._reading})


async def used(key: StoredKey) -> str:
    return (await key.current()).get_secret_value()


# A file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    there = tmp_path / "northwind"
    there.write_text(f"{FIRST}\n")
    return there


@pytest.fixture
async def in_file(path: Path, clock: Clock) -> AsyncIterator[FileKey]:
    key = FileKey(path, name=NAME, accepts=anything, clock=clock)
    yield key
    await key.close()


@pytest.mark.parametrize("content", [f"{FIRST}", f" \t{FIRST}\r\n\n", f"\ufeff{FIRST}\n"])
async def test_a_file_holds_the_key_with_any_space_around_it(
    in_file: FileKey, path: Path, content: str
) -> None:
    put(path, content.encode())
    assert await used(in_file) == FIRST


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "It is empty"),
        (b" \n", "It is empty"),
        (b"hush hush", "one word of ASCII"),
        ("hüsh".encode(), "one word of ASCII"),
        (b"\xff\xfehush", "saved as UTF-8"),
        (b"NEO_API_KEY=hush\nOTHER=hush\n", "the key alone"),
    ],
)
async def test_a_file_without_a_key_is_named_and_its_content_is_not(
    in_file: FileKey, path: Path, content: bytes, said: str
) -> None:
    put(path, content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        await in_file.current()
    assert str(path) in str(caught.value)
    assert NAME in str(caught.value)
    assert "sh" not in str(caught.value).replace(str(path), "").replace("should", "")
    assert caught.value.__cause__ is None


async def test_a_file_that_is_missing_at_first_can_be_put_there(
    in_file: FileKey, path: Path
) -> None:
    remove(path)
    with pytest.raises(ConfigurationError, match=r"cannot be read \(No such file or directory\)"):
        await in_file.current()
    put(path, FIRST)
    assert await used(in_file) == FIRST


async def test_a_file_is_read_again_at_the_next_use_after_a_minute(
    in_file: FileKey, path: Path, clock: Clock
) -> None:
    assert await used(in_file) == FIRST
    put(path, SECOND)
    clock.goes_on(seconds=59)
    await used(in_file)
    await settled(in_file)
    assert await used(in_file) == FIRST
    clock.goes_on(seconds=1)
    await used(in_file)
    await settled(in_file)
    assert await used(in_file) == SECOND


async def test_when_the_key_is_refused_the_file_is_read_at_once(
    in_file: FileKey, path: Path
) -> None:
    refused = await in_file.current()
    assert await in_file.renewed(refused) is None
    put(path, SECOND)
    assert await in_file.renewed(refused) == SecretStr(SECOND)
    remove(path)
    # Somebody else's call was refused with the old key too: what is known by now is given.
    assert await in_file.renewed(refused) == SecretStr(SECOND)


async def test_a_file_that_can_no_longer_be_read_leaves_the_key_that_is_known(
    in_file: FileKey, path: Path, clock: Clock
) -> None:
    known = await in_file.current()
    put(path, "hush hush")
    clock.goes_on(minutes=1)
    with capture_logs() as lines:
        assert await in_file.current() == known
        await settled(in_file)
        clock.goes_on(seconds=29)
        assert await in_file.current() == known
        assert await in_file.renewed(known) is None
        await settled(in_file)
    assert [(line["event"], line["log_level"]) for line in lines] == [("key.not_read", "warning")]
    assert "hush" not in str(lines)
    assert FIRST not in str(lines)
    put(path, SECOND)
    clock.goes_on(seconds=1)
    assert await in_file.renewed(known) == SecretStr(SECOND)


class Counted(FileKey):
    """Counts how often it is read, and waits until it may go on."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, name=NAME, accepts=anything, clock=clock)
        self.times = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def _read(self) -> str:
        self.times += 1
        await self.go_on.wait()
        return await super()._read()


async def test_many_calls_that_are_refused_at_once_read_once(path: Path, clock: Clock) -> None:
    key = Counted(path, clock)
    refused = await key.current()
    put(path, SECOND)
    found = await asyncio.gather(*(key.renewed(refused) for _ in range(20)))
    assert set(found) == {SecretStr(SECOND)}
    assert key.times == 2


async def test_nobody_waits_while_a_key_that_is_known_is_read_again(
    path: Path, clock: Clock
) -> None:
    key = Counted(path, clock)
    known = await key.current()
    clock.goes_on(hours=1)
    key.go_on.clear()
    assert await key.current() == known
    assert await key.current() == known
    await key.close()
    assert key.times == 1  # ended before it had begun
    assert await key.current() == known


async def test_a_call_that_is_cancelled_does_not_end_the_reading_for_the_others(
    path: Path, clock: Clock
) -> None:
    key = Counted(path, clock)
    key.go_on.clear()
    one, other = (asyncio.create_task(key.current()) for _ in range(2))
    await asyncio.wait({one}, timeout=0)
    one.cancel()
    key.go_on.set()
    assert await other == SecretStr(FIRST)
    assert key.times == 1


async def test_a_key_that_another_tenant_uses_is_not_taken(
    path: Path, tmp_path: Path, clock: Clock
) -> None:
    ring = KeyRing()
    theirs = tmp_path / "wingtip"
    put(theirs, SECOND)
    async with AsyncExitStack() as stack:
        ours, other = (
            FileKey(there, name=name, accepts=partial(ring.takes, name), clock=clock)
            for there, name in ((path, "ours"), (theirs, "theirs"))
        )
        stack.push_async_callback(ours.close)
        stack.push_async_callback(other.close)
        known = await other.current()
        await ours.current()
        put(theirs, FIRST)
        with capture_logs() as lines:
            assert await other.renewed(known) is None
        assert "the key of another tenant" in lines[0]["reason"]
        assert await other.current() == known


async def test_a_written_key_is_as_it_is() -> None:
    key = FixedKey(SecretStr(FIRST))
    assert await key.current() == SecretStr(FIRST)
    assert await key.renewed(SecretStr(FIRST)) is None


def test_no_repr_shows_a_key(in_file: FileKey) -> None:
    tenant = Tenant(TENANT, "Northwind", WrittenKey(SecretStr(FIRST)), setting="NEO_API_KEY")
    ring = KeyRing()
    ring.takes(TENANT, SecretStr(FIRST))
    in_file._known = SecretStr(FIRST)
    for one in (FixedKey(SecretStr(FIRST)), in_file, tenant, ring, vars(ring), vars(in_file)):
        assert FIRST not in repr(one) + str(one)


# Every tenant's


@pytest.mark.parametrize("identity", ["4f3c2b1a-0000-4000-8000-00000000b070", None])
async def test_each_tenant_has_the_key_that_its_setting_names(
    path: Path, clock: Clock, identity: str | None
) -> None:
    tenants = (
        Tenant(TENANT, "Northwind IT", KeyFile(path), setting=NAME),
        Tenant(ELSEWHERE, "Wingtip", WrittenKey(SecretStr(SECOND)), setting="TENANTS_FILE"),
        Tenant("third", "Adatum", VaultSecret(HOST, "neo-key"), setting="TENANTS_FILE, Adatum"),
    )
    async with keys.opened(tenants, managed_identity=identity, clock=clock) as own:
        assert isinstance(own["third"], VaultKey)
        assert await own[TENANT].current() == SecretStr(FIRST)
        assert await own[ELSEWHERE].current() == SecretStr(SECOND)


async def test_all_keys_that_cannot_be_read_are_named_at_once(path: Path, clock: Clock) -> None:
    tenants = (
        Tenant(TENANT, "Northwind IT", KeyFile(path), setting="Northwind"),
        Tenant(ELSEWHERE, "Wingtip", WrittenKey(SecretStr(FIRST)), setting="Wingtip"),
        Tenant("third", "Adatum", KeyFile(path.with_name("none")), setting="Adatum"),
    )
    async with keys.opened(tenants, clock=clock) as own:
        with pytest.raises(ConfigurationError) as caught:
            await keys.read(own)
    told = str(caught.value)
    assert "Northwind: the key in" in told
    assert "It holds the key of another tenant" in told
    assert "Adatum: the key in" in told
    assert FIRST not in told


async def test_all_keys_that_can_be_read_are_read(path: Path, clock: Clock) -> None:
    async with keys.opened(
        (Tenant(TENANT, "Northwind IT", KeyFile(path), setting=NAME),), clock=clock
    ) as own:
        await keys.read(own)
        remove(path)
        assert await own[TENANT].current() == SecretStr(FIRST)
