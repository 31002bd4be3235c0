"""What `LEDGER_MONTHS` keeps cannot be forgotten, nor anything without a row that says so."""

from typing import Any

from alembic import op
from psycopg import Connection, sql

revision = "0007"
down_revision = "0006"

# On the tables, so that they hold whichever way something is forgotten.
KEEP = """
-- One row, or none where all is kept: `ledger.role.prepare` writes it, the bot's role reads it.
CREATE TABLE ledger_retention (months integer NOT NULL CHECK (months >= 1));
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ledger_retention FROM CURRENT_USER;

CREATE FUNCTION ledger_kept_since() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
    SELECT coalesce(date_trunc('month', now()) - make_interval(months => max(months)), '-infinity')
    FROM ledger_retention
$$;

CREATE FUNCTION refuse_early_checkpoint() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.at >= ledger_kept_since() THEN
        RAISE EXCEPTION 'LEDGER_MONTHS keeps the ledger since %', ledger_kept_since();
    END IF;
    RETURN NULL;
END
$$;

-- The words are those of `Checkpoint.reason`, by which the ledger is verified.
CREATE FUNCTION refuse_silent_checkpoint() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger l WHERE l.tenant = NEW.tenant AND l.approval = ''
        AND l.wish = 'forget' AND l.position > NEW.position
        AND l.reason = format('Rows %s to %s, up to %s+00:00, were dropped after their time.'
            ' The last had the hash %s.', NEW.position - NEW.removed + 1, NEW.position,
            to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), NEW.hash))
    THEN
        RAISE EXCEPTION 'no row says that rows of the ledger were dropped';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION refuse_early_end_of_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.seen_at >= ledger_kept_since() THEN
        RAISE EXCEPTION 'LEDGER_MONTHS keeps versions since %', ledger_kept_since();
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER is_late_enough AFTER INSERT ON ledger_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_early_checkpoint();
-- At the end of the transaction: the row can only be added once the checkpoint is known.
CREATE CONSTRAINT TRIGGER is_told AFTER INSERT ON ledger_checkpoints
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_silent_checkpoint();
CREATE TRIGGER is_late_enough BEFORE DELETE ON approval_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_early_end_of_version();
"""


def upgrade() -> None:
    """Make them."""
    driver: Any = op.get_bind().connection.driver_connection
    conn: Connection[Any] = driver
    # Bound to the schema in which the tables are, whatever its callers' path is.
    found = conn.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    schema, path = found or ("public", "public")
    conn.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))
    conn.execute(KEEP)
    conn.execute("SELECT set_config('search_path', %s, true)", (path,))
