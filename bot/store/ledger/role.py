"""The database role that the bot works as: it can add to the ledger, and not change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
import structlog
from psycopg import Connection, sql

_ADD_ONLY: Final = ("ledger", "approval_versions")
_READ_ONLY: Final = (
    "ledger_heads",
    "ledger_checkpoints",
    "ledger_retention",
    "bot_role",
    "alembic_version",
)
_FUNCTIONS: Final = (
    "next_in_ledger",
    "add_to_ledger",
    "forget_ledger_months",
    "forget_approval_versions",
)

log = structlog.get_logger()


def prepare(conn: Connection[Any], *, ledger_months: int | None) -> None:
    """Have a role for the bot in this database, with what it needs on every table.

    How long the ledger is kept is written down with it, where that role cannot change it.

    Each database has one of its own, for roles belong to the whole server: with one in common, the
    login of one bot could read the database of another. Where the account may not make roles, the
    bot works as the account itself, which has given up changing the ledger (migration 0004). Where
    it does not own the tables, somebody else has seen to all of this.

    Call it when every migration is done, with nobody else doing the same.
    """
    owns = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'ledger'::regclass"
    kept = _one(conn, "SELECT max(months) FROM ledger_retention")
    if not _one(conn, owns):
        if kept != ledger_months:
            log.warning("ledger.months_not_set", wanted=ledger_months, kept=kept)
        return
    if kept != ledger_months:
        _keep(conn, ledger_months)
    role = _one(
        conn,
        "SELECT name FROM bot_role JOIN pg_roles r ON rolname = name"
        " WHERE pg_has_role(r.oid, 'MEMBER')",
    ) or _made(conn)
    if role is None:
        conn.execute("DELETE FROM bot_role")
        log.info("database.without_role")
        return
    _grant(conn, role)


def _keep(conn: Connection[Any], months: int | None) -> None:
    """Set for how many months the ledger is kept; the owner too has no right to it but here."""
    conn.execute("GRANT INSERT, DELETE ON ledger_retention TO CURRENT_USER")
    conn.execute("DELETE FROM ledger_retention")
    if months is not None:
        conn.execute("INSERT INTO ledger_retention VALUES (%s)", (months,))
    conn.execute("REVOKE INSERT, DELETE ON ledger_retention FROM CURRENT_USER")


def _made(conn: Connection[Any]) -> str | None:
    """A new role, recorded as the bot's; None where this account may make none."""
    role = _one(conn, "SELECT 'neo_bot_' || left(replace(gen_random_uuid()::text, '-', ''), 12)")
    name = sql.Identifier(role)
    try:
        with conn.transaction():
            conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
            conn.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
            conn.execute("DELETE FROM bot_role")
            conn.execute("INSERT INTO bot_role VALUES (%s)", (role,))
    except psycopg.errors.InsufficientPrivilege:
        return None
    return str(role)


def _grant(conn: Connection[Any], role: str) -> None:
    """Give it what it lacks; what it has is not given again, for that would disturb others."""
    for privilege, kind, thing in _lacking(conn, role):
        conn.execute(
            sql.SQL("GRANT {} ON {} {} TO {}").format(
                sql.SQL(privilege), sql.SQL(kind), sql.SQL(thing), sql.Identifier(role)
            )
        )


def _lacking(conn: Connection[Any], role: str) -> Sequence[tuple[str, str, str]]:
    return conn.execute(
        """
        WITH here AS (
            SELECT relnamespace AS schema FROM pg_class WHERE oid = 'ledger'::regclass
        ), relations AS (
            SELECT c.oid, c.relname, c.relkind FROM pg_class c, here
            WHERE c.relnamespace = here.schema AND NOT c.relispartition
                AND c.relkind IN ('r', 'p', 'S') AND pg_has_role(c.relowner, 'USAGE')
        )
        SELECT 'USAGE', 'SCHEMA', here.schema::regnamespace::text FROM here
            WHERE NOT has_schema_privilege(%(role)s, here.schema, 'USAGE')
        UNION ALL
        SELECT p, 'TABLE', r.oid::regclass::text FROM relations r, unnest(CASE
                WHEN r.relname = ANY(%(read_only)s) THEN '{SELECT}'
                WHEN r.relname = ANY(%(add_only)s) THEN '{SELECT,INSERT}'
                ELSE '{SELECT,INSERT,UPDATE,DELETE}' END::text[]) p
            WHERE r.relkind <> 'S' AND NOT has_table_privilege(%(role)s, r.oid, p)
        UNION ALL
        SELECT 'USAGE', 'SEQUENCE', r.oid::regclass::text FROM relations r
            WHERE CASE r.relkind  -- of a table, one may not ask this
                WHEN 'S' THEN NOT has_sequence_privilege(%(role)s, r.oid, 'USAGE') END
        UNION ALL
        SELECT 'EXECUTE', 'FUNCTION', f.oid::regprocedure::text FROM pg_proc f, here
            WHERE f.pronamespace = here.schema AND f.proname = ANY(%(functions)s)
                AND NOT has_function_privilege(%(role)s, f.oid, 'EXECUTE')
        """,
        {
            "role": role,
            "read_only": list(_READ_ONLY),
            "add_only": list(_ADD_ONLY),
            "functions": list(_FUNCTIONS),
        },
    ).fetchall()


def _one(conn: Connection[Any], question: str) -> Any:
    row = conn.execute(question.encode()).fetchone()
    return row[0] if row else None
