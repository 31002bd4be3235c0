"""A job that is not due yet no longer wakes every worker: it would find nothing to do."""

from alembic import op

revision = "0008"
down_revision = "0007"

# The engine's own trigger, which fires for each that is queued. What becomes due later is found by
# looking, every two seconds.
DUE = """
DROP TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 ON procrastinate_jobs;
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1
    AFTER INSERT ON procrastinate_jobs FOR EACH ROW
    WHEN (new.status = 'todo' AND (new.scheduled_at IS NULL OR new.scheduled_at <= now()))
    EXECUTE FUNCTION procrastinate_notify_queue_job_inserted_v1();
"""


def upgrade() -> None:
    """Make it so."""
    op.execute(DUE)
