"""The ledger as a chain of sealed rows per tenant, in months, that nobody can change unnoticed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from alembic import op
from psycopg import Connection, sql
from psycopg.rows import dict_row

revision = "0004"
down_revision = "0003"

TABLES = """
ALTER TABLE ledger RENAME TO ledger_before;
ALTER INDEX ledger_pkey RENAME TO ledger_before_pkey;
ALTER INDEX ledger_of_an_approval RENAME TO ledger_before_of_an_approval;

-- One table per month, so that old months can be dropped; `make_ledger_month` makes them.
CREATE TABLE ledger (
    tenant text NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    at timestamptz NOT NULL,
    approval text NOT NULL,
    person text NOT NULL,
    person_name text NOT NULL,
    for_person text,
    for_name text,
    conversation text NOT NULL,
    scope text NOT NULL,
    wish text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    comment text NOT NULL,
    shown text NOT NULL,
    sent text NOT NULL,
    answered text NOT NULL,
    request_id text,
    took_ms integer,
    kept boolean NOT NULL,
    previous text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (tenant, position, at)
) PARTITION BY RANGE (at);
CREATE INDEX ledger_of_an_approval ON ledger (tenant, approval);

-- The last row of each tenant: adding locks it, and only adding a row moves it on.
CREATE TABLE ledger_heads (
    tenant text PRIMARY KEY,
    position bigint NOT NULL,
    hash text NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Where the chain starts after months were dropped: the last row that is gone.
CREATE TABLE ledger_checkpoints (
    tenant text NOT NULL,
    position bigint NOT NULL,
    hash text NOT NULL,
    at timestamptz NOT NULL,
    removed bigint NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, position)
);

-- The role that the bot works as, if one could be made: one row or none.
CREATE TABLE bot_role (name text NOT NULL);
"""

# Those that may do more than who calls them look nowhere else for tables than here.
FUNCTIONS = """
CREATE FUNCTION keep_append_only(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', guarded);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM CURRENT_USER', guarded);
END
$$;

CREATE FUNCTION make_ledger_month(holding timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    first CONSTANT timestamptz := date_trunc('month', holding);
    month CONSTANT text := 'ledger_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(month) IS NOT NULL THEN
        RETURN;
    END IF;
    LOCK TABLE ONLY ledger IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass(month) IS NOT NULL THEN
        RETURN;  -- somebody else made it meanwhile
    END IF;
    -- Attached afterwards: made as a partition at once, it would make everybody wait.
    EXECUTE format('CREATE TABLE %I (LIKE ledger INCLUDING ALL)', month);
    PERFORM keep_append_only(month::regclass);
    EXECUTE format('ALTER TABLE ledger ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        month, first, first + interval '1 month');
END
$$;

CREATE FUNCTION next_in_ledger(of_tenant text, now timestamptz, of_approval text, of_digest text,
    OUT last bigint, OUT previous text, OUT next_at timestamptz, OUT kept boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- First the table, then the head: dropping months takes them in this order too.
    LOCK TABLE ONLY ledger IN ROW EXCLUSIVE MODE;
    SELECT h.position, h.hash, greatest(h.at, now) INTO last, previous, next_at
        FROM ledger_heads h WHERE h.tenant = of_tenant FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO ledger_heads VALUES (of_tenant, 0, '', now) ON CONFLICT DO NOTHING;
        SELECT h.position, h.hash, greatest(h.at, now) INTO last, previous, next_at
            FROM ledger_heads h WHERE h.tenant = of_tenant FOR UPDATE;
    END IF;
    kept := of_digest <> '' AND EXISTS (SELECT FROM approval_versions v
        WHERE v.tenant = of_tenant AND v.approval = of_approval AND v.digest = of_digest);
    PERFORM make_ledger_month(next_at);
END
$$;

CREATE FUNCTION advance_ledger_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE ledger_heads SET position = NEW.position, hash = NEW.hash, at = NEW.at
        WHERE tenant = NEW.tenant AND position = NEW.position - 1 AND hash = NEW.previous
            AND at <= NEW.at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this row does not follow the last one of the ledger';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION forget_ledger_months(before timestamptz, now timestamptz)
RETURNS SETOF ledger_checkpoints
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC'
SET lock_timeout = '2s' AS $$
DECLARE
    first_kept CONSTANT timestamptz := date_trunc('month', before);
    newest CONSTANT timestamptz := (SELECT max(at) FROM ledger_heads);
    month regclass;
BEGIN
    IF first_kept > date_trunc('month', greatest(pg_catalog.now(), newest)) THEN
        RAISE EXCEPTION 'the current month of the ledger is not dropped';
    END IF;
    LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE;
    RETURN QUERY INSERT INTO ledger_checkpoints
        SELECT DISTINCT ON (l.tenant) l.tenant, l.position, l.hash, l.at,
            count(*) OVER (PARTITION BY l.tenant), forget_ledger_months.now
        FROM ledger l WHERE l.at < first_kept ORDER BY l.tenant, l.position DESC
        RETURNING *;
    FOR month IN
        SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ledger'::regclass
            AND c.relname < 'ledger_' || to_char(first_kept, 'YYYY_MM')
    LOOP
        EXECUTE format('DROP TABLE %s', month);
    END LOOP;
END
$$;

CREATE FUNCTION forget_approval_versions(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    removed bigint;
BEGIN
    -- Whoever adds a row now either finds its version here, and is seen below, or finds it gone.
    LOCK TABLE approval_versions IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE approval_versions DISABLE TRIGGER is_append_only;
    GRANT DELETE ON approval_versions TO CURRENT_USER;
    DELETE FROM approval_versions v WHERE v.seen_at < before
        AND NOT EXISTS (SELECT FROM ledger l WHERE l.tenant = v.tenant
            AND l.approval = v.approval AND l.shown = v.digest)
        AND NOT EXISTS (SELECT FROM approvals a WHERE a.tenant = v.tenant
            AND a.id = v.approval AND a.digest = v.digest);
    GET DIAGNOSTICS removed = ROW_COUNT;
    REVOKE DELETE ON approval_versions FROM CURRENT_USER;
    ALTER TABLE approval_versions ENABLE TRIGGER is_append_only;
    RETURN removed;
END
$$;

REVOKE EXECUTE ON FUNCTION keep_append_only, make_ledger_month, next_in_ledger,
    forget_ledger_months, forget_approval_versions FROM PUBLIC;
"""

GUARDS = """
CREATE TRIGGER advances_the_head AFTER INSERT ON ledger
    FOR EACH ROW EXECUTE FUNCTION advance_ledger_head();
SELECT keep_append_only('ledger'), keep_append_only('ledger_checkpoints'),
    keep_append_only('approval_versions');
DROP TABLE ledger_before;
"""

OLD = """
SELECT l.tenant, l.at, l.approval, l.person, l.person_name, l.conversation, l.wish, l.outcome,
    l.reason, l.comment, l.shown, l.request_id, v.digest IS NOT NULL AS kept
FROM ledger_before l LEFT JOIN approval_versions v
    ON v.tenant = l.tenant AND v.approval = l.approval AND v.digest = l.shown
ORDER BY l.tenant, l.number
"""
_AT_ONCE = 1000
# A row in the order in which it is hashed, with what older rows did not say; as of this migration.
_NEW: Mapping[str, Any] = {
    "position": 0, "tenant": "", "at": None, "approval": "", "person": "", "person_name": "",
    "for_person": None, "for_name": None, "conversation": "", "scope": "", "wish": "",
    "outcome": "", "reason": "", "comment": "", "shown": "", "sent": "", "answered": "",
    "request_id": None, "took_ms": None, "kept": False, "previous": "",
}  # fmt: skip
_INSERT = (
    f"INSERT INTO ledger ({', '.join(_NEW)}, hash)"
    f" VALUES ({', '.join(f'%({name})s' for name in _NEW)}, %(hash)s)"
)


def upgrade() -> None:
    """Make it, and carry the old rows over."""
    # As they stand, many statements at once, the way psycopg takes them and SQLAlchemy does not.
    driver: Any = op.get_bind().connection.driver_connection
    conn: Connection[Any] = driver
    conn.execute(TABLES)
    _make_functions(conn)
    conn.execute(
        "SELECT make_ledger_month(month) FROM"
        " (SELECT DISTINCT date_trunc('month', at, 'UTC') AS month FROM ledger_before) AS old"
    )
    _carry_over(conn)
    conn.execute(GUARDS)


def _make_functions(conn: Connection[Any]) -> None:
    """Bound to the schema in which the tables are made, whatever their callers' path is."""
    found = conn.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    schema, path = found or ("public", "public")
    narrow = sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema))
    conn.execute(narrow)
    conn.execute(FUNCTIONS)
    conn.execute("SELECT set_config('search_path', %s, true)", (path,))


def _carry_over(conn: Connection[Any]) -> None:
    """Seal the old rows, in their order; a time that went back becomes that of the row before."""
    last: Mapping[str, Any] | None = None
    with conn.cursor("old", row_factory=dict_row) as old, conn.cursor() as new:
        old.execute(OLD)
        while found := old.fetchmany(_AT_ONCE):
            rows = []
            for columns in found:
                last = _sealed(columns, last)
                rows.append(last)
            new.executemany(_INSERT, rows)
    conn.execute(
        "INSERT INTO ledger_heads SELECT DISTINCT ON (tenant) tenant, position, hash, at"
        " FROM ledger ORDER BY tenant, position DESC"
    )


def _sealed(old: Mapping[str, Any], last: Mapping[str, Any] | None) -> Mapping[str, Any]:
    row = {**_NEW, **old, "position": 1}
    if last is not None and last["tenant"] == row["tenant"]:
        row["at"] = max(row["at"], last["at"])
        row["position"], row["previous"] = last["position"] + 1, last["hash"]
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    sealed = ["neo-ledger-1", *(row | {"at": at}).values()]
    written = json.dumps(sealed, ensure_ascii=True, separators=(",", ":"))
    return row | {"hash": hashlib.sha256(written.encode("ascii")).hexdigest()}
