"""The words Neo's API uses for how runs and approvals stand, as its document last listed them."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """
        CREATE TABLE neo_words (
            api text PRIMARY KEY,
            words jsonb NOT NULL,
            read_at timestamptz NOT NULL
        )
        """
    )
