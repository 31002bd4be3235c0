"""A key is read from where it is kept, read again in time, and shown to nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
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
from tests.workplace import ELSEWHERE, TENANT

FIRST, SECOND = "neo_sk_test_first", "neo_sk_test_second"
HOST = "northwind.vault.azure.net"
NAME = "TENANTS_FILE, Northwind IT"


class Stopwatch:
    """Seconds, as a test lets them pass."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def goes_on(self, *, seconds: float) -> None:
        self.seconds += seconds


class Pause:
    """Takes no time; something may happen meanwhile."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self.waited: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.meanwhile()


@pytest.fixture
def elapsed() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def pause() -> Pause:
    return Pause()


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
async def in_file(path: Path, elapsed: Stopwatch, pause: Pause) -> AsyncIterator[FileKey]:
    key = FileKey(path, name=NAME, ring=KeyRing(), elapsed=elapsed, sleep=pause)
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
        (b"NEO_API_KEY=hush\n", "the key alone, .* without quotes and without NEO_API_KEY="),
        (b"export NEO_API_KEY=hush\n", "the key alone"),
        (b"neo_api_key='hush'", "the key alone"),
        (b'"hush"\n', "without quotes"),
        (b"'hush'", "without quotes"),
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
    in_file: FileKey, path: Path, elapsed: Stopwatch
) -> None:
    assert await used(in_file) == FIRST
    put(path, SECOND)
    elapsed.goes_on(seconds=59)
    await used(in_file)
    await settled(in_file)
    assert await used(in_file) == FIRST
    elapsed.goes_on(seconds=1)
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
    in_file: FileKey, path: Path, elapsed: Stopwatch
) -> None:
    known = await in_file.current()
    put(path, "hush hush")
    elapsed.goes_on(seconds=60)
    with capture_logs() as lines:
        assert await in_file.current() == known
        await settled(in_file)
        elapsed.goes_on(seconds=4)
        assert await in_file.current() == known
        assert await in_file.renewed(known) is None
        await settled(in_file)
    assert [(line["event"], line["log_level"]) for line in lines] == [("key.not_read", "warning")]
    assert "hush" not in str(lines)
    assert FIRST not in str(lines)
    put(path, SECOND)
    elapsed.goes_on(seconds=1)
    assert await in_file.renewed(known) == SecretStr(SECOND)


class Counted(FileKey):
    """Counts how often it is read, and waits until it may go on."""

    def __init__(self, path: Path, elapsed: Stopwatch) -> None:
        super().__init__(path, name=NAME, ring=KeyRing(), elapsed=elapsed)
        self.times = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def _read(self) -> str:
        self.times += 1
        await self.go_on.wait()
        return await super()._read()


async def test_many_calls_that_are_refused_at_once_read_once(
    path: Path, elapsed: Stopwatch
) -> None:
    key = Counted(path, elapsed)
    refused = await key.current()
    put(path, SECOND)
    found = await asyncio.gather(*(key.renewed(refused) for _ in range(20)))
    assert set(found) == {SecretStr(SECOND)}
    assert key.times == 2


async def test_nobody_waits_while_a_key_that_is_known_is_read_again(
    path: Path, elapsed: Stopwatch
) -> None:
    key = Counted(path, elapsed)
    known = await key.current()
    elapsed.goes_on(seconds=3600)
    key.go_on.clear()
    assert await key.current() == known
    assert await key.current() == known
    await key.close()
    assert key.times == 1  # ended before it had begun
    assert await key.current() == known


async def test_a_call_that_is_cancelled_does_not_end_the_reading_for_the_others(
    path: Path, elapsed: Stopwatch
) -> None:
    key = Counted(path, elapsed)
    key.go_on.clear()
    one, other = (asyncio.create_task(key.current()) for _ in range(2))
    await asyncio.wait({one}, timeout=0)
    one.cancel()
    key.go_on.set()
    assert await other == SecretStr(FIRST)
    assert key.times == 1


async def test_a_file_that_is_emptied_and_then_written_is_read_once_more(
    in_file: FileKey, path: Path, pause: Pause
) -> None:
    refused = await in_file.current()
    for interrupt in (partial(put, path, ""), partial(remove, path)):
        put(path, FIRST)
        interrupt()
        pause.meanwhile = partial(put, path, SECOND)
        assert await in_file.renewed(refused) == SecretStr(SECOND)
        refused = SecretStr(SECOND)
        put(path, FIRST)
        assert await in_file.renewed(refused) == SecretStr(FIRST)
        refused = SecretStr(FIRST)
    assert pause.waited == [0.2, 0.2]


async def test_while_neo_refuses_the_key_a_reading_that_failed_is_tried_again_after_5_seconds(
    in_file: FileKey, path: Path, elapsed: Stopwatch
) -> None:
    refused = await in_file.current()
    put(path, "")
    assert await in_file.renewed(refused) is None
    put(path, SECOND)
    elapsed.goes_on(seconds=4.9)
    assert await in_file.renewed(refused) is None
    elapsed.goes_on(seconds=0.1)
    assert await in_file.renewed(refused) == SecretStr(SECOND)


async def test_a_reading_that_began_before_the_key_was_refused_is_not_the_last_word(
    path: Path, elapsed: Stopwatch
) -> None:
    class Slow(Counted):
        """Holds what it has read until it may go on."""

        has_read = asyncio.Event()

        async def _read(self) -> str:
            self.times += 1
            found = await FileKey._read(self)
            self.has_read.set()
            await self.go_on.wait()
            return found

    key = Slow(path, elapsed)
    refused = await key.current()
    elapsed.goes_on(seconds=60)
    key.has_read.clear()
    key.go_on.clear()
    await key.current()
    await key.has_read.wait()
    put(path, SECOND)
    asking = asyncio.gather(*(key.renewed(refused) for _ in range(5)))
    await asyncio.wait({asking}, timeout=0)
    key.go_on.set()
    assert set(await asking) == {SecretStr(SECOND)}
    assert key.times == 3
    await key.close()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
async def test_only_a_regular_file_is_opened(tmp_path: Path, kind: str) -> None:
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    key = FileKey(path, name=NAME, ring=KeyRing(), sleep=Pause())
    with pytest.raises(ConfigurationError, match="no regular file") as caught:
        await key.current()
    assert str(path) in str(caught.value)


# Several tenants' files


@dataclass
class Several:
    """Tenants whose keys are in files."""

    keys: list[FileKey]
    paths: list[Path]

    async def read(self) -> list[str]:
        return [await used(key) for key in self.keys]

    def write(self, *contents: str) -> None:
        for path, content in zip(self.paths, contents, strict=True):
            put(path, content)

    async def are_refused(self) -> None:
        """Neo refuses each one's key, all at the same time."""
        known = [await key.current() for key in self.keys]
        await asyncio.gather(*(key.renewed(one) for key, one in zip(self.keys, known, strict=True)))


@pytest.fixture
async def three(tmp_path: Path, elapsed: Stopwatch, pause: Pause) -> AsyncIterator[Several]:
    ring = KeyRing()
    paths = [tmp_path / name for name in ("contoso", "fabrikam", "adatum")]
    read = [
        FileKey(path, name=path.name, ring=ring, elapsed=elapsed, sleep=pause) for path in paths
    ]
    several = Several(read, paths)
    several.write("key_a", "key_b", "key_c")
    assert await several.read() == ["key_a", "key_b", "key_c"]
    yield several
    for key in read:
        await key.close()


@pytest.mark.parametrize("contents", [("key_b", "key_a", "key_c"), ("key_b", "key_c", "key_a")])
@pytest.mark.parametrize("at_once", [True, False])
async def test_tenants_whose_keys_are_swapped_get_them(
    three: Several, elapsed: Stopwatch, contents: tuple[str, ...], *, at_once: bool
) -> None:
    three.write(*contents)
    if at_once:
        async with asyncio.timeout(5):
            await three.are_refused()
    else:
        for key in three.keys:
            elapsed.goes_on(seconds=60)
            await key.current()
            await settled(key)
    assert await three.read() == list(contents)


async def test_a_key_that_its_own_tenants_file_still_holds_is_given_to_no_other(
    three: Several,
) -> None:
    three.write("key_b", "key_b", "key_c")
    with capture_logs() as lines:
        assert await three.keys[0].renewed(SecretStr("key_a")) is None
    assert "the key of another tenant" in lines[0]["reason"]
    assert await three.read() == ["key_a", "key_b", "key_c"]


async def test_a_key_whose_own_file_cannot_be_read_is_given_to_no_other(three: Several) -> None:
    three.write("key_b", "", "key_c")
    assert await three.keys[0].renewed(SecretStr("key_a")) is None
    assert await three.read() == ["key_a", "key_b", "key_c"]


async def test_whose_file_holds_a_third_ones_key_is_left_with_none_and_told(
    three: Several,
) -> None:
    three.write("key_b", "key_c", "key_c")
    assert await three.keys[0].renewed(SecretStr("key_a")) == SecretStr("key_b")
    with pytest.raises(ConfigurationError, match=r"fabrikam.*the key of another tenant"):
        await three.keys[1].current()
    assert await used(three.keys[2]) == "key_c"


async def test_a_written_key_is_given_to_no_other(path: Path) -> None:
    ring = KeyRing()
    ring.add(FixedKey(SecretStr(FIRST)))
    key = FileKey(path, name=NAME, ring=ring)
    with pytest.raises(ConfigurationError, match="the key of another tenant"):
        await key.current()


async def test_a_written_key_is_as_it_is() -> None:
    key = FixedKey(SecretStr(FIRST))
    assert await key.current() == SecretStr(FIRST)
    assert await key.renewed(SecretStr(FIRST)) is None


def test_no_repr_shows_a_key(in_file: FileKey) -> None:
    tenant = Tenant(TENANT, "Northwind", WrittenKey(SecretStr(FIRST)), setting="NEO_API_KEY")
    ring = KeyRing()
    ring.add(FixedKey(SecretStr(FIRST)))
    in_file._known = SecretStr(FIRST)
    for one in (FixedKey(SecretStr(FIRST)), in_file, tenant, ring, vars(ring), vars(in_file)):
        assert FIRST not in repr(one) + str(one)


# Every tenant's


@pytest.mark.parametrize("identity", ["4f3c2b1a-0000-4000-8000-00000000b070", None])
async def test_each_tenant_has_the_key_that_its_setting_names(
    path: Path, elapsed: Stopwatch, identity: str | None
) -> None:
    tenants = (
        Tenant(TENANT, "Northwind IT", KeyFile(path), setting=NAME),
        Tenant(ELSEWHERE, "Wingtip", WrittenKey(SecretStr(SECOND)), setting="TENANTS_FILE"),
        Tenant("third", "Adatum", VaultSecret(HOST, "neo-key"), setting="TENANTS_FILE, Adatum"),
    )
    async with keys.opened(tenants, managed_identity=identity, elapsed=elapsed) as own:
        assert isinstance(own["third"], VaultKey)
        assert await own[TENANT].current() == SecretStr(FIRST)
        assert await own[ELSEWHERE].current() == SecretStr(SECOND)


async def test_all_keys_that_cannot_be_read_are_named_at_once(
    path: Path, elapsed: Stopwatch
) -> None:
    tenants = (
        Tenant(TENANT, "Northwind IT", KeyFile(path), setting="Northwind"),
        Tenant(ELSEWHERE, "Wingtip", WrittenKey(SecretStr(FIRST)), setting="Wingtip"),
        Tenant("third", "Adatum", KeyFile(path.with_name("none")), setting="Adatum"),
    )
    async with keys.opened(tenants, elapsed=elapsed) as own:
        with pytest.raises(ConfigurationError) as caught:
            await keys.read(own)
    told = str(caught.value)
    assert "Northwind: the key in" in told
    assert "It holds the key of another tenant" in told
    assert "Adatum: the key in" in told
    assert FIRST not in told


async def test_all_keys_that_can_be_read_are_read(path: Path, elapsed: Stopwatch) -> None:
    async with keys.opened(
        (Tenant(TENANT, "Northwind IT", KeyFile(path), setting=NAME),), elapsed=elapsed
    ) as own:
        await keys.read(own)
        remove(path)
        assert await own[TENANT].current() == SecretStr(FIRST)


async def test_the_time_of_day_is_not_asked(path: Path, elapsed: Stopwatch) -> None:
    """It may be set back by an hour, and a key's age may not."""

    def time_of_day() -> datetime:
        raise AssertionError("asked")

    tenant = Tenant(TENANT, "Northwind IT", KeyFile(path), setting=NAME)
    async with keys.opened((tenant,), clock=time_of_day, elapsed=elapsed) as own:
        refused = await own[TENANT].current()
        put(path, "hush hush")
        assert await own[TENANT].renewed(refused) is None
        put(path, SECOND)
        elapsed.goes_on(seconds=5)
        assert await own[TENANT].renewed(refused) == SecretStr(SECOND)
