"""The tables, as Alembic migrations; they only go forward."""
