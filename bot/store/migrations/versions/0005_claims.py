"""Claims whose end nobody saw are looked for among the approvals; no job waits for each."""

from typing import Any

from alembic import op

revision = "0005"
down_revision = "0004"

CLAIMS = """
CREATE INDEX approvals_claimed ON approvals (tenant, deciding_at) WHERE deciding_at IS NOT NULL;
DELETE FROM procrastinate_jobs WHERE task_name = 'approvals.settle' AND status = 'todo';
"""


def upgrade() -> None:
    """Make the index."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(CLAIMS)
