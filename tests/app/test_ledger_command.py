"""``python -m bot ledger``: what it says, writes and refuses."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.ledger_command import main
from bot.settings import Settings
from bot.store import ledger
from bot.store.database import Pool
from bot.store.ledger import Entry, Row
from bot.store.ledger.rows import COLUMNS
from tests.app.service import as_url
from tests.workplace import ELSEWHERE, MEGAN, START, TENANT

ENTRY = Entry(
    tenant=TENANT,
    at=START,
    approval="481",
    person=MEGAN[0],
    person_name=MEGAN[1],
    conversation="a:megan",
    wish="reject",
    outcome="sent",
    reason="",
    comment='=HYPERLINK("https://evil.example")',
    shown="",
    took_ms=112,
)


@pytest.fixture
async def rows(db: Pool) -> Sequence[Row]:
    async with db.connection() as conn:
        entries = [replace(ENTRY, at=START + timedelta(days=n)) for n in range(3)]
        entries.append(replace(ENTRY, tenant=ELSEWHERE, comment='"Wrong", he said\nand hung up'))
        return [await ledger.add(conn, entry) for entry in entries]


class Command:
    """Runs the command and keeps what it says."""

    def __init__(self, url: str) -> None:
        self.settings = Settings(database_url=SecretStr(as_url(url)))
        self.out, self.err = "", ""

    async def __call__(self, *argv: str) -> int:
        out, err = io.StringIO(), io.StringIO()
        status = await main(argv, load=lambda: self.settings, out=out, err=err)
        self.out, self.err = out.getvalue(), err.getvalue()
        return status


@pytest.fixture
def command(database_url: str) -> Command:
    return Command(database_url)


async def test_a_whole_ledger_is_told_with_its_heads(rows: Sequence[Row], command: Command) -> None:
    assert await command("verify") == 0
    assert command.out.splitlines() == [
        f"✓ {TENANT}: 3 rows, the last at position 3, head {rows[2].hash}",
        f"✓ {ELSEWHERE}: 1 rows, the last at position 1, head {rows[3].hash}",
    ]
    assert await command("verify", "--tenant", ELSEWHERE, "--head", rows[3].hash.upper()) == 0
    assert command.out.splitlines()[1] == f"✓ {ELSEWHERE}: the hash is at position 1"


async def test_the_first_broken_row_is_named(
    rows: Sequence[Row], command: Command, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE ledger SET outcome = 'decided' WHERE position = 2")
    assert await command("verify") == 1
    assert command.out.splitlines()[0] == (
        f"✕ {TENANT}: broken at position 2, 2026-11-24T14:00:00.000000+00:00, approval 481:"
        " its hash does not match what it says, or that of the row before (HASH)"
    )
    assert command.out.splitlines()[1].startswith("✓")


async def test_a_hash_that_is_not_there_any_more_is_told(
    rows: Sequence[Row], command: Command
) -> None:
    assert await command("verify", "--head", "ab" * 32) == 1
    assert "is not in the ledger" in command.out
    # One of another tenant's does not count for this one.
    assert await command("verify", "--tenant", TENANT, "--head", rows[3].hash) == 1


async def test_a_tenant_that_is_not_there_is_told_with_those_that_are(
    rows: Sequence[Row], command: Command
) -> None:
    assert await command("verify", "--tenant", "northwind") == 2
    assert TENANT in command.err


async def test_an_empty_ledger_is_whole(command: Command) -> None:
    assert await command("verify") == 0
    assert command.out == "The ledger is empty.\n"


async def test_lines_of_json_are_the_rows_exactly(rows: Sequence[Row], command: Command) -> None:
    assert await command("export", "--since", "2026-11-01", "--format", "jsonl") == 0
    found = [json.loads(line) for line in command.out.splitlines()]
    for one in found:
        one["at"] = datetime.fromisoformat(one["at"])
    read = [Row.read(one) for one in found]
    assert read == list(rows)
    assert [row.seal() for row in read] == [row.hash for row in rows]
    assert command.err == "4 rows exported\n"


async def test_a_table_runs_nothing_in_a_spreadsheet(
    rows: Sequence[Row], command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.csv"
    asked = ["export", "--since", "2026-11-01", "--format", "csv", "--out", str(file)]
    assert await command(*asked) == 0
    with file.open(encoding="utf-8", newline="") as text:
        table = list(csv.DictReader(text))
    assert list(table[0]) == list(COLUMNS)
    assert [one["comment"] for one in table[2:]] == [
        """'=HYPERLINK("https://evil.example")""",
        '"Wrong", he said\nand hung up',
    ]
    assert [one["hash"] for one in table] == [row.hash for row in rows]
    assert table[0]["at"] == "2026-11-23T14:00:00.000000+00:00"
    assert table[0]["took_ms"] == "112"
    # What is there already is not written over.
    assert await command(*asked) == 2
    assert "exists already" in command.err


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
async def test_every_sign_that_starts_a_formula_is_disarmed(
    db: Pool, command: Command, sign: str
) -> None:
    async with db.connection() as conn:
        await ledger.add(conn, replace(ENTRY, reason=f"{sign}1"))
    assert await command("export", "--since", "2026-11-01", "--format", "csv") == 0
    [row] = csv.DictReader(io.StringIO(command.out, newline=""))
    assert row["reason"] == f"'{sign}1"


SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
async def test_no_separator_makes_a_formula_of_a_text(
    db: Pool, command: Command, separator: str
) -> None:
    starts = [
        "",
        " ",
        "\xa0",
        "ok;",
        "ok; ",
        "ok\t",
        "ok|",
        'ok;"',
        'ok;""',
        "ok;\n",
        "ok\r\n",
        "ok\v",
    ]
    async with db.connection() as conn:
        for start in starts:
            for sign in SIGNS:
                await ledger.add(conn, replace(ENTRY, comment=f'{start}{sign}HYPERLINK("x","y")'))
    assert await command("export", "--since", "2026-11-01", "--format", "csv") == 0
    table = csv.reader(io.StringIO(command.out, newline=""), delimiter=separator)
    cells = [cell for line in table for cell in line]
    assert len(cells) > len(starts) * len(SIGNS)
    assert [cell for cell in cells if cell.strip().startswith(SIGNS)] == []


async def test_a_table_leaves_words_as_they_were_written(db: Pool, command: Command) -> None:
    said = 'Yes, -5 licences; a+b = c. Ask "Megan", @Alex\nor me: x@example.com (=me) | 3 - 1'
    async with db.connection() as conn:
        await ledger.add(conn, replace(ENTRY, comment=said))
    assert await command("export", "--since", "2026-11-01", "--format", "csv") == 0
    [row] = csv.DictReader(io.StringIO(command.out, newline=""))
    assert row["comment"] == said


@pytest.mark.parametrize(
    ("more", "positions"),
    [
        (["--since", "2026-11-24"], [2, 3]),
        (["--since", "2026-11-24T14:00+00:00", "--until", "2026-11-25T14:00Z"], [2]),
        (["--since", "2026-11-24T15:00+01:00", "--until", "2026-11-25"], [2]),
        (["--since", "2026-11-23", "--tenant", ELSEWHERE], [1]),
        (["--since", "2027-01-01"], []),
    ],
)
async def test_only_what_was_asked_for_is_exported(
    rows: Sequence[Row], command: Command, more: list[str], positions: list[int]
) -> None:
    assert await command("export", "--format", "jsonl", *more) == 0
    assert [json.loads(line)["position"] for line in command.out.splitlines()] == positions


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "required"),
        (["export", "--format", "csv"], "--since"),
        (["export", "--since", "2026-11-01"], "--format"),
        (["export", "--since", "November", "--format", "csv"], "no day such as"),
        (["export", "--since", "2026-11-01", "--format", "xml"], "invalid choice"),
        (["verify", "--head", "abc"], "64 digits"),
    ],
)
async def test_wrong_words_are_refused(
    command: Command, argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        await command(*argv)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


async def test_the_help_says_what_is_exported_without_an_end(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        await command("export", "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "before this day (UTC), or this instant; without it: to the end" in said


async def test_a_span_that_ends_before_it_begins_is_refused(command: Command) -> None:
    asked = ["--since", "2026-11-02", "--until", "2026-11-01", "--format", "csv"]
    assert await command("export", *asked) == 2
    assert "later than" in command.err


async def test_a_file_that_cannot_be_written_is_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "ledger.csv"
    asked = ["--since", "2026-11-01", "--format", "csv", "--out", str(file)]
    assert await command("export", *asked) == 2
    assert str(file) in command.err


async def test_a_login_that_may_only_read_the_ledger_is_enough(
    rows: Sequence[Row], postgresql: str, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("CREATE ROLE auditor LOGIN PASSWORD 'hush-hush'")
        conn.execute(
            "GRANT SELECT ON ledger, ledger_heads, ledger_checkpoints, approval_versions TO auditor"
        )
    url = make_conninfo(database_url, user="auditor", password="hush-hush")
    audit = Command(url)
    assert await audit("verify") == 0
    assert await audit("export", "--since", "2026-11-01", "--format", "jsonl") == 0
    with psycopg.connect(database_url) as conn:
        conn.execute("REVOKE SELECT ON ledger FROM auditor")
    with pytest.raises(ConfigurationError, match="may not read"):
        await audit("verify")
    with psycopg.connect(database_url) as conn:
        conn.execute("DROP OWNED BY auditor")
        conn.execute("DROP ROLE auditor")


async def test_a_database_without_a_ledger_says_so(postgresql: str) -> None:
    with pytest.raises(ConfigurationError, match="no ledger yet"):
        await Command(postgresql)("verify")


async def test_a_database_that_does_not_answer_says_so_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        await Command("postgresql://neo:hush-hush@127.0.0.1:1/neo")("verify")
    assert "hush-hush" not in str(caught.value)


async def test_a_reader_that_has_seen_enough_is_no_fault(
    rows: Sequence[Row], database_url: str, tmp_path: Path
) -> None:
    words = f"{sys.executable} -m bot ledger"
    since = "--since 2026-11-01 --format jsonl"
    for command, said in (
        (f"{words} export {since} | head -c 1 >{tmp_path / 'one'}", ""),
        (f"{words} verify | true", ""),
        (f"{words} verify >/dev/full", "could not be written (No space left on device)"),
        (f"{words} verify >&-", "There is no standard output"),
    ):
        ran = await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", command),
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": as_url(database_url)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await ran.communicate()
        assert "Traceback" not in err.decode()
        assert said in err.decode()
        assert said == "" or ran.returncode == 2
