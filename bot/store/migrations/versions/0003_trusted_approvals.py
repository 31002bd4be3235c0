"""What surrounds an approval here: its versions, votes, delegations, snoozes, and reminders."""

from typing import Any

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
-- Counts what changed of what cards show, so that an outdated copy is known.
ALTER TABLE approvals ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- In whose name it was decided, and who had approved it before, where two had to.
ALTER TABLE approvals ADD COLUMN decided_for text;
ALTER TABLE approvals ADD COLUMN decided_with text;

-- Each approval as it was at one time, under the digest of what was asked: what a person was shown.
CREATE TABLE approval_versions (
    tenant text NOT NULL,
    approval text NOT NULL,
    digest text NOT NULL,
    body json NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, approval, digest)
);
INSERT INTO approval_versions (tenant, approval, digest, body, seen_at)
    SELECT tenant, id, digest, body, read_at FROM approvals;

-- Approvals by one person where two are asked for; they count for the version they were given on.
CREATE TABLE votes (
    tenant text NOT NULL,
    approval text NOT NULL,
    digest text NOT NULL,
    person text NOT NULL,
    name text NOT NULL,
    for_person text,
    for_name text,
    comment text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, approval, digest, person)
);

CREATE TABLE delegations (
    tenant text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    person text NOT NULL,
    name text NOT NULL,
    delegate text NOT NULL,
    delegate_name text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant, id),
    CHECK (person <> delegate),
    CHECK (since < until)
);
CREATE INDEX delegations_by_end ON delegations (tenant, until) WHERE ended_at IS NULL;

CREATE TABLE snoozes (
    tenant text NOT NULL,
    approval text NOT NULL,
    person text NOT NULL,
    name text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (tenant, approval, person)
);

-- Who was told that an approval still waits, by stage: each stage comes once.
CREATE TABLE reminders (
    tenant text NOT NULL,
    approval text NOT NULL,
    stage text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, approval, stage)
);

ALTER TABLE deliveries DROP CONSTRAINT deliveries_topic_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_topic_check
    CHECK (topic IN ('failures', 'approvals', 'reminders'));
"""


def upgrade() -> None:
    """Make the tables."""
    # As they stand, many statements at once, the way psycopg takes them and SQLAlchemy does not.
    psycopg_connection: Any = op.get_bind().connection.driver_connection
    psycopg_connection.execute(TABLES)
