"""A row of the ledger in one statement, and claims found among the approvals, not by a job each."""

from typing import Any

from alembic import op
from psycopg import Connection, sql

revision = "0005"
down_revision = "0004"

CLAIMS = """
CREATE INDEX approvals_claimed ON approvals (tenant, deciding_at) WHERE deciding_at IS NOT NULL;
DELETE FROM procrastinate_jobs WHERE task_name = 'approvals.settle' AND status = 'todo';
"""

# The hash is over the JSON array that `Row.seal` makes, in parts: what stands before the columns
# that are only known here, and what stands between them, comes as the bot has written it.
ADD = """
CREATE FUNCTION add_to_ledger(entry json, now timestamptz, tenant_as_json text, rest_as_json text)
RETURNS ledger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    added ledger := json_populate_record(NULL::ledger, entry);
BEGIN
    SELECT n.last + 1, n.next_at, n.kept, n.previous
        INTO added.position, added.at, added.kept, added.previous
        FROM next_in_ledger(added.tenant, now, added.approval, added.shown) AS n;
    added.hash := encode(sha256(convert_to(format('["neo-ledger-1",%s,%s,"%s+00:00",%s,%s,"%s"]',
        added.position, tenant_as_json,
        to_char(added.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        rest_as_json, added.kept::text, added.previous), 'UTF8')), 'hex');
    INSERT INTO ledger VALUES (added.*);
    RETURN added;
END
$$;
REVOKE EXECUTE ON FUNCTION add_to_ledger FROM PUBLIC;
"""


def upgrade() -> None:
    """Make both."""
    driver: Any = op.get_bind().connection.driver_connection
    conn: Connection[Any] = driver
    conn.execute(CLAIMS)
    # Bound to the schema in which the tables are, whatever its callers' path is.
    found = conn.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    schema, path = found or ("public", "public")
    conn.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))
    conn.execute(ADD)
    conn.execute("SELECT set_config('search_path', %s, true)", (path,))
