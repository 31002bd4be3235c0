"""Which month of the ledger is the current one is told by the database's clock, not by its rows."""

from typing import Any

from alembic import op
from psycopg import Connection, sql

revision = "0006"
down_revision = "0005"

# As in 0004 but for the bound: a row that claimed to be of a later time could have moved it.
FORGET = """
CREATE OR REPLACE FUNCTION forget_ledger_months(before timestamptz, now timestamptz)
RETURNS SETOF ledger_checkpoints
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC'
SET lock_timeout = '2s' AS $$
DECLARE
    first_kept CONSTANT timestamptz := date_trunc('month', before);
    month regclass;
BEGIN
    IF first_kept > date_trunc('month', pg_catalog.now()) THEN
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
"""


def upgrade() -> None:
    """Replace it."""
    driver: Any = op.get_bind().connection.driver_connection
    conn: Connection[Any] = driver
    # Bound to the schema in which the tables are, whatever its callers' path is.
    found = conn.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    schema, path = found or ("public", "public")
    conn.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))
    conn.execute(FORGET)
    conn.execute("SELECT set_config('search_path', %s, true)", (path,))
