"""Conversations, people, approvals and their cards, alerts, the ledger, and the job engine."""

from typing import Any

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE conversations (
    tenant text NOT NULL,
    id text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('personal', 'group', 'channel')),
    service_url text NOT NULL,
    bot_id text NOT NULL,
    person text,
    name text,
    zone text,
    greeted_at timestamptz,
    closed_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX conversations_of_a_person ON conversations (tenant, person);

CREATE TABLE people (
    tenant text NOT NULL,
    id text NOT NULL,
    teams_id text NOT NULL,
    name text NOT NULL,
    zone text,
    guest boolean,
    checked_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE activities (
    tenant text NOT NULL,
    conversation text NOT NULL,
    id text NOT NULL,
    answer jsonb,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, conversation, id)
);
CREATE INDEX activities_by_age ON activities (taken_at);

CREATE TABLE routes (
    tenant text NOT NULL,
    conversation text NOT NULL,
    topic text NOT NULL CHECK (topic IN ('failures', 'approvals')),
    person text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant, conversation, topic),
    FOREIGN KEY (tenant, conversation) REFERENCES conversations (tenant, id) ON DELETE CASCADE
);

-- What Neo last said of an approval: json, for jsonb refuses \\u0000.
-- deciding_* is the claim of the one click under way.
CREATE TABLE approvals (
    tenant text NOT NULL,
    id text NOT NULL,
    body json NOT NULL,
    digest text NOT NULL,
    state text NOT NULL,
    created_at timestamptz,
    read_at timestamptz NOT NULL,
    gone_at timestamptz,
    deciding_person text,
    deciding_name text,
    deciding_at timestamptz,
    decided_person text,
    decided_name text,
    decided_comment text,
    decided_at timestamptz,
    run text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX approvals_open ON approvals (tenant, read_at)
    WHERE state IN ('pending', 'unknown');

-- Every message that shows an approval; redrawn when what it shows is no longer true.
CREATE TABLE approval_cards (
    tenant text NOT NULL,
    approval text NOT NULL,
    conversation text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (tenant, approval, conversation, message)
);

-- Something worth telling, recorded once; a delivery is one conversation that is to hear it.
CREATE TABLE deliveries (
    tenant text NOT NULL,
    topic text NOT NULL CHECK (topic IN ('failures', 'approvals')),
    subject text NOT NULL,
    conversation text NOT NULL,
    message text,
    queued_at timestamptz NOT NULL,
    tried_at timestamptz,
    sent_at timestamptz,
    given_up text,
    PRIMARY KEY (tenant, topic, subject, conversation)
);

CREATE TABLE failed_runs (
    tenant text NOT NULL,
    id text NOT NULL,
    body json NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Runs that had not ended when last read.
CREATE TABLE open_runs (
    tenant text NOT NULL,
    id text NOT NULL,
    read_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE watches (
    tenant text NOT NULL,
    name text NOT NULL,
    seen_until timestamptz NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE signing_keys (
    tenant text NOT NULL PRIMARY KEY,
    key bytea NOT NULL
);

CREATE TABLE ledger (
    tenant text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    approval text NOT NULL,
    person text NOT NULL,
    person_name text NOT NULL,
    conversation text NOT NULL,
    wish text NOT NULL CHECK (wish IN ('approve', 'reject')),
    outcome text NOT NULL CHECK (outcome IN ('sent', 'decided', 'refused', 'failed')),
    reason text NOT NULL,
    comment text NOT NULL,
    shown text NOT NULL,
    request_id text,
    PRIMARY KEY (tenant, number)
);
CREATE INDEX ledger_of_an_approval ON ledger (tenant, approval);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only ever added to';
END
$$;
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Make everything."""
    # As they stand, many statements at once, the way psycopg takes them and SQLAlchemy does not.
    psycopg_connection: Any = op.get_bind().connection.driver_connection
    psycopg_connection.execute(TABLES)
    psycopg_connection.execute(SchemaManager.get_schema())
