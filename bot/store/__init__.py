"""What is remembered, in PostgreSQL: a module per aggregate, the tenant in every key."""
